"""What the values or colours of masks mean: which is which class, and which does not count."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from tarea2.datasets.images.reading import Picture
from tarea2.datasets.split import IGNORED, DataError
from tarea2.paths import reason

MOST_CLASSES = 200
VOID_NAMES = ("void", "ignore", "ignored", "unlabelled", "unlabeled")
BACKGROUND_NAMES = ("background", "fondo", "bg")
# A value is soft if so many of its pixels lie on a way from a smaller to a larger one.
SOFT_SHARE = 0.8
RARE, FAR = 0.1, 4  # a value to be ignored: its share of the pixels, how far above the others
TRANSPARENT = 0  # the code of a pixel that is not there
# For classes whose masks bring no colours; grey is background.
_DRAWN = (
    (28, 28, 28), (1, 115, 178), (222, 143, 5), (2, 158, 115), (213, 94, 0), (204, 120, 188),
    (202, 145, 97), (251, 175, 228), (148, 148, 148), (236, 225, 51), (86, 180, 233),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One class: its name, the value or colour that stands for it, the colour it is drawn in.

    ``code`` is a grey value, the number in a palette, or ``r << 24 | g << 16 | b << 8 | alpha``.
    """

    name: str
    code: int
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Legend:
    """How masks become classes, and classes masks.

    kind: ``grey`` (values), ``palette`` (numbers with colours) or ``colour``.
    background: whether class 0 is background, which no mean of scores includes.
    ignored: codes whose pixels count in neither loss nor score.
    nearest: whether values between those of the classes go to the nearest one.
    threshold: the value from which a pixel belongs to class 1, or None.
    """

    kind: str
    entries: tuple[Entry, ...]
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
    def from_description(cls, described: dict[str, Any]) -> Legend:
        entries = tuple(
            Entry(e["name"], e["code"], tuple(e["colour"])) for e in described["entries"]
        )
        return cls(**(described | {"entries": entries, "ignored": tuple(described["ignored"])}))

    def lines(self) -> list[str]:
        """The legend as people read it."""
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
            found.append(f"values from {self.threshold:g} on are class 1")
        return found

    def classes(self, mask: Picture) -> np.ndarray:
        """The class of each pixel, or IGNORED, ``(H, W)`` of 8 bits."""
        if self.threshold is not None:
            return (mask.values >= self.threshold).astype(np.uint8)
        codes = (_colours if self.kind == "colour" else _numbers)(mask)
        if self.kind == "palette" and mask.indices is not None:
            codes = mask.indices.astype(np.int64)
        known = np.array([e.code for e in self.entries] + list(self.ignored), dtype=np.int64)
        labels = np.array([*range(len(self.entries)), *[IGNORED] * len(self.ignored)], np.uint8)
        order = np.argsort(known)
        known, labels = known[order], labels[order]
        values, inverse = np.unique(codes, return_inverse=True)
        if self.nearest:
            distance = np.abs(values[:, None] - known[None])
            place = distance.argmin(1)
        else:
            place = np.searchsorted(known, values).clip(max=len(known) - 1)
            wrong = values[known[place] != values]
            if len(wrong):
                what = hexadecimal(wrong[0]) if self.kind == "colour" else f"value {wrong[0]}"
                raise DataError(f"mask {mask.name} holds {what}, which the legend does not name")
        return labels[place][inverse].reshape(codes.shape)

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


@dataclass(frozen=True)
class Wishes:
    """What a user says about masks; every field may be left alone.

    values: of the classes, in their order; other values go to the nearest. ignore: values,
    ``#rrggbb`` or names of ``colours``. colours: file of colours and names.
    """

    values: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ()
    threshold: float | None = None
    colours: Path | None = None


