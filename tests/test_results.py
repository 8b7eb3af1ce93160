"""Stored runs and models: they say what they are, and anything altered is refused by field."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from tarea2 import datasets, experiments, metrics, results
from tarea2.models import SignalNetSpec, build
from tarea2.results import ResultError
from tarea2.training import NOTEBOOK_10_2, predict


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Results and models in a folder of their own."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(results, "MODELS", tmp_path / "models")
    monkeypatch.setattr(experiments, "CHECKPOINTS", tmp_path / "runs")
    return tmp_path


def a_run(**changes):
    network, spec = results.describe(SignalNetSpec())
    run = {
        "experiment": "toy", "name": "net", "network": network, "spec": spec,
        "recipe": results.describe(NOTEBOOK_10_2)[1], "seed": 0,
        "data": {"name": "d", "sha256": "0"}, "history": {}, "metrics": {"test_accuracy": 0.5},
        "parameters": 2050, "macs": 1, "seconds": 1.5, "versions": results.versions(), "threads": 1,
    }  # fmt: skip
    return run | changes


def test_what_is_saved_is_what_is_read(store):
    path = results.save(a_run())
    assert results.read(path)["metrics"] == {"test_accuracy": 0.5}
    results.save(a_run(seed=1, metrics={"test_accuracy": 0.7}))
    table = results.load("toy")
    assert table[["name", "seed", "test_accuracy"]].values.tolist() == [
        ["net", 0, 0.5], ["net", 1, 0.7],
    ]  # fmt: skip
    assert not list(path.parent.glob(".*"))


@pytest.mark.parametrize(
    "alter",
    [
        lambda run: run["metrics"].update(test_accuracy=0.99),
        lambda run: run.update(seed=7),
        lambda run: run["recipe"].update(epochs=1),
        lambda run: run.update(seconds=0.1),
    ],
)
def test_a_hand_edited_run_is_refused(store, alter):
    path = results.save(a_run())
    run = json.loads(path.read_text())
    alter(run)
    path.write_text(json.dumps(run))
    with pytest.raises(ResultError, match="field 'digest' does not match the content"):
        results.load("toy")


@pytest.mark.parametrize("field", list(results.FIELDS))
def test_a_missing_or_wrong_field_is_named(store, field):
    path = results.save(a_run())
    run = json.loads(path.read_text())
    value = run.pop(field)
    path.write_text(json.dumps(run))
    with pytest.raises(ResultError, match=f"field '{field}' is missing"):
        results.read(path)
    run[field] = [] if not isinstance(value, list) else "x"
    path.write_text(json.dumps(run))
    with pytest.raises(ResultError, match=f"field '{field}' is a list"):
        results.read(path)


def test_a_key_that_does_not_fit_is_refused(store):
    path = results.save(a_run())
    run = json.loads(path.read_text())
    run["data"]["sha256"] = "1"
    run["digest"] = results._digest(run)
    path.write_text(json.dumps(run))
    with pytest.raises(ResultError, match="field 'key' does not match spec, recipe and data"):
        results.read(path)


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_file_that_is_no_run_is_named(store, text):
    path = store / "results" / "toy" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ResultError, match=r"x.json"):
        results.load("toy")


def test_no_results_says_what_to_run(store):
    with pytest.raises(ResultError, match=r"no results of 'toy'.*run `tarea2 train toy`"):
        results.load("toy")


# The experiments' own runs ------------------------------------------------------------------------


def test_the_committed_runs_are_whole_and_current():
    table = experiments.load("notebooks")
    for definition in experiments.definitions("notebooks"):
        seeds = table.loc[table["name"] == definition.name, "seed"].tolist()
        assert seeds == list(definition.seeds)
        if not definition.name.startswith("mnist-"):  # their data is always here
            row = table[table["name"] == definition.name].iloc[0]
            assert row["key"] == definition.key()


def test_a_changed_definition_makes_its_runs_stale(monkeypatch):
    first, *others = experiments.EXPERIMENTS["notebooks"]
    changed = replace(first, recipe=replace(first.recipe, lr=0.1))
    monkeypatch.setitem(experiments.EXPERIMENTS, "notebooks", (changed, *others))
    with pytest.raises(ResultError, match="mnist1d-cnn, seed 0: field 'recipe' is stale"):
        experiments.load("notebooks")
    with pytest.raises(ResultError, match=r"mnist1d-cnn-seed0.json is stale"):
        changed.stored(0, "notebooks")


@pytest.mark.parametrize("name", ["mnist1d-notebook", "mnist-notebook"])
def test_a_stored_model_loads_in_evaluation_mode(name):
    model, card = results.load_model(name)
    assert not model.training
    assert card["model"] == name


def test_the_stored_model_reproduces_its_stored_score():
    model, card = results.load_model("mnist1d-notebook")
    data = datasets.mnist1d()
    assert data.sha256 == card["data"]["sha256"]
    for split in ("validation", "test"):
        part = getattr(data, split)
        matrix = metrics.confusion_matrix(part.y, predict(model, part.x)[0].argmax(1), 10)
        score = metrics.pixel_accuracy(matrix)
        assert score == pytest.approx(card["metrics"][f"{split}_accuracy"], abs=2e-3)


def test_the_stored_models_are_the_best_on_validation():
    for experiment, stored in experiments.STORED_MODELS.items():
        score = "validation_miou" if experiment == "segmentation" else "validation_accuracy"
        for model, names in stored.items():
            table = experiments.load(experiment)
            rows = table[table["name"].isin(names)]
            best = rows.loc[rows[score].idxmax()]
            card = results.load_model(model)[1]
            assert (card["run"], card["seed"]) == (best["name"], best["seed"])


def copy_model(store, name="mnist1d-notebook"):
    shutil.copytree(datasets.ROOT / "data" / "models", store / "models")
    return store / "models" / f"{name}.safetensors", store / "models" / f"{name}.json"


def test_weights_that_do_not_belong_to_their_card_are_refused(store):
    weights, _ = copy_model(store)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ResultError, match="does not match field 'weights' of its card"):
        results.load_model("mnist1d-notebook")
    weights.unlink()
    with pytest.raises(ResultError, match=r"mnist1d-notebook.safetensors is missing; stored"):
        results.load_model("mnist1d-notebook")


def test_a_card_whose_spec_does_not_fit_is_refused(store):
    _, path = copy_model(store)
    card = json.loads(path.read_text())
    for change, message in (
        ({"spec": card["spec"] | {"channels": 3}}, "field 'spec' does not fit"),
        ({"spec": card["spec"] | {"colour": 3}}, "field 'spec' does not fit"),
        ({"network": "Nothing"}, "field 'network' names no network"),
    ):
        altered = card | change
        altered["digest"] = results._digest(altered)
        path.write_text(json.dumps(altered))
        with pytest.raises(ResultError, match=message):
            results.load_model("mnist1d-notebook")


def test_a_model_comes_back_as_it_was_saved(store):
    model = build(SignalNetSpec(), (3,))
    card = {"recipe": {}, "seed": 3, "data": {}, "metrics": {}, "versions": {}}
    results.save_model("mine", model, card)
    loaded, _ = results.load_model("mine")
    x = torch.randn(1, 5, 40)
    assert torch.equal(model(x), loaded(x))
