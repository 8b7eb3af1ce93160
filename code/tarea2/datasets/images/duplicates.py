"""The same picture twice, under whatever names: on one side of a split, or it measures memory.

Pictures are the same where their prepared arrays are, and nearly the same where copies of 16×16
pixels correlate: what is compressed, rescaled or brightened again still does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tarea2.datasets.images.pairing import shown
from tarea2.datasets.split import DataError

SIDE = 16  # pixels of a small copy
# Of small copies. JPEG at quality 75 leaves 0.9994 and more of pictures of 48×48 pixels and up;
# frames of a street, one second apart, have 0.995 at most, unless the car stands.
ALIKE = 0.999
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # what JPEG keeps best (ITU-R BT.601)
BLOCK = 1000  # pictures that are compared with all others at once


def small_digest(x: np.ndarray) -> np.ndarray:
    """A small copy of an image ``(C, H, W)`` of 8 bits, ``(256,)``, of mean 0 and length 1.

    All zero where the image is of one colour.
    """
    weights = LUMA if len(x) == 3 else np.ones(1, np.float32)
    grey = Image.fromarray(np.tensordot(weights, x.astype(np.float32), 1))
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32).ravel()
    small = small - small.mean()
    length = np.linalg.norm(small)
    return small / length if length > SIDE / 10 else np.zeros_like(small)  # a tenth of a level


def same_pictures(exact: Sequence[str], small: np.ndarray) -> np.ndarray:
    """A number for each picture, equal for those that are the same or nearly: ``(n,)``.

    ``exact``: digests of whole images; ``small``: those of :func:`small_digest`, ``(n, 256)``.
    """
    known: dict[str, int] = {}
    first = np.array([known.setdefault(digest, index) for index, digest in enumerate(exact)])
    links = [np.stack([np.arange(len(first)), first])]
    for start in range(0, len(small), BLOCK):
        one, other = np.nonzero(small[start : start + BLOCK] @ small.T > ALIKE)
        links.append(np.stack([start + one, other]))
    return joined(np.concatenate(links, axis=1), len(first))


def joined(links: np.ndarray, count: int) -> np.ndarray:
    """The number of the group of each of so many; ``links`` ``(2, m)`` say who belong together."""
    graph = coo_array((np.ones(links.shape[1], bool), tuple(links)), (count, count))
    return connected_components(graph, directed=False)[1]


def together(names: Sequence[str], same: np.ndarray) -> list[str]:
    """What is said of pictures that stay on one side of a split, as they are the same."""
    twins = _twins(range(len(names)), same)
    if not twins:
        return []
    examples = [f"{names[a]} and {names[b]}" for a, b in twins]
    return [
        f"{len(twins)} images are the same as another, or nearly, and stay on its side of the "
        f"splits: {shown(examples)}"
    ]


def check_apart(
    names: Sequence[str], found: Mapping[str, Sequence[int]], same: np.ndarray, allowed: bool
) -> list[str]:
    """What is said of pictures that several splits hold; ``found``: the indices of each split.

    Raises DataError where this is not ``allowed``.
    """
    of = {index: split for split, indices in found.items() for index in indices}
    order = [index for indices in found.values() for index in indices]  # training images first
    twice = [(a, b) for a, b in _twins(order, same) if of[a] != of[b]]
    if not twice:
        return []
    counts = " and ".join(
        f"{sum(of[b] == split for _, b in twice)} of {len(indices)} {split}"
        for split, indices in found.items()
        if any(of[b] == split for _, b in twice)
    )
    examples = shown([f"{names[b]} ({of[b]}) is {names[a]} ({of[a]})" for a, b in twice])
    said = f"{counts} images are in another split too, the same or nearly: {examples}"
    if not allowed:
        raise DataError(
            f"{said}; scores would measure memory: remove them from one, or keep both with "
            "--allow-duplicates"
        )
    return [f"{said}; kept, so that scores measure memory too"]


def _twins(order: Sequence[int], same: np.ndarray) -> list[tuple[int, int]]:
    """The first picture of each group, in some order, with each later one of it."""
    first: dict[int, int] = {}
    pairs = [(first.setdefault(int(same[index]), index), index) for index in order]
    return [(a, b) for a, b in pairs if a != b]
