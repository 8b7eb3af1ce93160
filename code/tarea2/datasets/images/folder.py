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
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from tqdm import tqdm

from tarea2 import paths
from tarea2.datasets.array_store import ArrayStore
from tarea2.datasets.images import cache as array_cache
from tarea2.datasets.images.background import refuse_unclear
from tarea2.datasets.images.duplicates import same_pictures, small_digest
from tarea2.datasets.images.label_inference import MaskOptions, infer_label_map
from tarea2.datasets.images.label_map import LabelMap
from tarea2.datasets.images.mask_statistics import MaskStatistics, share_lines
from tarea2.datasets.images.objects import as_one_class
from tarea2.datasets.images.pairing import Pair, find_pairs, shown
from tarea2.datasets.images.picture import Picture, as_mask, with_bands
from tarea2.datasets.images.preprocessing import SIZE_DIVISOR, Preprocessing, padded
from tarea2.datasets.images.reading import UnreadableError, full_scale
from tarea2.datasets.images.reading import read as read_image
from tarea2.datasets.images.sizes import check_sizes
from tarea2.datasets.images.split_lists import list_files
from tarea2.datasets.images.splits import absences, split_pairs
from tarea2.datasets.images.unread import readable
from tarea2.datasets.split import DataError, Dataset, Split

SMALLEST = 10  # images
KEPT = 200 * 2**20  # bytes of data that are held in memory; more lies in a cache on the disk
MANY = 500  # images from which a progress bar is shown


@dataclass(frozen=True)
class Reading:
    """How folders are read, as far as a user says so; see ``tarea2 images train --help``."""

    masks: MaskOptions = field(default_factory=MaskOptions)
    size: tuple[int, int] | None = None
    crop: int | None = None
    group: str | None = None
    allow_missing: bool = False
    allow_duplicates: bool = False
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
    split, in its order. shares: of the pixels and masks, a line for each class; not among what is
    described, which keys of stored runs depend on.
    """

    label_map: LabelMap
    preprocessing: Preprocessing
    about: dict[str, Any]
    files: dict[str, str]
    names: dict[str, list[str]]
    shares: list[str]

    @property
    def background(self) -> bool:
        return self.label_map.background

    @property
    def cache_file(self) -> Path | None:
        """Where the arrays lie, too large to be kept in memory."""
        source = self.train.x.source if isinstance(self.train.x, ArrayStore) else None
        return source if isinstance(source, Path) else None

    @property
    def decided(self) -> list[str]:
        """What was decided, a line each."""
        return self.about["decided"]

    def described(self) -> dict[str, Any]:
        return super().described() | self.about


def image_folder(
    images: Path | str, masks: Path | str, name: str | None = None,
    reading: Reading | None = None, cache: Path | None = None,
) -> FolderDataset:  # fmt: skip
    """Read a segmentation data set from a folder of images and one of masks.

    Images become arrays ``(1 or 3, H, W)`` of 8 bits, masks ``(H, W)`` of classes or IGNORED; both
    are padded at the right and bottom to a multiple of 16, where pixels do not count. Where that
    takes more than :data:`KEPT` bytes, they lie on the disk, in the folder ``cache``, by default
    below the current one.

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
    lists = list_files(roots)
    others = lists + ([reading.masks.colours] if reading.masks.colours else [])
    cached = array_cache.place(
        cache or array_cache.default_folder(), [images, masks],
        [path for pair in pairs for path in pair.files], others, repr(reading),
    )  # fmt: skip
    known = array_cache.found(cached)
    if known is not None:
        return _assembled(name, known, cached)
    pictures = _Pictures(pairs, reading.masks)
    label_map, preprocessing, said = pictures.surveyed(reading)
    pairs = pictures.pairs

    def lay_down(file: BinaryIO) -> dict[str, Any]:
        meta, present, same = _lay_down(pictures, label_map, preprocessing, reading, file)
        found, of_splits = split_pairs(
            pairs, present, lists, reading.group, same, reading.allow_duplicates,
            reading.allow_missing,
        )  # fmt: skip
        names = [entry.name for entry in label_map.entries]
        of_splits += absences(present, found, names)
        meta["splits"] = {split: sorted(indices) for split, indices in found.items()}
        meta["data"] = {
            "legend": label_map.describe(),
            "preparation": preprocessing.describe(),
            "crop": reading.crop,
            "images": {split: len(indices) for split, indices in found.items()},
            "decided": [f"{len(pairs)} pairs of image and mask", *decided, *said, *of_splits],
        }
        return meta

    if pictures.bytes_needed(preprocessing, reading.crop or 0) <= KEPT:
        buffer = io.BytesIO()
        meta = lay_down(buffer)
        return _assembled(name, meta, np.frombuffer(buffer.getbuffer(), np.uint8))
    with paths.replacing(cached) as temporary:  # nothing is left where splits are refused
        with temporary.open("wb") as file:
            meta = lay_down(file)
        meta["bytes"] = temporary.stat().st_size
    array_cache.keep(cached, meta)
    return _assembled(name, meta, cached)


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
        meta["shares"],
    )  # fmt: skip


