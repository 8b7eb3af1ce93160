"""The pictures below a folder, and what their names and folders say: split, image or mask."""

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
NNUNET_WORDS = {"tr": "train", "ts": "test"}  # imagesTr, labelsTs
IMAGE_WORDS = ("images", "image", "imgs", "img", "jpegimages", "photos", "leftimg8bit")
MASK_WORDS = (
    "masks", "mask", "labels", "label", "annotations", "annotation", "annots", "annot", "gt",
    "segmentationclass", "gtfine", "gtcoarse", "1st_manual", "2nd_manual", "manual1", "manual2",
    "manual",
)  # fmt: skip
# Before or after the name of an image's file, or of a mask's, as regular expressions; the longest
# first.
MASK_AFFIXES = (
    "gt(?:fine|coarse)_(?:labelids|labeltrainids|color|instanceids)", "groundtruth",
    "ground_truth", "segmentation", "annotation", "cp_masks", "labels", "label", "masks", "mask",
    r"manual\d?", "(?:1st|2nd)ho", "seg", "lbl", "gt",
)  # fmt: skip
IMAGE_AFFIXES = (
    "leftimg8bit", "training", "testing", "train", "test", "image", "img", "photo", "sat",
)  # fmt: skip
# CamVid's masks end in _L, and so do images of left eyes: it counts beside a picture without it.
CAMVID = r"(.+)_L"
LABEL_STUDIO = r"task-\d+-annotation-\d+-by-.+"  # its masks, named by task
PHOTOGRAPHS = (".jpg", ".jpeg")
SYSTEM_FILES = ("thumbs.db", "desktop.ini", "__macosx")
SHOWN = 10


@dataclass(frozen=True)
class PictureFile:
    """A picture and what its path says.

    folders: without those that only say "images" or "masks", or the split. name: the path below
    the folder that was searched, in NFC. in_masks: whether a folder or an affix says mask;
    in_mask_folder: whether a folder does.
    """

    path: Path
    stem: str
    folders: tuple[str, ...]
    split: str | None
    name: str
    in_masks: bool
    in_mask_folder: bool


def shown(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(map(str, names[:SHOWN])) + (f" and {more} more" if more > 0 else "")


def below(folder: Path, kind: str, decided: list[str]) -> list[PictureFile]:
    """The pictures below a folder; hidden files and those of the system are none.

    Raises DataError where there is none; ``decided`` is told which files are not read.
    """
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
    return [_file(path, folder) for path in paths]


def parted(files: list[PictureFile]) -> tuple[list[PictureFile], list[PictureFile]]:
    """Images and masks of one folder, told apart by their folders, their affixes or their endings.

    By endings only where nothing else tells: beside a photograph, ``x.jpg``, ``x.png`` is its
    mask.
    """
    stems = {(file.path.parent, file.stem) for file in files}
    masks = [file for file in files if file.in_masks or _of_camvid(file, stems)]
    if not masks:
        photographs = {
            (file.path.parent, file.stem)
            for file in files
            if file.path.suffix.lower() in PHOTOGRAPHS
        }
        masks = [
            file
            for file in files
            if file.path.suffix.lower() not in PHOTOGRAPHS
            and (file.path.parent, file.stem) in photographs
        ]
    known = set(masks)
    return [file for file in files if file not in known], masks


def refuse_doubles(files: Sequence[PictureFile]) -> None:
    """Refuse two files of one folder whose names differ by their endings only."""
    known: dict[tuple, PictureFile] = {}
    for file in files:
        key = (file.path.parent, file.stem)
        if key in known:
            raise DataError(
                f"{file.path.parent} holds two files of one name with different endings: "
                f"{known[key].path.name} and {file.path.name}; remove one, or where one is the "
                "mask of the other give each a folder"
            )
        known[key] = file


def stripped(stem: str, affixes: Sequence[str]) -> str | None:
    """A name without ``_mask``, ``-gt``, ``mask_``, …; None where it has none of these."""
    words = "|".join(affixes)
    for pattern in (rf"(?i)(.+?)[_\-. ](?:{words})", rf"(?i)(?:{words})[_\-. ](.+)"):
        found = re.fullmatch(pattern, stem)
        if found:
            return found[1]
    return None


def _of_camvid(file: PictureFile, stems: set[tuple[Path, str]]) -> bool:
    found = re.fullmatch(CAMVID, file.stem)
    return found is not None and (file.path.parent, found[1]) in stems


def _file(path: Path, folder: Path) -> PictureFile:
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
    affix = stripped(stem, MASK_AFFIXES) is not None or re.fullmatch(LABEL_STUDIO, stem) is not None
    return PictureFile(path, stem, tuple(folders), split, name, mask or affix, mask)


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
                split = {**SPLIT_WORDS, **NNUNET_WORDS}.get(rest.strip("_- "))
                if rest != plain and split:  # trainannot, train_masks
                    return split, of_mask, True
    return None, False, False
