"""The runner of the segmentation study: interruption, workers, a Dask cluster, own images."""

import json
import sys
from dataclasses import replace
from functools import partial

import distributed
import numpy as np
import pytest
import torch
from PIL import Image

from tarea2 import datasets, metrics, models, paths, results, studies
from tarea2.commands import cli
from tarea2.models import EncoderDecoderSpec
from tarea2.studies import costs, running, segmentation
from tarea2.training import fit, predict

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


def test_a_dask_cluster_gives_the_same_results(store):
    with metrics.one_thread():
        train(jobs=2)
    here = outcomes(store)
    for path in (store / "results" / "toy").iterdir():
        path.unlink()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster, cli._cluster(cluster.scheduler_address):  # fmt: skip
        assert train(backend="dask", jobs=-1) == 4
    assert outcomes(store) == here


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
    trained = fit(definition.spec, definition.data(), definition.recipe, watch=definition.watch)
    for kind in ("loss", "error", "miou"):
        found = trained.history["validation"][kind][0]
        assert found == pytest.approx(stored["history"]["validation"][kind], abs=1e-4)
    assert trained.history["running"]["loss"][0] == pytest.approx(
        stored["history"]["running"]["loss"], abs=1e-4
    )


def test_costs_are_measured_for_every_network(store):
    table = costs.measure(studies.find("toy"), rounds=1, progress=False)
    assert table["name"].tolist() == ["plain", "separable"]
    assert (table[["epoch_seconds", "image_seconds"]] > 0).all(axis=None)
    costs.store(studies.find("toy"))
    assert costs.load("toy")["name"].tolist() == ["plain", "separable"]
    path = store / "results" / "measures" / "toy-costs.json"
    path.write_text(path.read_text().replace("plain", "other"))
    with pytest.raises(results.ResultError, match="changed by hand"):
        costs.load("toy")


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


def run_cli(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tarea2", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def test_own_images_are_trained_on_and_ranked(store, folders, monkeypatch, capsys):
    arguments = ("train", "segmentation", "--images", folders[0], "--masks", folders[1])
    chosen = ("--only", "baseline", "--only", "skip-add", "--seeds", "1")
    assert run_cli(monkeypatch, *arguments, *chosen) == 0
    out = capsys.readouterr().out
    assert "2 runs trained; results are in data/results/segmentation-photos/" in out
    ranking = out.split("segmentation-photos/\n")[1].splitlines()
    assert ranking[0].split() == ["name", "validation_miou", "test_miou", "parameters"]
    assert {line.split()[0] for line in ranking[1:]} == {"baseline", "skip-add"}
    run = results.read(store / "results" / "segmentation-photos" / "baseline-seed0.json")
    assert (run["spec"]["inputs"], run["spec"]["classes"]) == (1, 2)
    assert run["data"]["name"] == "photos"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("segmentation", "--images", "x"), "--images and --masks belong together"),
        (("notebooks", "--images", "x", "--masks", "y"), "to the study segmentation"),
        (("segmentation", "--images", "x", "--masks", "y"), "x is not a folder"),
        (("toy", "--backend", "dask"), "or dask together with --address"),
        (("toy", "--backend", "ray"), "--backend is loky, or dask"),
        (("toy", "--backend", "dask", "--address", "tcp://127.0.0.1:9"), "no Dask scheduler"),
    ],
)
def test_wrong_arguments_get_one_sentence(store, monkeypatch, capsys, arguments, message):
    assert run_cli(monkeypatch, "train", *arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("tarea2: ")
    assert len(captured.err.splitlines()) == 1
