"""Images of one's own for the segmentation study: a folder of images and a folder of masks.

What people have is read as it is, and what was decided on the way is told: which mask belongs to
which image (:mod:`.pairing`), what the masks' values mean (:mod:`.legend`), which images train
(:mod:`.splitting`), how images become arrays (:mod:`.preparing`). What is ambiguous is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from tqdm import tqdm

from tarea2 import paths, records
from tarea2.datasets.images.label_map import Legend, Survey, Wishes, decide
from tarea2.datasets.images.pairing import Pair, find_pairs, shown
from tarea2.datasets.images.preprocessing import MULTIPLE, Preparation, padded
from tarea2.datasets.images.reading import Picture, full_scale
from tarea2.datasets.images.reading import read as read_image
from tarea2.datasets.images.splits import SPLITS, absences, split_pairs
from tarea2.datasets.shelf import Shelf
from tarea2.datasets.split import DataError, Dataset, Split

SMALLEST = 10  # images
KEPT = 200 * 2**20  # bytes of data that are held in memory; more lies in a cache on the disk
MANY = 500  # images from which a progress bar is shown
META: records.Fields = {
    "data": dict, "places": dict, "splits": dict, "names": list, "files": dict,
    "inner": (list, type(None)),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """How folders are read, as far as a user says so; see ``tarea2 train --help``."""

    wishes: Wishes = field(default_factory=Wishes)
    size: tuple[int, int] | None = None
    crop: int | None = None
    group: str | None = None
    allow_missing: bool = False

    def __post_init__(self) -> None:
        if self.size and self.crop:
            raise DataError("--size and --crop exclude each other")
        if self.crop is not None and (self.crop < MULTIPLE or self.crop % MULTIPLE):
            raise DataError(f"--crop {self.crop}: expected a multiple of {MULTIPLE}")

    def describe(self) -> dict[str, Any]:
        """As JSON has it."""
        colours = self.wishes.colours
        wishes = asdict(self.wishes) | {"colours": str(colours) if colours else None}
        return asdict(self) | {"wishes": wishes}

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> Reading:
        wishes, size = dict(described["wishes"]), described["size"]
        wishes |= {name: tuple(wishes[name]) for name in ("values", "ignore")}
        wishes["colours"] = Path(wishes["colours"]) if wishes["colours"] else None
        known = {"wishes": Wishes(**wishes), "size": tuple(size) if size else None}
        return cls(**(described | known))


@dataclass(frozen=True)
class FolderDataset(Dataset):
    """A data set of own images, and what was decided about it.

    ``files``: a digest of each image and mask as it was read. ``names``: of the images of each
    split, in its order.
    """

    legend: Legend
    preparation: Preparation
    about: dict[str, Any]
    files: dict[str, str]
    names: dict[str, list[str]]

    @property
    def background(self) -> bool:
        return self.legend.background

    @property
    def decided(self) -> list[str]:
        """What was decided, a line each."""
        return self.about["decided"]

    def described(self) -> dict[str, Any]:
        return super().described() | self.about


def image_folder(
    images: Path | str, masks: Path | str, name: str | None = None, reading: Reading | None = None
) -> FolderDataset:
    """Read a segmentation data set from a folder of images and one of masks.

    Images become arrays ``(1 or 3, H, W)`` of 8 bits, masks ``(H, W)`` of classes or IGNORED; both
    are padded at the right and bottom to a multiple of 16, where pixels do not count. Where that
    takes more than :data:`KEPT` bytes, they lie in a cache on the disk.

    Raises
    ------
    DataError: a folder, a name without its pair, a file that cannot be read, a size or a mask
        value that does not fit; the message names the file and, if there is one, the option.
    """
    images, masks, reading = Path(images), Path(masks), reading or Reading()
    name = name or images.resolve().name
    pairs, decided = find_pairs(images, masks, reading.allow_missing)
    if len(pairs) < SMALLEST:
        raise DataError(f"{images} holds {len(pairs)} images, expected at least {SMALLEST}")
    roots = [images, masks, images.parent]
    cached = paths.OWN / "cache" / f"{_fingerprint(pairs, roots, reading)}.bytes"
    record = cached.with_suffix(".json")
    if cached.exists() and record.exists():
        return _assembled(name, records.read(record, META), cached)
    pictures = _Pictures(pairs)
    legend, preparation, said = pictures.surveyed(reading)
    decided += said
    lay = _lay_down(pictures, legend, preparation, reading)
    if pictures.bytes_needed(preparation, reading) <= KEPT:
        buffer = _Memory()
        meta = lay(buffer.write)
        source: np.ndarray | Path = buffer.joined()
    else:
        source = cached
        with paths.replacing(cached) as temporary, temporary.open("wb") as file:
            meta = lay(_to(file))
        decided.append(
            f"{cached.stat().st_size / 2**20:.0f} MB lie in a cache, {paths.short(cached)}"
        )
    found, said = split_pairs(pairs, meta.pop("present"), roots, reading.group)
    decided += said + absences(meta.pop("holds"), found, [entry.name for entry in legend.entries])
    meta["splits"] = {split: sorted(places) for split, places in found.items()}
    meta["data"] = {
        "legend": legend.describe(),
        "preparation": preparation.describe(),
        "crop": reading.crop,
        "images": {split: len(places) for split, places in found.items()},
        "decided": [f"{len(pairs)} pairs of image and mask", *decided],
    }
    if isinstance(source, Path):
        records.write(record, meta, META)
    return _assembled(name, meta, source)


def _assembled(name: str, meta: dict[str, Any], source: np.ndarray | Path) -> FolderDataset:
    """The data set from what was laid down and what is known about it."""

    def shelf(part: str, places: Sequence[int]) -> Shelf:
        offsets, shapes = meta["places"][part]["offsets"], meta["places"][part]["shapes"]
        whole = Shelf(source, tuple(tuple(shape) for shape in shapes), tuple(offsets))
        return whole.chosen(places)

    def light(part: Shelf) -> torch.Tensor | Shelf:
        return part[:] if part.uniform and not isinstance(part.source, Path) else part

    def split(of: str) -> Split:
        places = meta["splits"][of]
        truth = shelf("truth", places) if "truth" in meta["places"] and of != "train" else None
        inner = tuple(meta["inner"]) if meta["inner"] else None
        return Split(light(shelf("x", places)), light(shelf("y", places)), truth, inner)

    legend = Legend.from_description(meta["data"]["legend"])
    preparation = Preparation.from_description(meta["data"]["preparation"])
    train, validation, test = (split(of) for of in SPLITS)
    names = {of: [meta["names"][place] for place in meta["splits"][of]] for of in SPLITS}
    return FolderDataset(
        name, len(legend), train, validation, test, legend, preparation, meta["data"],
        meta["files"], names,
    )  # fmt: skip


class _Memory:
    """Bytes that are kept; ``write`` as that of a file."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []

    def write(self, array: np.ndarray) -> None:
        self.parts.append(array.ravel())

    def joined(self) -> np.ndarray:
        return np.concatenate(self.parts)


