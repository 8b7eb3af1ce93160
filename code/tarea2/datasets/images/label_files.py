"""Files that name classes, as tools write them: by colour, by value, or in the order of values."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

from tarea2.datasets.images.label_map import read_colours
from tarea2.datasets.split import DataError
from tarea2.paths import reason

Names = list[tuple[int, str]]
LABELMAP = re.compile(r"(?P<name>[^:]+):(?P<colour>\d{1,3},\d{1,3},\d{1,3})?:[^:]*:[^:]*")
IGNORED_NAMES = ("__ignore__", "_ignore_")  # labelme's first label, which stands for no value
LARGEST = 65_535


def read_names(path: Path) -> tuple[str, Names]:
    """What names stand for, ``colour`` or ``value``, and the code or value of each.

    Read are lines ``r g b name`` or ``value name``, also as CSV (CamVid, Roboflow's
    ``_classes.csv``); CVAT's and datumaro's ``labelmap.txt``; a name a line, from 0 on (labelme's
    ``class_names.txt``); datumaro's ``dataset_meta.json`` and nnU-Net's ``dataset.json``.

    Raises DataError with what does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read as a list of colours or values ({reason(error)})"
        ) from None
    if path.suffix.lower() == ".json":
        return _from_json(path, text)
    lines = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith(("#", "//"))
    ]
    labelmap = [LABELMAP.fullmatch(line) for line in lines]
    if lines and all(labelmap):
        return _from_labelmap(path, [found for found in labelmap if found])
    numbers = [sum(cell.isdecimal() for cell in _cells(line)) for line in lines]
    if len(lines) > 1 and not any(numbers):
        names = [line for line in lines if line not in IGNORED_NAMES]
        return "value", _checked(path, list(enumerate(names)))
    if numbers and numbers[-1] == 1:
        return "value", _checked(path, [
            _value(path, line) for line, count in zip(lines, numbers, strict=True)
            if count or line != lines[0]  # a header
        ])  # fmt: skip
    return "colour", read_colours(path)


def _cells(line: str) -> list[str]:
    cells = next(csv.reader([line])) if "," in line else re.split(r"[\t ;]+", line)
    return [cell.strip() for cell in cells if cell.strip()]


def _value(path: Path, line: str) -> tuple[int, str]:
    cells = _cells(line)
    place = 0 if cells[0].isdecimal() else len(cells) - 1
    name = " ".join(cell for index, cell in enumerate(cells) if index != place)
    if not cells[place].isdecimal() or not name:
        raise DataError(f"{path.name}: {line!r} is no value and name; expected such as '1 cell'")
    return int(cells[place]), name


def _from_labelmap(path: Path, lines: list[re.Match[str]]) -> tuple[str, Names]:
    coloured = [line for line in lines if line["colour"]]
    names = [line["name"].strip() for line in lines]
    if not coloured:
        return "value", _checked(path, list(enumerate(names)))
    if len(coloured) < len(lines):
        (lacking, *_) = (line["name"] for line in lines if not line["colour"])
        raise DataError(f"{path.name}: {lacking} has no colour, and others do; add it")
    return "colour", _checked(
        path, [(_code(path, line["colour"].split(",")), line["name"].strip()) for line in lines]
    )


def _from_json(path: Path, text: str) -> tuple[str, Names]:
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path} cannot be read as JSON ({reason(error)})") from None
    known = content if isinstance(content, dict) else {}
    labels = known.get("label_map") or known.get("labels")
    colours = known.get("segmentation_colors")
    if not isinstance(labels, dict) or not labels:
        raise DataError(
            f"{path.name} names no classes: expected label_map, as datumaro writes it, or labels, "
            "as nnU-Net does"
        )
    found: Names = []
    for key, value in labels.items():  # {"0": "background"} or {"background": 0}
        number, name = (key, value) if str(key).isdecimal() else (value, key)
        if not str(number).isdecimal() or not isinstance(name, str):
            raise DataError(f"{path.name}: {key!r}: {value!r} is no value and name")
        found.append((int(number), name))
    if not colours:
        return "value", _checked(path, found)
    if not isinstance(colours, list) or len(colours) != len(found):
        raise DataError(f"{path.name} names {len(found)} classes and other colours than these")
    ordered = sorted(found)
    return "colour", _checked(
        path, [(_code(path, of), name) for of, (_, name) in zip(colours, ordered, strict=True)]
    )


def _code(path: Path, colour: Any) -> int:
    try:
        red, green, blue = (int(part) for part in colour)
        bytes((red, green, blue))
    except (TypeError, ValueError):
        raise DataError(f"{path.name}: {colour!r} is no colour of three values to 255") from None
    return red << 24 | green << 16 | blue << 8 | 255


def _checked(path: Path, found: Names) -> Names:
    """Each value or colour, and each name, once."""
    columns: dict[str, list[Any]] = {
        "value or colour": [code for code, _ in found], "name": [name for _, name in found],
    }  # fmt: skip
    for kind, of in columns.items():
        twice = next((one for one in of if of.count(one) > 1), None)
        if twice is not None:
            raise DataError(f"{path.name} has the {kind} {twice} twice")
    return found
