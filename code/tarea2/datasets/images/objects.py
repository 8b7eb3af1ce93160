"""Masks that number objects, as Cellpose and its like write them: not classes, but one class.

Every cell has its own number or colour there; taken for classes, an image of 93 cells has 93.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tarea2.datasets.images.label_map import (
    TRANSPARENT,
    LabelClass,
    LabelMap,
    colour_code,
    colour_codes,
)
from tarea2.datasets.images.reading import Picture
from tarea2.datasets.split import DataError

OBJECT = "object"  # the name of the one class
LOOKED_AT = 30  # masks whose regions are counted
# What looks like objects: so many values in each way of numbering, and of the values of a mask
# so large a share in one region.
FEWEST, ONE_REGION = {"each mask from 1 on": 5, "each mask its own": 8, "any": 12}, 0.92
BLACK = 255  # opaque


class ObjectStatistics:
    """Which values each mask holds besides ground, and how many regions they form."""

    def __init__(self) -> None:
        self.masks: dict[int, int] = {}  # how many masks hold a value
        self.held: list[tuple[int, bool]] = []  # of each mask: its values, whether 1, 2, 3, …
        self.pieces: list[int] = []  # regions of each value of each mask

    def add(self, codes: np.ndarray, grounds: tuple[int, ...]) -> None:
        """Look at a mask, ``(H, W)`` of values or codes of colours; ``grounds`` are no objects."""
        values = [value for value in np.unique(codes).tolist() if value not in grounds]
        if not values:
            return
        for value in values:
            self.masks[value] = self.masks.get(value, 0) + 1
        self.held.append((len(values), values == list(range(1, len(values) + 1))))
        if len(self.held) <= LOOKED_AT:
            self.pieces += [count for v, count in regions(codes).items() if v not in grounds]

    def found(self) -> bool:
        """Whether values look like numbers of objects rather than classes."""
        counts = [count for count, _ in self.held]
        if not counts or np.mean(counts) < 1.5:
            return False
        if np.mean(np.array(self.pieces) == 1) < ONE_REGION:
            return False
        often = np.median(list(self.masks.values()))  # how many masks the middle value is in
        from_one = np.mean([in_order for _, in_order in self.held]) > 0.9 and len(set(counts)) > 2
        ways = {
            "each mask from 1 on": from_one,
            "each mask its own": often <= max(1, 0.05 * len(counts)),
            "any": often <= 0.5 * len(counts),
        }
        return any(ways[way] and len(self.masks) >= least for way, least in FEWEST.items())


def regions(codes: np.ndarray) -> dict[int, int]:
    """How many regions of equal neighbours, corners too, each value of ``(H, W)`` forms."""
    place = np.arange(codes.size).reshape(codes.shape)
    links = []
    for one, other in (
        (np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]), (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):  # fmt: skip
        equal = codes[one] == codes[other]
        links.append(np.stack([place[one][equal], place[other][equal]]))
    joined = np.concatenate(links, axis=1)
    graph = coo_array((np.ones(joined.shape[1], bool), tuple(joined)), (codes.size, codes.size))
    labels = connected_components(graph, directed=False)[1]
    first = np.unique(labels, return_index=True)[1]
    values, counts = np.unique(codes.ravel()[first], return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def as_one_class(mask: Picture, background: str | None = None) -> Picture:
    """A mask of objects as one of two values: 0 where its ground is, 255 elsewhere.

    background: value or colour of the ground; by default 0, black or transparent.

    Raises DataError for a background that is neither.
    """
    numbered = mask.indices if mask.indices is not None else None if mask.coloured else mask.values
    if numbered is not None and (background is None or background.isdecimal()):
        ground = numbered == int(background or 0)
        if mask.alpha is not None:
            ground |= mask.alpha == 0
    else:
        codes = colour_codes(mask)
        grounds = (TRANSPARENT, BLACK) if background is None else (_ground(background),)
        ground = np.isin(codes, grounds)
    return Picture(mask.name, np.where(ground, 0, 255).astype(np.uint8), lossy=mask.lossy)


def _ground(text: str) -> int:
    try:
        return colour_code(text)
    except ValueError:
        raise DataError(
            f"--background {text!r}: with --objects, expected the value or colour of the ground"
        ) from None


def one_class(label_map: LabelMap) -> LabelMap:
    """The label map of masks of :func:`as_one_class`."""
    ground, drawn = label_map.entries
    named = LabelClass(OBJECT, drawn.code, drawn.colour)
    return LabelMap(label_map.kind, (ground, named), True)
