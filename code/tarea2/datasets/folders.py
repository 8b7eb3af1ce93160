"""Images of one's own for the segmentation study: a folder of images and a folder of masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tarea2.datasets.pictures import SUFFIXES, Picture, full_scale, to_unit
from tarea2.datasets.pictures import read as read_image
from tarea2.datasets.split import SPLIT_SEED, DataError, Dataset, Split

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
    pictures = [_opaque(read_image(path)) for path, _ in pairs]
    colours = any(picture.coloured for picture in pictures)
    scale = full_scale(pictures)  # one for all: no picture is stretched on its own
    x = [to_unit(picture, colours, scale) for picture in pictures]
    drawn = [read_image(path) for _, path in pairs]
    y = [_classes(mask) for mask in drawn]
    _check_palettes(drawn)
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
        files = [
            p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES and p.name[0] != "."
        ]
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


def _opaque(picture: Picture) -> Picture:
    if picture.alpha is not None:
        raise DataError(
            f"{picture.name} has transparent pixels, and what lies below them is not known; "
            "flatten it"
        )
    return picture


def _classes(mask: Picture) -> np.ndarray:
    """The classes in a mask: the numbers behind a palette, or the grey values."""
    if mask.lossy:
        raise DataError(
            f"mask {mask.name} is a JPEG, which changes values where classes meet; save it as PNG"
        )
    indices = _opaque(mask).indices
    if indices is not None:
        return indices.astype(np.int64)
    if mask.coloured or mask.values.dtype.kind == "f":
        kind = "colours" if mask.coloured else "fractions"
        raise DataError(
            f"mask {mask.name} holds {kind}; expected one channel whose values are classes"
        )
    return mask.values.astype(np.int64)


def _check_palettes(masks: list[Picture]) -> None:
    """Refuse palettes that give one colour, or one number, another meaning in another file."""
    meaning: dict[tuple[str, int | tuple], tuple] = {}
    for mask in masks:
        if mask.indices is None:
            continue
        for index in np.unique(mask.indices).tolist():
            where = np.argwhere(mask.indices == index)[0]
            colour = tuple(np.atleast_1d(mask.values[tuple(where)]).tolist())
            for key, value in ((("number", index), colour), (("colour", colour), index)):
                known, other = meaning.setdefault(key, (value, mask.name))
                if known != value:
                    raise DataError(
                        f"mask {mask.name} has another palette than {other}: {key[0]} {key[1]} "
                        f"stands for {value} here and for {known} there; save all with one palette"
                    )


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