def _light(part: ArrayStore) -> torch.Tensor | ArrayStore:
    """A tensor, where all arrays have one shape and are in memory."""
    return part[:] if part.uniform and not isinstance(part.source, Path) else part


class _Pictures:
    """Images and masks of all pairs: each is read once, as long as there is room to keep it."""

    def __init__(self, pairs: Sequence[Pair], masks: MaskOptions):
        self.pairs = list(pairs)
        self.masks = masks
        self.kept: dict[Path, Picture] = {}
        self.room = KEPT
        self.sizes: list[tuple[tuple[int, int], tuple[int, int]]] = []  # of image and mask
        self.colours = False
        self.unread: dict[Pair, str] = {}  # why pairs are left out

    def _read(self, path: Path) -> Picture:
        if path in self.kept:
            return self.kept.pop(path)
        picture = read_image(path)
        parts = (picture.values, picture.alpha, picture.indices, picture.bands)
        size = sum(part.nbytes for part in parts if part is not None)
        if size <= self.room:
            self.room -= size
            self.kept[path] = picture
        return picture

    def each(self, what: str) -> Iterable[tuple[Pair, Picture, Picture]]:
        hidden = True if len(self.pairs) < MANY else None
        for pair in tqdm(self.pairs, desc=what, unit="image", disable=hidden, leave=False):
            try:
                image = self._read(pair.image)
                mask = pair.drawing.draw() if pair.drawing else as_mask(self._read(pair.mask))
            except UnreadableError as error:
                self.unread[pair] = str(error)
                continue
            if self.masks.objects:
                mask = as_one_class(mask, self.masks.background)
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
        options, names = reading.masks, dict(self.pairs[0].names)
        if names and options.objects is None:  # what values mean is known, they number no objects
            options = replace(options, objects=False)
        label_map, said = infer_label_map(statistics, options)
        label_map = label_map.named(names)
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
        lines += unread + check_sizes(self.pairs, self.sizes, reading.size, reading.crop)
        return (
            label_map,
            Preprocessing(self.colours, scale, reading.size, reading.bands),
            lines + label_map.lines() + said,
        )

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
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Write all arrays, one after the other.

    Returns
    -------
    Where each lies and what it was made of; which mask holds which class, ``(n, K)``; a number for
    each image, equal for those that look the same, ``(n,)``.
    """
    parts = ("x", "y", "truth") if preprocessing.size else ("x", "y")
    layout: dict[str, dict[str, list]] = {p: {"offsets": [], "shapes": []} for p in parts}
    files, pixels, digests, position = {}, [], [], 0
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
        digests.append(small_digest(x))
        files[f"mask {pair.mask_name}"] = _digest(truth)
        pixels.append(np.bincount(truth.ravel(), minlength=256))
    counts = np.stack(pixels)
    present = counts[:, : len(label_map)] > 0
    if present.any(axis=0).sum() < 2:
        raise DataError("all masks hold one class only: there is nothing to learn")
    if reading.masks.background is None and not reading.masks.objects:
        refuse_unclear(label_map, counts[:, : len(label_map)].sum(0), bool(reading.masks.values))
    names = [pair.name for pair in pictures.pairs]
    one_size = list(valid_size) if valid_size and preprocessing.size else None
    meta = {"layout": layout, "names": names, "files": files, "valid_size": one_size}
    same = same_pictures([files[name] for name in names], np.stack(digests))
    return meta | {"shares": share_lines(label_map, counts)}, present, same


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:16]
