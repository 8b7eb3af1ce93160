"""Pictures as people have them: read whole, the right way up, and refused where they are ambiguous.

Whatever was decided on the way (turned, composed, scaled) stands in :attr:`Picture.remarks`, so
that nothing happens silently.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from tarea2.datasets.split import DataError
from tarea2.paths import reason

# Only formats that Pillow reads by itself.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm",
)  # fmt: skip
LARGEST_FILE = 100 * 2**20  # bytes
LARGEST_PICTURE = 50_000_000  # pixels
FULL_SCALES = (255, 1023, 4095, 16_383, 65_535)  # of 8, 10, 12, 14 and 16 bits


@dataclass(frozen=True)
class Picture:
    """A picture that was read.

    values: ``(H, W)`` for grey or ``(H, W, 3)`` for colours; 8-bit, 16-bit or float, as stored.
    alpha: ``(H, W)`` from 0 to 255, or None where everything is opaque.
    indices: ``(H, W)``, the numbers behind the colours of a palette, or behind black and white of
        one bit; else None.
    lossy: whether the file was compressed so that values differ from what was drawn.
    remarks: what was done to it, for the user to read.
    """

    name: str
    values: np.ndarray
    alpha: np.ndarray | None = None
    indices: np.ndarray | None = None
    lossy: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def coloured(self) -> bool:
        return self.values.ndim == 3


def read(path: Path) -> Picture:
    """Read a picture whole, turned as viewers show it.

    Raises
    ------
    DataError, which names the file: it is missing, too large, damaged, of another format, holds
    several pages or frames, or values that are no finite numbers.
    """
    check_file(path)
    remarks = []
    try:
        # A palette with a translucent entry, EXIF with a slip: Pillow warns and copes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_sums(path)
            with Image.open(path, formats=FORMATS) as opened:
                _check_pages(opened, path)
                if opened.width * opened.height > LARGEST_PICTURE:
                    raise DataError(
                        f"{path.name} has {opened.width}×{opened.height} pixels, more than "
                        f"{LARGEST_PICTURE / 1e6:.0f} million; reduce it"
                    )
                lossy = opened.format in ("JPEG", "MPO")
                orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
                opened.load()  # which turns a TIFF already
                picture = ImageOps.exif_transpose(opened)
                if orientation in range(2, 9):
                    remarks.append("turned as its EXIF orientation says")
                values, alpha, indices = _arrays(picture, path)
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file makes of the reader
        raise DataError(f"{path.name} cannot be read as an image ({reason(error)})") from None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError(f"{path.name} holds NaN or infinity; replace these pixels")
    if alpha is not None and (alpha == 255).all():
        alpha = None
    return Picture(path.name, values, alpha, indices, lossy, tuple(remarks))


def check_file(path: Path, largest: int = LARGEST_FILE) -> None:
    """Refuse what is no file, or is larger than ``largest`` bytes."""
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    size = path.stat().st_size
    if size > largest:
        raise DataError(
            f"{path.name} has {size / 2**20:.0f} MB; at most {largest / 2**20:.0f} MB are read"
        )


def _check_sums(path: Path) -> None:
    """Compare a PNG with its own checksums, which decoding does not look at."""
    with Image.open(path, formats=FORMATS) as opened:
        if opened.format == "PNG":
            opened.verify()


def _check_pages(picture: Image.Image, path: Path) -> None:
    pages = getattr(picture, "n_frames", 1)
    if pages > 1 and picture.format != "MPO":  # a phone's JPEG with a second view behind it
        raise DataError(
            f"{path.name} holds {pages} pages or frames, expected one picture; save the one that "
            "is meant as a file of its own"
        )


def _arrays(
    picture: Image.Image, path: Path
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Values, alpha and palette numbers of an image of any mode."""
    mode = picture.mode
    if mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        return _more_than_eight_bits(picture, path), None, None
    if mode == "1":
        return np.array(picture.convert("L")), None, np.array(picture).astype(np.uint8)
    if mode == "L" and "transparency" not in picture.info:
        return np.array(picture), None, None
    if mode in ("L", "LA", "La"):
        both = np.asarray(picture.convert("LA"))
        return both[..., 0].copy(), both[..., 1].copy(), None
    indices = np.array(picture) if mode == "P" else None
    if mode in ("PA", "RGBA", "RGBa") or picture.has_transparency_data:
        four = np.asarray(picture.convert("RGBA"))
        return _grey_or_colours(four[..., :3], indices), four[..., 3].copy(), indices
    if mode in ("P", "RGB", "CMYK", "YCbCr", "HSV"):
        return _grey_or_colours(np.asarray(picture.convert("RGB")), indices), None, indices
    raise DataError(f"{path.name} has mode {mode}, expected grey or colours; convert it")


