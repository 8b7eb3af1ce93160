"""The learning rate of a study on own images: swept, chosen on validation, stored, or given."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from tarea2.own import learning_rate
from tarea2.own.learning_rate import FURTHER, RATES, Sweep, sweep
from tarea2.own.study import Training, prepare
from tarea2.training import Diverged

EPOCHS = 10


@pytest.fixture
def train(train_images):
    return partial(train_images, "--epochs", EPOCHS)


def stored(tmp_path):
    return json.loads((tmp_path / "store" / "studies" / "a.json").read_text())


def scored(monkeypatch, scores):
    """Let each rate score as given, without training for it; returns the rates as they come."""
    tried = []

    def score(definition, rate, epochs, progress):
        tried.append((definition.name, rate, epochs))
        return scores[rate]

    monkeypatch.setattr(learning_rate, "_score", score)
    return tried


def test_rates_are_tried_told_chosen_and_stored(train, tmp_path):
    told = train("--only", "reference")
    found = stored(tmp_path)["learning_rate"]
    assert found["network"] == "reference"
    assert found["epochs"] == EPOCHS
    assert tuple(found["rates"][:3]) == RATES
    best = Sweep(**found).best
    for rate in RATES:
        assert f"learning rate {rate:g}: " in told
    assert f"learning rate of all networks: {best:g}" in told
    assert stored(tmp_path)["recipe"]["lr"] == best
    (run,) = (tmp_path / "store" / "results" / "a").glob("*.json")
    assert json.loads(run.read_text())["recipe"]["lr"] == best


def test_to_go_on_sweeps_nothing(train, tmp_path, monkeypatch):
    tried = scored(monkeypatch, {0.003: 0.1, 0.01: 0.5, 0.03: 0.4})
    train("--only", "baseline")
    assert tried == [("baseline", rate, EPOCHS) for rate in RATES]
    assert "learning rate 0.01" in train("--only", "baseline", "--only", "width-8")
    assert "1 runs trained" in train("--only", "depth-1")
    assert len(tried) == 3
    assert stored(tmp_path)["learning_rate"]["network"] == "baseline"
    assert not train("--only", "depth-1").count("on validation after")


@pytest.mark.parametrize(
    ("scores", "tried", "best"),
    [
        ((0.1, 0.5, 0.4, None, None), 3, 0.01),
        ((0.1, 0.2, 0.4, 0.3, None), 4, 0.03),
        ((0.1, 0.2, 0.4, 0.5, 0.6), 5, 0.3),
        ((None, None, None, None, None), 3, 0.003),
        ((0.2, 0.2, 0.2, 0.9, 0.9), 3, 0.003),
        ((None, 0.0, None, 0.9, 0.9), 3, 0.01),
    ],
)
def test_the_next_rate_is_tried_where_the_largest_is_the_best(
    train, tmp_path, monkeypatch, scores, tried, best
):
    came = scored(monkeypatch, dict(zip((*RATES, *FURTHER), scores, strict=True)))
    told = train("--only", "baseline")
    assert [rate for _, rate, _ in came] == [*RATES, *FURTHER][:tried]
    assert stored(tmp_path)["recipe"]["lr"] == best
    assert ("no rate has a score" in told) == (not any(s is not None for s in scores))


def test_a_given_rate_is_taken_as_it_is(train, tmp_path, monkeypatch):
    tried = scored(monkeypatch, {})
    assert "learning rate 0.02" in train("--only", "baseline", "--lr", 0.02)
    assert "learning rate 0.02" in train("--only", "width-8")  # as the study has it
    assert stored(tmp_path)["recipe"]["lr"] == 0.02
    assert not tried
    for wrong in (0, -1, 10):
        assert "--lr" in train("--lr", wrong, code=1)


def test_a_dry_run_only_says_that_a_rate_is_to_be_chosen(train, monkeypatch):
    tried = scored(monkeypatch, {})
    assert "learning rate to be chosen" in train("--dry-run")
    assert "learning rate 0.02" in train("--dry-run", "--lr", 0.02)
    assert not tried


def test_a_study_of_an_earlier_version_keeps_its_rate(train, tmp_path, monkeypatch):
    tried = scored(monkeypatch, {})
    train("--only", "baseline", "--lr", 0.003)
    assert "learning_rate" not in stored(tmp_path)
    assert "0 runs trained" in train("--only", "baseline")
    assert not tried


def test_other_data_are_swept_anew_but_not_before_stale_runs_are_told(train, tmp_path, monkeypatch):
    tried = scored(monkeypatch, {0.003: 0.1, 0.01: 0.5, 0.03: 0.4})
    train("--only", "baseline")
    path = tmp_path / "images" / "03.png"
    Image.fromarray(255 - np.array(Image.open(path))).save(path)
    assert "add --force to train them anew" in train("--only", "baseline", code=1)
    assert len(tried) == 3
    train("--only", "baseline", "--force")
    assert len(tried) == 6


def diverge(*given, **more):
    raise Diverged("the loss became nan")


def test_what_diverges_or_sees_one_class_has_no_score(train, monkeypatch):
    monkeypatch.setattr(learning_rate, "fit", diverge)
    assert train("--only", "baseline").count(f"no score after {EPOCHS} epochs") == 3


def test_a_network_that_cannot_be_trained_gives_way_to_the_next(train, tmp_path, monkeypatch):
    real = learning_rate._score

    def score(definition, *given):
        if definition.name == "baseline":
            raise RuntimeError("too deep")
        return real(definition, *given)

    monkeypatch.setattr(learning_rate, "_score", score)
    train("--only", "baseline", "--only", "width-8")
    assert stored(tmp_path)["learning_rate"]["network"] == "width-8"


@pytest.mark.parametrize(("epochs", "short"), [(40, 40), (100, 50), (400, 80)])
def test_a_sweep_takes_a_fifth_of_the_epochs_but_a_hundred_steps(
    train, tmp_path, monkeypatch, epochs, short
):
    """Eight images in batches of four are two steps an epoch."""
    monkeypatch.setattr(learning_rate, "fit", diverge)
    study = prepare(tmp_path / "images", tmp_path / "masks", training=Training(epochs=epochs))
    assert sweep(study, ["baseline"], say=lambda line: None).epochs == short
