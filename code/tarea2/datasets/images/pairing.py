"""Which mask belongs to which image: by name, by relative path, by a prefix or a suffix."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarea2.datasets.images.annotations import Annotated, annotated, json_files
from tarea2.datasets.images.fields_of_view import (
    drawn_beside,
    fields_of_view,
    refuse_circles,
)
from tarea2.datasets.images.matching import match, without_channel
from tarea2.datasets.images.picture import Drawing
from tarea2.datasets.images.picture_files import (
    LABEL_STUDIO,
    SPLIT_WORDS,
    PictureFile,
    below,
    parted,
    refuse_doubles,
    shown,
)
from tarea2.datasets.images.reading import SUFFIXES
from tarea2.datasets.images.united import united
from tarea2.datasets.split import DataError

__all__ = ["SPLIT_WORDS", "Pair", "find_pairs", "shown"]

# Of Cityscapes' pictures of one scene, the first of these that is there.
CITYSCAPES = r"(?i)(.+_gt(?:fine|coarse))_(labelids|labeltrainids|color|instanceids)"
CITYSCAPES_ORDER = ("labelids", "labeltrainids", "color", "instanceids")


@dataclass(frozen=True)
class Pair:
    """An image and its mask; ``name`` is the image's path below its folder, in NFC.

    ``split`` is that of a folder (``train``, ``trainannot``, …) that holds it, or None.
    ``drawing``: what the mask is drawn from, where it is more than the file ``mask``.
    """

    image: Path
    mask: Path
    name: str
    split: str | None
    drawing: Drawing | None = None

    @property
    def mask_name(self) -> str:
        """What the mask is called: its file, or the image that it is drawn for."""
        return f"of {self.name}" if self.drawing else self.mask.name

    @property
    def names(self) -> tuple[tuple[int, str], ...]:
        """Values of the mask and what they mean, where that is known beside it."""
        return self.drawing.names if self.drawing else ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it is read from."""
        return (self.image, *(self.drawing.files if self.drawing else (self.mask,)))


def find_pairs(
    images: Path, masks: Path, allow_missing: bool = False
) -> tuple[list[Pair], list[str]]:
    """Pair the images below one folder with the masks below another, which may be the same.

    Returns
    -------
    The pairs in the order of their names, and what was decided, for the user to read.

    Raises
    ------
    DataError: a folder that is none or holds no picture, two files of one name, an image without
        a mask or a mask without an image (unless ``allow_missing``), an image with several masks
        that are no parts of one, fields of view for masks.
    """
    outlines = _outlines(images, masks)
    if outlines is not None:
        return _outlined(*outlines, images, masks, allow_missing)
    decided: list[str] = []
    pictures, drawn = _sides(images, masks, decided)
    matches, way = match(pictures, drawn)
    sides = f" (images such as {_two(pictures)}; masks such as {_two(drawn)})"
    if not matches:
        _explain(pictures, drawn, masks, sides)
    if way:
        decided.append(f"masks are found {way}")
    drawings: Mapping[PictureFile, Drawing] = {}
    if any(len(found) > 1 for found in matches.values()):
        drawings, said = united(matches)
        decided.append(said)
    taken = {file for group in matches.values() for file in group}
    for files, known, what, other, folder in (
        (pictures, set(matches), "image", "mask", masks),
        (drawn, taken, "mask", "image", images),
    ):
        lost = [file.name for file in files if file not in known]
        if lost and not (allow_missing and matches):
            raise DataError(
                f"{len(lost)} of {len(files)} {what}s have no {other} in {folder}: {shown(lost)}; "
                f"add them, or leave these {what}s out with --allow-missing{sides}"
            )
        if lost:
            decided.append(
                f"left out, for want of {'a' if other == 'mask' else 'an'} {other}: {len(lost)} "
                f"{what}s: {shown(lost)}"
            )
    refuse_circles([group[0].path for group in matches.values()])
    pairs = [
        Pair(
            image.path, group[0].path, image.name, image.split or group[0].split,
            drawings.get(image),
        )
        for image, group in matches.items()
    ]  # fmt: skip
    return sorted(pairs, key=lambda pair: pair.name), decided


def _outlines(images: Path, masks: Path) -> tuple[list[PictureFile], Annotated] | None:
    """Images and what JSON files say about them, where these stand in for pictures of masks."""
    files = json_files(masks)
    if masks.is_file() and not files:
        raise DataError(f"{masks} is a file, expected a folder of masks, or a JSON of COCO")
    if not files or not images.is_dir():
        return None
    pictures = below(images, "images", [])
    if images.resolve() == masks.resolve():
        if parted(pictures)[1]:
            return None
    elif masks.is_dir():
        others = [path for path in masks.rglob("*") if path.suffix.lower() in SUFFIXES]
        known = {file.path.resolve() for file in pictures}
        if any(path.resolve() not in known for path in others):
            return None
    found = annotated(files, pictures)
    if found is None and masks.is_file():
        raise DataError(f"{masks.name} is no JSON of COCO or labelme: it holds no outlines")
    return (pictures, found) if found else None


