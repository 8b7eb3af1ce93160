"""What a page hands to a piece: JSON, and the arrays in it as text."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor


class Data(str):
    """JSON for a piece; on a page it is inline code with the class ``tarea-data``."""

    def __repr__(self) -> str:
        return f"<datos de una pieza interactiva, {len(self)} caracteres>"

    def _repr_markdown_(self) -> str:
        return f"`{self}`{{.tarea-data}}"


def data(scripts: Sequence[str] = (), files: Sequence[str] = (), **content: Any) -> Data:
    """What a piece gets: ``scripts`` of ``theme/widgets`` it needs, data ``files``, its content."""
    whole = {"scripts": list(scripts), "files": list(files), **content}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=_plain)
    # Neither the end of the inline code nor that of the script element may stand in it.
    for letter in "`<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Data(text.replace("  ", " \\u0020"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def encoded_bytes(values: np.ndarray | Tensor) -> str:
    """Whole numbers up to 255 as base64, a byte each."""
    return encoded(np.asarray(values).astype(np.uint8))


def encoded_pixels(grey: np.ndarray | Tensor) -> str:
    """Grey values from 0 to 1 as base64, a byte each."""
    return encoded_bytes(np.rint(np.clip(np.asarray(grey), 0, 1) * 255))


def encoded_floats(values: np.ndarray | Tensor) -> str:
    """Numbers as base64, in ``float32``."""
    return encoded(np.asarray(values).astype("<f4"))


def encoded(values: np.ndarray) -> str:
    """An array as base64: its bytes as they lie in memory, row by row."""
    return base64.b64encode(values.tobytes()).decode()
