"""Lists that say which images train, validate and test: text, CSV, or JSON as nnU-Net writes it."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tarea2.datasets.images.pairing import SPLIT_WORDS, Pair, shown
from tarea2.datasets.images.reading import SUFFIXES
from tarea2.datasets.split import DataError
from tarea2.paths import reason

PLACES = ("", "ImageSets/Segmentation", "splits", "split", "lists")  # below the folders of a user
BOTH = "trainval"  # training and validation in one list; used where none is for training alone
WHOLE = ("splits_final", "splits", "split", "data_split", "dataset_split")  # all splits in one file
SPLIT_COLUMNS = ("split", "set", "subset", "partition", "phase", "fold")
NAME_COLUMNS = ("image", "filename", "file", "file_name", "name", "path", "image_path", "image_id")


@dataclass(frozen=True)
class Listed:
    """An entry of a list: its split, what may be the image's name, and where it stands."""

    split: str
    texts: tuple[str, ...]
    where: str


def list_files(roots: Sequence[Path]) -> list[Path]:
    """The files that say the splits, in the folders of a user or in the usual places below them.

    Raises DataError where two of them could be meant.
    """
    found: dict[Path, dict[str, list[Path]]] = {}
    for root in roots:
        for place in PLACES:
            folder = (root / place).resolve()
            if folder.is_dir() and folder not in found:
                found[folder] = _in(folder)
    found = {folder: files for folder, files in found.items() if files}
    if len(found) > 1:
        one, other = list(found)[:2]
        raise DataError(
            f"lists of splits lie in {one} and in {other}; keep those that are meant, and move the "
            "others away"
        )
    files = next(iter(found.values()), {})
    for split, paths in files.items():
        if len(paths) > 1:
            raise DataError(
                f"{' and '.join(path.name for path in paths)} are both lists for {split}; keep one"
            )
    if "all splits" in files and len(files) > 1:
        every = [path.name for paths in files.values() for path in paths]
        raise DataError(f"{' and '.join(every)} all say the splits; keep those that are meant")
    if files and not {"all splits", "train"} & set(files):
        names = ", ".join(path.name for paths in files.values() for path in paths)
        raise DataError(
            f"{names} would say the splits, but no list is for training; add train.txt, or move "
            f"{'it' if len(files) == 1 else 'them'} away"
        )
    return [path for paths in files.values() for path in paths]


