"""Names of images and of masks: how they agree, whatever stands before, after or in between."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from tarea2.datasets.images.picture_files import (
    IMAGE_AFFIXES,
    MASK_AFFIXES,
    PictureFile,
    stripped,
)

Rename = Callable[[str], str]
Matches = dict[PictureFile, list[PictureFile]]


def match(images: list[PictureFile], masks: list[PictureFile]) -> tuple[Matches, str]:
    """The masks of each image that has some, and how they were found where not by name.

    The way that gives most images one mask each is taken; where another finds masks for more
    images, several each, that one.
    """
    attempts: list[tuple[Matches, str]] = []
    for way, rename_image, rename_mask in _ways(images, masks):
        for flat in (False, True):
            for caseless in (False, True):
                found = _joined(images, masks, rename_image, rename_mask, flat, caseless)
                said = [way] if way else []
                said += ["whatever folder they lie in"] if flat else []
                said += ["whatever case their names have"] if caseless else []
                attempts.append((found, " and ".join(said)))
    for flat in (False, True):
        way = "by names that begin with the image's"
        attempts.append((_begun(images, masks, flat), way))
    attempts.append((_neighbours(images, masks), "in the folder of each image"))
    best, how = max(attempts, key=lambda attempt: _single(attempt[0]))
    ones = {image: group for image, group in best.items() if len(group) == 1}
    most = max(attempts, key=lambda attempt: (len(attempt[0]), sum(map(len, attempt[0].values()))))
    # Masks that are called like their images need no other; else a way that leaves none over.
    others = how.startswith("by") and sum(map(len, most[0].values())) > len(ones)
    if len(most[0]) > len(ones) or (others and len(most[0]) == len(ones)):
        return most
    return ones, how


def _single(matches: Matches) -> int:
    return sum(len(group) == 1 for group in matches.values())


def _ways(
    images: list[PictureFile], masks: list[PictureFile]
) -> list[tuple[str, Rename, Rename]]:  # fmt: skip
    """How names may agree, the plainest first: what is said, and what both are renamed by."""

    def same(stem: str) -> str:
        return stem

    affix = _common(images, masks)
    ways: list[tuple[str, Rename, Rename]] = [("", same, same)]
    if affix:
        ways.append(
            (f"by their names without {affix[0]!r}", same, lambda stem: _without(stem, affix))
        )
    ways.append(
        (
            "by their names without _mask, _gt and the like",
            lambda stem: stripped(stem, IMAGE_AFFIXES) or stem,
            lambda stem: stripped(stem, MASK_AFFIXES) or stem,
        )
    )
    ways.append(("by the images' names without their channel, _0000", without_channel, same))
    shared = [_shared([file.stem for file in files]) for files in (images, masks)]
    if any(map(any, shared)):
        said = " and ".join(
            f"{before + '…' + after!r} of {what}"
            for (before, after), what in zip(shared, ("images", "masks"), strict=True)
            if before or after
        )
        ways.append(
            (
                f"by their names without {said}",
                lambda stem: _unshared(stem, shared[0]),
                lambda stem: _unshared(stem, shared[1]),
            )
        )
    return ways


def _joined(
    images: list[PictureFile], masks: list[PictureFile], rename_image: Rename,
    rename_mask: Rename, flat: bool, caseless: bool,
) -> Matches:  # fmt: skip
    """Images and masks whose keys agree; a key that several images have joins none."""

    def key(file: PictureFile, rename: Rename) -> tuple:
        stem = rename(file.stem)
        whole = (stem,) if flat else (file.split, file.folders, stem)
        if not caseless:
            return whole
        return tuple(
            part.casefold() if isinstance(part, str) else
            tuple(p.casefold() for p in part) if isinstance(part, tuple) else part
            for part in whole
        )  # fmt: skip

    groups: dict[tuple, list[PictureFile]] = {}
    for mask in masks:
        groups.setdefault(key(mask, rename_mask), []).append(mask)
    keys = [key(image, rename_image) for image in images]
    count = Counter(keys)
    return {
        image: groups[found]
        for image, found in zip(images, keys, strict=True)
        if count[found] == 1 and found in groups
    }


def _begun(images: list[PictureFile], masks: list[PictureFile], flat: bool) -> Matches:
    """Masks whose names go on after an image's whole name, ``img_12_cell_3``; the longest."""

    def where(file: PictureFile) -> tuple:
        return () if flat else (file.split, file.folders)

    count = Counter((where(file), file.stem) for file in images)
    known = {(where(file), file.stem): file for file in images if count[where(file), file.stem] < 2}
    found: Matches = {}
    for mask in masks:
        for end in range(len(mask.stem), 0, -1):
            image = known.get((where(mask), mask.stem[:end]))
            if image is not None and mask.stem[end : end + 1] in ("", "_", "-", ".", " "):
                found.setdefault(image, []).append(mask)
                break
    return found


def _neighbours(images: list[PictureFile], masks: list[PictureFile]) -> Matches:
    """All masks of a folder with the one image of that folder, as ``ID/images``, ``ID/masks``."""
    count = Counter((file.split, file.folders) for file in images)
    known = {
        (file.split, file.folders): file
        for file in images
        if file.folders and count[file.split, file.folders] == 1
    }
    found: Matches = {}
    for mask in masks:
        image = known.get((mask.split, mask.folders))
        if image is not None:
            found.setdefault(image, []).append(mask)
    return found


def without_channel(stem: str) -> str:
    """nnU-Net's ``case_12_0000`` as ``case_12``."""
    return re.sub(r"_\d{4}$", "", stem)


def _common(
    images: list[PictureFile], masks: list[PictureFile]
) -> tuple[str, str, str] | None:  # fmt: skip
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


def _without(stem: str, affix: tuple[str, str, str]) -> str:
    if not (stem.startswith(affix[1]) and stem.endswith(affix[2])):
        return stem
    return stem[len(affix[1]) : len(stem) - len(affix[2])]


def _shared(stems: Sequence[str]) -> tuple[str, str]:
    """What all of at least three names begin and end with: whole words without digits."""
    if len(stems) < 3:
        return "", ""
    low, high = min(stems), max(stems)
    before = low[: next((i for i, c in enumerate(low) if high[i : i + 1] != c), len(low))]
    turned = [stem[::-1] for stem in stems]
    low, high = min(turned), max(turned)
    after = low[: next((i for i, c in enumerate(low) if high[i : i + 1] != c), len(low))][::-1]
    begins = re.match(r"[^\d]*[_\-. ]|[^\d]*(?=\d)", before + "0")
    ends = re.search(r"[_\-. ][^\d]*$", after)
    start = begins[0] if begins else ""
    end = ends[0] if ends else ""
    return start, "" if any(len(start) + len(end) >= len(stem) for stem in stems) else end


def _unshared(stem: str, shared: tuple[str, str]) -> str:
    before, after = shared
    return stem.removeprefix(before).removesuffix(after) if before or after else stem
