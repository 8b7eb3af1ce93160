"""How a picture becomes what a network takes: the same when it trains and when it predicts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from tarea2.datasets.images.picture import Picture, with_bands
from tarea2.datasets.split import IGNORED, DataError

SIZE_DIVISOR = 16  # height and width: what all networks of the study halve without a rest
LARGEST_SIDE = 2048  # pixels that a network is given at once


@dataclass(frozen=True)
class Preprocessing:
    """What is done to every image of a data set.

    colours: three channels instead of one. scale: what stands for white where there are more than
    8 bits. size: height and width that images are brought to, or None. bands: those of a picture
    that are taken, numbered from 1; empty: grey, or red, green and blue.
    """

    colours: bool = False
    scale: float = 255.0
    size: tuple[int, int] | None = None
    bands: tuple[int, ...] = ()

    def describe(self) -> dict[str, Any]:
        """As JSON has it; bands only where they were chosen, as cards without them are older."""
        described = asdict(self) | {"size": list(self.size) if self.size else None}
        bands = list(described.pop("bands"))
        return described | ({"bands": bands} if bands else {})

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> Preprocessing:
        size = described["size"]
        return cls(
            described["colours"], described["scale"], tuple(size) if size else None,
            tuple(described.get("bands", ())),
        )  # fmt: skip

    def image(self, picture: Picture) -> np.ndarray:
        """``(1 or 3, H, W)`` of 8 bits, of the size that is wished, not padded.

        Transparency is dropped; grey from colours is the luma of ITU-R 601.
        """
        values = (with_bands(picture, self.bands) if self.bands else picture).values
        if values.dtype != np.uint8:
            share = np.clip(values.astype(np.float32) / np.float32(self.scale), 0, 1)
            values = np.rint(share * 255).astype(np.uint8)
        drawn = Image.fromarray(values).convert("RGB" if self.colours else "L")
        if self.size is not None:
            drawn = _resized(drawn, self.size)
        found = np.asarray(drawn)
        return found.transpose(2, 0, 1) if self.colours else found[None]

    def mask(self, classes: np.ndarray) -> np.ndarray:
        """Classes at the size that is wished: those of the nearest pixels."""
        if self.size is None:
            return classes
        height, width = self.size
        return np.asarray(
            Image.fromarray(classes).resize((width, height), Image.Resampling.NEAREST)
        )


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Means over areas where a picture shrinks, between neighbours where it grows."""
    height, width = size
    for axis, wanted in ((0, width), (1, height)):
        sides = list(picture.size)
        shrinks, sides[axis] = wanted < sides[axis], wanted
        way = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
        picture = picture.resize((sides[0], sides[1]), way)
    return picture


def padded(values: np.ndarray, multiple: int = SIZE_DIVISOR, least: int = 0) -> np.ndarray:
    """Height and width (the last axes) made a multiple, and at least so large.

    Images go on with the values at their edge; masks, ``(H, W)``, with pixels that do not count.
    """
    missing = [
        max(math.ceil(side / multiple) * multiple, least) - side for side in values.shape[-2:]
    ]
    if not any(missing):
        return values
    if values.ndim == 2:
        return np.pad(values, [(0, m) for m in missing], constant_values=IGNORED)
    return np.pad(values, [(0, 0), *((0, m) for m in missing)], mode="edge")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``240x320`` as height and width in pixels."""
    if text is None:
        return None
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
        raise DataError(f"--size {text!r}: expected height x width, such as 240x320")
    height, width = (int(part) for part in parts)
    if not all(SIZE_DIVISOR <= side <= LARGEST_SIDE for side in (height, width)):
        raise DataError(
            f"--size {text!r}: expected both from {SIZE_DIVISOR} to {LARGEST_SIDE} pixels"
        )
    return height, width
