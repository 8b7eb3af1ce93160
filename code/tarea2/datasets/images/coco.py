"""COCO's JSON, one file for many images: outlines and run lengths, drawn by pycocotools."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from tarea2.datasets.images.picture import OVERLAP, Picture
from tarea2.datasets.split import DataError
from tarea2.paths import reason


@dataclass(frozen=True, eq=False)
class CocoObjects:
    """The objects of one image, in the order of the file.

    size: height and width. objects: what stands for the class of each, and its segmentation.
    names: of the values.
    """

    path: Path
    name: str
    size: tuple[int, int]
    objects: tuple[tuple[int, Any], ...]
    names: tuple[tuple[int, str], ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def draw(self) -> Picture:
        """The mask ``(H, W)`` of 8 or 16 bits; DataError for what cannot be drawn."""
        large = max((value for value, _ in self.names), default=0) > 255
        whole = np.zeros(self.size, np.uint16 if large else np.uint8)
        overlap = False
        for value, segmentation in self.objects:
            try:
                with warnings.catch_warnings():  # what pycocotools 2.0 asks NumPy 2 for is dated
                    warnings.simplefilter("ignore", DeprecationWarning)
                    covered = _drawn(segmentation, self.size)
            except Exception as error:  # whatever stands in a file that programs write
                raise DataError(
                    f"{self.path.name}: an object of {self.name} cannot be drawn ({reason(error)})"
                ) from None
            overlap |= bool((covered & (whole != 0) & (whole != value)).any())
            whole[covered] = value
        return Picture(f"of {self.name}", whole, remarks=(OVERLAP,) if overlap else ())


def is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(part), list) for part in ("images", "annotations", "categories")
    )


def categories(contents: dict[Path, dict[str, Any]]) -> tuple[dict[Path, int], dict[int, str]]:
    """What to add to the numbers of each file's categories, and the names of what comes out.

    Numbers stay as they are, unless an object has number 0, which here is what no object covers:
    then all grow by one.

    Raises DataError where two files number their categories differently.
    """
    used = {
        annotation["category_id"] for content in contents.values()
        for annotation in content["annotations"]
    }  # fmt: skip
    shift, names = int(0 in used), dict[int, str]()
    for path, content in contents.items():
        for category in content["categories"]:
            number, name = category["id"], str(category["name"])
            if number in used and names.setdefault(number + shift, name) != name:
                raise DataError(
                    f"{path.name} calls category {number} {name!r}, and another file "
                    f"{names[number + shift]!r}; give files with the same categories"
                )
    return dict.fromkeys(contents, shift), names


def objects_of(
    path: Path, content: dict[str, Any], shift: int, names: dict[int, str]
) -> tuple[dict[str, CocoObjects], list[str]]:  # fmt: skip
    """The objects of each image, by its ``file_name``, and what is to be told.

    Raises DataError where objects have boxes only, or the file is not as COCO's are.
    """
    found: dict[int, list[tuple[int, Any]]] = {}
    boxes = 0
    try:
        for annotation in content["annotations"]:
            segmentation = annotation.get("segmentation")
            if not segmentation:
                boxes += 1
                continue
            value = annotation["category_id"] + shift
            if value not in names:
                raise DataError(f"{path.name} has objects of category {value - shift} without name")
            found.setdefault(annotation["image_id"], []).append((value, segmentation))
        known = ((0, "background"), *sorted(names.items()))
        images = {
            record["file_name"]: CocoObjects(
                path, record["file_name"], (int(record["height"]), int(record["width"])),
                tuple(found.get(record["id"], ())), known,
            )
            for record in content["images"]
        }  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path.name} is not as COCO's files are ({reason(error)})") from None
    doubled = [
        name for name, n in Counter(r["file_name"] for r in content["images"]).items() if n > 1
    ]
    if doubled:
        raise DataError(f"{path.name} names {doubled[0]} twice")
    if boxes and not found:
        raise DataError(f"{path.name} holds boxes and no outlines: there is nothing to learn from")
    told = [f"{path.name}: {boxes} objects have a box only and are left out"] if boxes else []
    return images, told


def _drawn(segmentation: Any, size: tuple[int, int]) -> np.ndarray:
    """Where one object covers the image, ``(H, W)``."""
    height, width = size
    if isinstance(segmentation, dict):
        if list(segmentation["size"]) != [height, width]:
            raise ValueError(f"its run lengths are those of {segmentation['size']}")
        packed = segmentation
        if isinstance(segmentation["counts"], list):
            packed = coco.frPyObjects(segmentation, height, width)
        return coco.decode(packed).astype(bool)
    # Four numbers would count as a box.
    if any(len(polygon) < 6 or len(polygon) % 2 for polygon in segmentation):
        raise ValueError("an outline of fewer than 3 points")
    return coco.decode(coco.merge(coco.frPyObjects(segmentation, height, width))).astype(bool)
