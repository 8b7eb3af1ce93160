"""Which own images train, validate and test: the same picture twice, and what a user wrote."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images.duplicates import same_pictures, small_digest
from tarea2.datasets.images.pairing import Pair
from tarea2.datasets.images.split_lists import by_lists, list_files

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


# Lists of splits --------------------------------------------------------------------------------

PARTS = {"train": range(8), "val": range(8, 10), "test": range(10, 12)}


def lists(folder: Path, **names: str) -> None:
    """Text lists, each under the name that is given for its split, or its own."""
    for split, places in PARTS.items():
        text = "".join(f"{place:02}\n" for place in places)
        (folder / names.get(split, f"{split}.txt")).write_text(text)


def sizes(data) -> dict[str, int]:
    return {split: len(names) for split, names in data.names.items()}


def table(folder: Path, mark: str, head: str, row: str) -> None:
    rows = [row.format(f"{p:02}", split, mark) for split, places in PARTS.items() for p in places]
    (folder / "split.csv").write_text("\n".join([head.replace(",", mark), *rows]))


def folds(folder: Path) -> None:
    names = {split: [f"{p:02}" for p in places] for split, places in PARTS.items()}
    fold = {"train": names["train"], "val": names["val"] + names["test"]}
    other = {"train": names["val"] + names["test"], "val": names["train"]}
    (folder / "splits_final.json").write_text(json.dumps([fold, other]))


@pytest.mark.parametrize(
    "write",
    [
        lambda f: lists(f, val="valid.txt"),
        lambda f: lists(f, train="trainval.txt"),
        lambda f: lists(f, train="train.csv", val="val.csv", test="test.csv"),
        lambda f: ((f / "splits").mkdir(), lists(f / "splits")),
        lambda f: table(f, ",", "image,split", "{0}.png{2}{1}"),
        lambda f: table(f, ";", "id,mask,image,split", "1{2}{0}.png{2}a/{0}.png{2}{1}"),
        lambda f: table(f, "\t", "set,name", "{1}{2}{0}"),
        lambda f: (f / "split.json").write_text(
            json.dumps({k: [f"{p:02}.png" for p in v] for k, v in PARTS.items()})
        ),
    ],
)  # fmt: skip
def test_what_a_user_wrote_is_what_is_used(tmp_path, write):
    images, masks = photographs(tmp_path)
    write(tmp_path)
    data = image_folder(images, masks)
    assert sizes(data) == {"train": 8, "validation": 2, "test": 2}
    assert side(data, "00.png") == "train"
    assert side(data, "08.png") == "validation"
    assert any(line.startswith("splits as ") for line in data.decided)


@pytest.mark.parametrize("parts", [("", ""), ("_0000", "")])
def test_folds_as_nnunet_writes_them(tmp_path, parts):
    """Cases are named, without the number of the channel that ends an image's name."""
    images, masks = photographs(tmp_path)
    for path in images.glob("*.png"):
        path.rename(path.with_stem(path.stem + parts[0]))
    pairs = [Pair(p, masks / p.name.replace("_0000", ""), p.name, None)
             for p in sorted(images.glob("*.png"))]  # fmt: skip
    folds(tmp_path)
    files = list_files([images, masks, images.parent])
    found = {"train": [], "validation": [], "test": []}
    said = by_lists(pairs, files, found, allow_missing=False)
    assert found == {"train": [*range(8)], "validation": [8, 9, 10, 11], "test": []}
    assert said == ["splits_final.json holds 2 folds: the first is used"]


def test_images_that_no_list_names_are_named_and_left_out_on_request(tmp_path):
    images, masks = photographs(tmp_path, 15)
    lists(tmp_path)
    with pytest.raises(DataError) as refused:
        image_folder(images, masks)
    assert str(refused.value) == (
        "3 of 15 images are in no list (test.txt, train.txt, val.txt): 12.png, 13.png, 14.png; add "
        "them to one, or leave them out with --allow-missing"
    )
    data = image_folder(images, masks, reading=Reading(allow_missing=True))
    assert sizes(data) == {"train": 8, "validation": 2, "test": 2}
    assert "left out, as no list names them: 3 images: 12.png, 13.png, 14.png" in data.decided


def test_an_image_without_a_mask_may_be_in_a_list(tmp_path):
    images, masks = photographs(tmp_path)
    lists(tmp_path)
    (masks / "03.png").unlink()
    data = image_folder(images, masks, reading=Reading(allow_missing=True))
    assert sizes(data)["train"] == 7
    assert any("name 1 images that have no pair here: 03" in line for line in data.decided)


def second(folder: Path) -> None:
    lists(folder)
    (folder / "valid.txt").write_text("08\n")


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (second, "val.txt and valid.txt are both lists for validation; keep one"),
        (lambda f: (lists(f), (f / "train.csv").write_text("00\n")),
         "train.csv and train.txt are both lists for train; keep one"),
        (lambda f: (f / "test.txt").write_text("10\n11\n"), "no list is for training"),
        (lambda f: (lists(f), folds(f)), "all say the splits; keep those that are meant"),
        (lambda f: (lists(f), lists(f / "images")), "lists of splits lie in .* and in "),
        (lambda f: table(f, ",", "image,split", "{0}.png,later"),
         "split.csv, line 2: 'later' is no split; expected train, val or test"),
        (lambda f: table(f, ",", "image,split", "x{0}.png{2}{1}"), "no image is named 'x01.png'"),
        (lambda f: (f / "splits_final.json").write_text('{"a": 1}'), "says no splits: expected"),
        (lambda f: (f / "splits_final.json").write_text("[{"), "cannot be read as JSON"),
    ],
)  # fmt: skip
def test_never_a_split_by_seed_where_a_user_gave_one(tmp_path, write, sentence):
    images, masks = photographs(tmp_path)
    write(tmp_path)
    with pytest.raises(DataError, match=sentence):
        image_folder(images, masks)


def test_tables_and_lists_that_say_nothing_of_splits_are_in_nobodys_way(tmp_path):
    images, masks = photographs(tmp_path)
    (tmp_path / "patients.csv").write_bytes("image,año,set\n00.png,3,A\n".encode("latin-1"))
    (tmp_path / "notes.txt").write_text("train\n")
    data = image_folder(images, masks)
    assert any(line.startswith("splits by seed") for line in data.decided)


def test_lists_beside_folders_that_say_the_splits_are_told(tmp_path):
    images, masks = photographs(tmp_path)
    for kind in (images, masks):
        for split, places in PARTS.items():
            (kind / split).mkdir()
            for place in places:
                (kind / f"{place:02}.png").rename(kind / split / f"{place:02}.png")
    lists(tmp_path)
    data = image_folder(images, masks)
    assert sizes(data) == {"train": 8, "validation": 2, "test": 2}
    assert "test.txt, train.txt, val.txt: not read, as folders say the splits" in data.decided