def _grey_or_colours(rgb: np.ndarray, indices: np.ndarray | None) -> np.ndarray:
    """A palette of grey values only is grey; three equal channels stay colours, as they came."""
    grey = indices is not None and (rgb[..., :1] == rgb).all()
    return rgb[..., 0].copy() if grey else rgb.copy()


def _more_than_eight_bits(picture: Image.Image, path: Path) -> np.ndarray:
    values = np.array(picture)
    values = values.astype(values.dtype.newbyteorder("="))  # big-endian files become like others
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if values.size and (values.min() < 0 or values.max() > FULL_SCALES[-1]):
        raise DataError(
            f"{path.name} holds values from {values.min()} to {values.max()}, expected at most 16 "
            "bits; rescale it"
        )
    return values.astype(np.uint16)


def full_scale(pictures: list[Picture]) -> float:
    """The value that stands for white, the same for all pictures, deduced from the largest.

    8 bits: 255. More: what 10, 12, 14 or 16 bits hold at most, so that a camera of 12 bits is
    not nearly black. Floats: 1, or one of these; negative ones are refused.
    """
    largest = 0.0
    deep = False
    for picture in pictures:
        values = picture.values
        if values.dtype == np.uint8 or not values.size:
            continue
        low, high = float(values.min()), float(values.max())
        if low < 0 or high > FULL_SCALES[-1]:
            raise DataError(
                f"{picture.name} holds values from {low:g} to {high:g}, expected 0 to 1 or "
                "unsigned whole numbers; rescale it"
            )
        deep = deep or values.dtype == np.uint16
        largest = max(largest, high)
    if not deep and largest <= 1:  # 8 bits, or floats that are shares of 1 already
        return 1.0
    return float(next(scale for scale in FULL_SCALES if largest <= scale))


def composed(picture: Picture) -> Picture:
    """Lay a picture with transparent parts on one colour: white below dark ink, else black.

    What colours lie hidden under full transparency does not count.
    """
    if picture.alpha is None:
        return picture
    share = (picture.alpha.astype(np.float32) / 255)[..., None]
    if not share.any():
        raise DataError(f"{picture.name} is transparent everywhere: there is nothing to see")
    values = picture.values if picture.coloured else picture.values[..., None]
    ink = float((values.mean(2, keepdims=True) * share).sum() / share.sum())
    ground, name = (255, "white") if ink < 128 else (0, "black")
    laid = np.rint(values * share + ground * (1 - share)).astype(np.uint8)
    return Picture(
        picture.name, laid if picture.coloured else laid[..., 0], None, None, picture.lossy,
        (*picture.remarks, f"transparent parts laid on {name}"),
    )  # fmt: skip


def inverted(picture: Picture, white: float = 255) -> Picture:
    """Dark made light and light dark; ``white``: the largest value, where there are more bits."""
    eight_bits = picture.values.dtype == np.uint8
    values = (255 if eight_bits else picture.values.dtype.type(white)) - picture.values
    return replace(picture, values=values, remarks=(*picture.remarks, "inverted"))