def _in(folder: Path) -> dict[str, list[Path]]:
    """The lists in a folder, by the split that they are for."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        stem, suffix = path.stem.lower(), path.suffix.lower()
        if suffix not in (".txt", ".csv", ".json") or not path.is_file():
            continue
        if suffix == ".json":
            split = "all splits" if stem in WHOLE else None
        elif suffix == ".csv" and _says_splits(path):
            split = "all splits"
        else:
            split = BOTH if stem == BOTH else SPLIT_WORDS.get(stem)
        if split:
            files.setdefault(split, []).append(path)
    both = files.pop(BOTH, None)
    if both and "train" not in files:
        files = {"train": both, **files}
    return files


def by_lists(
    pairs: Sequence[Pair], files: Sequence[Path], found: dict[str, list[int]], allow_missing: bool
) -> list[str]:
    """Add to each split what the lists name; returns what was decided.

    Raises DataError for a list that cannot be read, a name without its image, an image in two
    splits, and an image that no list names unless ``allow_missing``.
    """
    known: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        for stem in {PurePosixPath(pair.name).stem, unicodedata.normalize("NFC", pair.mask.stem)}:
            known.setdefault(stem, []).append(place)
    taken: dict[int, Listed] = {}
    said: list[str] = []
    lost: list[str] = []
    for path in files:
        entries, remarks = _entries(path)
        said += remarks
        for number, entry in enumerate(entries):
            named = (_named(text, pairs, known) for text in entry.texts)
            index = next((i for i in named if i is not None), None)
            if index is None:
                if number == 0 and path.suffix.lower() == ".csv":
                    continue  # a header
                if not allow_missing:
                    raise DataError(f"{entry.where}: no image is named {entry.texts[0]!r}")
                lost.append(entry.texts[0])
            elif taken.setdefault(index, entry).split != entry.split:
                other = taken[index].where.partition(", line")[0]
                raise DataError(f"{entry.where}: {entry.texts[0]!r} is in {other} too")
            elif index not in found[entry.split]:
                found[entry.split].append(index)
    names = ", ".join(path.name for path in files)
    if lost:
        said.append(f"{names} name {len(lost)} images that have no pair here: {shown(lost)}")
    loose = [pair.name for place, pair in enumerate(pairs) if place not in taken]
    if loose and not allow_missing:
        raise DataError(
            f"{len(loose)} of {len(pairs)} images are in no list ({names}): {shown(loose)}; add "
            "them to one, or leave them out with --allow-missing"
        )
    if loose:
        said.append(f"left out, as no list names them: {len(loose)} images: {shown(loose)}")
    return said


def _entries(path: Path) -> tuple[list[Listed], list[str]]:
    """What a list holds, and what is to be said of it."""
    if path.suffix.lower() == ".json":
        return _from_json(path)
    word = path.stem.lower()
    split = "train" if word == BOTH else SPLIT_WORDS.get(word, "")
    if path.suffix.lower() == ".txt":
        return [
            Listed(split, (line, line.split()[0]), f"{path.name}, line {number}")
            for number, line in _lines(path)
        ], []
    rows = _rows(path)
    column = _split_column(rows[:1])
    found = []
    for number, row in rows if column is None else rows[1:]:
        where = f"{path.name}, line {number}"
        if column is not None:
            word = row[column].strip().lower() if column < len(row) else ""
            if word not in SPLIT_WORDS:
                raise DataError(f"{where}: {word!r} is no split; expected train, val or test")
            split = SPLIT_WORDS[word]
        cells = [cell for place, cell in enumerate(row) if place != column]
        head = [cell.lower() for place, cell in enumerate(rows[0][1]) if place != column]
        likely = sorted(
            range(len(cells)),
            key=lambda k: (
                not (k < len(head) and head[k] in NAME_COLUMNS),
                Path(cells[k]).suffix.lower() not in SUFFIXES,
            ),
        )
        found.append(Listed(split, tuple(cells[k] for k in likely if cells[k]) or ("",), where))
    return found, []


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of names ({reason(error)})") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, unicodedata.normalize("NFC", line.strip())


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    lines = list(_lines(path))
    return [(number, _cells(line, lines[0][1])) for number, line in lines]


def _cells(line: str, first: str) -> list[str]:
    """The cells of a line, with the mark between them that the first line has most of."""
    mark = max(",;\t", key=first.count)
    return [cell.strip() for cell in next(csv.reader([line], delimiter=mark), [])]


def _says_splits(path: Path) -> bool:
    """Whether a table has a column of splits; others lie beside images for other reasons."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = [(number, file.readline().strip()) for number in (1, 2)]
    head, first = (_cells(line, lines[0][1]) for _, line in lines)
    column = _split_column([(1, head)])
    return column is not None and (
        head[column].lower() == "split"
        or (column < len(first) and first[column].lower() in SPLIT_WORDS)
    )


def _split_column(head: list[tuple[int, list[str]]]) -> int | None:
    """Which column of a table says the split."""
    names = [cell.lower() for cell in head[0][1]] if head else []
    return next((names.index(name) for name in SPLIT_COLUMNS if name in names), None)


def _from_json(path: Path) -> tuple[list[Listed], list[str]]:
    """``{"train": [...], "val": [...]}``, or a list of such folds, of which the first is used."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({reason(error)})") from None
    said = []
    if isinstance(content, list) and content:
        if len(content) > 1:
            said = [f"{path.name} holds {len(content)} folds: the first is used"]
        content = content[0]
    fits = isinstance(content, dict) and "train" in {SPLIT_WORDS.get(k.lower()) for k in content}
    if not fits or not all(
        k.lower() in SPLIT_WORDS
        and isinstance(names, list)
        and all(isinstance(name, str) and name.strip() for name in names)
        for k, names in content.items()
    ):
        raise DataError(
            f'{path.name} says no splits: expected {{"train": [names], "val": [names]}}, or a '
            "list of such folds"
        )
    return [
        Listed(SPLIT_WORDS[word.lower()], (name,), f"{path.name}, {word}")
        for word, names in content.items()
        for name in (unicodedata.normalize("NFC", name.strip()) for name in names)
    ], said


def _named(text: str, pairs: Sequence[Pair], known: dict[str, list[int]]) -> int | None:
    """The image that a text names: its name or its mask's, with or without ending or folder."""
    name = text.replace("\\", "/").lstrip("/")
    stems = {PurePosixPath(name).stem, PurePosixPath(name).name}
    indices = list(dict.fromkeys(index for stem in stems for index in known.get(stem, [])))
    if len(indices) > 1:  # names that differ by folder only
        tails = [p for p in indices if name.endswith(str(PurePosixPath(pairs[p].name)))]
        indices = tails or [
            p for p in indices if str(PurePosixPath(pairs[p].name).with_suffix("")) == name
        ]
    return indices[0] if len(indices) == 1 else None
