"""labelme's JSON, one file for each image: its shapes drawn by labelme's own rules.

As labelme 6.3's ``shape_to_mask`` and ``shapes_to_label`` draw them: in the order of the file, so
that a later shape covers an earlier one; lines are 10 pixels wide, points have a radius of 5.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from tarea2.datasets.images.picture import OVERLAP, Picture
from tarea2.datasets.split import DataError
from tarea2.paths import reason

LINE, POINT = 10, 5  # pixels: width and radius
BACKGROUND = "_background_"  # labelme's name for what is no class


@dataclass(frozen=True, eq=False)
class LabelmeShapes:
    """The shapes of one image; ``names``: of the values that stand for their labels."""

    path: Path
    image: Path
    content: dict[str, Any]
    names: tuple[tuple[int, str], ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def draw(self) -> Picture:
        """The mask ``(H, W)`` of 8 bits; DataError for a shape that cannot be drawn."""
        value_of = {name: value for value, name in self.names} | {BACKGROUND: 0}
        whole = np.zeros(self._size(), np.uint8)
        overlap = False
        for number, shape in enumerate(self.content["shapes"], 1):
            try:
                covered = _drawn(shape, whole.shape)
            except Exception as error:  # whatever stands in a file that people edit
                raise DataError(
                    f"{self.path.name}: shape {number} cannot be drawn ({reason(error)})"
                ) from None
            value = value_of[shape["label"]]
            overlap |= bool((covered & (whole != 0) & (whole != value)).any())
            whole[covered] = value
        return Picture(f"of {self.image.name}", whole, remarks=(OVERLAP,) if overlap else ())

    def _size(self) -> tuple[int, int]:
        sides = self.content.get("imageHeight"), self.content.get("imageWidth")
        if all(isinstance(side, int) and side > 0 for side in sides):
            return sides  # type: ignore[return-value]  # both are numbers
        with Image.open(self.image) as opened:
            turned = ImageOps.exif_transpose(opened)
            return turned.height, turned.width


def is_labelme(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def labels(path: Path, content: dict[str, Any]) -> list[str]:
    """The labels of a file's shapes; DataError where one has none."""
    found = [shape.get("label") if isinstance(shape, dict) else None for shape in content["shapes"]]
    if not all(isinstance(label, str) for label in found):
        raise DataError(f"{path.name}: shape {found.index(None) + 1} has no label")
    return [label for label in found if label is not None]


def _drawn(shape: dict[str, Any], size: tuple[int, ...]) -> np.ndarray:
    """Where one shape covers the image, ``(H, W)``."""
    kind = shape.get("shape_type") or "polygon"
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "mask":
        return _embedded(shape["mask"], points, size)
    mask = Image.new("L", (size[1], size[0]))
    draw = ImageDraw.Draw(mask)
    if kind in ("line", "linestrip"):
        draw.line(points, fill=1, width=LINE)
    elif kind in ("polygon", "oriented_rectangle"):
        if len(points) < 3:
            raise ValueError("a polygon of fewer than 3 points")
        draw.polygon(points, outline=1, fill=1)
    elif kind == "rectangle":
        draw.rectangle(_box(points), outline=1, fill=1)
    elif kind == "circle":
        centre, rim = points
        _disc(draw, centre, math.dist(centre, rim))
    elif kind in ("point", "points"):
        for point in points:
            _disc(draw, point, POINT)
    else:
        raise ValueError(f"a shape of the kind {kind!r} is not known")
    return np.array(mask, dtype=bool)


def _box(points: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = points
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _disc(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=1, fill=1)


def _embedded(
    packed: str, points: Sequence[tuple[float, float]], size: tuple[int, ...]
) -> np.ndarray:  # fmt: skip
    """A mask that the file holds as a PNG, between two corners."""
    with Image.open(io.BytesIO(base64.b64decode(packed)), formats=["PNG"]) as opened:
        part = np.asarray(opened.convert("L")) > 0
    whole = np.zeros(size, dtype=bool)
    (x0, y0), (x1, y1) = ((int(x), int(y)) for x, y in points)
    whole[y0 : y1 + 1, x0 : x1 + 1] = part
    return whole