class Survey:
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
        codes = _colours(mask)
        values, counts = np.unique(codes, return_counts=True)
        _count(self.pixels["colour"], values, counts)
        if numbered and mask.indices is not None:
            self._palette(mask.indices.ravel(), codes.ravel(), name)
        elif not self.coloured:
            grey = _numbers(mask)
            values, counts = np.unique(grey, return_counts=True)
            _count(self.pixels["grey"], values, counts)
            for value in values.tolist():
                self.example.setdefault(value, name)
            values, counts = np.unique(grey[_between(grey)], return_counts=True)
            _count(self.soft, values, counts)

    def _palette(self, indices: np.ndarray, codes: np.ndarray, name: str) -> None:
        values, first, counts = np.unique(indices, return_index=True, return_counts=True)
        _count(self.numbers, values, counts)
        for number, place in zip(values.tolist(), first.tolist(), strict=True):
            colour = int(codes[place])
            for key, value in ((("number", number), colour), (("colour", colour), number)):
                known, other = self.meaning.setdefault(key, (value, name))
                self.repeated |= known != value and key[0] == "colour" and other == name
                if known != value and not self.conflict:
                    self.conflict = f"{name} numbers its palette in another way than {other}"


def _count(total: dict[int, int], values: np.ndarray, counts: np.ndarray) -> None:
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        total[value] = total.get(value, 0) + count


def _is_bilevel(mask: Picture) -> bool:
    """Whether the numbers of a mask are those of one bit, black and white."""
    assert mask.indices is not None
    return not mask.coloured and bool((mask.values == mask.indices.astype(np.int64) * 255).all())


def _numbers(mask: Picture) -> np.ndarray:
    values = mask.values[..., 0] if mask.coloured else mask.values
    return values.astype(np.int64)


def _colours(mask: Picture) -> np.ndarray:
    """One number per pixel for its red, green, blue and alpha; all transparent ones are alike."""
    values = mask.values.astype(np.int64)
    if not mask.coloured:
        values = np.repeat(values[..., None], 3, axis=2)
    alpha = np.full(mask.size, 255) if mask.alpha is None else mask.alpha.astype(np.int64)
    codes = values[..., 0] << 24 | values[..., 1] << 16 | values[..., 2] << 8 | alpha
    return np.where(alpha == 0, TRANSPARENT, codes)


def _between(values: np.ndarray) -> np.ndarray:
    """Pixels whose neighbours on two opposite sides are smaller and larger: a smoothed edge."""
    found = np.zeros(values.shape, dtype=bool)
    for turned, kept in ((values, found), (values.T, found.T)):
        before, middle, after = turned[:-2], turned[1:-1], turned[2:]
        kept[1:-1] |= ((before < middle) & (middle < after)) | (
            (before > middle) & (middle > after)
        )
    return found


def hexadecimal(code: int) -> str:
    """A colour's code as people write it."""
    code = int(code)
    if code == TRANSPARENT:
        return "transparent"
    text = f"#{code >> 8:06x}"
    return text if code & 255 == 255 else f"{text}{code & 255:02x}"


def decide(survey: Survey, wishes: Wishes) -> tuple[Legend, list[str]]:
    """The legend of the masks that were surveyed, and what the user should know about it.

    Raises
    ------
    DataError: soft masks, masks with colours where values are wished, and the like; the message
        says which option helps.
    """
    if survey.partly:
        raise DataError(
            f"mask {survey.partly} has half-transparent pixels, as smoothed edges leave them: "
            "save it without smoothing"
        )
    given = [
        name
        for name, wish in (
            ("--values", bool(wishes.values)), ("--threshold", wishes.threshold is not None),
            ("--colours", wishes.colours is not None),
        )
        if wish
    ]  # fmt: skip
    if len(given) > 1:
        raise DataError(f"{' and '.join(given)} exclude each other; give one")
    if wishes.threshold is not None:
        if survey.coloured or survey.palette:
            raise DataError(
                f"mask {survey.coloured or survey.palette} has colours; --threshold needs grey ones"
            )
        return _thresholded(wishes)
    if survey.fractions:
        raise DataError(
            f"mask {survey.fractions} holds fractions, expected whole numbers: a probability needs "
            "--threshold 0.5"
        )
    if wishes.colours is not None:
        return _from_file(survey, wishes)
    if survey.coloured or survey.palette:
        return _by_colour(survey, wishes)
    return _by_value(survey, wishes)


def _thresholded(wishes: Wishes) -> tuple[Legend, list[str]]:
    if wishes.ignore:
        raise DataError("--threshold leaves no value to --ignore; give --values")
    entries = (Entry("0", 0, _DRAWN[0]), Entry("255", 255, _DRAWN[1]))
    return Legend("grey", entries, True, threshold=wishes.threshold), []


