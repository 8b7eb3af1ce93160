"""What the values or colours of masks mean: which is which class, and which does not count."""

from __future__ import annotations

import csv
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from tarea2.datasets.images.reading import Picture
from tarea2.datasets.split import IGNORED, DataError
from tarea2.paths import reason

TRANSPARENT = 0  # the code of a pixel that is not there
# For classes whose masks bring no colours, as the figures of digit scenes have them: background is
# dark grey, then come the first ten of seaborn's palette for colour-blind readers.
CLASS_COLOURS = (
    (28, 28, 28), (1, 115, 178), (222, 143, 5), (2, 158, 115), (213, 94, 0), (204, 120, 188),
    (202, 145, 97), (251, 175, 228), (148, 148, 148), (236, 225, 51), (86, 180, 233),
)  # fmt: skip


@dataclass(frozen=True)
class LabelClass:
    """One class: its name, the value or colour that stands for it, the colour it is drawn in.

    ``code`` is a grey value, the number in a palette, or ``r << 24 | g << 16 | b << 8 | alpha``.
    """

    name: str
    code: int
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class LabelMap:
    """How masks become classes, and classes masks.

    kind: ``grey`` (values), ``palette`` (numbers with colours) or ``colour``.
    background: whether class 0 is background, which no mean of scores includes.
    ignored: codes whose pixels count in neither loss nor score.
    nearest: whether values between those of the classes go to the nearest one.
    threshold: the value from which a pixel belongs to the class with the larger code, or None.
    """

    kind: str
    entries: tuple[LabelClass, ...]
    background: bool
    ignored: tuple[int, ...] = ()
    nearest: bool = False
    threshold: float | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def describe(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self) | {
            "entries": [asdict(e) | {"colour": list(e.colour)} for e in self.entries],
            "ignored": list(self.ignored),
        }

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> LabelMap:
        entries = tuple(
            LabelClass(e["name"], e["code"], tuple(e["colour"])) for e in described["entries"]
        )
        return cls(**(described | {"entries": entries, "ignored": tuple(described["ignored"])}))

    def lines(self) -> list[str]:
        """The label map as people read it."""
        what = {"grey": "value", "palette": "number", "colour": "colour"}[self.kind]
        found = []
        for label, entry in enumerate(self.entries):
            code = hexadecimal(entry.code) if self.kind == "colour" else str(entry.code)
            name = "" if entry.name == code else f" ({entry.name})"
            ground = ", background" if label == 0 and self.background else ""
            found.append(f"class {label}: {what} {code}{name}{ground}")
        for ignored in self.ignored:
            shown = hexadecimal(ignored) if self.kind == "colour" else str(ignored)
            found.append(f"{what} {shown}: counts in neither loss nor score")
        if self.threshold is not None:
            found.append(f"values from {self.threshold:g} on are class {self._above}")
        return found

    @property
    def _above(self) -> int:
        """The class of values from the threshold on: that which is drawn in the larger value."""
        return max(range(2), key=lambda label: self.entries[label].code)

    def named(self, names: dict[int, str]) -> LabelMap:
        """The same with the names of codes that are known from elsewhere."""
        entries = (replace(e, name=names.get(e.code, e.name)) for e in self.entries)
        return replace(self, entries=tuple(entries))

    def classes(self, mask: Picture) -> np.ndarray:
        """The class of each pixel, or IGNORED, ``(H, W)`` of 8 bits."""
        if self.threshold is not None:
            above = (mask.values >= self.threshold).astype(np.uint8)
            return above if self._above == 1 else 1 - above
        codes = (colour_codes if self.kind == "colour" else grey_codes)(mask)
        if self.kind == "palette" and mask.indices is not None:
            codes = mask.indices.astype(np.int64)
        known = np.array([e.code for e in self.entries] + list(self.ignored), dtype=np.int64)
        labels = np.array([*range(len(self.entries)), *[IGNORED] * len(self.ignored)], np.uint8)
        order = np.argsort(known)
        known, labels = known[order], labels[order]
        values, inverse = np.unique(codes, return_inverse=True)
        if self.nearest:
            distance = np.abs(values[:, None] - known[None])
            index = distance.argmin(1)
        else:
            index = np.searchsorted(known, values).clip(max=len(known) - 1)
            wrong = values[known[index] != values]
            if len(wrong):
                what = hexadecimal(wrong[0]) if self.kind == "colour" else f"value {wrong[0]}"
                raise DataError(f"mask {mask.name} holds {what}, which the label map does not name")
        return labels[index][inverse].reshape(codes.shape)

    def draw(self, classes: np.ndarray) -> Image.Image:
        """A mask in the original values or colours, from classes ``(H, W)``."""
        codes = np.array([entry.code for entry in self.entries], dtype=np.int64)[classes]
        if self.kind == "grey":
            wide = max(entry.code for entry in self.entries) > 255
            return Image.fromarray(codes.astype(np.uint16 if wide else np.uint8))
        if self.kind == "palette":
            picture = Image.fromarray(codes.astype(np.uint8), mode=None).convert("L")
            picture = Image.frombytes("P", picture.size, picture.tobytes())
            palette = [0] * 768
            for entry in self.entries:
                palette[3 * entry.code : 3 * entry.code + 3] = entry.colour
            picture.putpalette(palette)
            return picture
        four = np.stack([codes >> shift & 255 for shift in (24, 16, 8, 0)], axis=2).astype(np.uint8)
        return Image.fromarray(four if (four[..., 3] < 255).any() else four[..., :3].copy())

    def coloured(self, classes: np.ndarray) -> np.ndarray:
        """Classes in the colours that they are drawn in: ``(H, W, 3)`` of 8 bits."""
        return np.array([entry.colour for entry in self.entries], dtype=np.uint8)[classes]


