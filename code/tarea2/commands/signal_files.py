"""Signals in a file as people save them: CSV in the form of any spreadsheet, or NumPy's .npy.

Spanish spreadsheets save ``0,5;1,25``, others ``0.5,1.25`` or tabs; some write a header or number
the rows. What can be told is read and said, what could mean two things is refused with its line.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tarea2.datasets.images.reading import check_file
from tarea2.datasets.split import DataError
from tarea2.paths import reason

SUFFIXES = (".csv", ".tsv", ".txt", ".npy")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_SEPARATORS = (";", "\t", ",", " ")  # in the order in which they are believed


@dataclass(frozen=True)
class Signals:
    """values: ``(n, length)``; remarks: what was decided while reading."""

    values: np.ndarray
    remarks: tuple[str, ...] = ()


def read_signals(path: Path, length: int) -> Signals:
    """Read signals of ``length`` values, one per line or row.

    Raises
    ------
    DataError: a file that cannot be read or is too large, a wrong length, a value that is no
        finite number, numbers that could mean two things; the message names line and value.
    """
    check_file(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path.name} ends in {path.suffix!r}, expected .csv or .npy")
    found = _read_npy(path) if suffix == ".npy" else _read_text(path, length)
    shape = found.values.shape
    if found.values.ndim != 2 or shape[1] != length or not shape[0]:
        turned = " (transposed: a signal per column?)" if shape[:1] == (length,) else ""
        raise DataError(
            f"{path.name} holds an array of shape {shape}, expected one signal of {length} "
            f"values per line{turned}"
        )
    bad = np.flatnonzero(~np.isfinite(found.values).all(1))
    if len(bad):
        raise DataError(f"{path.name}: signal {bad[0] + 1} holds NaN or infinity")
    return found


def _read_npy(path: Path) -> Signals:
    try:
        values = np.load(path, allow_pickle=False)
    except Exception as error:  # whatever a damaged header makes of NumPy's reader
        raise DataError(f"{path.name} cannot be read as numbers ({reason(error)})") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise DataError(f"{path.name} holds something that is no number")
    return Signals(np.atleast_2d(values).astype(float))


def _read_text(path: Path, length: int) -> Signals:
    lines = [
        (number, line)
        for number, line in enumerate(_decoded(path).splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise DataError(f"{path.name} cannot be read as numbers: it is empty")
    separator = _separator(lines, length)
    remarks = []
    rows = [(number, _fields(line, separator)) for number, line in lines]
    if any(fields[-1] == "" for _, fields in rows) and all(
        fields[-1] == "" and len(fields) > length for _, fields in rows
    ):
        rows = [(number, fields[:-1]) for number, fields in rows]  # each line ends in a separator
    number, first = rows[0]
    if not any(_NUMBER.fullmatch(field) for field in first):
        remarks.append(f"line {number} is a header of names")
        rows = rows[1:]
    elif _counts_up(first) and len(first) >= length:
        remarks.append(f"line {number} counts in equal steps: a header, no signal")
        rows = rows[1:]
    if rows and all(len(fields) == length + 1 for _, fields in rows):
        if not _counts_up([fields[0] for _, fields in rows]):
            raise DataError(
                f"{path.name} holds {length + 1} values per line, expected one signal of {length}; "
                "remove the column that is no part of the signal"
            )
        remarks.append("the first column numbers the lines and is left out")
        rows = [(number, fields[1:]) for number, fields in rows]
    if not rows:
        raise DataError(f"{path.name} holds a header and no signal")
    comma = _decimal_comma(path, rows, separator)
    if comma:
        remarks.append("decimal comma")
    values = [_values(path, number, fields, length) for number, fields in rows]
    return Signals(np.array(values), tuple(remarks))


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror})") from None
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # what spreadsheets call Unicode text
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # an accent in a header; digits are the same
    if "\0" in text:
        raise DataError(f"{path.name} cannot be read as numbers: it is no text")
    return text.removeprefix("\ufeff")


def _separator(lines: list[tuple[int, str]], length: int) -> str:
    """The separator that gives the last line as many values as a signal, else the commonest."""
    counts = {s: len([f for f in _fields(lines[-1][1], s) if f != ""]) for s in _SEPARATORS}
    for separator, count in counts.items():
        if count in (length, length + 1):
            return separator
    return max(counts, key=lambda separator: counts[separator])


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator))]
    except csv.Error:
        return [line]


def _number(field: str) -> float:
    return float(field.replace(",", "."))


def _counts_up(fields: list[str]) -> bool:
    """Whether numbers rise in equal steps, from one to the next: no signal does."""
    named = fields[1:] if fields and fields[0] == "" else fields  # a corner without a name
    if len(named) < 2:
        return [f for f in named if f in ("0", "1")] == named and len(named) > 0
    if not all(_NUMBER.fullmatch(field) for field in named):
        return False
    steps = np.diff([_number(field) for field in named])
    return bool(steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=1e-12))


def _decimal_comma(path: Path, rows: list[tuple[int, list[str]]], separator: str) -> bool:
    """Whether the comma is decimal; refuses a file in which point and comma both occur."""
    comma = point = None
    for number, fields in rows:
        for place, field in enumerate(fields, 1):
            if "," in field:
                comma = comma or (number, place, field)
            if "." in field:
                point = point or (number, place, field)
    if comma and point:
        raise DataError(
            f"{path.name}, line {comma[0]}, value {comma[1]}: {comma[2]!r} has a comma and "
            f"{point[2]!r} in line {point[0]} a point; use one of them as the decimal sign"
        )
    return comma is not None


def _values(path: Path, number: int, fields: list[str], length: int) -> list[float]:
    for place, field in enumerate(fields, 1):
        where = f"{path.name}, line {number}, value {place}"
        if field == "":
            raise DataError(f"{where} is empty; expected a number")
        if _NOT_FINITE.fullmatch(field):
            raise DataError(f"{where} is {field}: signals hold finite numbers only")
        if not _NUMBER.fullmatch(field):
            shown = field if len(field) <= 20 else field[:20] + "…"
            raise DataError(f"{where}: {shown!r} is no number")
        if not np.isfinite(_number(field)):
            raise DataError(f"{where}: {field!r} is too large a number")
    if len(fields) != length:
        raise DataError(
            f"{path.name}, line {number} holds {len(fields)} values, expected one signal of "
            f"{length}"
        )
    return [_number(field) for field in fields]
