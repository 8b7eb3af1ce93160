"""The runner of the segmentation study: interruption, workers, own images, failures."""

import json
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from command import run_cli
from tarea2 import datasets, metrics, models, paths, results, studies
from tarea2.evaluation import predict
from tarea2.models import EncoderDecoderSpec
from tarea2.own import study as own_study
from tarea2.studies import costs, running, segmentation
from tarea2.studies.definition import best_run
from tarea2.training import fit

SHORT = replace(segmentation.RECIPE, epochs=2)
DATA = partial(datasets.digit_scenes, counts=(64, 16, 16))
TINY = EncoderDecoderSpec(depth=1, width=4, convolutions=1)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A study of two tiny networks, stored in a folder of its own."""
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "runs")
    base = segmentation.DEFINITIONS[0]
    tiny = tuple(
        replace(base, name=name, spec=spec, recipe=SHORT, data=DATA, seeds=(0, 1))
        for name, spec in (("plain", TINY), ("separable", replace(TINY, block="separable")))
    )
    toy = studies.Study("toy", tiny, {"best": ("plain", "separable")})
    monkeypatch.setitem(studies.STUDIES, "toy", toy)
    return tmp_path


def train(**options) -> int:
    return running.train(studies.find("toy"), progress=False, report=lambda line: None, **options)


def outcomes(store) -> dict[str, dict]:
    """What each run found: everything but its time and digest."""
    runs = {}
    for path in sorted((store / "results" / "toy").glob("*.json")):
        run = json.loads(path.read_text())
        runs[path.stem] = {k: v for k, v in run.items() if k not in ("seconds", "digest")}
    return runs


ALL = ["plain-seed0", "plain-seed1", "separable-seed0", "separable-seed1"]


@pytest.mark.install
def test_two_workers_lose_and_double_nothing(store):
    done = []
    trained = running.train(studies.find("toy"), jobs=2, progress=False, report=done.append)
    assert trained == 4
    assert sorted(line.split(":")[0] for line in done) == [
        "plain, seed 0", "plain, seed 1", "separable, seed 0", "separable, seed 1",
    ]  # fmt: skip
    assert list(outcomes(store)) == ALL
    assert train(jobs=2) == 0
    assert not list((store / "runs").rglob("*.checkpoint"))


def test_an_interrupted_study_goes_on(store):
    with metrics.one_thread():
        train()
        whole = outcomes(store)
        for path in (store / "results" / "toy").iterdir():
            path.unlink()
        seen = []

        def stop(line):
            seen.append(line)
            if len(seen) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            running.train(studies.find("toy"), progress=False, report=stop)
        assert len(outcomes(store)) == 2
        assert train() == 2
        assert outcomes(store) == whole


def test_the_best_model_is_stored_and_replays(store):
    train()
    model, card = models.load_model("best")
    table = results.load("toy")
    best = table.loc[table["validation_miou"].idxmax()]
    assert (card["run"], card["seed"]) == (best["name"], best["seed"])
    inputs, output = models.load_golden("best")
    torch.testing.assert_close(model(*inputs), output)
    test = DATA().test
    cm = metrics.confusion_matrix(test.y, predict(model, test.x)[0].argmax(1), 11)
    assert metrics.mean_iou(cm) == pytest.approx(card["metrics"]["test_miou"], rel=1e-4)


def test_a_run_of_a_segmentation_study_says_everything(store):
    train(only=["plain"], seeds=1)
    run = results.read(store / "results" / "toy" / "plain-seed0.json")
    confusion = np.array(run["metrics"]["confusion"])
    assert confusion.sum() == 16 * 48 * 48
    found = run["metrics"]
    assert found["test_miou"] == pytest.approx(metrics.mean_iou(confusion), rel=1e-5)
    assert found["test_background_share"] == pytest.approx(
        confusion[0].sum() / confusion.sum(), rel=1e-5
    )
    assert np.array(found["test_counts"]).sum(0)[:, 0].tolist() == np.diag(confusion).tolist()
    assert len(run["history"]["validation"]["miou"][0:]) == SHORT.epochs + 1
    assert len(run["history"]["running"]["loss"]) == SHORT.epochs


def test_the_shortest_real_run_reproduces_its_stored_numbers():
    """One epoch of a real network on real scenes, on whatever machine this is."""
    (stored,) = results.load("check").to_dict("records")
    (definition,) = segmentation.CHECK
    trained = fit(
        definition.spec, definition.data(), definition.recipe, eval_splits=definition.eval_splits
    )
    for kind in ("loss", "error", "miou"):
        found = trained.history["validation"][kind][0]
        assert found == pytest.approx(stored["history"]["validation"][kind], abs=1e-4)
    assert trained.history["running"]["loss"][0] == pytest.approx(
        stored["history"]["running"]["loss"], abs=1e-4
    )


def test_costs_are_measured_for_every_network(store):
    table = costs.measure(studies.find("toy").definitions, rounds=1, progress=False)
    assert table["name"].tolist() == ["plain", "separable"]
    assert (table[["epoch_seconds", "image_seconds"]] > 0).all(axis=None)
    costs.store("toy", studies.find("toy").definitions)
    assert costs.load("toy")["name"].tolist() == ["plain", "separable"]
    path = store / "results" / "measures" / "toy-costs.json"
    path.write_text(path.read_text().replace("plain", "other"))
    with pytest.raises(results.ResultError, match="changed by hand"):
        costs.load("toy")


def test_costs_are_those_of_the_recipe(store, monkeypatch):
    taken = []
    step = costs.train_step

    def watched(model, x, y, optimiser, criterion, precision):
        taken.append((criterion.region, precision))
        return step(model, x, y, optimiser, criterion, precision)

    monkeypatch.setattr(costs, "train_step", watched)
    recipe = replace(SHORT, precision="bfloat16", overlap="dice")
    definition = replace(studies.find("toy").definitions[0], recipe=recipe)
    costs.measure([definition], rounds=1, progress=False)
    assert set(taken) == {("dice", "bfloat16")}


def test_a_disk_that_is_full_loses_no_weights(store, monkeypatch):
    """A run that is stored is never trained again, so that its weights lie there before it."""

    def full(run, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(running.results, "save", full)
        with pytest.raises(OSError, match="No space left"):
            train(only=["plain"], seeds=1)
    assert not outcomes(store)
    assert (store / "runs" / "toy" / "plain-seed0.weights").exists()
    assert train() == 4
    models.load_model("best")


# The command ------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    for i in range(12):
        mask = np.zeros((20, 18), np.uint8)
        row, column = rng.integers(0, 10, 2)
        mask[row : row + 8, column : column + 8] = 1
        Image.fromarray(mask * 200 + 20).save(tmp_path / "photos" / f"{i}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i}.png")
    return str(tmp_path / "photos"), str(tmp_path / "masks")


def own(folders, *more: str) -> tuple[str, ...]:
    return ("images", "train", "--images", folders[0], "--masks", folders[1], *more)


ONE_EPOCH = ("--epochs", "1", "--seeds", "1", "--only", "baseline")


def test_own_images_are_trained_on_and_ranked(store, folders, monkeypatch, capsys):
    chosen = ("--only", "skip-add", "--out", str(store / "mine"))
    assert run_cli(monkeypatch, *own(folders, *ONE_EPOCH, *chosen)) == 0
    out = capsys.readouterr().out
    name = re.search(r"(photos-[0-9a-f]{8}): 2 classes, 8 images train, 2 validate, 2 test", out)[1]
    assert f"2 runs trained; results are in {store / 'mine' / 'results' / name}/" in out
    ranking = out.split("runs trained")[1].splitlines()[1:]
    assert ranking[0].split() == ["name", "validation_miou", "test_miou", "parameters", "seeds"]
    assert {line.split()[0] for line in ranking[1:-2]} == {"baseline", "skip-add"}
    model = store / "mine" / "models" / f"{name}.safetensors"
    assert model.exists()
    assert ranking[-2].startswith(f"the best network is {model}; to use it: tarea2 images predict")
    assert (
        ranking[-1] == f"all of it as a page: tarea2 images report {store / 'mine'} --name {name}"
    )
    run = results.read(store / "mine" / "results" / name / "baseline-seed0.json")
    assert (run["spec"]["inputs"], run["spec"]["classes"]) == (1, 2)
    assert run["data"]["name"] == "photos"
    assert run["recipe"]["epochs"] == 1
    assert not (store / "results").exists()  # nothing of it lies among the project's results


def test_two_folders_of_one_name_share_nothing(store, folders, monkeypatch, capsys):
    mine = ("--out", str(store / "mine"))
    run_cli(monkeypatch, *own(folders, *ONE_EPOCH, *mine))
    other = [store / "other" / Path(folder).name for folder in folders]
    for folder, copy in zip(folders, other, strict=True):
        shutil.copytree(folder, copy)
    path = other[0] / "3.png"
    Image.fromarray(255 - np.array(Image.open(path))).save(path)
    assert run_cli(monkeypatch, *own([*map(str, other)], *ONE_EPOCH, *mine)) == 0
    assert len(list((store / "mine" / "results").iterdir())) == 2
    names = sorted(p.name for p in (store / "mine" / "results").iterdir())
    assert names[0][:7] == names[1][:7] == "photos-"


def test_one_more_image_is_said_and_the_advice_works(store, folders, monkeypatch, capsys):
    named = own(folders, *ONE_EPOCH, "--out", str(store / "mine"), "--name", "mine")
    assert run_cli(monkeypatch, *named) == 0
    for folder in folders:
        shutil.copy(Path(folder) / "3.png", Path(folder) / "99.png")
    capsys.readouterr()
    assert run_cli(monkeypatch, *named) == 1
    captured = capsys.readouterr()
    assert "99.png, mask 99.png were added; its 1 runs belong to what was there" in captured.err
    assert "add --force to train them anew, or give another --name" in captured.err
    assert run_cli(monkeypatch, *named, "--force") == 0  # as advised
    assert "1 runs trained" in capsys.readouterr().out
    assert run_cli(monkeypatch, *named) == 0
    assert "0 runs trained" in capsys.readouterr().out
    (Path(folders[0]) / "99.png").unlink()
    (Path(folders[1]) / "99.png").unlink()
    assert run_cli(monkeypatch, *named[:-1], "another") == 0  # the other advice
    assert (store / "mine" / "results" / "another" / "baseline-seed0.json").exists()


def test_without_a_name_changed_data_are_a_study_of_their_own(store, folders, monkeypatch, capsys):
    arguments = own(folders, *ONE_EPOCH, "--out", str(store / "mine"))
    run_cli(monkeypatch, *arguments)
    path = Path(folders[0]) / "5.png"
    Image.fromarray(np.array(Image.open(path)) // 2).save(path)
    capsys.readouterr()
    assert run_cli(monkeypatch, *arguments) == 0
    out = capsys.readouterr().out
    assert re.search(r"since photos-\w{8} was trained: 5.png was changed; photos-\w{8} is a", out)
    assert "1 runs trained" in out


def test_a_ranking_leaves_out_what_was_trained_on_other_data(store, folders, monkeypatch, capsys):
    named = own(folders, "--epochs", "1", "--seeds", "1", "--out", str(store), "--name", "mine")
    run_cli(monkeypatch, *named, "--only", "baseline", "--only", "skip-add")
    (Path(folders[0]) / "3.png").unlink()
    (Path(folders[1]) / "3.png").unlink()
    capsys.readouterr()
    assert run_cli(monkeypatch, *named, "--only", "skip-add", "--force") == 0
    out = capsys.readouterr().out
    assert "not ranked, trained on other data or another recipe: baseline" in out
    assert "\nbaseline" not in out


@pytest.mark.parametrize(
    ("count", "options", "epochs", "batch"),
    [
        (28, {}, 150, 7),  # 4 steps an epoch, 600 in all
        (10, {}, 200, 4),
        (4000, {}, 12, 32),  # as the project's own study
        (28, {"epochs": 3}, 3, 7),
        (28, {"steps": 10}, 3, 7),
        (400, {"steps": 26}, 2, 32),
    ],
)
def test_few_images_have_as_many_steps(count, options, epochs, batch):
    x = torch.zeros(count, 1, 1, 1)
    split = datasets.Split(x, torch.zeros(count, 1, 1))
    recipe = own_study._recipe(
        datasets.Dataset("d", 2, split, split, split),
        own_study.Training(**options),
    )
    assert (recipe.epochs, recipe.batch_size) == (epochs, batch)


def test_a_network_that_fails_is_left_out_and_the_others_go_on(store, monkeypatch, capsys):
    """A batch of one value per channel, which batch normalisation refuses."""
    toy = studies.find("toy")
    small = replace(toy.definitions[0], name="fails", spec=replace(TINY, kernel=3, depth=9))
    monkeypatch.setitem(
        studies.STUDIES, "toy", replace(toy, definitions=(small, toy.definitions[0]))
    )
    monkeypatch.setitem(
        studies.STUDIES,
        "toy",
        replace(studies.find("toy"), stored_models={"best": ("fails", "plain")}),
    )
    assert run_cli(monkeypatch, "train", "toy") == 1
    captured = capsys.readouterr()
    assert "2 runs trained" in captured.out
    assert "tarea2: fails is left out: " in captured.err
    assert "Traceback" not in captured.err
    assert models.load_model("best")[1]["run"] == "plain"
    failed = store / "results" / "toy" / "failed" / "fails-seed0.json"
    assert json.loads(failed.read_text())["name"] == "fails"
    monkeypatch.setattr(running, "fit", None)  # nothing is tried again
    assert run_cli(monkeypatch, "train", "toy") == 1
    assert "0 runs trained" in capsys.readouterr().out


def test_a_network_that_memory_does_not_hold_is_tried_again(store, monkeypatch, capsys):
    def greedy(*_, **__):
        torch.empty(1 << 60)

    with monkeypatch.context() as patched:
        patched.setattr(running, "fit", greedy)
        run_cli(monkeypatch, "train", "toy", "--only", "plain")
        assert "left out: not enough memory; smaller images" in "".join(capsys.readouterr())
    assert not (store / "results" / "toy" / "failed").exists()
    assert run_cli(monkeypatch, "train", "toy", "--only", "plain") == 0
    assert "2 runs trained" in capsys.readouterr().out


def test_a_loss_that_becomes_nan_stops_the_run_with_the_cause(store, monkeypatch, capsys):
    toy = studies.find("toy")
    wild = replace(
        toy.definitions[0],
        name="wild",
        recipe=replace(SHORT, lr=1e30, schedule="constant", optimiser="sgd"),
    )
    definitions = (wild, toy.definitions[0])
    monkeypatch.setitem(
        studies.STUDIES,
        "toy",
        replace(toy, definitions=definitions, stored_models={"best": ("wild", "plain")}),
    )
    assert run_cli(monkeypatch, "train", "toy", "--seeds", "1") == 1
    error = capsys.readouterr().err
    assert re.search(r"wild is left out: the loss on \w+ became (nan|inf) in epoch 1", error)
    assert "a learning rate below 1e+30" in error
    assert not (store / "results" / "toy" / "wild-seed0.json").exists()


@pytest.mark.parametrize("undefined", [None, float("nan")])
def test_an_undefined_score_never_ranks(undefined):
    def run(name, score):
        return {"name": name, "parameters": 1, "metrics": {"validation_miou": score}}

    for runs in ([run("a", undefined), run("b", 0.1)], [run("b", 0.1), run("a", undefined)]):
        assert best_run(runs)["name"] == "b"
    assert best_run([run("a", undefined)]) is None
    assert best_run([run("c", 0) | {"metrics": {"validation_loss": undefined}}]) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("segmentation", "--images", "x"), "--images and --masks belong together"),
        (("notebooks", "--images", "x", "--masks", "y"), "to the study segmentation"),
        (("segmentation", "--name", "x"), "belong to own images"),
        (("segmentation", "--steps", "3", "--epochs", "3"), "belong to own images"),
        (("toy", "--out", __file__), "test_study.py is a file, expected a folder"),
        (("toy", "--backend", "dask"), "or dask together with --address"),
        (("toy", "--backend", "ray"), "--backend is loky, or dask"),
        (("toy", "--backend", "dask", "--address", "tcp://127.0.0.1:9"), "no Dask scheduler"),
    ],
)
def test_wrong_arguments_get_one_sentence(store, monkeypatch, capsys, arguments, message):
    assert run_cli(monkeypatch, "train", *arguments) == 1
    assert_one_sentence(capsys, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "x is not a folder"),
        (("--name", "../z"), "may hold letters"),
        (("--name", "z" * 61), "at most 60"),
        (("--steps", "3", "--epochs", "3"), "--epochs and --steps exclude each other"),
    ],
)
def test_wrong_arguments_for_own_images_get_one_sentence(monkeypatch, capsys, arguments, message):
    given = ("images", "train", "--images", "x", "--masks", "y", *arguments)
    assert run_cli(monkeypatch, *given) == 1
    assert_one_sentence(capsys, message)


def assert_one_sentence(capsys, message):
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("tarea2: ")
    assert len(captured.err.splitlines()) == 1
