"""Images of one's own for the segmentation study: a folder of images and a folder of masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from tarea2.datasets.split import SPLIT_SEED, DataError, Dataset, Split

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
MULTIPLE = 16  # height and width: what the deepest network of the study halves without a rest
SMALLEST = 10  # images
SHARES = (0.15, 0.15)  # of the images, for validation and for test


def image_folder(images: Path | str, masks: Path | str, name: str | None = None) -> Dataset:
    """Read a segmentation data set from two folders whose files have the same names.

    An image is grey or has colours; all have one size, which is padded at the right and bottom,
    with the values at the edge, to a multiple of 16. A mask has one channel whose values are the
    classes 0, 1, 2, … without gaps; 0 is background. A fixed seed splits the images 70/15/15.

    Returns
    -------
    ``x`` of shape ``(n, 1 or 3, H, W)`` from 0 to 1, ``y`` of shape ``(n, H, W)``.

    Raises
    ------
    DataError: a folder, a name without its pair, a file that cannot be read, a size or a mask
        value that does not fit; the message names the file.
    """
    images, masks = Path(images), Path(masks)
    pairs = _pairs(images, masks)
    pictures = [read_image(path) for path, _ in pairs]
    colours = any(picture.mode not in ("1", "L", "I;16", "I", "F") for picture in pictures)
    x = [to_values(picture, colours) for picture in pictures]
    y = [_classes(path) for _, path in pairs]
    first = x[0].shape[1:]
    for (path, mask_path), image, mask in zip(pairs, x, y, strict=True):
        if image.shape[1:] != first:
            raise DataError(
                f"{path.name} is {_size(image.shape[1:])} and {pairs[0][0].name} is "
                f"{_size(first)}: all images must have one size; crop or resize them"
            )
        if mask.shape != image.shape[1:]:
            raise DataError(
                f"mask {mask_path.name} is {_size(mask.shape)}, its image {_size(image.shape[1:])}"
            )
    _check_classes([path for _, path in pairs], y)
    return _dataset(name or images.resolve().name, np.stack(x), np.stack(y))


def _pairs(images: Path, masks: Path) -> list[tuple[Path, Path]]:
    found = []
    for folder in (images, masks):
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder")
        files = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
        by_name = {path.stem: path for path in files}
        if len(by_name) < len(files):
            raise DataError(f"{folder} holds two files of one name with different endings")
        found.append(by_name)
    for mine, other, folder in ((found[0], found[1], masks), (found[1], found[0], images)):
        for stem in mine:
            if stem not in other:
                raise DataError(f"{mine[stem].name} has no partner of that name in {folder}")
    if len(found[0]) < SMALLEST:
        raise DataError(f"{images} holds {len(found[0])} images, expected at least {SMALLEST}")
    return [(path, found[1][stem]) for stem, path in found[0].items()]


def read_image(path: Path) -> Image.Image:
    """Read an image whole; raises DataError, which names the file, if that cannot be done."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path.name} cannot be read as an image ({error})") from None


def to_values(picture: Image.Image, colours: bool) -> np.ndarray:
    """Grey or colour values from 0 to 1: ``(1 or 3, H, W)``."""
    if picture.mode in ("I;16", "I", "F"):  # more than 8 bits: stretched to their own range
        grey = np.asarray(picture, dtype=np.float32)
        grey = (grey - grey.min()) / max(float(np.ptp(grey)), 1e-9)
        return np.repeat(grey[None], 3 if colours else 1, axis=0)
    values = np.asarray(picture.convert("RGB" if colours else "L"), dtype=np.float32) / 255
    return values.transpose(2, 0, 1) if colours else values[None]


def _classes(path: Path) -> np.ndarray:
    picture = read_image(path)
    if picture.mode not in ("1", "L", "P", "I", "I;16"):
        raise DataError(
            f"mask {path.name} has mode {picture.mode}; expected one channel whose values are "
            "classes"
        )
    return np.asarray(picture).astype(np.int64)


def _check_classes(paths: list[Path], masks: list[np.ndarray]) -> None:
    values = [np.unique(mask) for mask in masks]
    known = np.unique(np.concatenate(values))
    gaps = np.flatnonzero(known != np.arange(len(known)))
    if len(gaps):
        value = known[gaps[0]]
        path = next(p for p, v in zip(paths, values, strict=True) if value in v)
        shown = ", ".join(map(str, known[:8])) + (", …" if len(known) > 8 else "")
        raise DataError(
            f"mask {path.name} holds the value {value}, but the values of all masks must be the "
            f"classes 0, 1, 2, … without gaps; they are {shown}"
        )
    if len(known) < 2:
        raise DataError("all masks hold class 0 only: there is nothing to learn")


def _dataset(name: str, x: np.ndarray, y: np.ndarray) -> Dataset:
    below, right = (-size % MULTIPLE for size in y.shape[1:])
    x = np.pad(x, ((0, 0), (0, 0), (0, below), (0, right)), mode="edge")
    y = np.pad(y, ((0, 0), (0, below), (0, right)), mode="edge")
    order = np.random.default_rng(SPLIT_SEED).permutation(len(y))
    ends = np.cumsum([max(1, round(share * len(y))) for share in SHARES])
    validation, test, train = np.split(order, ends)

    def split(chosen: np.ndarray) -> Split:
        chosen = np.sort(chosen)
        return Split(torch.from_numpy(x[chosen]).contiguous(), torch.from_numpy(y[chosen]))

    return Dataset(name, int(y.max()) + 1, split(train), split(validation), split(test))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
