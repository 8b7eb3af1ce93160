"""Which mask belongs to which image: by name, by relative path, by a prefix or a suffix."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tarea2.datasets.images.reading import SUFFIXES
from tarea2.datasets.split import DataError

SPLIT_WORDS = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
IMAGE_WORDS = ("images", "image", "imgs", "img", "jpegimages", "photos")
MASK_WORDS = (
    "masks", "mask", "labels", "label", "annotations", "annotation", "annots", "annot", "gt",
    "segmentationclass",
)  # fmt: skip
# Before or after the name of an image's file, or of a mask's; the longest first.
MASK_AFFIXES = (
    "groundtruth", "ground_truth", "segmentation", "annotation", "labels", "label", "masks",
    "mask", "manual1", "seg", "lbl", "gt", "l",
)  # fmt: skip
IMAGE_AFFIXES = ("image", "img", "photo", "sat")
SYSTEM_FILES = ("thumbs.db", "desktop.ini", "__macosx")
SHOWN = 10


@dataclass(frozen=True)
class Pair:
    """An image and its mask; ``name`` is the image's path below its folder, in NFC.

    ``split`` is that of a folder (``train``, ``trainannot``, …) that holds it, or None.
    """

    image: Path
    mask: Path
    name: str
    split: str | None


@dataclass(frozen=True)
class _File:
    path: Path
    stem: str
    folders: tuple[str, ...]  # without those that only say "images" or "masks", or the split
    split: str | None
    name: str
    in_masks: bool  # whether a folder or an affix says that it is a mask


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
        a mask (unless ``allow_missing``), a mask without an image.
    """
    decided: list[str] = []
    if images.resolve() == masks.resolve():
        everything = _files(images, "pictures", decided)
        pictures = [file for file in everything if not file.in_masks]
        drawn = [file for file in everything if file.in_masks]
        if not pictures or not drawn:
            raise DataError(
                f"{images} is given for images and masks, but its names tell none apart; give two "
                "folders, or end the names of masks in _mask"
            )
    else:
        # Masks may lie in a folder within that of the images, or the other way round.
        pictures = [f for f in _files(images, "images", decided) if not _within(f, masks, images)]
        drawn = [f for f in _files(masks, "masks", decided) if not _within(f, images, masks)]
    matched, way = _match(pictures, drawn)
    if way:
        decided.append(f"masks are found {way}")
    lost = [file.name for file in pictures if file not in matched]
    if lost and not (allow_missing and matched):
        raise DataError(
            f"{len(lost)} of {len(pictures)} images have no mask in {masks}: {shown(lost)}; add "
            "them, or leave these images out with --allow-missing"
        )
    if lost:
        decided.append(f"left out, for want of a mask: {len(lost)} images: {shown(lost)}")
    found = set(matched.values())
    spare = [file.name for file in drawn if file not in found]
    if spare and not allow_missing:
        raise DataError(
            f"{len(spare)} of {len(drawn)} masks have no image in {images}: {shown(spare)}; add "
            "them, or leave these masks out with --allow-missing"
        )
    if spare:
        decided.append(f"left out, for want of an image: {len(spare)} masks: {shown(spare)}")
    pairs = [
        Pair(image.path, mask.path, image.name, image.split or mask.split)
        for image, mask in matched.items()
    ]
    return sorted(pairs, key=lambda pair: pair.name), decided


