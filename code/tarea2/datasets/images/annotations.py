"""Masks that are outlines in a JSON file: COCO's for many images, or labelme's beside each."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tarea2.datasets.images.coco import categories, is_coco, objects_of
from tarea2.datasets.images.labelme import BACKGROUND, LabelmeShapes, is_labelme, labels
from tarea2.datasets.images.picture import Drawing
from tarea2.datasets.images.picture_files import SPLIT_WORDS, PictureFile, shown
from tarea2.datasets.split import DataError
from tarea2.paths import reason

UPLOADED = r"[0-9a-f]{8}-(.+)"  # as Label Studio names what is uploaded


@dataclass(frozen=True, eq=False)
class Annotated:
    """What JSON files say about images.

    drawings: of each image that they name. named: how they name images. spare: those of them that
    are not there. told: what was decided, for the user to read.
    """

    drawings: dict[PictureFile, tuple[Path, str | None, Drawing]]
    named: list[str]
    spare: list[str]
    told: list[str]


def json_files(folder: Path) -> list[Path]:
    """The JSON files below a folder, hidden ones aside, or the one file that is given."""
    if folder.is_file():
        return [folder] if folder.suffix.lower() == ".json" else []
    return [
        path
        for path in sorted(folder.rglob("*.json"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def annotated(files: list[Path], pictures: list[PictureFile]) -> Annotated | None:
    """What the JSON files that are COCO's or labelme's say; None where none is.

    Raises DataError for files of both kinds, and for what cannot be read as what it seems to be.
    """
    contents = {path: _content(path) for path in files}
    coco = {path: content for path, content in contents.items() if is_coco(content)}
    labelme = {path: content for path, content in contents.items() if is_labelme(content)}
    if coco and labelme:
        raise DataError(
            f"{next(iter(coco)).name} is COCO's and {next(iter(labelme)).name} labelme's; give "
            "--masks the file or the folder that is meant"
        )
    if coco:
        return _of_coco(coco, pictures)
    return _of_labelme(labelme, pictures) if labelme else None


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name} cannot be read as JSON ({reason(error)})") from None


def _of_coco(contents: dict[Path, dict[str, Any]], pictures: list[PictureFile]) -> Annotated:
    try:
        shifts, names = categories(contents)
    except (KeyError, TypeError) as error:
        raise DataError(f"{next(iter(contents)).name}: no COCO file ({reason(error)})") from None
    drawings: dict[PictureFile, tuple[Path, str | None, Drawing]] = {}
    named: list[str] = []
    spare, told = [], []
    for path, content in contents.items():
        objects, said = objects_of(path, content, shifts[path], names)
        told += said
        named += objects
        # Roboflow lays a file of its own beside the images of each split.
        beside = [file for file in pictures if file.path.parent == path.parent]
        for name, found in objects.items():
            file = _named(name, beside) or _named(name, pictures)
            if file is None:
                spare.append(name)
            elif file in drawings:
                other = drawings[file][0].name
                raise DataError(f"{path.name} and {other} both hold the masks of {file.name}")
            else:
                drawings[file] = path, _split_of(path) if len(contents) > 1 else None, found
    listed = ", ".join(f"{value} {name}" for value, name in sorted(names.items()))
    shifted = "; their numbers are those of the file and one, since it begins with 0"
    told.insert(
        0,
        f"masks are drawn from COCO's {shown([path.name for path in contents])}: classes {listed}"
        + (shifted if any(shifts.values()) else ""),
    )
    return Annotated(drawings, named, spare, told)


def _named(name: str, pictures: list[PictureFile]) -> PictureFile | None:
    """The picture that a file's ``file_name`` means, with or without its folders."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/"))
    last = PurePosixPath(plain).name
    uploaded = re.fullmatch(UPLOADED, last)
    for wanted in (plain, last, *([uploaded[1]] if uploaded else [])):
        for whole in (True, False):
            found = [
                file
                for file in pictures
                if wanted == (file.name if whole else PurePosixPath(file.name).name)
            ]
            if len(found) == 1:
                return found[0]
    return None


def _split_of(path: Path) -> str | None:
    """What a file is called for, ``instances_train2017.json``, or its folder."""
    words = [*re.split(r"[^a-z]+", path.stem.lower()), path.parent.name.lower()]
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def _of_labelme(contents: dict[Path, dict[str, Any]], pictures: list[PictureFile]) -> Annotated:
    every = {label for path, content in contents.items() for label in labels(path, content)}
    names = tuple(enumerate(sorted(every - {BACKGROUND}), 1))
    if len(names) > 255:
        raise DataError(f"the shapes have {len(names)} labels, expected at most 255")
    beside = {(file.path.parent, file.stem): file for file in pictures}
    drawings: dict[PictureFile, tuple[Path, str | None, Drawing]] = {}
    spare = []
    for path, content in contents.items():
        stem = unicodedata.normalize("NFC", path.stem)
        file = beside.get((path.parent, stem)) or _named(str(content.get("imagePath")), pictures)
        file = file or _only([file for file in pictures if file.stem == stem])
        if file is None:
            spare.append(path.name)
        elif file in drawings:
            other = drawings[file][0].name
            raise DataError(f"{path.name} and {other} both hold the masks of {file.name}")
        else:
            known = ((0, "background"), *names)
            drawings[file] = path, None, LabelmeShapes(path, file.path, content, known)
    listed = ", ".join(f"{value} {name}" for value, name in names)
    return Annotated(
        drawings,
        [path.name for path in contents],
        spare,
        [f"masks are drawn from labelme's JSON by its rules: classes {listed}"],
    )


def _only(files: list[PictureFile]) -> PictureFile | None:
    return files[0] if len(files) == 1 else None
