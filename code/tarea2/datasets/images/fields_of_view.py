"""Circles that show what a camera saw, beside masks of what is to be found: never the masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tarea2.datasets.images.picture import as_mask
from tarea2.datasets.images.picture_files import PictureFile
from tarea2.datasets.images.reading import SUFFIXES, read
from tarea2.datasets.split import DataError

# Beside the folders of vessels drawn by hand, those called mask hold circles.
MANUAL, WORDS = r"(1st_|2nd_)?manual\d?", ("mask", "fov")
LOOKED_AT = 4  # masks
DISC = np.pi / 4  # of its bounding square


def fields_of_view(files: Sequence[PictureFile]) -> list[PictureFile]:
    """Those that lie in ``mask/`` beside ``1st_manual/``, as in DRIVE and HRF: circles."""
    beside: dict[Path, bool] = {}
    for file in files:
        parent = file.path.parent
        if parent not in beside:
            named = parent.resolve().name.lower() in WORDS
            beside[parent] = named and drawn_beside(parent) is not None
    return [file for file in files if beside[file.path.parent]]


def drawn_beside(folder: Path) -> Path | None:
    """The folder ``1st_manual``, ``manual1``, … of pictures beside another, or None."""
    parent = folder.resolve().parent
    found = [
        path
        for path in sorted(parent.iterdir())
        if path.is_dir()
        and re.fullmatch(MANUAL, path.name.lower())
        and any(file.suffix.lower() in SUFFIXES for file in path.iterdir())
    ]
    return found[0] if found else None


def refuse_circles(masks: Sequence[Path]) -> None:
    """Refuse masks that show nearly the same large disc, whatever their folder is called.

    A few are looked at, those that can be read. Raises DataError.
    """
    step = max(1, len(masks) // LOOKED_AT)
    first: np.ndarray | None = None
    for path in masks[::step][:LOOKED_AT]:
        try:
            picture = as_mask(read(path))
        except DataError:
            continue  # whoever needs it says so
        if picture.coloured or not picture.values.size:
            return
        disc = picture.values > 0
        if first is None:
            first = disc
        if not _is_disc(disc) or disc.shape != first.shape:
            return
        if (disc & first).sum() < 0.95 * (disc | first).sum():
            return
    if first is not None:
        raise DataError(
            f"the masks, such as {masks[0].name}, all show nearly the same disc, as a field of "
            "view of the camera does: there is nothing to learn; give the folder of the masks "
            "that were drawn"
        )


def _is_disc(shape: np.ndarray) -> bool:
    """Whether pixels form a disc that reaches over most of the picture."""
    rows, columns = np.flatnonzero(shape.any(1)), np.flatnonzero(shape.any(0))
    if not len(rows):
        return False
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if min(height, width) < 0.7 * min(shape.shape) or abs(height / width - 1) > 0.1:
        return False
    return bool(abs(shape.sum() / (height * width) - DISC) < 0.04)