def _by_value(survey: Survey, wishes: Wishes) -> tuple[Legend, list[str]]:
    pixels = survey.pixels["grey"]
    ignored = tuple(_number(text, "--ignore") for text in wishes.ignore)
    said = []
    if wishes.values:
        chosen = list(wishes.values)
        total = sum(pixels.values())
        moved = sum(n for value, n in pixels.items() if value not in {*chosen, *ignored})
        if moved:
            said.append(
                f"{100 * moved / total:.2g} % of the masks' pixels hold other values and go to the "
                "nearest"
            )
    else:
        chosen = sorted(set(pixels) - set(ignored))
        _refuse_soft(survey, chosen)
    if len(chosen) < 2:
        raise DataError(
            f"all masks hold {', '.join(f'value {v}' for v in chosen) or 'nothing'} only: there is "
            "nothing to learn"
        )
    if len(chosen) > MOST_CLASSES:
        raise DataError(
            f"the masks hold {len(chosen)} values, more than {MOST_CLASSES} classes; give "
            "--values with those that count"
        )
    if any(value < 0 for value in chosen):
        raise DataError(f"the masks hold the value {min(chosen)}, expected 0 or more")
    if set(chosen) & set(ignored):
        raise DataError("--values and --ignore name the same value; leave it out of one")
    said += _proposal(chosen, pixels) if not ignored else []
    entries = tuple(
        Entry(str(value), value, _DRAWN[(label if chosen[0] == 0 else 1 + label) % len(_DRAWN)])
        for label, value in enumerate(chosen)
    )
    return Legend("grey", entries, chosen[0] == 0, ignored, bool(wishes.values)), said


def _refuse_soft(survey: Survey, chosen: list[int]) -> None:
    """Refuse masks whose values between others are no classes but what compression leaves."""
    few = ", ".join(map(str, chosen[:6])) + (", …" if len(chosen) > 6 else "")
    fix = "give --values with those that are classes, such as --values 0,255, or --threshold"
    if survey.lossy:
        raise DataError(
            f"mask {survey.lossy} is a JPEG, which changes values where classes meet (the masks "
            f"hold {len(chosen)} values: {few}); save masks as PNG, or {fix}"
        )
    pixels = survey.pixels["grey"]
    soft = [v for v in chosen if survey.soft.get(v, 0) > SOFT_SHARE * pixels[v]]
    if soft:
        raise DataError(
            f"mask {survey.example[soft[0]]} has smoothed edges: value {soft[0]} occurs between "
            f"smaller and larger ones only (the masks hold {len(chosen)} values: {few}); {fix}"
        )


def _proposal(chosen: list[int], pixels: dict[int, int]) -> list[str]:
    if len(chosen) < 3 or chosen[-1] <= FAR * (chosen[-2] + 1):
        return []
    share = pixels.get(chosen[-1], 0) / max(1, sum(pixels.values()))
    if share >= RARE:
        return []
    return [
        f"value {chosen[-1]} stands far above the others and covers {100 * share:.2g} % of the "
        f"pixels: if it marks what is not to be counted, add --ignore {chosen[-1]}"
    ]


def _by_colour(survey: Survey, wishes: Wishes) -> tuple[Legend, list[str]]:
    if wishes.values:
        raise DataError(
            f"mask {survey.coloured or survey.palette} has colours; --values needs grey masks, "
            "colours are given as --colours FILE"
        )
    said = []
    # Where one palette repeats a colour, only its numbers can tell classes apart.
    consistent = not survey.conflict or survey.repeated
    numbered = bool(survey.palette) and not survey.plain and consistent
    pixels = survey.numbers if numbered else survey.pixels["colour"]
    if survey.conflict and not numbered:
        said.append(f"{survey.conflict}: masks are matched by colour")
    ignored = tuple(
        _number(text, "--ignore") if numbered and not text.startswith("#") else _code(text)
        for text in wishes.ignore
    )
    if numbered:
        by_colour = {colour: n for (kind, colour), (n, _) in survey.meaning.items()
                     if kind == "colour"}  # fmt: skip
        ignored = tuple(by_colour.get(code, code) for code in ignored)
    chosen = sorted(set(pixels) - set(ignored))
    _check_colours(survey, chosen)
    colours = {code: survey.meaning["number", code][0] if numbered else code for code in chosen}
    entries = tuple(
        Entry(str(code) if numbered else hexadecimal(code), code, _rgb(colours[code]))
        for code in chosen
    )
    dark = colours[chosen[0]] in (TRANSPARENT, 255)  # transparent, or opaque black
    background = chosen[0] == 0 if numbered else dark
    said += _proposal(chosen, pixels) if numbered and not ignored else []
    return Legend("palette" if numbered else "colour", entries, background, ignored), said


