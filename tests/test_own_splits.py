"""Which own images train, validate and test: the same picture twice."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images.duplicates import same_pictures, small_digest

COUNT = 12

# The same picture twice -----------------------------------------------------------------------


def photographs(folder: Path, count: int = COUNT) -> tuple[Path, Path]:
    """Images of light that differ from each other as photographs do, and masks."""
    for place in range(count):
        rng = np.random.default_rng(place)
        mask = (rng.random((6, 8)) < 0.3).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        image = np.array(coarse.resize((64, 48), Image.Resampling.BICUBIC))
        for kind, values in (("images", image), ("masks", mask * 255)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(folder / kind / f"{place:02}.png")
    return folder / "images", folder / "masks"


def same(path: Path) -> Image.Image:
    return Image.open(path)


def compressed(path: Path) -> Image.Image:
    picture = io.BytesIO()
    Image.open(path).save(picture, "JPEG", quality=75)
    return Image.open(picture)


def brighter(path: Path) -> Image.Image:
    return Image.open(path).point(lambda value: int(0.8 * value) + 40)


def copied(images: Path, masks: Path, of: str, to: str, alter=same) -> None:
    """A picture again, and its mask, under another name."""
    (images / to).parent.mkdir(exist_ok=True)
    (masks / to).parent.mkdir(exist_ok=True)
    alter(images / of).save(images / to)
    shutil.copy(masks / of, masks / to)


def side(data, name: str) -> str:
    return next(split for split, names in data.names.items() if name in names)


@pytest.mark.parametrize("alter", [same, compressed, brighter])
def test_the_same_picture_stays_on_one_side_of_our_split(tmp_path, alter):
    images, masks = photographs(tmp_path)
    before = image_folder(images, masks)
    assert not any("the same" in line for line in before.decided)
    for place in range(COUNT):
        copied(images, masks, f"{place:02}.png", f"{place:02} (1).png", alter)
    data = image_folder(images, masks)
    for place in range(COUNT):
        assert side(data, f"{place:02}.png") == side(data, f"{place:02} (1).png")
    told = next(line for line in data.decided if "the same" in line)
    assert told.startswith("12 images are the same as another, or nearly, and stay on its side")
    assert "00 (1).png and 00.png" in told or "00.png and 00 (1).png" in told
    free = image_folder(images, masks, reading=Reading(allow_duplicates=True))
    apart = [p for p in range(COUNT) if side(free, f"{p:02}.png") != side(free, f"{p:02} (1).png")]
    assert apart
    assert any(line.endswith("kept, so that scores measure memory too") for line in free.decided)


def test_one_picture_only_leaves_nothing_to_hold_back(tmp_path):
    images, masks = photographs(tmp_path, 2)
    for place in range(12):
        copied(images, masks, "00.png", f"again {place}.png")
    with pytest.raises(DataError, match=r"there are 2 groups, expected at least 3.*--allow-dup"):
        image_folder(images, masks)


def test_groups_by_name_and_by_look_are_one(tmp_path):
    """``a`` and ``b`` share a picture: neither group is parted, nor one from the other."""
    images, masks = photographs(tmp_path)
    for kind in (images, masks):
        for path in sorted(kind.iterdir()):
            path.rename(path.with_name(f"{'abcdef'[int(path.stem) // 2]}-{path.name}"))
    copied(images, masks, "a-00.png", "b-99.png")
    data = image_folder(images, masks, reading=Reading(group="^."))
    sides = {name: side(data, name) for names in data.names.values() for name in names}
    assert len({where for name, where in sides.items() if name[0] in "ab"}) == 1
    for letter in "cdef":
        assert len({where for name, where in sides.items() if name[0] == letter}) == 1


@pytest.mark.parametrize("alter", [same, compressed])
def test_the_same_picture_in_two_splits_of_a_user_is_refused(tmp_path, alter):
    images, masks = photographs(tmp_path)
    for kind in (images, masks):
        (kind / "train").mkdir()
        for path in sorted(kind.glob("*.png")):
            path.rename(kind / "train" / path.name)
    for place in (0, 1):
        copied(images, masks, f"train/{place:02}.png", f"val/v{place}.png", alter)
    copied(images, masks, "train/02.png", "test/t0.png", alter)
    copied(images, masks, "train/02.png", "train/once more.png", alter)  # no harm done
    for kind in (images, masks):
        (kind / "train" / "11.png").rename(kind / "test" / "11.png")
    with pytest.raises(DataError) as refused:
        image_folder(images, masks)
    said = str(refused.value)
    assert said.startswith("2 of 2 validation and 1 of 2 test images are in another split too")
    assert "val/v0.png (validation) is train/00.png (train)" in said
    assert said.endswith("--allow-duplicates")
    data = image_folder(images, masks, reading=Reading(allow_duplicates=True))
    assert any(line.endswith("kept, so that scores measure memory too") for line in data.decided)


def test_pictures_of_one_colour_are_alike_only_where_they_are_equal():
    flat = [np.full((1, 20, 30), value, np.uint8) for value in (7, 7, 90)]
    exact = [array.tobytes().hex() for array in flat]
    found = same_pictures(exact, np.stack([small_digest(array) for array in flat]))
    assert found[0] == found[1] != found[2]
