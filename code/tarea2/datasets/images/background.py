"""Which class of the masks is the background, the one that no mean of scores includes.

Objects are drawn as 255 on 0 or as 0 on 255: where two classes leave it open, it is asked.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np

from tarea2.datasets.images.label_map import (
    CLASS_COLOURS,
    LabelClass,
    LabelMap,
    colour_code,
    rgb,
)
from tarea2.datasets.split import DataError

BACKGROUND_NAMES = ("background", "_background_", "__background__", "fondo", "bg")
NONE = "none"


def with_background(label_map: LabelMap, wished: str) -> LabelMap:
    """The label map with the class that is ``wished`` as background, which comes first.

    ``wished``: a class's value, palette number, colour (``#rrggbb`` or a CSS name) or name, or
    ``none`` where every class counts.

    Raises DataError where no class is meant.
    """
    entries = label_map.entries
    if wished.strip().lower() == NONE:
        return replace(label_map, entries=_recoloured(label_map.kind, entries, 1), background=False)
    meant = [entry for entry in entries if _is_meant(label_map.kind, entry, wished.strip())]
    if len(meant) != 1:
        names = ", ".join(entry.name for entry in entries[:8]) + (", …" if len(entries) > 8 else "")
        problem = "is several" if meant else "is none"
        raise DataError(
            f"--background {wished!r} {problem} of the classes; expected one of {names}, or {NONE}"
        )
    entries = (meant[0], *(entry for entry in entries if entry != meant[0]))
    return replace(label_map, entries=_recoloured(label_map.kind, entries, 0), background=True)


def _is_meant(kind: str, entry: LabelClass, wished: str) -> bool:
    if entry.name.lower() == wished.lower():
        return True
    if kind != "colour" and wished.isdecimal():
        return entry.code == int(wished)
    if kind == "grey":
        return False
    try:
        code = colour_code(wished)
    except ValueError:
        return False
    return entry.code == code if kind == "colour" else entry.colour == rgb(code)


def _recoloured(kind: str, entries: tuple[LabelClass, ...], first: int) -> tuple[LabelClass, ...]:
    """Grey classes in the colours of figures, of which the first is for background."""
    if kind != "grey":
        return entries
    return tuple(
        replace(entry, colour=CLASS_COLOURS[(label + first) % len(CLASS_COLOURS)])
        for label, entry in enumerate(entries)
    )


def refuse_unclear(label_map: LabelMap, pixels: np.ndarray, values: bool) -> None:
    """Refuse a background that nobody named and that the masks leave open.

    That is so where it is the smaller one of two classes, and where a user's ``values`` hold 0,
    but not first. ``pixels``: of each class, ``(K,)``.

    Raises DataError with the share of each class in question, and the options.
    """
    entries = label_map.entries
    codes = [entry.code for entry in entries]
    named = entries[0].name.lower() in BACKGROUND_NAMES
    smaller = len(entries) == 2 and label_map.background and pixels[0] < pixels[1] and not named
    zero = codes.index(0) if values and 0 in codes else 0
    if not smaller and not zero:
        return
    two = (0, zero or 1)
    shares = " and ".join(
        f"{entries[k].name} covers {100 * pixels[k] / max(1, pixels.sum()):.3g} %" for k in two
    )
    options = " or ".join(f"--background {shlex.quote(entries[k].name)}" for k in two)
    raise DataError(
        f"which class is the background, and which the objects? {shares} of the masks' pixels; "
        f"give {options}, or --background {NONE} where both are objects"
    )
