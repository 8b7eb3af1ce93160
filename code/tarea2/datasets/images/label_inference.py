"""Which class a value or colour of the masks is: deduced from them all and a user's options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tarea2.datasets.images.background import BACKGROUND_NAMES, with_background
from tarea2.datasets.images.label_files import read_names
from tarea2.datasets.images.label_map import (
    CLASS_COLOURS,
    TRANSPARENT,
    LabelClass,
    LabelMap,
    colour_code,
    hexadecimal,
    rgb,
)
from tarea2.datasets.images.mask_statistics import MaskStatistics
from tarea2.datasets.images.objects import one_class
from tarea2.datasets.split import DataError

MOST_CLASSES = 200
VOID_NAMES = ("void", "ignore", "ignored", "unlabelled", "unlabeled")
# A value is soft if so many of its pixels lie on a way from a smaller to a larger one.
SOFT_SHARE = 0.8
RARE, FAR = 0.1, 4  # a value to be ignored: its share of the pixels, how far above the others


@dataclass(frozen=True)
class MaskOptions:
    """What a user says about masks; every field may be left alone.

    values: of the classes, in their order; other values go to the nearest. ignore: values,
    ``#rrggbb`` or names of ``colours``. colours: file of colours and names. background: see
    :func:`tarea2.datasets.images.background.with_background`. objects: whether values or colours
    number objects, which are one class then; None where nobody said so.
    """

    values: tuple[int, ...] = ()
    ignore: tuple[str, ...] = ()
    threshold: float | None = None
    colours: Path | None = None
    background: str | None = None
    objects: bool | None = None


def infer_label_map(masks: MaskStatistics, options: MaskOptions) -> tuple[LabelMap, list[str]]:
    """The label map of masks with these statistics, and what the user should know about it.

    Raises
    ------
    DataError: soft masks, masks with colours where values are wished, and the like; the message
        says which option helps.
    """
    if options.objects:
        return _of_objects(masks, options)
    found, said = _inferred(masks, options)
    return (
        found if options.background is None else with_background(found, options.background)
    ), said


def _of_objects(masks: MaskStatistics, options: MaskOptions) -> tuple[LabelMap, list[str]]:
    others = {"--values": options.values, "--ignore": options.ignore, "--colours": options.colours,
              "--threshold": options.threshold is not None}  # fmt: skip
    given = [name for name, one in others.items() if one]
    if given:
        raise DataError(f"--objects and {given[0]} exclude each other; give one")
    found, said = _by_value(masks, MaskOptions())
    said.append("objects are numbered in the masks: all are one class, drawn as 255")
    return one_class(found), said


def _inferred(masks: MaskStatistics, options: MaskOptions) -> tuple[LabelMap, list[str]]:
    if masks.partly:
        raise DataError(
            f"mask {masks.partly} has half-transparent pixels, as smoothed edges leave them: "
            "save it without smoothing"
        )
    given = [
        name
        for name, given_one in (
            ("--values", bool(options.values)), ("--threshold", options.threshold is not None),
            ("--colours", options.colours is not None),
        )
        if given_one
    ]  # fmt: skip
    if len(given) > 1:
        raise DataError(f"{' and '.join(given)} exclude each other; give one")
    if options.threshold is not None:
        if masks.coloured or masks.palette:
            raise DataError(
                f"mask {masks.coloured or masks.palette} has colours; --threshold needs grey ones"
            )
        return _thresholded(options)
    if masks.fractions:
        raise DataError(
            f"mask {masks.fractions} holds fractions, expected whole numbers: a probability needs "
            "--threshold 0.5"
        )
    if options.colours is not None:
        return _from_file(masks, options)
    if options.objects is None and not options.values and not masks.lossy:
        _refuse_objects(masks)
    if masks.coloured or masks.palette:
        return _by_colour(masks, options)
    return _by_value(masks, options)


def _refuse_objects(masks: MaskStatistics) -> None:
    """Refuse values that may be numbers of objects, until the user says what they are."""
    if masks.objects.found():
        most = max(count for count, _ in masks.objects.held)
        raise DataError(
            f"the masks hold {len(masks.objects.masks)} values besides the ground, up to {most} in "
            "one mask and nearly each of them in one piece: they look like numbers of objects; "
            "give --objects to make them one class, or --classes where each value is a class"
        )


def _thresholded(options: MaskOptions) -> tuple[LabelMap, list[str]]:
    if options.ignore:
        raise DataError("--threshold leaves no value to --ignore; give --values")
    entries = (LabelClass("0", 0, CLASS_COLOURS[0]), LabelClass("255", 255, CLASS_COLOURS[1]))
    return LabelMap("grey", entries, True, threshold=options.threshold), []


def _by_value(masks: MaskStatistics, options: MaskOptions) -> tuple[LabelMap, list[str]]:
    pixels = masks.pixels["grey"]
    ignored = tuple(_number(text, "--ignore") for text in options.ignore)
    said = []
    if options.values:
        chosen = list(options.values)
        total = sum(pixels.values())
        moved = sum(n for value, n in pixels.items() if value not in {*chosen, *ignored})
        if moved:
            said.append(
                f"{100 * moved / total:.2g} % of the masks' pixels hold other values and go to the "
                "nearest"
            )
    else:
        chosen = sorted(set(pixels) - set(ignored))
        _refuse_soft(masks, chosen)
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
        LabelClass(
            str(value),
            value,
            CLASS_COLOURS[(label + (chosen[0] != 0)) % len(CLASS_COLOURS)],
        )
        for label, value in enumerate(chosen)
    )
    return LabelMap("grey", entries, chosen[0] == 0, ignored, bool(options.values)), said


def _refuse_soft(masks: MaskStatistics, chosen: list[int]) -> None:
    """Refuse masks whose values between others are no classes but what compression leaves."""
    few = ", ".join(map(str, chosen[:6])) + (", …" if len(chosen) > 6 else "")
    fix = "give --values with those that are classes, such as --values 0,255, or --threshold"
    if masks.lossy:
        raise DataError(
            f"mask {masks.lossy} is a JPEG, which changes values where classes meet (the masks "
            f"hold {len(chosen)} values: {few}); save masks as PNG, or {fix}"
        )
    pixels = masks.pixels["grey"]
    soft = [v for v in chosen if masks.soft.get(v, 0) > SOFT_SHARE * pixels[v]]
    if soft:
        raise DataError(
            f"mask {masks.example[soft[0]]} has smoothed edges: value {soft[0]} occurs between "
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


def _by_colour(masks: MaskStatistics, options: MaskOptions) -> tuple[LabelMap, list[str]]:
    if options.values:
        raise DataError(
            f"mask {masks.coloured or masks.palette} has colours; --values needs grey masks, "
            "colours are given as --colours FILE"
        )
    said = []
    # Where one palette repeats a colour, only its numbers can tell classes apart.
    consistent = not masks.conflict or masks.repeated
    numbered = bool(masks.palette) and not masks.plain and consistent
    pixels = masks.numbers if numbered else masks.pixels["colour"]
    if masks.conflict and not numbered:
        said.append(f"{masks.conflict}: masks are matched by colour")
    ignored = tuple(
        _number(text, "--ignore") if numbered and not text.startswith("#") else _code(text)
        for text in options.ignore
    )
    if numbered:
        by_colour = {colour: n for (kind, colour), (n, _) in masks.meaning.items()
                     if kind == "colour"}  # fmt: skip
        ignored = tuple(by_colour.get(code, code) for code in ignored)
    chosen = sorted(set(pixels) - set(ignored))
    _check_colours(masks, chosen)
    colours = {code: masks.meaning["number", code][0] if numbered else code for code in chosen}
    entries = tuple(
        LabelClass(str(code) if numbered else hexadecimal(code), code, rgb(colours[code]))
        for code in chosen
    )
    dark = colours[chosen[0]] in (TRANSPARENT, 255)  # transparent, or opaque black
    background = chosen[0] == 0 if numbered else dark
    said += _proposal(chosen, pixels) if numbered and not ignored else []
    return LabelMap("palette" if numbered else "colour", entries, background, ignored), said


def _check_colours(masks: MaskStatistics, chosen: list[int]) -> None:
    if masks.lossy:
        raise DataError(
            f"mask {masks.lossy} is a JPEG, which changes colours where classes meet; save masks "
            "as PNG"
        )
    if len(chosen) < 2:
        raise DataError("all masks hold one colour only: there is nothing to learn")
    if len(chosen) > MOST_CLASSES:
        raise DataError(
            f"the masks hold {len(chosen)} colours, as smoothed edges or photographs do; save "
            "them without smoothing, or give --colours FILE with the colours of the classes"
        )


def _from_file(masks: MaskStatistics, options: MaskOptions) -> tuple[LabelMap, list[str]]:
    assert options.colours is not None
    kind, named = read_names(options.colours)
    if kind == "value":
        return _from_values(masks, options, named)
    by_name = {name.lower(): code for code, name in named}
    ignored = [code for code, name in named if name.lower() in VOID_NAMES]
    for text in options.ignore:
        code = by_name.get(text.lower())
        ignored.append(_code(text) if code is None else code)
    chosen = [(code, name) for code, name in named if code not in ignored]
    unknown = sorted(set(masks.pixels["colour"]) - {code for code, _ in named} - set(ignored))
    if unknown:
        why = f"; {masks.lossy} is a JPEG, which changes colours" if masks.lossy else ""
        raise DataError(
            f"the masks hold {len(unknown)} colours that {options.colours.name} does not name, "
            f"such as {hexadecimal(unknown[0])}{why}; add them there, or --ignore them"
        )
    if len(chosen) < 2:
        raise DataError(f"{options.colours.name} names {len(chosen)} classes, expected at least 2")
    if len(chosen) > MOST_CLASSES:
        raise DataError(f"{options.colours.name} names more than {MOST_CLASSES} classes")
    entries = tuple(LabelClass(name, code, rgb(code)) for code, name in chosen)
    # The background comes first, since class 0 is the one that means leave out.
    ground = [entry for entry in entries if entry.name.lower() in BACKGROUND_NAMES]
    entries = (*ground[:1], *(entry for entry in entries if entry not in ground[:1]))
    absent = [e.name for e in entries if e.code not in masks.pixels["colour"]]
    said = [f"no mask holds {', '.join(absent)}"] if absent else []
    return LabelMap("colour", entries, bool(ground), tuple(dict.fromkeys(ignored))), said


def _from_values(
    masks: MaskStatistics, options: MaskOptions, named: list[tuple[int, str]]
) -> tuple[LabelMap, list[str]]:
    """The label map of grey masks, or of palettes, whose values a file names."""
    assert options.colours is not None
    file = options.colours.name
    if masks.coloured and not (masks.palette and not masks.plain):
        raise DataError(
            f"{file} names values, and mask {masks.coloured} has colours; expected colours and "
            "names, such as lines 'r g b name'"
        )
    by_name = {name.lower(): value for value, name in named}
    ignored = [value for value, name in named if name.lower() in VOID_NAMES]
    ignored += [
        by_name[text.lower()] if text.lower() in by_name else _number(text, "--ignore")
        for text in options.ignore
    ]
    held = set(masks.numbers) | set(masks.pixels["grey"])
    unknown = sorted(held - {value for value, _ in named} - set(ignored))
    if unknown:
        raise DataError(
            f"the masks hold {len(unknown)} values that {file} does not name, such as "
            f"{unknown[0]}; add them there, or --ignore them"
        )
    chosen = [(value, name) for value, name in named if value not in ignored]
    if not 2 <= len(chosen) <= MOST_CLASSES:
        raise DataError(f"{file} names {len(chosen)} classes, expected 2 to {MOST_CLASSES}")
    chosen.sort(key=lambda pair: (pair[1].lower() not in BACKGROUND_NAMES, pair[0]))
    ground = chosen[0][1].lower() in BACKGROUND_NAMES
    entries = []
    for label, (value, name) in enumerate(chosen):
        known = masks.meaning.get(("number", value))
        drawn = CLASS_COLOURS[(label + (not ground)) % len(CLASS_COLOURS)]
        entries.append(LabelClass(name, value, rgb(known[0]) if known else drawn))
    absent = [name for value, name in chosen if value not in held]
    said = [f"no mask holds {', '.join(absent)}"] if absent else []
    numbered = "palette" if masks.palette else "grey"
    return LabelMap(numbered, tuple(entries), ground, tuple(dict.fromkeys(ignored))), said


def _number(text: str, option: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text.strip()):
        raise DataError(f"{option} {text!r}: expected whole numbers, as in {option} 255")
    return int(text)


def _code(text: str) -> int:
    try:
        return colour_code(text)
    except ValueError:
        raise DataError(f"--ignore {text!r}: expected a colour, as in --ignore '#e0e0c0'") from None


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