def shown(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(map(str, names[:SHOWN])) + (f" and {more} more" if more > 0 else "")


def _files(folder: Path, kind: str, decided: list[str]) -> list[_File]:
    """The pictures below a folder; hidden files and those of the system are none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    paths, other = [], Counter[str]()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part.lower() in SYSTEM_FILES for part in parts):
            continue
        if not path.is_file():
            continue
        if path.suffix.lower() in SUFFIXES:
            paths.append(path)
        else:
            other[path.suffix.lower() or path.name] += 1
    unread = ", ".join(f"{count} {ending}" for ending, count in sorted(other.items()))
    if not paths:
        what = f"only files that are not read: {unread}" if unread else "no file"
        raise DataError(
            f"{folder}, the folder of {kind}, holds {what}; expected pictures, such as PNG, JPEG "
            "or TIFF: convert them"
        )
    unread = ", ".join(f"{n} {e}" for e, n in sorted(other.items()) if e != ".txt")
    if unread:
        decided.append(f"not read in {folder.name}: {unread}")
    files = [_file(path, folder) for path in paths]
    known: dict[tuple, _File] = {}
    for file in files:
        key = (file.path.parent, file.stem)
        if key in known:
            raise DataError(
                f"{file.path.parent} holds two files of one name with different endings: "
                f"{known[key].path.name} and {file.path.name}; remove one"
            )
        known[key] = file
    return files


def _file(path: Path, folder: Path) -> _File:
    relative = path.relative_to(folder)
    split, folders, mask = None, [], False
    for part in relative.parts[:-1]:
        plain = unicodedata.normalize("NFC", part)
        found, of_mask, dropped = _folder(plain)
        split, mask = split or found, mask or of_mask
        if not dropped:
            folders.append(plain)
    name = unicodedata.normalize("NFC", relative.as_posix())
    stem = unicodedata.normalize("NFC", path.stem)
    return _File(
        path, stem, tuple(folders), split, name, mask or _stripped(stem, MASK_AFFIXES) is not None
    )


def _folder(name: str) -> tuple[str | None, bool, bool]:
    """What a folder's name says: its split, whether it holds masks, whether it says only that."""
    plain = name.lower()
    if plain in SPLIT_WORDS:
        return SPLIT_WORDS[plain], False, True
    for words, of_mask in ((MASK_WORDS, True), (IMAGE_WORDS, False)):
        if plain in words:
            return None, of_mask, True
        for word in words:
            for rest in (plain.removesuffix(word), plain.removeprefix(word)):
                if rest != plain and rest.strip("_- ") in SPLIT_WORDS:  # trainannot, train_masks
                    return SPLIT_WORDS[rest.strip("_- ")], of_mask, True
    return None, False, False


def _within(file: _File, folder: Path, other: Path) -> bool:
    """Whether a file lies in the one folder, which itself lies in the other."""
    inner = folder.resolve()
    return inner.is_relative_to(other.resolve()) and file.path.resolve().is_relative_to(inner)


def _stripped(stem: str, affixes: Sequence[str]) -> str | None:
    """A name without ``_mask``, ``-gt``, ``mask_``, …; None where it has none of these."""
    words = "|".join(affixes)
    for pattern in (rf"(?i)(.+?)[_\-. ](?:{words})", rf"(?i)(?:{words})[_\-. ](.+)"):
        found = re.fullmatch(pattern, stem)
        if found:
            return found[1]
    return None


def _match(images: list[_File], masks: list[_File]) -> tuple[dict[_File, _File], str]:
    """The mask of each image that has one, and how it was found where that is not by name."""
    attempts = []
    affix = _common(images, masks)
    for way, rename_image, rename_mask in (
        ("", lambda s: s, lambda s: s),
        (f"by their names without {affix[0]!r}" if affix else "", lambda s: s,
         lambda s: _without(s, affix)),
        ("by their names without _mask, _gt and the like", _plain_image, _plain_mask),
    ):  # fmt: skip
        for flat in (False, True):
            attempts.append((_joined(images, masks, rename_image, rename_mask, flat), way, flat))
    best, way, flat = max(attempts, key=lambda attempt: len(attempt[0]))
    if flat:
        way = " and ".join(part for part in (way, "whatever folder they lie in") if part)
    return best, way


def _joined(images, masks, rename_image, rename_mask, flat) -> dict[_File, _File]:
    """Images and masks whose keys agree; a key that several files have joins none."""

    def keyed(files: list[_File], rename) -> dict[tuple, _File]:
        keys = [(rename(f.stem),) if flat else (f.split, f.folders, rename(f.stem)) for f in files]
        count = Counter(keys)
        return {key: file for key, file in zip(keys, files, strict=True) if count[key] == 1}

    known = keyed(masks, rename_mask)
    return {f: known[key] for key, f in keyed(images, rename_image).items() if key in known}


def _plain_image(stem: str) -> str:
    return _stripped(stem, IMAGE_AFFIXES) or stem


def _plain_mask(stem: str) -> str:
    return _stripped(stem, MASK_AFFIXES) or stem


def _common(images: list[_File], masks: list[_File]) -> tuple[str, str, str] | None:
    """What all masks' names have before or after those of images: most pairs decide."""
    stems = {file.stem for file in images}
    found: Counter[tuple[str, str]] = Counter()
    for file in masks[:50]:
        for start in range(len(file.stem)):
            for end in range(start + 1, len(file.stem) + 1):
                if file.stem[start:end] in stems:
                    found[file.stem[:start], file.stem[end:]] += 1
    found.pop(("", ""), None)
    if not found:
        return None
    (before, after), _ = min(found.items(), key=lambda item: (-item[1], len("".join(item[0]))))
    return (f"{before}…{after}" if before and after else before or after), before, after


def _without(stem: str, affix: tuple[str, str, str] | None) -> str:
    if affix is None or not (stem.startswith(affix[1]) and stem.endswith(affix[2])):
        return stem
    return stem[len(affix[1]) : len(stem) - len(affix[2])]
