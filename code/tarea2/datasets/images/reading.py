"""Pictures as people have them: read whole, the right way up, and refused where they are ambiguous.

Whatever was decided on the way (turned, composed, scaled) stands in its remarks, so
that nothing happens silently.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import ExifTags, Image, ImageOps

from tarea2.datasets.images.picture import Picture
from tarea2.datasets.images.tiff import BEGINNINGS, TiffPicture, read_tiff
from tarea2.datasets.split import DataError
from tarea2.paths import reason

# Only formats that Pillow reads by itself.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm",
)  # fmt: skip
LARGEST_FILE = 100 * 2**20  # bytes
LARGEST_PICTURE = 50_000_000  # pixels
TURNED = "turned as its EXIF orientation says"
KINDS = (
    (b"\x89PNG", "a PNG"), (b"\xff\xd8\xff", "a JPEG"), (b"BM", "a BMP"), (b"GIF8", "a GIF"),
    *((beginning, "a TIFF") for beginning in BEGINNINGS), (b"RIFF", "a WebP"),
    (b"%PDF", "a PDF"), (b"PK\3\4", "a ZIP"), (b"8BPS", "a Photoshop file"),
)  # fmt: skip
FULL_SCALES = (255, 1023, 4095, 16_383, 65_535)  # of 8, 10, 12, 14 and 16 bits


class UnreadableError(DataError):
    """A file that is no picture, or a damaged one."""


def read(path: Path) -> Picture:
    """Read a picture whole, turned as viewers show it.

    Raises
    ------
    DataError, which names the file: it is missing, too large, holds several pages or frames, or
    values that are no finite numbers; :class:`UnreadableError` where it is damaged or no picture.
    """
    check_file(path)
    try:
        # A palette with a translucent entry, EXIF with a slip: Pillow warns and copes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file:
                beginning = file.read(32)
            tiff = read_tiff(path, LARGEST_PICTURE) if beginning[:4] in BEGINNINGS else None
            picture = _of_tiff(tiff, path) if tiff else _by_pillow(path, _is_deep_png(beginning))
    except DataError:
        raise
    except Exception as error:  # whatever a damaged file makes of the reader
        raise UnreadableError(
            f"{path.name} cannot be read as an image ({_appearance(path)}: {reason(error)})"
        ) from None
    if picture.values.dtype.kind == "f" and not np.isfinite(picture.values).all():
        raise DataError(f"{path.name} holds NaN or infinity; replace these pixels")
    if picture.alpha is not None and (picture.alpha == 255).all():
        return replace(picture, alpha=None)
    return picture


def _by_pillow(path: Path, deep: bool) -> Picture:
    """A picture as Pillow reads it; of a PNG in colours of 16 bits Pillow would lose the half."""
    remarks = []
    _check_sums(path)
    with Image.open(path, formats=FORMATS) as opened:
        _check_pages(opened, path)
        if opened.width * opened.height > LARGEST_PICTURE:
            raise DataError(
                f"{path.name} has {opened.width}×{opened.height} pixels, more than "
                f"{LARGEST_PICTURE / 1e6:.0f} million; reduce it"
            )
        if opened.format == "PPM" and opened.mode == "RGB" and _ppm_is_deep(path):
            raise DataError(
                f"{path.name} has colours of more than 8 bits, which are not read from PPM; save "
                "it as PNG or TIFF"
            )
        jpeg = opened.info.get("compression") in ("jpeg", "tiff_jpeg")
        lossy = opened.format in ("JPEG", "MPO") or jpeg
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
        opened.load()  # which turns a TIFF already
        if orientation in range(2, 9):
            remarks.append(TURNED)
        if not deep:
            values, alpha, indices = _arrays(ImageOps.exif_transpose(opened), path)
            return Picture(path.name, values, alpha, indices, lossy, tuple(remarks))
    samples = _turned(imagecodecs.png_decode(path.read_bytes()), orientation)
    transparent = samples.shape[2] in (2, 4)
    colours = samples[..., :-1] if transparent else samples
    alpha = _eight_bits(samples[..., -1]) if transparent else None
    values = colours if colours.shape[2] == 3 else colours[..., 0]
    return Picture(path.name, values, alpha, None, lossy, tuple(remarks))


def _is_deep_png(beginning: bytes) -> bool:
    """Whether a file begins as a PNG of 16 bits with colours or transparency does."""
    header = beginning[:8] == b"\x89PNG\r\n\x1a\n" and beginning[12:16] == b"IHDR"
    return header and beginning[24] == 16 and beginning[25] in (2, 4, 6)


def _ppm_is_deep(path: Path) -> bool:
    """Whether the header of a PPM, ``P6 width height largest``, names more than 255."""
    with path.open("rb") as file:
        lines = file.read(4096).split(b"\n")
    words = b" ".join(line.split(b"#")[0] for line in lines).split()
    return int(words[3]) > 255


def _of_tiff(tiff: TiffPicture, path: Path) -> Picture:
    """A picture from the samples of a TIFF, which may be numbers of any kind and any many."""
    stored, kind = _turned(tiff.samples, tiff.orientation), tiff.samples.dtype
    remarks = [TURNED] if tiff.orientation in range(2, 9) else []
    samples = _plain_numbers(stored, tiff.bits, path)
    if kind.itemsize == 8 or kind == np.float16:
        remarks.append(f"stored as {kind.name}, read as {samples.dtype.name}")
    count = samples.shape[2] - tiff.alpha
    alpha = _eight_bits(samples[..., -1]) if tiff.alpha else None
    if count == 3 and not tiff.zero_is_white:
        return Picture(path.name, samples[..., :3], alpha, None, tiff.lossy, tuple(remarks))
    if count > 1:
        values = samples[..., :3] if count > 2 else samples[..., 0]
        taken = "the first three count as red, green and blue" if count > 2 else "the first counts"
        remarks.append(f"{count} bands: {taken}; --bands chooses others, as --bands 4,1,2")
        return Picture(path.name, values, alpha, None, tiff.lossy, tuple(remarks), bands=samples)
    values = samples[..., 0]
    if not tiff.zero_is_white:
        return Picture(path.name, values, alpha, None, tiff.lossy, tuple(remarks))
    if values.dtype == np.uint8:
        remarks.append("zero is white: turned round, as viewers show it")
        values = 255 - values
    else:
        remarks.append("zero is white: its numbers are kept as they are stored")
    return Picture(
        path.name, values, alpha, None, tiff.lossy, tuple(remarks), stored=samples[..., 0]
    )  # fmt: skip


def _turned(samples: np.ndarray, orientation: int) -> np.ndarray:
    """An array ``(H, W, S)`` turned and mirrored as EXIF's orientation says."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(samples[rows, columns])


