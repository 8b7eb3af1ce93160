"""TIFF as instruments write it, read by tifffile: whatever Pillow would alter or does not know.

Pillow 13 keeps the high byte of colours of 16 bits, mixes up their planes where these lie one
after the other, inverts one and eight bits where zero is white but not sixteen, and does not open
numbers of 64 bits.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tifffile import PHOTOMETRIC, PLANARCONFIG, TiffFile, TiffPage

from tarea2.datasets.split import DataError

BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MOST_BANDS = 64
ASSOCIATED, UNASSOCIATED = 1, 2  # transparency, by the tag ExtraSamples
LOSSY = ("OJPEG", "JPEG", "ALT_JPEG", "JPEG_LOSSY", "JPEGXR", "JPEG2000")
BY_PILLOW = ("PALETTE", "SEPARATED", "YCBCR", "CIELAB")  # of eight bits


@dataclass(frozen=True)
class TiffPicture:
    """The one picture of a TIFF.

    samples: ``(H, W, S)``, as stored. alpha: whether the last sample is transparency.
    zero_is_white: by the tag PhotometricInterpretation. bits: of a sample. orientation: as EXIF
    numbers it. lossy: whether its compression changes values.
    """

    samples: np.ndarray
    alpha: bool
    zero_is_white: bool
    bits: int
    orientation: int
    lossy: bool


def read_tiff(path: Path, largest: int) -> TiffPicture | None:
    """Read a TIFF of at most ``largest`` pixels; None where Pillow reads it as it is.

    Raises
    ------
    DataError: several pages, too large, cut, or colours that are neither grey nor RGB. Whatever
    else tifffile raises for a damaged file.
    """
    with _quiet(), TiffFile(path) as file:
        page = file.pages.first
        if not isinstance(page, TiffPage):
            raise ValueError("its first page holds no picture")
        if _pillow_reads(page):
            return None
        _check(file, page, path, largest)
        samples = page.asarray()
        if page.planarconfig == PLANARCONFIG.SEPARATE and samples.ndim == 3:
            samples = samples.transpose(1, 2, 0)
        extra = page.extrasamples[-1:]
        orientation = page.tags.get("Orientation")
        return TiffPicture(
            samples if samples.ndim == 3 else samples[..., None],
            bool(extra) and int(extra[0]) in (ASSOCIATED, UNASSOCIATED),
            page.photometric == PHOTOMETRIC.MINISWHITE,
            page.bitspersample,
            int(orientation.value) if orientation is not None else 1,
            getattr(page.compression, "name", "") in LOSSY,
        )


def _pillow_reads(page: TiffPage) -> bool:
    """Eight bits or fewer, zero black, grey or RGB in one plane, beside them transparency only."""
    if page.bitspersample > 8 or page.sampleformat != 1:
        return False
    if page.samplesperpixel > 1 and page.planarconfig == PLANARCONFIG.SEPARATE:
        return False
    known: dict[int, int] = {PHOTOMETRIC.MINISBLACK: 1, PHOTOMETRIC.RGB: 3}
    colours = known.get(page.photometric)
    if colours is None:
        return getattr(page.photometric, "name", "") in BY_PILLOW
    extra = [int(kind) for kind in page.extrasamples]
    plain = extra in ([], [ASSOCIATED], [UNASSOCIATED])
    return plain and page.samplesperpixel == colours + len(extra)


def _check(file: TiffFile, page: TiffPage, path: Path, largest: int) -> None:
    pages = len(file.pages)
    if page.is_imagej and file.series:
        pages = max(pages, file.series[0].size // max(1, page.size))
    if pages > 1:
        raise DataError(
            f"{path.name} holds {pages} pages or frames, expected one picture; save the one that "
            "is meant as a file of its own"
        )
    if page.photometric not in (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB):
        kind = getattr(page.photometric, "name", page.photometric)
        raise DataError(
            f"{path.name} has {page.bitspersample} bits and colours of the kind {kind}, expected "
            "grey or RGB; convert it"
        )
    if page.axes not in ("YX", "YXS", "SYX") or page.samplesperpixel > MOST_BANDS:
        raise DataError(
            f"{path.name} holds an array {page.shape} of axes {page.axes}, expected one picture of "
            f"at most {MOST_BANDS} bands"
        )
    if page.imagewidth * page.imagelength > largest:
        raise DataError(
            f"{path.name} has {page.imagewidth}×{page.imagelength} pixels, more than "
            f"{largest / 1e6:.0f} million; reduce it"
        )
    # tifffile fills what is missing with zeros.
    ends = [
        start + count if start and count else file.filehandle.size + 1
        for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)
    ]
    cut = sum(end > file.filehandle.size for end in ends)
    if cut or not ends:
        raise ValueError(f"{cut} of its {len(ends)} strips or tiles are missing")
    if page.bitspersample > 8 and ASSOCIATED in map(int, page.extrasamples):
        raise DataError(
            f"{path.name} has colours of {page.bitspersample} bits that are multiplied by their "
            "transparency; save it without transparency"
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without tifffile's words about tags that it does not know."""
    log = logging.getLogger("tifffile")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