def _outlined(
    pictures: list[PictureFile], found: Annotated, images: Path, masks: Path, allow_missing: bool
) -> tuple[list[Pair], list[str]]:  # fmt: skip
    """The pairs of images and outlines; as :func:`find_pairs`."""
    refuse_doubles(pictures)
    decided, drawings = list(found.told), found.drawings
    sides = f" (images such as {_two(pictures)}; there such as {' and '.join(found.named[:2])})"
    lost = [file.name for file in pictures if file not in drawings]
    for names, said, what in (
        (lost, f"images are not named in {masks}", "an image without outlines"),
        (found.spare, f"images that {masks} names are not in {images}", "what is not there"),
    ):
        if names and not (allow_missing and drawings):
            raise DataError(
                f"{len(names)} {said}: {shown(names)}; add them, or leave out {what} with "
                f"--allow-missing{sides}"
            )
        if names:
            decided.append(f"left out: {len(names)} {said}: {shown(names)}")
    pairs = [
        Pair(file.path, path, file.name, file.split or split, drawing)
        for file, (path, split, drawing) in drawings.items()
    ]
    return sorted(pairs, key=lambda pair: pair.name), decided


def _sides(
    images: Path, masks: Path, decided: list[str]
) -> tuple[list[PictureFile], list[PictureFile]]:
    """The pictures that are images and those that are masks, each of its own name."""
    if images.resolve() == masks.resolve():
        pictures, drawn = parted(below(images, "pictures", decided))
        if not pictures or not drawn:
            names = ", ".join(file.name for file in (pictures or drawn)[:2])
            raise DataError(
                f"{images} is given for images and masks, but its names tell none apart, such as "
                f"{names}; give two folders, or end the names of masks in _mask"
            )
    else:
        # Masks may lie in a folder within that of the images, or the other way round.
        pictures = [f for f in below(images, "images", decided) if not _within(f, masks, images)]
        drawn = [f for f in below(masks, "masks", decided) if not _within(f, images, masks)]
    views = {*fields_of_view(pictures), *fields_of_view(drawn)}
    if views:
        pictures = [file for file in pictures if file not in views]
        left = [file for file in drawn if file not in views]
        if drawn and not left:
            folder = drawn[0].path.parent
            raise DataError(
                f"{folder} holds circles, the fields of view of the camera, no masks to learn "
                f"from; these are in {drawn_beside(folder)}: give that to --masks"
            )
        drawn = left
        circles = sorted(file.name for file in views)
        decided.append(
            f"left out, as fields of view of the camera: {len(circles)} pictures: {shown(circles)}"
        )
    drawn = _of_cityscapes(drawn, decided)
    refuse_doubles(pictures)
    refuse_doubles(drawn)
    return pictures, drawn


def _within(file: PictureFile, folder: Path, other: Path) -> bool:
    """Whether a file lies in the one folder, which itself lies in the other."""
    inner = folder.resolve()
    return inner.is_relative_to(other.resolve()) and file.path.resolve().is_relative_to(inner)


def _of_cityscapes(drawn: list[PictureFile], decided: list[str]) -> list[PictureFile]:
    """Of several pictures of one scene, ``…_gtFine_labelIds`` and the like, the one of classes."""
    best: dict[tuple, tuple[int, PictureFile]] = {}
    kept = []
    for file in drawn:
        found = re.fullmatch(CITYSCAPES, file.stem)
        if found is None:
            kept.append(file)
            continue
        rank, key = CITYSCAPES_ORDER.index(found[2].lower()), (file.path.parent, found[1])
        if key not in best or rank < best[key][0]:
            best[key] = rank, file
    chosen = {file for _, file in best.values()}
    others = sorted(f.name for f in drawn if f not in chosen and f not in set(kept))
    if others:
        decided.append(
            f"left out, as other pictures of the same masks: {len(others)}: {shown(others[:3])}"
        )
    return [file for file in drawn if file in chosen or file in set(kept)]


def _two(files: Sequence[PictureFile]) -> str:
    return " and ".join(file.name for file in files[:2])


def _explain(
    pictures: list[PictureFile], drawn: list[PictureFile], masks: Path, sides: str
) -> None:
    """Refuse names that never agree with the reason, where it is known."""
    if drawn and all(re.fullmatch(LABEL_STUDIO, file.stem) for file in drawn):
        raise DataError(
            f"{masks} holds Label Studio's 'Brush labels to PNG', whose names tell the task and "
            "not the image, so that no mask can be found; export 'Brush labels to COCO', or "
            f"'COCO' for polygons, whose JSON names the images{sides}"
        )
    channels = Counter(without_channel(file.stem) for file in pictures)
    for case, count in channels.most_common(1):
        if count > 1 and any(file.stem == case for file in drawn):
            several = [f.name for f in pictures if without_channel(f.stem) == case]
            raise DataError(
                f"{case} has {count} images, {shown(several[:3])}, and one mask: they are channels "
                "of one; give a folder that holds one channel of each"
            )