def _to(file: BinaryIO) -> Callable[[np.ndarray], None]:
    def write(array: np.ndarray) -> None:
        file.write(np.ascontiguousarray(array).data)

    return write


class _Pictures:
    """Images and masks of all pairs: each is read once, as long as there is room to keep it."""

    def __init__(self, pairs: Sequence[Pair]):
        self.pairs = pairs
        self.kept: dict[Path, Picture] = {}
        self.room = KEPT
        self.sizes: list[tuple[tuple[int, int], tuple[int, int]]] = []  # of image and mask
        self.colours = False

    def _read(self, path: Path) -> Picture:
        if path in self.kept:
            return self.kept.pop(path)
        picture = read_image(path)
        size = sum(a.nbytes for a in (picture.values, picture.alpha, picture.indices)
                   if a is not None)  # fmt: skip
        if size <= self.room:
            self.room -= size
            self.kept[path] = picture
        return picture

    def each(self, what: str) -> Iterable[tuple[Pair, Picture, Picture]]:
        hidden = True if len(self.pairs) < MANY else None
        for pair in tqdm(self.pairs, desc=what, unit="image", disable=hidden, leave=False):
            yield pair, self._read(pair.image), self._read(pair.mask)

    def surveyed(self, reading: Reading) -> tuple[Legend, Preparation, list[str]]:
        """The legend and the preparation that fit all pictures, and what was decided."""
        survey, ranges = Survey(), []
        notes: dict[tuple[str, str], list[str]] = {}
        kinds = {"grey": 0, "in colour": 0}
        for pair, image, mask in self.each("look"):
            survey.add(mask)
            kinds["in colour" if image.coloured else "grey"] += 1
            self.sizes.append((image.size, mask.size))
            for picture, what in ((image, "images"), (mask, "masks")):
                remarks = list(picture.remarks)
                if picture.alpha is not None and what == "images":
                    remarks.append("have transparent pixels, whose colours count as they are")
                for remark in remarks:
                    notes.setdefault((what, remark), []).append(pair.name)
            if image.values.dtype != np.uint8 and image.values.size:
                extremes = np.array([[image.values.min(), image.values.max()]])
                ranges.append(Picture(image.name, extremes))
        self.colours = bool(kinds["in colour"])
        legend, said = decide(survey, reading.wishes)
        lines = [f"{' and '.join(f'{n} {kind}' for kind, n in kinds.items() if n)}: images have "
                 f"{3 if self.colours else 1} channel{'s' if self.colours else ''}"]  # fmt: skip
        scale = full_scale(ranges)
        if ranges:
            lines.append(
                f"{len(ranges)} images have more than 8 bits: {scale:g} is white, and they are "
                "rounded to 8"
            )
        lines += [
            f"{len(names)} {what}: {remark} ({shown(names[:3])}{', …' if len(names) > 3 else ''})"
            for (what, remark), names in notes.items()
        ]
        lines += self._check_sizes(reading)
        return legend, Preparation(self.colours, scale, reading.size), lines + legend.lines() + said

    def _check_sizes(self, reading: Reading) -> list[str]:
        first = self.sizes[0][0]
        for pair, (image, mask) in zip(self.pairs, self.sizes, strict=True):
            ratio = image[0] * mask[1] / (image[1] * mask[0])
            if mask != image and not (reading.size and abs(ratio - 1) < 0.02):
                fix = "" if reading.size or abs(ratio - 1) >= 0.02 else "; --size HxW brings both "
                fix += "to one size" if fix else ""
                raise DataError(
                    f"mask {pair.mask.name} is {_size(mask)}, its image {_size(image)}{fix}"
                )
            if image != first and not (reading.size or reading.crop):
                raise DataError(
                    f"{pair.name} is {_size(image)} and {self.pairs[0].name} is {_size(first)}; "
                    "give --size HxW to bring all to one size, or --crop N to train on parts"
                )
        different = sorted({image for image, _ in self.sizes})
        sizes = f"{_size(different[0])}" if len(different) == 1 else (
            f"{_size(different[0])} to {_size(different[-1])}"
        )  # fmt: skip
        lines = [f"sizes (width × height): {sizes}"]
        if reading.size:
            lines.append(
                f"brought to {_size(reading.size)} by area, masks by the nearest pixel; scored at "
                "the masks' own size"
            )
        if reading.crop:
            lines.append(
                f"trains on random parts of {reading.crop}×{reading.crop}; scored on whole images"
            )
        return lines

    def bytes_needed(self, preparation: Preparation, reading: Reading) -> int:
        channels, total = 3 if preparation.colours else 1, 0
        for image, mask in self.sizes:
            size = preparation.size or image
            total += size[0] * size[1] * (channels + 1)
            total += mask[0] * mask[1] if preparation.size else 0
        return total