def _check_colours(survey: Survey, chosen: list[int]) -> None:
    if survey.lossy:
        raise DataError(
            f"mask {survey.lossy} is a JPEG, which changes colours where classes meet; save masks "
            "as PNG"
        )
    if len(chosen) < 2:
        raise DataError("all masks hold one colour only: there is nothing to learn")
    if len(chosen) > MOST_CLASSES:
        raise DataError(
            f"the masks hold {len(chosen)} colours, as smoothed edges or photographs do; save "
            "them without smoothing, or give --colours FILE with the colours of the classes"
        )


def _from_file(survey: Survey, wishes: Wishes) -> tuple[Legend, list[str]]:
    assert wishes.colours is not None
    named = read_colours(wishes.colours)
    by_name = {name.lower(): code for code, name in named}
    ignored = [code for code, name in named if name.lower() in VOID_NAMES]
    for text in wishes.ignore:
        code = by_name.get(text.lower())
        ignored.append(_code(text) if code is None else code)
    chosen = [(code, name) for code, name in named if code not in ignored]
    unknown = sorted(set(survey.pixels["colour"]) - {code for code, _ in named} - set(ignored))
    if unknown:
        why = f"; {survey.lossy} is a JPEG, which changes colours" if survey.lossy else ""
        raise DataError(
            f"the masks hold {len(unknown)} colours that {wishes.colours.name} does not name, "
            f"such as {hexadecimal(unknown[0])}{why}; add them there, or --ignore them"
        )
    if len(chosen) < 2:
        raise DataError(f"{wishes.colours.name} names {len(chosen)} classes, expected at least 2")
    if len(chosen) > MOST_CLASSES:
        raise DataError(f"{wishes.colours.name} names more than {MOST_CLASSES} classes")
    entries = tuple(Entry(name, code, _rgb(code)) for code, name in chosen)
    # The background comes first, since class 0 is the one that means leave out.
    ground = [entry for entry in entries if entry.name.lower() in BACKGROUND_NAMES]
    entries = (*ground[:1], *(entry for entry in entries if entry not in ground[:1]))
    absent = [e.name for e in entries if e.code not in survey.pixels["colour"]]
    said = [f"no mask holds {', '.join(absent)}"] if absent else []
    return Legend("colour", entries, bool(ground), tuple(dict.fromkeys(ignored))), said


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


def _rgb(code: int) -> tuple[int, int, int]:
    return code >> 24 & 255, code >> 16 & 255, code >> 8 & 255


def _number(text: str, option: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text.strip()):
        raise DataError(f"{option} {text!r}: expected whole numbers, as in {option} 255")
    return int(text)


def _code(text: str) -> int:
    """The code of ``#rrggbb`` or ``transparent``."""
    if text.lower() == "transparent":
        return TRANSPARENT
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise DataError(f"--ignore {text!r}: expected a colour, as in --ignore '#e0e0c0'") from None
    return red << 24 | green << 16 | blue << 8 | 255


def parse_values(text: str | None) -> tuple[int, ...]:
    """``0,255`` as numbers, each once."""
    if text is None:
        return ()
    values = tuple(_number(part, "--values") for part in text.split(","))
    if len(set(values)) < max(2, len(values)):
        raise DataError(f"--values {text!r}: expected at least two different numbers")
    return values


def parse_ignored(texts: Sequence[str]) -> tuple[str, ...]:
    """``--ignore 255 --ignore 254`` or ``--ignore 255,254``."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
