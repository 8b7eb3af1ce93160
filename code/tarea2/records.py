"""JSON records that notice a change: written whole, with a digest of their content.

Runs, measures and the cards of models are such records. ``digest`` covers everything else in a
record and shows a change by hand; what does not fit is refused with the field named.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from tarea2.paths import replacing, short

Fields = dict[str, type | tuple[type, ...]]


class ResultError(Exception):
    """A stored result or model that is missing, stale or altered; the message says which."""


# Metadata of a field that came later: it is told only where it is not its default, so that what was
# stored before keeps its digest.
LATER = {"later": True}


def describe(spec: Any) -> tuple[str, dict]:
    """Name of a spec's class and its fields, as JSON has them."""
    told = {
        field.name: getattr(spec, field.name)
        for field in fields(spec)
        if not (field.metadata.get("later") and getattr(spec, field.name) == field.default)
    }
    return type(spec).__name__, json.loads(json.dumps(told))


def versions() -> dict[str, str]:
    """Versions that a run was made with."""
    return {"python": platform.python_version(), "torch": torch.__version__}


def hash_of(content: Any) -> str:
    """SHA-256 of something that JSON can hold."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: Path, content: dict[str, Any], fields: Fields, indent: int | None = None) -> None:
    """Complete a record with its digest, check that it has its ``fields``, and write it.

    What is undefined is ``null``: JSON knows no NaN, and no digest should hide one.
    """
    content = json.loads(json.dumps(_without_nan(content)))
    content["digest"] = digest(content)
    check(content, fields, path)
    with replacing(path) as temporary:
        text = json.dumps(content, indent=indent, ensure_ascii=False) + "\n"
        temporary.write_text(text, encoding="utf-8")


def _without_nan(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


def read(path: Path, fields: Fields) -> dict[str, Any]:
    """Read a record and check it.

    Raises
    ------
    ResultError: not JSON, a field missing, of a wrong type or altered by hand.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{short(path)} cannot be read as JSON ({error})") from None
    if not isinstance(content, dict):
        raise ResultError(f"{short(path)} holds {type(content).__name__}, expected an object")
    check(content, fields, path)
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def check(content: dict[str, Any], fields: Fields, path: Path) -> None:
    """Refuse a record that lacks a field, or whose digest is not that of its content."""
    for field, kind in (fields | {"digest": str}).items():
        if field not in content:
            raise ResultError(f"{short(path)}: field {field!r} is missing")
        if not isinstance(content[field], kind) or isinstance(content[field], bool):
            found = type(content[field]).__name__
            raise ResultError(f"{short(path)}: field {field!r} is a {found}, which it must not be")
    if content["digest"] != digest(content):
        raise ResultError(
            f"{short(path)}: field 'digest' does not match the content: it was changed by hand; "
            "restore it from git or train it again with --force"
        )


def digest(content: dict[str, Any]) -> str:
    return hash_of({field: value for field, value in content.items() if field != "digest"})