def _lay_down(
    pictures: _Pictures, legend: Legend, preparation: Preparation, reading: Reading
) -> Callable[[Callable[[np.ndarray], None]], dict[str, Any]]:
    """A function that writes all arrays and returns where they lie and what they hold."""

    def lay(write: Callable[[np.ndarray], None]) -> dict[str, Any]:
        parts = ("x", "y", "truth") if preparation.size else ("x", "y")
        places: dict[str, dict[str, list]] = {p: {"offsets": [], "shapes": []} for p in parts}
        files, holds, position = {}, [], 0
        inner: set[tuple[int, int]] = set()
        for pair, image, mask in pictures.each("prepare"):
            x, truth = preparation.image(image), legend.classes(mask)
            y = preparation.mask(truth)
            inner.add(x.shape[1:])
            least = reading.crop or 0
            arrays = {"x": padded(x, least=least), "y": padded(y, least=least), "truth": truth}
            for part in parts:
                array = np.ascontiguousarray(arrays[part])
                write(array)
                places[part]["offsets"].append(position)
                places[part]["shapes"].append(list(array.shape))
                position += array.size
            files[pair.name] = hashlib.sha256(np.ascontiguousarray(x).data).hexdigest()[:16]
            files[f"mask {pair.mask.name}"] = hashlib.sha256(
                np.ascontiguousarray(truth).data
            ).hexdigest()[:16]
            counts = np.bincount(truth.ravel(), minlength=256)
            holds.append(counts[: len(legend)] > 0)
        kept = np.stack(holds)
        if kept.any(0).sum() < 2:
            raise DataError("all masks hold one class only: there is nothing to learn")
        return {
            "places": places, "names": [pair.name for pair in pictures.pairs], "files": files,
            "present": kept, "holds": kept,
            "inner": list(inner.pop()) if preparation.size else None,
        }  # fmt: skip

    return lay


def _fingerprint(pairs: Sequence[Pair], roots: Sequence[Path], reading: Reading) -> str:
    """Changes when a file does, or what was wished; the contents themselves are not read."""
    lists = [path for root in roots for path in sorted(root.rglob("*.txt"))][:50]
    lists += [reading.wishes.colours] if reading.wishes.colours else []
    files = [path for pair in pairs for path in (pair.image, pair.mask)] + lists
    parts = [repr(reading), repr(sorted(META)), *(str(path.resolve()) for path in files)]
    parts += [f"{path.stat().st_size}-{path.stat().st_mtime_ns}" for path in files if path.exists()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