def _appearance(path: Path) -> str:
    """The size of a file and what it begins like, for a message about one that is damaged."""
    size = path.stat().st_size
    with path.open("rb") as file:
        beginning = file.read(60)
    if not beginning:
        return "0 bytes, it is empty"
    amount = f"{size} bytes" if size < 10_000 else f"{size / 1e3:.0f} kB"
    kind = next((name for start, name in KINDS if beginning.startswith(start)), None)
    if kind is None and beginning.isascii() and beginning.decode("ascii").split():
        text = " ".join(beginning.decode("ascii").split())
        kind = f"text, {text[:30]!r}" if text.isprintable() else None
    if kind is None:
        kind = "nothing but zeros" if not any(beginning) else "no kind of picture that is known"
    return f"{amount}, begins like {kind}" if kind in dict(KINDS).values() else f"{amount}, {kind}"


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
        return _more_than_eight_bits(np.array(picture), path), None, None
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


def _plain_numbers(values: np.ndarray, bits: int, path: Path) -> np.ndarray:
    """Numbers of a TIFF as 8-bit, 16-bit or float ones; one bit becomes 0 and 255."""
    if values.dtype == np.uint8 or values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255 // (2 ** min(bits, 8) - 1))
    if values.dtype.kind not in "uif":
        raise DataError(f"{path.name} holds {values.dtype.name} numbers; save real ones")
    return _more_than_eight_bits(values, path)


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Transparency of 8 or 16 bits, or as a share of 1, from 0 to 255."""
    if values.dtype.kind == "f":
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return values if values.dtype == np.uint8 else np.rint(values / 257).astype(np.uint8)


def _more_than_eight_bits(values: np.ndarray, path: Path) -> np.ndarray:
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
    white = 255 if values.dtype == np.uint8 else full_scale([picture])
    ink = float((values.mean(2, keepdims=True) * share).sum() / share.sum())
    ground, name = (white, "white") if 2 * ink < white else (0, "black")
    laid = values * share + ground * (1 - share)
    laid = (laid if values.dtype.kind == "f" else np.rint(laid)).astype(values.dtype)
    return Picture(
        picture.name, laid if picture.coloured else laid[..., 0], None, None, picture.lossy,
        (*picture.remarks, f"transparent parts laid on {name}"),
    )  # fmt: skip


def inverted(picture: Picture, white: float = 255) -> Picture:
    """Dark made light and light dark; ``white``: the largest value, where there are more bits."""
    eight_bits = picture.values.dtype == np.uint8
    values = (255 if eight_bits else picture.values.dtype.type(white)) - picture.values
    return replace(picture, values=values, remarks=(*picture.remarks, "inverted"))
