"""What an interrupted training has left is gone on from, or not lost without a word."""

import threading
from dataclasses import replace
from functools import partial

import pytest
import torch

from command import run_cli
from tarea2 import checkpoints, datasets, metrics, paths, results, studies
from tarea2.models import EncoderDecoderSpec
from tarea2.studies import interrupted, learning_curves, running, segmentation
from tarea2.studies.interrupted import Unfinished
from tarea2.training import Recipe, fit

RECIPE = replace(segmentation.RECIPE, epochs=4)
FREE = replace(RECIPE, schedule="constant")
DATA = partial(datasets.digit_scenes, counts=(32, 16, 16))
TINY = EncoderDecoderSpec(depth=1, width=4, convolutions=1)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A function that gives a study of one tiny network with a recipe, in a folder of its own."""
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "runs")

    def study(recipe=RECIPE, **changes):
        base = replace(segmentation.DEFINITIONS[0], name="plain", spec=TINY, data=DATA, seeds=(0,))
        made = studies.Study("toy", (replace(base, recipe=recipe, **changes),))
        monkeypatch.setitem(studies.STUDIES, "toy", made)
        return made

    return study


def train(study, **options) -> int:
    return running.train(study, progress=False, report=lambda line: None, **options)


def interrupt(study, epoch=2):
    """Train a study's network as its runner does, and stop after an epoch."""
    (definition,) = study.definitions

    def stop(done):
        if done == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(definition.spec, definition.data(), definition.recipe, definition.seeds,
            eval_splits=definition.eval_splits, after_epoch=stop,
            checkpoint=interrupted.checkpoint(study, definition, definition.seeds))  # fmt: skip
    return interrupted.checkpoint(study, definition, definition.seeds)


def history(study) -> dict:
    return results.read(study.folder / "plain-seed0.json")["history"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epochs": 6}, "epochs 4"),
        ({"epochs": 2}, "epochs 4"),
        ({"lr": 0.1}, "lr 0.003"),
        ({"epochs": 6, "class_weights": "inverse-log"}, "epochs 4, other class_weights"),
    ],
)
def test_another_recipe_does_not_overwrite_what_was_trained(toy, change, said):
    path = interrupt(toy())
    before = path.read_bytes()
    other = toy(replace(RECIPE, **change))
    for call in (train, running.missing):
        with pytest.raises(Unfinished) as refused:
            call(other)
        assert f"(plain, seed 0: 2 of 4 epochs, begun with {said})" in str(refused.value)
        assert str(refused.value).endswith(
            "go on from there, another --out keeps them, --force trains anew"
        )
        assert path.read_bytes() == before
    assert train(toy()) == 1  # as it was begun
    assert not path.exists()


def test_other_data_or_another_network_do_not_overwrite_it_either(toy):
    path = interrupt(toy(), epoch=1)
    others = {
        "1 of 4 epochs, begun with other data": {"data": partial(DATA, counts=(16, 16, 16))},
        "1 of 4 epochs, begun with other spec": {"spec": replace(TINY, width=8)},
    }
    for said, change in others.items():
        with pytest.raises(Unfinished, match=said):
            train(toy(**change))
    assert path.exists()


def test_with_force_another_recipe_trains_anew(toy):
    path = interrupt(toy())
    anew = toy(replace(RECIPE, epochs=3))
    assert train(anew, force=True) == 1
    assert len(history(anew)["validation"]["loss"]) == 4
    assert not path.exists()


@pytest.mark.parametrize("schedule", checkpoints.OPEN_ENDED)
def test_where_the_schedule_allows_it_other_epochs_go_on(toy, schedule):
    recipe = replace(FREE, schedule=schedule, step_epochs=3)
    more = toy(replace(recipe, epochs=6))
    assert train(more) == 1
    whole = history(more)
    (more.folder / "plain-seed0.json").unlink()
    path = interrupt(toy(recipe), epoch=3)
    fewer = toy(replace(recipe, epochs=2))
    with pytest.raises(Unfinished, match="3 of 4 epochs, begun with epochs 4"):
        train(fewer)
    assert checkpoints.read(path)["done"] == 3
    assert train(toy(replace(recipe, epochs=6))) == 1
    assert history(more) == whole


def test_a_damaged_checkpoint_and_one_of_an_earlier_version_are_told_apart(toy):
    path = interrupt(toy())
    state = checkpoints.read(path)
    for key in ("training", "threads"):
        del state[key]
    torch.save(state, path)
    with pytest.raises(Unfinished, match="2 epochs, begun with another spec, recipe or data"):
        train(toy(replace(RECIPE, epochs=6)))
    assert train(toy()) == 1  # the same training goes on
    path.write_bytes(b"cut")
    assert train(toy(), force=True) == 1


def test_a_run_that_diverged_leaves_nothing_to_go_on_from(toy):
    wild = toy(Recipe(4, 16, 1e30))
    assert train(wild) == 0
    assert not list(wild.checkpoints.glob("*.checkpoint"))
    assert train(toy()) == 1


def test_the_command_names_what_would_be_lost_in_one_sentence(toy, monkeypatch, capsys):
    interrupt(toy())
    toy(replace(RECIPE, epochs=6))
    assert run_cli(monkeypatch, "train", "toy") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tarea2: interrupted trainings would be lost (plain, seed 0: 2 of 4")


# Threads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("began", "resumed"), [(1, 2), (2, 1)])
def test_a_run_goes_on_with_the_threads_that_it_began_with(toy, began, resumed):
    with metrics.threads(began):
        study = toy()
        train(study)
        whole = history(study)
        (study.folder / "plain-seed0.json").unlink()
        path = interrupt(study)
    assert checkpoints.read(path)["threads"] == began
    with metrics.threads(resumed):
        assert train(study) == 1
        assert torch.get_num_threads() == resumed
    run = results.read(study.folder / "plain-seed0.json")
    assert run["threads"] == began
    assert run["history"] == whole


def test_a_run_that_begins_here_has_the_threads_of_here():
    data = DATA()
    with metrics.threads(2):
        assert fit(TINY, data, replace(RECIPE, epochs=1)).threads == 2
        with metrics.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2


# What is said meanwhile ---------------------------------------------------------------------------


@pytest.mark.parametrize(("terminal", "progress"), [(False, True), (True, True), (False, False)])
def test_where_no_bar_is_seen_a_line_says_that_training_goes_on(monkeypatch, terminal, progress):
    said = threading.Event()
    lines = []

    def report(line):
        lines.append(line)
        said.set()

    monkeypatch.setattr(interrupted, "MINUTE", 0.01)
    monkeypatch.setattr(interrupted.sys, "stderr", type("", (), {"isatty": lambda: terminal}))
    with interrupted.sign_of_life(3, report if progress else None) as life:
        life.done = 1
        if progress and not terminal:
            assert said.wait(60)
    assert lines[:1] == (
        ["still training: 1 of 3 runs done, 0 min"] if progress and not terminal else []
    )
    count = len(lines)
    said.clear()
    assert not said.wait(0.1)  # nothing more once training has ended
    assert len(lines) == count


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ([0.67, 0.99], "rose from 0.67 to 0.99"),
        ([2.0, 1.5], "fell from 2 to 1.5 only"),
        ([0.671, 0.672], "stayed at 0.67"),
        ([0.672, 0.671], "stayed at 0.67"),
    ],
)
def test_which_way_the_loss_went_is_said_as_it_was(loss, said):
    seen = {"validation": {"miou": [0.5] * 20}, "running": {"loss": loss}}
    assert learning_curves.worth_more_steps(seen) == f"the training loss {said}"
