"""Which images train, validate and test: as folders or lists say, else by seed.

The same picture is on one side only, unless a user wants it on two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tarea2.datasets.images.duplicates import check_apart, joined, together
from tarea2.datasets.images.pairing import Pair, shown
from tarea2.datasets.images.split_lists import by_lists
from tarea2.datasets.split import SPLIT_SEED, DataError

SPLITS = ("train", "validation", "test")
SHARES = (0.15, 0.15)  # of the images, for validation and for test
DRAWS = 300  # among so many, the one whose splits lack the fewest classes


def split_pairs(
    pairs: Sequence[Pair], present: np.ndarray, lists: Sequence[Path], group: str | None,
    same: np.ndarray, allow_duplicates: bool = False, allow_missing: bool = False,
) -> tuple[dict[str, list[int]], list[str]]:  # fmt: skip
    """The indices of the pairs of each split, and what was decided.

    ``present``: ``(n, K)``, whether a mask holds a class. ``lists``: files such as ``train.txt``,
    of :func:`tarea2.datasets.images.split_lists.list_files`; images that these do not name are
    refused, or left out where ``allow_missing``. ``group``: a regular expression; images for whose
    names it finds the same text stay together. ``same``: ``(n,)``, equal for images that are the
    same or nearly; they stay together too, unless ``allow_duplicates``.

    Raises
    ------
    DataError: a list that does not fit the images, an expression that does not fit a name, groups
        too few, the same image in two splits that were given.
    """
    found: dict[str, list[int]] = {name: [] for name in SPLITS}
    by_folder = [pair.split for pair in pairs]
    said: list[str] = []
    if lists and not any(by_folder):
        way = f"as {', '.join(path.name for path in lists)} say"
        said += by_lists(pairs, lists, found, allow_missing)
    elif any(by_folder):
        way = "as folders say"
        for index, name in enumerate(by_folder):
            found[name or "train"].append(index)
        loose = [pair.name for pair in pairs if pair.split is None]
        if lists:
            unread = ", ".join(path.name for path in lists)
            said.append(f"{unread}: not read, as folders say the splits")
        if loose:
            raise DataError(
                f"{len(loose)} images lie outside the folders of the splits: {shown(loose)}; move "
                "them into train, val or test"
            )
    else:
        found["train"] = list(range(len(pairs)))
        way = f"by seed {SPLIT_SEED}"
    if not found["train"]:
        raise DataError("no image is for training; expected a folder or a list named train")
    fixed = {name for name in SPLITS if found[name] and name != "train"}
    names = [pair.name for pair in pairs]
    if len(fixed) < 2:
        held = [name for name in SPLITS[1:] if name not in fixed]
        if way.startswith("as"):
            said.append(f"no {' and no '.join(held)} split is given: it is held back from train")
        apart = np.arange(len(pairs)) if allow_duplicates else same
        said += _hold_back(names, present, found, held, group, apart)
    elif group:
        said += [f"--group {group!r} has no effect: the splits are given"]
    said += check_apart(names, found, same, allow_duplicates)
    counts = ", ".join(f"{len(found[name])} {name}" for name in SPLITS)
    said = [f"splits {way}: {counts}", *said]
    return found, said


def absences(present: np.ndarray, found: dict[str, list[int]], names: Sequence[str]) -> list[str]:
    """Which classes a split lacks, and what follows."""
    said = []
    for name, indices in found.items():
        lacking = [names[int(k)] for k in np.flatnonzero(~present[indices].any(0))]
        if lacking:
            what = f"class {lacking[0]}" if len(lacking) == 1 else f"classes {', '.join(lacking)}"
            then = "it cannot be learnt" if name == "train" else "its scores are undefined there"
            said.append(f"{name} has no pixel of {what}: {then}")
    return said


def _hold_back(
    names: Sequence[str],
    present: np.ndarray,
    found: dict[str, list[int]],
    held: Sequence[str],
    group: str | None,
    same: np.ndarray,
) -> list[str]:
    """Move a share of the training images to the splits that are missing, whole groups at once.

    Among :data:`DRAWS` draws the first whose splits lack the fewest classes is taken, those that
    training lacks counting most.
    """
    indices = np.array(found["train"])
    chosen = [names[index] for index in indices]
    groups, number = _groups(chosen, group)
    whole = number
    if len(set(same[indices])) < len(indices):
        by_name = np.stack(
            [np.arange(len(indices)), np.unique(groups, return_index=True)[1][groups]]
        )
        _, first, place = np.unique(same[indices], return_index=True, return_inverse=True)
        by_look = np.stack([np.arange(len(indices)), first[place]])
        groups = joined(np.concatenate([by_name, by_look], axis=1), len(indices))
        number = int(groups.max()) + 1
    if number < len(held) + 1:
        alike = "" if number == whole else (
            "; images that are the same, or nearly, stay together unless you add --allow-duplicates"
        )  # fmt: skip
        raise DataError(
            f"there are {number} groups, expected at least {len(held) + 1}, one for each split"
            f"{alike}"
        )
    share = dict(zip(SPLITS[1:], SHARES, strict=True))
    wanted = [max(1, round(share[name] * len(indices))) for name in held]
    sizes = np.bincount(groups, minlength=number)
    # Whether a group holds a class: (groups, K).
    holds = np.zeros((number, present.shape[1]), dtype=bool)
    np.logical_or.at(holds, groups, present[indices])
    exists = holds.any(0)
    best, least = None, np.inf
    for draw in range(DRAWS):
        order = np.random.default_rng(SPLIT_SEED + draw).permutation(number)
        ends, start = [], 0
        for index, count in enumerate(wanted):
            last = number - (len(wanted) - index)  # leave a group for each split that follows
            end = start + 1
            while end < last and sizes[order[start:end]].sum() < count:
                end += 1
            ends.append(end)
            start = end
        parts = np.split(order, ends)
        lacking = [int((exists & ~holds[part].any(0)).sum()) for part in parts]
        cost = sum(lacking) + 1000 * lacking[-1]
        if cost < least:
            best, least = parts, cost
        if cost == 0:
            break
    assert best is not None
    for name, part in zip((*held, "train"), best, strict=True):
        found[name] = indices[np.isin(groups, part)].tolist()
    said = [f"{whole} groups, found by {group!r}, stay whole"] if group else []
    return said + together(chosen, same[indices])


def _groups(names: Sequence[str], group: str | None) -> tuple[np.ndarray, int]:
    """A number for each name, equal where the expression finds the same text; and their count."""
    if group is None:
        return np.arange(len(names)), len(names)
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise DataError(f"--group {group!r} is no regular expression: {error}") from None
    keys = []
    for name in names:
        match = pattern.search(name)
        if match is None:
            raise DataError(
                f"--group {group!r} finds nothing in {name}; it must find a text in every name"
            )
        keys.append("\0".join(part or "" for part in match.groups()) or match[0])
    known = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([known[key] for key in keys]), len(known)
