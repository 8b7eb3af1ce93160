"""What the masks of a data set hold: the values, colours and palettes that tell what they mean."""

from __future__ import annotations

import numpy as np

from tarea2.datasets.images.label_map import TRANSPARENT, LabelMap, colour_codes, grey_codes
from tarea2.datasets.images.objects import BLACK, ObjectStatistics
from tarea2.datasets.images.reading import Picture
from tarea2.datasets.split import IGNORED


class MaskStatistics:
    """What masks hold, collected one by one, so that no two need to be in memory."""

    def __init__(self) -> None:
        self.pixels: dict[str, dict[int, int]] = {"grey": {}, "colour": {}}
        self.numbers: dict[int, int] = {}  # of palettes
        self.meaning: dict[tuple[str, int], tuple[int, str]] = {}
        self.conflict = ""  # palettes that give one colour several numbers, or the reverse
        self.repeated = False  # one palette that gives one colour several numbers
        self.soft: dict[int, int] = {}  # pixels of a value that lie between smaller and larger
        self.example: dict[int, str] = {}  # a file with that grey value
        self.coloured = ""  # a mask with real colours
        self.plain = ""  # a mask without a palette
        self.palette = ""
        self.lossy = ""
        self.fractions = ""
        self.partly = ""  # partly transparent
        self.objects = ObjectStatistics()

    def add(self, mask: Picture) -> None:
        name = mask.name
        self.lossy = self.lossy or (name if mask.lossy else "")
        if mask.alpha is not None and not np.isin(mask.alpha, (0, 255)).all():
            self.partly = self.partly or name
        if mask.values.dtype.kind == "f" and not (mask.values == np.rint(mask.values)).all():
            self.fractions = self.fractions or name
            return
        numbered = mask.indices is not None and not _is_bilevel(mask)
        if mask.coloured and not (mask.values == mask.values[..., :1]).all():
            self.coloured = self.coloured or name
        if mask.alpha is not None:
            self.coloured = self.coloured or name
        if numbered:
            self.palette = self.palette or name
        else:
            self.plain = self.plain or name
        codes = colour_codes(mask)
        values, counts = np.unique(codes, return_counts=True)
        _count(self.pixels["colour"], values, counts)
        if numbered and mask.indices is not None:
            self.objects.add(mask.indices, (0,))
        elif self.coloured:
            self.objects.add(codes, (TRANSPARENT, BLACK))
        else:
            self.objects.add(grey_codes(mask), (0,))
        if numbered and mask.indices is not None:
            self._palette(mask.indices.ravel(), codes.ravel(), name)
        elif not self.coloured:
            grey = grey_codes(mask)
            values, counts = np.unique(grey, return_counts=True)
            _count(self.pixels["grey"], values, counts)
            for value in values.tolist():
                self.example.setdefault(value, name)
            values, counts = np.unique(grey[_between(grey)], return_counts=True)
            _count(self.soft, values, counts)

    def _palette(self, indices: np.ndarray, codes: np.ndarray, name: str) -> None:
        values, first, counts = np.unique(indices, return_index=True, return_counts=True)
        _count(self.numbers, values, counts)
        for number, index in zip(values.tolist(), first.tolist(), strict=True):
            colour = int(codes[index])
            for key, value in ((("number", number), colour), (("colour", colour), number)):
                known, other = self.meaning.setdefault(key, (value, name))
                self.repeated |= known != value and key[0] == "colour" and other == name
                if known != value and not self.conflict:
                    self.conflict = f"{name} numbers its palette in another way than {other}"


def share_lines(label_map: LabelMap, counts: np.ndarray) -> list[str]:
    """How much of the masks each class is, a line each, and what counts nowhere.

    ``counts``: pixels of each mask and class, ``(n, 256)``, those that are IGNORED among them.
    """
    kinds = [(f"class {k} ({entry.name})", k) for k, entry in enumerate(label_map.entries)]
    total, masks = counts.sum(), (counts > 0).sum(0)
    return [
        f"{kind}: {100 * counts[:, k].sum() / total:.3g} % of the pixels, in {masks[k]} of "
        f"{len(counts)} masks"
        for kind, k in [*kinds, ("not counted", IGNORED)]
        if k != IGNORED or masks[k]
    ]


def _count(total: dict[int, int], values: np.ndarray, counts: np.ndarray) -> None:
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        total[value] = total.get(value, 0) + count


def _is_bilevel(mask: Picture) -> bool:
    """Whether the numbers of a mask are those of one bit, black and white."""
    assert mask.indices is not None
    return not mask.coloured and bool((mask.values == mask.indices.astype(np.int64) * 255).all())


def _between(values: np.ndarray) -> np.ndarray:
    """Pixels whose neighbours on two opposite sides are smaller and larger: a smoothed edge."""
    found = np.zeros(values.shape, dtype=bool)
    for turned, kept in ((values, found), (values.T, found.T)):
        before, middle, after = turned[:-2], turned[1:-1], turned[2:]
        kept[1:-1] |= ((before < middle) & (middle < after)) | (
            (before > middle) & (middle > after)
        )
    return found