def grey_codes(mask: Picture) -> np.ndarray:
    """The grey value of each pixel, ``(H, W)`` of 64 bits."""
    values = mask.values[..., 0] if mask.coloured else mask.values
    return values.astype(np.int64)


def colour_codes(mask: Picture) -> np.ndarray:
    """One number per pixel for its red, green, blue and alpha; all transparent ones are alike."""
    values = mask.values.astype(np.int64)
    if not mask.coloured:
        values = np.repeat(values[..., None], 3, axis=2)
    alpha = np.full(mask.size, 255) if mask.alpha is None else mask.alpha.astype(np.int64)
    codes = values[..., 0] << 24 | values[..., 1] << 16 | values[..., 2] << 8 | alpha
    return np.where(alpha == 0, TRANSPARENT, codes)


def colour_code(text: str) -> int:
    """The code of ``#rrggbb``, a colour's CSS name or ``transparent``; ValueError for any other."""
    if text.lower() == "transparent":
        return TRANSPARENT
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red << 24 | green << 16 | blue << 8 | 255


def hexadecimal(code: int) -> str:
    """A colour's code as people write it."""
    code = int(code)
    if code == TRANSPARENT:
        return "transparent"
    text = f"#{code >> 8:06x}"
    return text if code & 255 == 255 else f"{text}{code & 255:02x}"


def read_colours(path: Path) -> list[tuple[int, str]]:
    """Colours and names: lines ``r g b name``, as CamVid's and VOC's files have them, or CSV.

    Raises DataError with the line that does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of colours ({reason(error)})") from None
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", "//")):
            continue
        cells = next(csv.reader([line])) if "," in line else re.split(r"[\t ;]+", line.strip())
        cells = [cell.strip() for cell in cells if cell.strip()]
        values = [int(cell) for cell in cells if re.fullmatch(r"\d{1,3}", cell)]
        words = [cell for cell in cells if not re.fullmatch(r"\d{1,3}", cell)]
        if not values and not found:
            continue  # a header
        if len(values) != 3 or max(values) > 255:
            raise DataError(
                f"{path.name}, line {number}: {line.strip()!r} is no colour and name; expected "
                "'r g b name' with values from 0 to 255"
            )
        code = values[0] << 24 | values[1] << 16 | values[2] << 8 | 255
        name = " ".join(words) or hexadecimal(code)
        if code in dict(found):
            raise DataError(f"{path.name}, line {number}: {hexadecimal(code)} is named twice")
        if name in dict(found).values():
            raise DataError(f"{path.name}, line {number}: {name} has two colours")
        found.append((code, name))
    if not found:
        raise DataError(f"{path.name} names no colour; expected lines 'r g b name'")
    return found


def rgb(code: int) -> tuple[int, int, int]:
    """Red, green and blue of a colour's code."""
    return code >> 24 & 255, code >> 16 & 255, code >> 8 & 255
