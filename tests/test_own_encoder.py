"""A network with a pretrained encoder in a study on own images: its rate, its ranking, its use."""

import json

import numpy as np
import pytest
from PIL import Image

from command import run_cli
from tarea2.models import EfficientUnetSpec, efficientnet, load_model
from tarea2.own import learning_rate
from tarea2.own.encoders import ENCODERS
from tarea2.own.learning_rate import ENCODER_FURTHER, ENCODER_RATES, RATES
from tarea2.own.stored import load
from tarea2.plots import labels

NAME = "efficientnet-lite0"
BOTH = ("--only", NAME, "--only", "baseline")


@pytest.fixture
def folders(tmp_path):
    """Twelve grey images whose sides are no multiples of 32, a square in each."""
    for place in range(12):
        mask = np.zeros((20, 36), np.uint8)
        mask[2 : 9 + place % 4, 3 : 15 + place // 4] = 1
        for kind, values in (("images", mask * 100 + 20), ("masks", mask * 255)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / kind / f"{place:02}.png")
    return tmp_path


@pytest.fixture
def train(folders, monkeypatch, capsys):
    """Train some networks for an epoch; returns what was printed."""

    def run(*arguments, code=0):
        capsys.readouterr()
        given = ("--images", folders / "images", "--masks", folders / "masks", "--out",
                 folders / "store", "--name", "a", "--seeds", 1, "--epochs", 1)  # fmt: skip
        assert run_cli(monkeypatch, "images", "train", *given, *arguments) == code
        return "".join(capsys.readouterr())

    return run


@pytest.fixture
def tried(monkeypatch):
    """Let the smallest rate be best for the encoder's network, the middle one for others."""
    came = []

    def score(definition, rate, epochs, progress):
        came.append((definition.name, rate))
        return 1 - rate if definition.name in ENCODERS else 1 - abs(rate - RATES[1])

    monkeypatch.setattr(learning_rate, "_score", score)
    return came


def content(folders):
    return json.loads((folders / "store" / "studies" / "a.json").read_text())


def rates_of_runs(folders):
    runs = (folders / "store" / "results" / "a").glob("*.json")
    return {run["name"]: run["recipe"]["lr"] for run in (json.loads(p.read_text()) for p in runs)}


def test_it_joins_the_ranking_at_a_rate_of_its_own(train, folders, tried):
    told = train("--encoder", NAME, *BOTH)
    assert "3.5 million weights whose encoder starts from ImageNet's" in told
    assert "its own learning rate to be chosen" in told
    assert "grey images are given to it as three equal channels" in told
    assert [rate for name, rate in tried if name == NAME] == list(ENCODER_RATES)
    assert [rate for name, rate in tried if name == "baseline"] == list(RATES)
    assert f"learning rate of all other networks: {RATES[1]:g}" in told
    assert f"learning rate of {NAME}: {ENCODER_RATES[0]:g}" in told
    assert rates_of_runs(folders) == {NAME: ENCODER_RATES[0], "baseline": RATES[1]}
    assert f"{NAME} on test:" in told
    assert "baseline on test:" in told
    assert "not ranked, trained on other data" not in told
    stored = load(folders / "store", "a")
    assert set(stored.runs["name"]) == {NAME, "baseline"}
    assert not stored.others
    labelled = labels.labelled(stored.runs)
    assert set(labelled["kind"]) == {"pretrained", "baseline"}
    assert set(labelled["label"]) == {labels.LABELS[NAME], labels.LABELS["baseline"]}


def test_the_study_remembers_it(train, folders, tried):
    train("--encoder", NAME, *BOTH)
    before = len(tried)
    told = train(*BOTH)
    assert f"its own learning rate {ENCODER_RATES[0]:g}" in told
    assert "0 runs trained" in told
    assert len(tried) == before
    assert content(folders)["encoder"] == NAME


def test_networks_that_come_later_have_their_own_sweep(train, folders, tried):
    """What is trained first decides nothing for the others, whichever it is."""
    train("--encoder", NAME, "--only", NAME)
    assert {name for name, _ in tried} == {NAME}
    train("--only", "baseline")
    assert [rate for name, rate in tried if name == "baseline"] == list(RATES)
    assert rates_of_runs(folders) == {NAME: ENCODER_RATES[0], "baseline": RATES[1]}
    assert "0 runs trained" in train(*BOTH)


def test_it_joins_a_study_that_was_trained_before(train, folders, tried):
    assert NAME not in train("--only", "baseline")
    assert "encoder" not in content(folders)
    told = train("--encoder", NAME, *BOTH)
    assert "1 runs trained" in told
    assert rates_of_runs(folders) == {NAME: ENCODER_RATES[0], "baseline": RATES[1]}


def test_a_given_rate_is_that_of_all(train, folders, tried):
    told = train("--encoder", NAME, "--lr", 0.02, *BOTH)
    assert "its own learning rate 0.02" in told
    assert rates_of_runs(folders) == {NAME: 0.02, "baseline": 0.02}
    assert "0 runs trained" in train(*BOTH)
    assert not tried


def test_larger_rates_are_tried_where_the_largest_is_the_best(train, monkeypatch, folders):
    monkeypatch.setattr(learning_rate, "_score", lambda definition, rate, *_: rate)
    train("--encoder", NAME, "--only", NAME)
    found = content(folders)["own_rates"][NAME]
    assert found["lr"] == ENCODER_FURTHER[-1]
    assert found["sweep"]["rates"] == [*ENCODER_RATES, *ENCODER_FURTHER]


def test_a_stored_one_predicts_without_the_package(train, folders, tried, monkeypatch, capsys):
    train("--encoder", NAME, "--only", NAME)
    model = folders / "store" / "models" / "a.safetensors"
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    spec = load_model("a", folders / "store")[0].spec
    assert spec == EfficientUnetSpec(inputs=1, classes=2)
    image = folders / "other.png"
    Image.fromarray(np.full((45, 23), 120, np.uint8)).save(image)
    found = folders / "found"
    assert run_cli(monkeypatch, "images", "predict", image, "-m", model, "-o", found) == 0
    mask = np.array(Image.open(found / "other.png"))
    assert mask.shape == (45, 23)
    assert set(np.unique(mask)) <= {0, 255}
    capsys.readouterr()
    # Nor can it be trained there: one sentence, before anything is read.
    told = train("--encoder", NAME, "--images", "nowhere", code=1)
    assert "package that is not installed" in told
    assert "nowhere" not in told
    assert len(told.strip().splitlines()) == 1


def test_another_encoder_is_refused(train):
    assert f"--encoder 'resnet', expected {NAME}" in train("--encoder", "resnet", code=1)


def test_colours_are_given_as_they_are(train, folders):
    for path in (folders / "images").iterdir():
        grey = np.array(Image.open(path))
        Image.fromarray(np.stack([grey, grey // 2, grey], axis=2)).save(path)
    told = train("--encoder", NAME, "--dry-run")
    assert "million weights" in told
    assert "three equal channels" not in told
    assert "million weights" not in train("--dry-run")


def test_every_encoder_has_a_name_on_the_page():
    assert set(ENCODERS) <= set(labels.LABELS)
