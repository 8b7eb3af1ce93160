"""One mask of several files: a file for each object, or a folder for each class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tarea2.datasets.images.matching import Matches
from tarea2.datasets.images.picture import OVERLAP, Picture, as_mask
from tarea2.datasets.images.picture_files import MASK_AFFIXES, PictureFile
from tarea2.datasets.images.reading import read
from tarea2.datasets.split import DataError

ANNOTATORS = (
    r"(?:annotator|rater|expert|reader|observer|grader|doctor|user)[ _-]?\w*"
    r"|(?:1st|2nd|3rd)[ _-]?\w*|manual\d?"
)
MOST_CLASSES = 200


@dataclass(frozen=True)
class United:
    """Masks of one object or one class each, and the value that stands for it.

    names: of the values, where the folders give them.
    """

    parts: tuple[tuple[Path, int], ...]
    names: tuple[tuple[int, str], ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(path for path, _ in self.parts)

    def draw(self) -> Picture:
        """The mask, ``(H, W)`` of 8 bits: 0, or the value of the last part that covers a pixel.

        Raises DataError for parts of another size than the first, or of several values.
        """
        whole, overlap = None, False
        for path, value in self.parts:
            part = as_mask(read(path))
            covered = _covered(part)
            if whole is None:
                whole = np.zeros(part.size, np.uint8)
            if part.size != whole.shape:
                height, width = whole.shape
                raise DataError(
                    f"mask {path.name} is {part.size[1]}×{part.size[0]}, and "
                    f"{self.parts[0][0].name}, of the same image, {width}×{height}"
                )
            overlap |= bool((covered & (whole != 0) & (whole != value)).any())
            whole[covered] = value
        assert whole is not None
        remarks = (OVERLAP,) if overlap else ()
        return Picture(self.parts[0][0].name, whole, remarks=remarks)


def united(
    matches: Matches,
) -> tuple[dict[PictureFile, United], str]:
    """How the several masks of each image become one, and what is said of it.

    Raises DataError where they may be rivals: drawn by several people, or of several kinds.
    """
    several = {image: group for image, group in matches.items() if len(group) > 1}
    if all(_in_folders(group) for group in several.values()):
        # What follows the image's own folders; the same folders hold masks of all images.
        names = {
            file: _class_folder(image, file) for image, group in matches.items() for file in group
        }
        classes = sorted(set(names.values()))
        wrong = [name for name in classes if re.fullmatch(ANNOTATORS, name, re.IGNORECASE)]
        if not wrong and len(classes) <= MOST_CLASSES and all(classes):
            values = {name: value for value, name in enumerate(classes, 1)}
            named = ((0, "background"), *((value, name) for name, value in values.items()))
            found = {
                image: United(
                    tuple(
                        (file.path, values[names[file]])
                        for file in sorted(group, key=lambda file: values[names[file]])
                    ),
                    named,
                )
                for image, group in matches.items()
            }
            listed = ", ".join(f"{value} {name}" for name, value in values.items())
            return found, (
                f"masks of one image lie in {len(classes)} folders, each a class of its own: "
                f"{listed}; where they overlap the last counts"
            )
    elif all(_numbered(image, group) for image, group in several.items()) and _one_kind(matches):
        found = {
            image: United(
                tuple((file.path, 255) for file in group), ((0, "background"), (255, "object"))
            )
            for image, group in matches.items()
        }
        count = sum(map(len, matches.values()))
        return found, (
            f"{len(several)} images have several masks, one for each object: they are united into "
            f"one class ({count} masks of {len(matches)} images)"
        )
    image, group = next(iter(several.items()))
    more = f" and {len(group) - 3} more" if len(group) > 3 else ""
    raise DataError(
        f"{len(several)} images have several masks each: {image.name} has "
        f"{', '.join(file.name for file in group[:3])}{more}; keep one mask of each image in the "
        "folder that is given, or put those of each class into a folder named like it"
    )


def _in_folders(group: Sequence[PictureFile]) -> bool:
    """Whether the masks of an image have one name in folders that all differ."""
    stems = {file.stem for file in group}
    return len(stems) == 1 and len({file.path.parent for file in group}) == len(group)


def _class_folder(image: PictureFile, mask: PictureFile) -> str:
    """The folders that a mask has and its image has not."""
    own = [folder for folder in mask.folders if folder not in image.folders]
    return "-".join(own)


def _numbered(image: PictureFile, group: Sequence[PictureFile]) -> bool:
    """Whether masks of an image differ by numbers only, or lie by themselves in its folder."""
    if image.folders and all(file.folders == image.folders for file in group):
        rest = {file.stem for file in group if not file.stem.startswith(image.stem)}
        if len(rest) == len(group):
            return True
    words = {_words(image, file) for file in group}
    told = [file for file in group if re.search(r"\d", file.stem.removeprefix(image.stem))]
    affix = re.fullmatch("|".join(MASK_AFFIXES), next(iter(words)), re.IGNORECASE)
    return len(words) == 1 and len(told) >= len(group) - 1 and (len(told) > 1 or not affix)


def _words(image: PictureFile, mask: PictureFile) -> str:
    """What a mask's name has besides the image's, without numbers."""
    return re.sub(r"[\d_\-. ]+", " ", mask.stem.removeprefix(image.stem)).strip().lower()


def _one_kind(matches: Matches) -> bool:
    """Whether masks of objects carry no words, or all the same: cats and dogs are two classes."""
    named = {
        _words(image, file)
        for image, group in matches.items()
        for file in group
        if file.stem.startswith(image.stem)
    }
    return len(named) <= 1


def _covered(part: Picture) -> np.ndarray:
    """Where a mask of one object covers a pixel, ``(H, W)``: not black, not transparent."""
    if part.alpha is not None and (part.alpha == 0).any():
        return part.alpha > 0
    if part.coloured:
        return np.asarray(np.any(part.values != 0, axis=2))
    if part.lossy:
        return part.values > 127
    found = np.unique(part.values)
    if len(found[found != 0]) > 1:
        raise DataError(
            f"mask {part.name} holds {len(found)} values, and other masks belong to the same "
            "image; expected one object or one class in each, 0 and one other value"
        )
    return part.values != 0
