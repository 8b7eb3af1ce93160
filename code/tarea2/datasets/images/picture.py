"""A picture that was read, and what of it counts: as a mask, or of several bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from tarea2.datasets.images.tiff import MOST_BANDS
from tarea2.datasets.split import DataError

OVERLAP = "objects of several classes overlap: the last counts"


class Drawing(Protocol):
    """A mask that is drawn from other files: the parts of one, or outlines.

    files: all that it is drawn from. names: of values, where they are known.
    """

    @property
    def files(self) -> tuple[Path, ...]: ...

    @property
    def names(self) -> tuple[tuple[int, str], ...]: ...

    def draw(self) -> Picture:
        """The mask; DataError where it cannot be drawn."""
        ...


@dataclass(frozen=True)
class Picture:
    """A picture that was read.

    values: ``(H, W)`` for grey or ``(H, W, 3)`` for colours; 8-bit, 16-bit or float, as viewers
        show them.
    alpha: ``(H, W)`` from 0 to 255, or None where everything is opaque.
    indices: ``(H, W)``, the numbers behind the colours of a palette, or behind black and white of
        one bit; else None.
    lossy: whether the file was compressed so that values differ from what was drawn.
    remarks: what was done to it, for the user to read.
    bands: ``(H, W, S)``, all that was stored, where that is more than grey, colours and alpha.
    stored: ``(H, W)``, the numbers of the file where viewers show others, as zero for white.
    """

    name: str
    values: np.ndarray
    alpha: np.ndarray | None = None
    indices: np.ndarray | None = None
    lossy: bool = False
    remarks: tuple[str, ...] = ()
    bands: np.ndarray | None = None
    stored: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def coloured(self) -> bool:
        return self.values.ndim == 3


def as_mask(picture: Picture) -> Picture:
    """A picture whose stored numbers count, not what viewers show: a mask.

    Colours of 16 bits become such of 8 where that loses nothing.

    Raises
    ------
    DataError: several bands, or colours that have more than 8 bits.
    """
    if picture.bands is not None:
        count = picture.bands.shape[2]
        raise DataError(f"mask {picture.name} has {count} bands, expected values or colours")
    if picture.stored is not None:
        told = [remark for remark in picture.remarks if not remark.startswith("zero is white")]
        remarks = (*told, "zero is white by their tag: the numbers that are stored count")
        return replace(picture, values=picture.stored, stored=None, remarks=remarks)
    values = picture.values
    if not picture.coloured or values.dtype == np.uint8:
        return picture
    if (values == values[..., :1]).all():
        return replace(picture, values=values[..., 0])
    if values.dtype == np.uint16 and (values % 257 == 0).all():
        return replace(picture, values=(values // 257).astype(np.uint8))
    if values.max() <= 255 and (values == np.rint(values)).all():
        return replace(picture, values=values.astype(np.uint8))
    raise DataError(f"mask {picture.name} has colours of more than 8 bits; save it with 8")


def with_bands(picture: Picture, bands: Sequence[int]) -> Picture:
    """A picture of other bands, numbered from 1: one becomes grey, three red, green and blue.

    Raises DataError where it has fewer. A transparent picture's last band is its transparency.
    """
    samples = picture.bands
    if samples is None:
        samples = picture.values if picture.coloured else picture.values[..., None]
        if picture.alpha is not None and max(bands) == samples.shape[2] + 1:
            deep = samples.dtype != np.uint8
            alpha = picture.alpha.astype(samples.dtype) * (257 if deep else 1)
            samples = np.concatenate([samples, alpha[..., None]], axis=2)
    if max(bands) > samples.shape[2]:
        raise DataError(
            f"{picture.name} has {samples.shape[2]} bands, and --bands "
            f"{','.join(map(str, bands))} asks for number {max(bands)}"
        )
    chosen = samples[..., [band - 1 for band in bands]]
    told = [remark for remark in picture.remarks if "--bands" not in remark]
    return Picture(
        picture.name, chosen if len(bands) == 3 else chosen[..., 0], None, None, picture.lossy,
        (*told, f"bands {', '.join(map(str, bands))} of {samples.shape[2]} are used"),
    )  # fmt: skip


def parse_bands(text: str | None) -> tuple[int, ...]:
    """``4,1,2`` as numbers; empty where nothing is wished."""
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not part.isdecimal() or not 1 <= int(part) <= MOST_BANDS]
    if wrong or len(parts) not in (1, 3):
        raise DataError(
            f"--bands {text!r}: expected one number, or three for red, green and blue, from 1 on"
        )
    return tuple(map(int, parts))
