"""Images of one's own for the segmentation study: a folder of images and a folder of masks.

What people have is read as it is, and what was decided on the way is told: which mask belongs to
which image (:mod:`.pairing`), what the masks' values mean (:mod:`.label_inference`), which images
train (:mod:`.splits`), how images become arrays (:mod:`.preprocessing`). What is ambiguous is
refused.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from tqdm import tqdm

from tarea2 import paths, records
from tarea2.datasets.array_store import ArrayStore
from tarea2.datasets.images.label_inference import MaskOptions, infer_label_map
from tarea2.datasets.images.label_map import LabelMap
from tarea2.datasets.images.mask_statistics import MaskStatistics
from tarea2.datasets.images.pairing import Pair, find_pairs, shown
from tarea2.datasets.images.picture import Picture, as_mask, with_bands
from tarea2.datasets.images.preprocessing import SIZE_DIVISOR, Preprocessing, padded
from tarea2.datasets.images.reading import UnreadableError, full_scale
from tarea2.datasets.images.reading import read as read_image
from tarea2.datasets.images.splits import absences, split_pairs
from tarea2.datasets.images.unread import readable
from tarea2.datasets.split import DataError, Dataset, Split

SMALLEST = 10  # images
KEPT = 200 * 2**20  # bytes of data that are held in memory; more lies in a cache on the disk
MANY = 500  # images from which a progress bar is shown
META: records.Fields = {
    "data": dict, "layout": dict, "splits": dict, "names": list, "files": dict,
    "valid_size": (list, type(None)),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """How folders are read, as far as a user says so; see ``tarea2 images train --help``."""

    masks: MaskOptions = field(default_factory=MaskOptions)
    size: tuple[int, int] | None = None
    crop: int | None = None
    group: str | None = None
    allow_missing: bool = False
    bands: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.size and self.crop:
            raise DataError("--size and --crop exclude each other")
        if self.crop is not None and (self.crop < SIZE_DIVISOR or self.crop % SIZE_DIVISOR):
            raise DataError(f"--crop {self.crop}: expected a multiple of {SIZE_DIVISOR}")

    def describe(self) -> dict[str, Any]:
        """As JSON has it."""
        described = asdict(self)
        masks, colours = described.pop("masks"), self.masks.colours
        return described | {"wishes": masks | {"colours": str(colours) if colours else None}}

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> Reading:
        described, size = dict(described), described["size"]
        masks = dict(described.pop("wishes"))
        masks |= {name: tuple(masks[name]) for name in ("values", "ignore")}
        masks["colours"] = Path(masks["colours"]) if masks["colours"] else None
        known = {"masks": MaskOptions(**masks), "size": tuple(size) if size else None}
        known["bands"] = tuple(described.get("bands", ()))
        return cls(**(described | known))


@dataclass(frozen=True)
class FolderDataset(Dataset):
    """A data set of own images, and what was decided about it.

    ``files``: a digest of each image and mask as it was read. ``names``: of the images of each
    split, in its order.
    """

    label_map: LabelMap
    preprocessing: Preprocessing
    about: dict[str, Any]
    files: dict[str, str]
    names: dict[str, list[str]]

    @property
    def background(self) -> bool:
        return self.label_map.background

    @property
    def on_disk(self) -> bool:
        """Whether the arrays lie in the cache, too large to be kept in memory."""
        return isinstance(self.train.x, ArrayStore) and isinstance(self.train.x.source, Path)

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
    roots = [images, masks if masks.is_dir() else masks.parent, images.parent]
    cached = paths.OWN / "cache" / f"{_fingerprint(pairs, roots, reading)}.bytes"
    record = cached.with_suffix(".json")
    if cached.exists() and record.exists():
        return _assembled(name, records.read(record, META), cached)
    pictures = _Pictures(pairs)
    label_map, preprocessing, said = pictures.surveyed(reading)
    pairs, decided = pictures.pairs, decided + said
    if pictures.bytes_needed(preprocessing, reading.crop or 0) <= KEPT:
        buffer = io.BytesIO()
        meta, present = _lay_down(pictures, label_map, preprocessing, reading, buffer)
        source: np.ndarray | Path = np.frombuffer(buffer.getbuffer(), np.uint8)
    else:
        source = cached
        with paths.replacing(cached) as temporary, temporary.open("wb") as file:
            meta, present = _lay_down(pictures, label_map, preprocessing, reading, file)
        decided.append(
            f"{cached.stat().st_size / 2**20:.0f} MB lie in a cache, {paths.short(cached)}"
        )
    found, said = split_pairs(pairs, present, roots, reading.group)
    names = [entry.name for entry in label_map.entries]
    decided += said + absences(present, found, names)
    meta["splits"] = {split: sorted(indices) for split, indices in found.items()}
    meta["data"] = {
        "legend": label_map.describe(),
        "preparation": preprocessing.describe(),
        "crop": reading.crop,
        "images": {split: len(indices) for split, indices in found.items()},
        "decided": [f"{len(pairs)} pairs of image and mask", *decided],
    }
    if isinstance(source, Path):
        records.write(record, meta, META)
    return _assembled(name, meta, source)


def _assembled(name: str, meta: dict[str, Any], source: np.ndarray | Path) -> FolderDataset:
    """The data set from what was laid down and what is known about it."""
    parts = {
        part: ArrayStore(source, tuple(map(tuple, lies["shapes"])), tuple(lies["offsets"]))
        for part, lies in meta["layout"].items()
    }
    valid_size = tuple(meta["valid_size"]) if meta["valid_size"] else None
    splits = {}
    for split, indices in meta["splits"].items():
        truth = parts["truth"].chosen(indices) if "truth" in parts and split != "train" else None
        x, y = (_light(parts[part].chosen(indices)) for part in ("x", "y"))
        splits[split] = Split(x, y, truth, valid_size)
    label_map = LabelMap.from_description(meta["data"]["legend"])
    preprocessing = Preprocessing.from_description(meta["data"]["preparation"])
    names = {
        split: [meta["names"][index] for index in indices]
        for split, indices in meta["splits"].items()
    }
    return FolderDataset(
        name, len(label_map), splits["train"], splits["validation"], splits["test"], label_map,
        preprocessing, meta["data"], meta["files"], names,
    )  # fmt: skip


def _light(part: ArrayStore) -> torch.Tensor | ArrayStore:
    """A tensor, where all arrays have one shape and are in memory."""
    return part[:] if part.uniform and not isinstance(part.source, Path) else part


class _Pictures:
    """Images and masks of all pairs: each is read once, as long as there is room to keep it."""

    def __init__(self, pairs: Sequence[Pair]):
        self.pairs = list(pairs)
        self.kept: dict[Path, Picture] = {}
        self.room = KEPT
        self.sizes: list[tuple[tuple[int, int], tuple[int, int]]] = []  # of image and mask
        self.colours = False
        self.unread: dict[Pair, str] = {}  # why pairs are left out

    def _read(self, path: Path) -> Picture:
        if path in self.kept:
            return self.kept.pop(path)
        picture = read_image(path)
        size = sum(a.nbytes for a in (picture.values, picture.alpha, picture.indices, picture.bands)
                   if a is not None)  # fmt: skip
        if size <= self.room:
            self.room -= size
            self.kept[path] = picture
        return picture

    def _mask(self, pair: Pair) -> Picture:
        return pair.drawing.draw() if pair.drawing else as_mask(self._read(pair.mask))

    def each(self, what: str) -> Iterable[tuple[Pair, Picture, Picture]]:
        hidden = True if len(self.pairs) < MANY else None
        for pair in tqdm(self.pairs, desc=what, unit="image", disable=hidden, leave=False):
            try:
                image, mask = self._read(pair.image), self._mask(pair)
            except UnreadableError as error:
                self.unread[pair] = str(error)
                continue
            yield pair, image, mask

    def surveyed(self, reading: Reading) -> tuple[LabelMap, Preprocessing, list[str]]:
        """The label map and the preprocessing that fit all pictures, and what was decided."""
        statistics, ranges = MaskStatistics(), []
        notes: dict[tuple[str, str], list[str]] = {}
        kinds = {"grey": 0, "in colour": 0}
        for pair, image, mask in self.each("look"):
            statistics.add(mask)
            image = with_bands(image, reading.bands) if reading.bands else image
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
        self.pairs, unread = readable(self.pairs, self.unread, reading.allow_missing, SMALLEST)
        self.colours = bool(kinds["in colour"])
        label_map, said = infer_label_map(statistics, reading.masks)
        label_map = label_map.named(dict(self.pairs[0].names))
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
        lines += unread + self._check_sizes(reading)
        return (
            label_map,
            Preprocessing(self.colours, scale, reading.size, reading.bands),
            lines + label_map.lines() + said,
        )

    def _check_sizes(self, reading: Reading) -> list[str]:
        first = self.sizes[0][0]
        for pair, (image, mask) in zip(self.pairs, self.sizes, strict=True):
            ratio = image[0] * mask[1] / (image[1] * mask[0])
            if mask != image and not (reading.size and abs(ratio - 1) < 0.02):
                fix = "" if reading.size or abs(ratio - 1) >= 0.02 else "; --size HxW brings both "
                fix += "to one size" if fix else ""
                raise DataError(
                    f"mask {pair.mask_name} is {_size(mask)}, its image {_size(image)}{fix}"
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

    def bytes_needed(self, preprocessing: Preprocessing, least: int) -> int:
        """Of all arrays, whose sides are padded to ``least`` pixels; other padding aside."""
        channels, total = 3 if preprocessing.colours else 1, 0
        for image, mask in self.sizes:
            size = preprocessing.size or image
            total += max(size[0], least) * max(size[1], least) * (channels + 1)
            total += mask[0] * mask[1] if preprocessing.size else 0
        return total


def _lay_down(
    pictures: _Pictures,
    label_map: LabelMap,
    preprocessing: Preprocessing,
    reading: Reading,
    file: BinaryIO,
) -> tuple[dict[str, Any], np.ndarray]:
    """Write all arrays, one after the other.

    Returns
    -------
    Where each lies and what it was made of; which mask holds which class, ``(n, K)``.
    """
    parts = ("x", "y", "truth") if preprocessing.size else ("x", "y")
    layout: dict[str, dict[str, list]] = {p: {"offsets": [], "shapes": []} for p in parts}
    files, present, position = {}, [], 0
    least, valid_size = reading.crop or 0, None
    for pair, image, mask in pictures.each("prepare"):
        x, truth = preprocessing.image(image), label_map.classes(mask)
        valid_size, y = x.shape[1:], preprocessing.mask(truth)
        arrays = {"x": padded(x, least=least), "y": padded(y, least=least), "truth": truth}
        for part in parts:
            array = np.ascontiguousarray(arrays[part])
            file.write(array.data)
            layout[part]["offsets"].append(position)
            layout[part]["shapes"].append(list(array.shape))
            position += array.size
        files[pair.name] = _digest(x)
        files[f"mask {pair.mask_name}"] = _digest(truth)
        present.append(np.bincount(truth.ravel(), minlength=256)[: len(label_map)] > 0)
    if np.any(present, axis=0).sum() < 2:
        raise DataError("all masks hold one class only: there is nothing to learn")
    names = [pair.name for pair in pictures.pairs]
    one_size = list(valid_size) if valid_size and preprocessing.size else None
    meta = {"layout": layout, "names": names, "files": files, "valid_size": one_size}
    return meta, np.stack(present)


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:16]


def _fingerprint(pairs: Sequence[Pair], roots: Sequence[Path], reading: Reading) -> str:
    """Changes when a file does, or what was wished; the contents themselves are not read."""
    lists = [path for root in roots for path in sorted(root.rglob("*.txt"))][:50]
    lists += [reading.masks.colours] if reading.masks.colours else []
    files = [path for pair in pairs for path in pair.files] + lists
    parts = [repr(reading), repr(sorted(META)), *(str(path.resolve()) for path in files)]
    parts += [f"{path.stat().st_size}-{path.stat().st_mtime_ns}" for path in files if path.exists()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}×{shape[0]}"
