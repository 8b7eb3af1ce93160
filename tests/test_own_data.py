"""Own images as people have them: pairs, label maps, splits, sizes, the cache; what is refused."""

import re
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tarea2 import paths
from tarea2.datasets import IGNORED, ArrayStore, DataError, Reading, image_folder
from tarea2.datasets.images import folder as image_data
from tarea2.datasets.images.cache import default_folder
from tarea2.datasets.images.label_inference import MaskOptions
from tarea2.datasets.images.label_map import LabelMap, read_colours
from tarea2.datasets.images.preprocessing import Preprocessing, parse_size
from tarea2.datasets.split import Dataset

COUNT, SHAPE = 12, (16, 32)
RED, GREEN, VOID = (255, 0, 0), (0, 255, 0), (224, 224, 192)


def classes(place: int, shape=SHAPE) -> np.ndarray:
    """A mask of two squares, of classes 1 and 2, that differs from place to place."""
    mask = np.zeros(shape, np.uint8)
    mask[2 : 7 + place % 4, 3:11] = 1
    mask[6:12, 18 : 24 + place % 5] = 2
    return mask


def make(folder: Path, masks=None, image_name="{:02}.png", mask_name="{:02}.png") -> tuple:
    """Images and masks in two folders; ``masks`` changes classes into a picture."""
    for place in range(COUNT):
        mask = classes(place)
        for kind, name, picture in (
            ("images", image_name, Image.fromarray(mask * 100 + 20)),
            ("masks", mask_name, masks(mask) if masks else Image.fromarray(mask)),
        ):
            path = folder / kind / name.format(place)
            path = path.with_suffix(".tif") if picture.mode == "F" else path
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    return folder / "images", folder / "masks"


def whole(data: Dataset) -> torch.Tensor:
    """All masks, in the order of the places that the images themselves tell."""
    return torch.cat([s.y[:] for s in (data.train, data.validation, data.test)])


def assert_true_classes(data: Dataset, ignored=()) -> None:
    """Each image of ``make`` shows its classes: they can be read off it."""
    for split in (data.train, data.validation, data.test):
        expected = (split.x[:, 0].float() - 20).div(100).round()
        counted = split.y != IGNORED
        assert counted.any()
        assert torch.equal(split.y[counted].float(), expected[counted])


def painted(colours) -> object:
    return lambda mask: Image.fromarray(np.array(colours, np.uint8)[mask])


# Pairs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image_name", "mask_name", "said"),
    [
        ("{:02}.png", "{:02}.PNG", ""),
        ("{:02}.png", "{:02}_mask.png", "by their names without '_mask'"),
        ("{:02}.png", "mask_{:02}.tif", "by their names without 'mask_'"),
        ("{:02}.bmp", "{:02}-GT.png", "by their names without '-GT'"),
        ("{:02}.png", "scan {:02} drawn by hand.png", "'scan … drawn by hand'"),
        ("img_{:02}.png", "label_{:02}.png", "without _mask, _gt and the like"),
        ("a/{:02}.png", "a/{:02}_label.png", "'_label'"),
        ("a/{:02}.png", "{:02}.png", "whatever folder they lie in"),
        ("año {:02}.png", unicodedata.normalize("NFD", "año {:02}.png"), ""),
    ],
)
def test_a_mask_is_found_by(tmp_path, image_name, mask_name, said):
    data = image_folder(*make(tmp_path, None, image_name, mask_name))
    assert_true_classes(data)
    assert said in "\n".join(data.decided)


def test_images_and_masks_in_one_folder(tmp_path):
    images, masks = make(tmp_path, None, "{:02}.png", "{:02}_mask.png")
    for path in masks.iterdir():
        path.rename(images / path.name)
    assert_true_classes(image_folder(images, images))
    for path in images.glob("*_mask.png"):
        path.unlink()
    with pytest.raises(DataError, match="give two folders"):
        image_folder(images, images)


def test_masks_in_a_folder_within_that_of_the_images(tmp_path):
    images, masks = make(tmp_path)
    masks.rename(images / "masks")
    assert_true_classes(image_folder(images, images / "masks"))


def test_missing_masks_are_listed_and_left_out_on_request(tmp_path):
    images, masks = make(tmp_path)
    for place in (3, 7):
        (masks / f"{place:02}.png").unlink()
    with pytest.raises(DataError, match=r"2 of 12 images have no mask .*: 03.png, 07.png; add"):
        image_folder(images, masks)
    data = image_folder(images, masks, reading=Reading(allow_missing=True))
    assert len(whole(data)) == 10
    assert "left out, for want of a mask: 2 images: 03.png, 07.png" in data.decided


def test_files_that_are_no_pictures_are_named_not_blamed_on_masks(tmp_path):
    images, masks = make(tmp_path)
    (images / "._00.png").write_bytes(b"fork")
    (images / "Thumbs.db").write_bytes(b"thumbs")
    (images / "__MACOSX").mkdir()
    (images / "__MACOSX" / "00.png").write_bytes(b"zip")
    (images / "a.heic").write_bytes(b"phone")
    data = image_folder(images, masks)
    assert "not read in images: 1 .heic" in data.decided
    for path in images.glob("*.png"):
        path.rename(path.with_suffix(".heic"))
    with pytest.raises(DataError, match=r"images, holds only files that are not read: 13 \.heic"):
        image_folder(images, masks)


# Label maps -------------------------------------------------------------------------------------

TABLE = np.array([0, 100, 255], np.uint8)


@pytest.mark.parametrize(
    ("masks", "wishes", "lines"),
    [
        (lambda m: Image.fromarray(TABLE[m]), {}, ["class 0: value 0, background",
         "class 1: value 100", "class 2: value 255"]),
        (lambda m: Image.fromarray(m + 5), {}, ["class 0: value 5", "class 2: value 7"]),
        (lambda m: Image.fromarray(TABLE[m]), {"ignore": ("255",)},
         ["class 1: value 100", "value 255: counts in neither loss nor score"]),
        (lambda m: Image.fromarray(m.astype(np.uint16) * 1000), {}, ["class 2: value 2000"]),
        (lambda m: Image.fromarray(m.astype(np.float32)), {}, ["class 2: value 2"]),
        (lambda m: Image.fromarray(np.where(m == 1, 97, TABLE[m]).astype(np.uint8)),
         {"values": (0, 100, 255)}, ["class 1: value 100"]),
        (painted([(0, 0, 0), GREEN, RED]), {}, ["class 0: colour #000000, background",
         "class 1: colour #00ff00", "class 2: colour #ff0000"]),
        (painted([(0, 0, 0, 0), (*GREEN, 255), (*RED, 255)]), {},
         ["class 0: colour transparent, background"]),
        (painted([(0, 0, 0), GREEN, VOID]), {"ignore": ("#e0e0c0",)},
         ["colour #e0e0c0: counts in neither loss nor score"]),
        (painted([(9, 9, 9), (20, 20, 20), (30, 30, 30)]), {}, ["class 1: value 20"]),
    ],
)  # fmt: skip
def test_values_and_colours_become_classes(tmp_path, masks, wishes, lines):
    data = image_folder(*make(tmp_path, masks), reading=Reading(MaskOptions(**wishes)))
    assert_true_classes(data)
    for line in lines:
        assert line in data.decided
    again = LabelMap.from_description(data.label_map.describe())
    assert again == data.label_map
    # Back to what was drawn: the values or colours of the masks.
    known = np.minimum(classes(0), len(data.label_map) - 1)
    drawn = np.array(data.label_map.draw(known))
    expected = np.array(masks(known))
    if wishes.get("values"):
        expected = TABLE[known]
    if expected.ndim > drawn.ndim or expected.dtype.kind == "f":
        expected = expected[..., 0] if expected.ndim > drawn.ndim else expected
    np.testing.assert_array_equal(drawn, expected)


def paletted(numbers, colours):
    def draw(mask):
        picture = Image.frombytes(
            "P", mask.shape[::-1], np.array(numbers, np.uint8)[mask].tobytes()
        )
        palette = [0] * 768
        for number, colour in zip(numbers, colours, strict=True):
            palette[3 * number : 3 * number + 3] = colour
        picture.putpalette(palette)
        return picture

    return draw


def test_a_palette_brings_its_colours(tmp_path):
    draw = paletted([0, 3, 200], [(0, 0, 0), RED, VOID])
    data = image_folder(*make(tmp_path, draw), reading=Reading(MaskOptions(ignore=("200",))))
    assert_true_classes(data)
    assert data.label_map.entries[1].colour == RED
    back = data.label_map.draw(np.minimum(classes(0), 1))
    assert back.mode == "P"
    assert back.convert("RGB").getpixel((4, 4)) == RED
    assert np.array(back).max() == 3


def test_a_palette_of_one_colour_is_read_by_number(tmp_path):
    data = image_folder(*make(tmp_path, paletted([0, 1, 2], [(5, 5, 5)] * 3)))
    assert_true_classes(data)


def test_palettes_of_other_numbers_are_matched_by_colour(tmp_path):
    images, masks = make(tmp_path, paletted([0, 1, 2], [(0, 0, 0), GREEN, RED]))
    for place in range(0, COUNT, 2):
        paletted([1, 2, 0], [(0, 0, 0), GREEN, RED])(classes(place)).save(masks / f"{place:02}.png")
    data = image_folder(images, masks)
    assert_true_classes(data)
    assert any("numbers its palette in another way than" in line for line in data.decided)


@pytest.mark.parametrize(
    "text",
    [
        "0 0 0\tbackground\n255 0 0 car\n0 255 0 tree\n224 224 192 Void\n",
        "\ufeffname,r,g,b\nbackground,0,0,0\ncar,255,0,0\ntree,0,255,0\nvoid,224,224,192\n",
        "# colours\n\n0 0 0 background\n255 0 0 car\n0 255 0 tree\n224 224 192 void\n",
    ],
)
def test_a_file_names_colours(tmp_path, text):
    (tmp_path / "colours.txt").write_text(text, encoding="utf-8")
    images, masks = make(tmp_path, painted([(0, 0, 0), RED, GREEN]))
    path = masks / "00.png"
    picture = Image.open(path)
    picture.putpixel((0, 0), VOID)
    picture.save(path)
    wishes = MaskOptions(colours=tmp_path / "colours.txt")
    data = image_folder(images, masks, reading=Reading(wishes))
    assert_true_classes(data)
    assert [entry.name for entry in data.label_map.entries] == ["background", "car", "tree"]
    assert (whole(data) == IGNORED).sum() == 1
    assert data.background


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0 0 a\n1 2 b\n", "colours.txt, line 2: '1 2 b' is no colour and name"),
        ("0 0 0 a\n0 0 999 b\n", "line 2"),
        ("0 0 0 a\n0 0 0 b\n", "line 2: #000000 is named twice"),
        ("0 0 0 a\n1 1 1 a\n", "line 2: a has two colours"),
        ("nothing\n", "names no colour"),
    ],
)
def test_a_wrong_list_of_colours_is_refused_with_its_line(tmp_path, text, message):
    (tmp_path / "colours.txt").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        read_colours(tmp_path / "colours.txt")


def blurred(mask):
    return Image.fromarray(TABLE[mask]).resize((64, 32)).resize((32, 16), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("masks", "wishes", "message"),
    [
        (lambda m: Image.fromarray((m > 0) * np.uint8(255)).resize((29, 15)).resize((32, 16)), {},
         "has smoothed edges: value"),
        (lambda m: Image.fromarray((m / 2).astype(np.float32)), {}, "a probability needs --thresh"),
        (painted([(0, 0, 0, 90), (*GREEN, 255), (*RED, 255)]), {}, "half-transparent"),
        (painted([(0, 0, 0), GREEN, RED]), {"values": (0, 1)}, "--values needs grey masks"),
        (painted([(0, 0, 0), GREEN, RED]), {"threshold": 5.0}, "--threshold needs grey ones"),
        (None, {"values": (0, 1), "threshold": 5.0}, "--values and --threshold exclude each other"),
        (None, {"ignore": ("1", "2")}, "all masks hold value 0 only"),
        (None, {"ignore": ("sky",)}, "expected whole numbers"),
    ],
)  # fmt: skip
def test_masks_that_could_mean_two_things_are_refused(tmp_path, masks, wishes, message):
    with pytest.raises(DataError, match=re.escape(message)):
        image_folder(*make(tmp_path, masks), reading=Reading(MaskOptions(**wishes)))


# Background -------------------------------------------------------------------------------------

BLACK = (0, 0, 0)
INVERTED = np.array([255, 0, 0], np.uint8)  # objects as 0 on 255


def inverted(mask):
    return Image.fromarray(INVERTED[mask])


def partly_ignored(mask):
    values = INVERTED[mask]
    values[:1] = 7
    return Image.fromarray(values)


@pytest.mark.parametrize(
    ("masks", "wishes", "names"),
    [
        (inverted, {}, ("0", "255")),
        (inverted, {"values": (0, 255)}, ("0", "255")),
        (inverted, {"values": (255, 0)}, ("255", "0")),
        (inverted, {"threshold": 128.0}, ("0", "255")),
        (partly_ignored, {"ignore": ("7",)}, ("0", "255")),
        (lambda m: Image.fromarray(m == 0), {}, ("0", "255")),  # one bit
        (paletted([1, 0, 0], [GREEN, RED, RED]), {}, ("0", "1")),
        (painted([(*GREEN, 255), (0, 0, 0, 0), (0, 0, 0, 0)]), {}, ("transparent", "'#00ff00'")),
        (painted([GREEN, BLACK, BLACK]), {}, ("'#000000'", "'#00ff00'")),
        (lambda m: Image.fromarray(TABLE[m]), {"values": (100, 0, 255)}, ("100", "0")),
    ],
)  # fmt: skip
def test_a_background_that_masks_leave_open_is_asked_for(tmp_path, masks, wishes, names):
    folders_ = make(tmp_path, masks)
    with pytest.raises(DataError, match=r"covers [\d.]+ % and \S+ covers [\d.]+ %") as stopped:
        image_folder(*folders_, reading=Reading(MaskOptions(**wishes)))
    first, second = (f"--background {name}" for name in names)
    assert f"give {first} or {second}, or --background none" in str(stopped.value)
    for name in names:
        wished = MaskOptions(**wishes, background=name.strip("'"))
        data = image_folder(*folders_, reading=Reading(wished))
        assert data.background
        assert data.label_map.entries[0].name == name.strip("'")
        assert len({entry.code for entry in data.label_map.entries}) == data.num_classes
        assert LabelMap.from_description(data.label_map.describe()) == data.label_map
    none = image_folder(*folders_, reading=Reading(MaskOptions(**wishes, background="none")))
    assert not none.background


def test_the_named_background_is_class_0_with_the_objects_after_it(tmp_path):
    folders_ = make(tmp_path, inverted)
    for wishes in ({}, {"values": (0, 255)}, {"threshold": 128.0}):
        wished = MaskOptions(**wishes, background="255")
        data = image_folder(*folders_, reading=Reading(wished))
        expected = torch.cat([s.x[:, 0] for s in (data.train, data.validation, data.test)]) > 50
        assert torch.equal(whole(data).bool(), expected)
        assert "class 0: value 255, background" in data.decided
        drawn = np.array(data.label_map.draw(np.minimum(classes(0), 1)))
        np.testing.assert_array_equal(drawn, INVERTED[classes(0)])
    assert "values from 128 on are class 0" in data.decided


def test_a_background_that_is_named_as_it_was_found_changes_nothing(tmp_path):
    """A data set that was stored before the question keeps its digest and what it is told by."""
    for index, (masks, name) in enumerate(
        [(None, "0"), (painted([BLACK, GREEN, RED]), "#000000"),
         (paletted([0, 1, 2], [BLACK, GREEN, RED]), "#000000")]
    ):  # fmt: skip
        folders_ = make(tmp_path / str(index), masks)
        found = [
            image_folder(*folders_, reading=Reading(MaskOptions(background=wished)))
            for wished in (None, name)
        ]
        assert found[0].described() == found[1].described()


@pytest.mark.parametrize("wished", ["2", "#ff0000", "red"])
def test_a_background_of_three_classes_is_named_by_value_or_colour(tmp_path, wished):
    masks = None if wished == "2" else painted([BLACK, GREEN, RED])
    data = image_folder(*make(tmp_path, masks), reading=Reading(MaskOptions(background=wished)))
    names = [entry.name for entry in data.label_map.entries]
    assert names == (["2", "0", "1"] if masks is None else ["#ff0000", "#000000", "#00ff00"])
    assert data.background


def test_a_background_is_named_by_the_list_of_colours(tmp_path):
    (tmp_path / "colours.txt").write_text("0 255 0 Background\n0 0 0 cell\n255 0 0 wall\n")
    folders_ = make(tmp_path, painted([BLACK, GREEN, RED]))
    for wished, first in ((None, "Background"), ("Cell", "cell"), ("#ff0000", "wall")):
        wishes = MaskOptions(colours=tmp_path / "colours.txt", background=wished)
        data = image_folder(*folders_, reading=Reading(wishes))
        assert data.background
        assert data.label_map.entries[0].name == first
    with pytest.raises(DataError, match="--background 'sky' is none of the classes; expected one"):
        image_folder(*folders_, reading=Reading(replace(wishes, background="sky")))


def one_rare(mask):
    """Class 2 in half of the masks only, and a row to ignore."""
    values = np.minimum(mask, 1) * np.uint8(10)
    values[:1] = 255
    values[13:15, 28:31] = 20 if mask[8, 5] else 0
    return Image.fromarray(values)


def test_every_class_is_told_with_its_pixels_and_masks(tmp_path):
    wishes = Reading(MaskOptions(ignore=("255",)))
    data = image_folder(*make(tmp_path, one_rare), reading=wishes)
    drawn_ = np.stack([np.array(one_rare(classes(place))) for place in range(COUNT)])
    for value, kind in ((0, "class 0 (0)"), (10, "class 1 (10)"), (20, "class 2 (20)"),
                        (255, "not counted")):  # fmt: skip
        share, count = 100 * (drawn_ == value).mean(), (drawn_ == value).any((1, 2)).sum()
        assert f"{kind}: {share:.3g} % of the pixels, in {count} of 12 masks" in data.shares
    assert len(data.shares) == 4
    assert not set(data.shares) & set(data.decided)  # or keys of stored runs would change


@pytest.mark.parametrize("on_disk", [False, True])
def test_shares_are_told_of_masks_in_colour_and_from_the_cache(tmp_path, monkeypatch, on_disk):
    if on_disk:
        monkeypatch.setattr(image_data, "KEPT", 1000)
        monkeypatch.chdir(tmp_path)
    folders_ = make(tmp_path, painted([BLACK, GREEN, RED]))
    shares = [image_folder(*folders_).shares for _ in range(2)]
    assert shares[0] == shares[1]
    assert re.fullmatch(
        r"class 1 \(#00ff00\): [\d.]+ % of the pixels, in 12 of 12 masks", shares[0][1]
    )


def test_soft_masks_are_accepted_with_values_or_a_threshold(tmp_path):
    def soft(mask):
        return Image.fromarray((mask > 0) * np.uint8(255)).resize((29, 15)).resize((32, 16))

    folders_ = make(tmp_path, soft)
    for wishes in (MaskOptions(values=(0, 255)), MaskOptions(threshold=128)):
        data = image_folder(*folders_, reading=Reading(wishes))
        assert data.num_classes == 2
        expected = torch.cat([s.x[:, 0] for s in (data.train, data.validation, data.test)]) > 50
        assert (whole(data).bool() == expected).float().mean() > 0.95


def test_a_rare_value_far_above_the_others_is_proposed_to_be_ignored(tmp_path):
    images, masks = make(tmp_path)
    mask = classes(0)
    mask[0, :5] = 255
    Image.fromarray(mask).save(masks / "00.png")
    said = "\n".join(image_folder(images, masks).decided)
    assert "value 255 stands far above the others" in said
    assert "add --ignore 255" in said
    reading = Reading(MaskOptions(ignore=("255",)))
    assert "add --ignore" not in "\n".join(image_folder(images, masks, reading=reading).decided)


# Pictures, sizes --------------------------------------------------------------------------------


def test_masks_are_turned_as_their_exif_says(tmp_path):
    images, masks = make(tmp_path)
    for path in masks.iterdir():
        picture = Image.open(path).transpose(Image.Transpose.ROTATE_180)
        exif = picture.getexif()
        exif[0x0112] = 3
        picture.save(path, exif=exif)
    data = image_folder(images, masks)
    assert_true_classes(data)
    assert any("12 masks: turned as its EXIF" in line for line in data.decided)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "P", "LA", "1"])
def test_images_of_every_mode_are_read(tmp_path, mode):
    images, masks = make(tmp_path)
    suffix = ".tif" if mode == "CMYK" else ".png"
    for path in sorted(images.iterdir())[:6]:
        picture = Image.open(path).convert("RGB").convert(mode)
        path.unlink()
        picture.save(path.with_suffix(suffix))
    data = image_folder(images, masks)
    assert data.train.x.shape[1] == (1 if mode in ("LA", "1") else 3)


def different_sizes(tmp_path):
    images, masks = make(tmp_path)
    for place in range(0, COUNT, 3):
        mask = classes(place, (20, 40))
        Image.fromarray(mask * 100 + 20).save(images / f"{place:02}.png")
        Image.fromarray(mask).save(masks / f"{place:02}.png")
    return images, masks


def test_size_brings_all_to_one_and_keeps_masks_to_score(tmp_path):
    folders_ = different_sizes(tmp_path)
    with pytest.raises(DataError, match=r"01.png is 32×16 and 00.png is 40×20; give --size HxW"):
        image_folder(*folders_)
    data = image_folder(*folders_, reading=Reading(size=(24, 48)))
    assert data.train.x.shape == (8, 1, 32, 48)
    assert data.test.valid_size == (24, 48)
    assert {*data.test.full_size_masks.shapes, *data.validation.full_size_masks.shapes} <= {
        (16, 32),
        (20, 40),
    }
    assert data.train.full_size_masks is None
    assert [entry.code for entry in data.label_map.entries] == [0, 1, 2]  # no value between


def test_masks_larger_than_their_images_need_a_size(tmp_path):
    images, masks = make(tmp_path)
    for path in masks.iterdir():
        Image.open(path).resize((96, 48), Image.Resampling.NEAREST).save(path)
    with pytest.raises(
        DataError, match=r"mask 00\.png is 96×48, its image 32×16; --size HxW brings"
    ):
        image_folder(images, masks)
    data = image_folder(images, masks, reading=Reading(size=(16, 32)))
    assert_true_classes(data)
    assert data.test.full_size_masks.shape[1:] == (48, 96)


def test_crops_leave_images_as_large_as_they_are(tmp_path):
    data = image_folder(*different_sizes(tmp_path), reading=Reading(crop=32))
    assert {shape for shape in data.train.x.shapes} == {(1, 32, 32), (1, 32, 48)}
    for x, y in zip(data.train.x, data.train.y, strict=True):
        counted = y != IGNORED
        assert torch.equal(((x[0].float() - 20) / 100).round()[counted], y[counted].float())


@pytest.mark.parametrize("text", ["240", "axb", "8x8", "99999x99999"])
def test_a_size_is_height_and_width(text):
    with pytest.raises(DataError, match="--size"):
        parse_size(text)
    assert parse_size("240x320") == (240, 320)


def test_area_means_for_images_nearest_for_masks():
    image = np.zeros((4, 4), np.uint8)
    image[:, ::2] = 200
    from tarea2.datasets.images.reading import Picture

    preprocessing = Preprocessing(size=(16, 16))
    halved = replace(preprocessing, size=(2, 2)).image(Picture("x", image))
    assert (halved == 100).all()
    assert set(np.unique(preprocessing.mask(image))) == {0, 200}


# Splits -----------------------------------------------------------------------------------------


def names_of(data) -> dict[str, int]:
    return {s: len(getattr(data, s)) for s in ("train", "validation", "test")}


APART = (
    ("{split}/{place:02}.png", "{split}annot/{place:02}.png"),
    ("{split}/images/{place:02}.png", "{split}/masks/{place:02}_gt.png"),
    ("images/{split}/{place:02}.png", "labels/{split}/{place:02}.png"),
)


@pytest.mark.parametrize(
    ("image_name", "mask_name", "one_root"),
    # Under one root nothing would tell images from masks of the same name.
    [(*names, one) for names in APART for one in (True, False)]
    + [("{split}/{place:02}.png", "{split}/{place:02}.png", False)],
)
def test_folders_of_splits_are_used(tmp_path, image_name, mask_name, one_root):
    roots = [tmp_path] * 2 if one_root else [tmp_path / "i", tmp_path / "m"]
    for place in range(COUNT):
        split = "train" if place < 7 else "val" if place < 10 else "test"
        for root, name, scale in ((roots[0], image_name, 100), (roots[1], mask_name, 1)):
            path = root / name.format(split=split, place=place)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(classes(place) * scale + (20 if scale > 1 else 0)).save(path)
    data = image_folder(*roots)
    assert names_of(data) == {"train": 7, "validation": 3, "test": 2}
    assert_true_classes(data)
    assert any(line.startswith("splits as folders say") for line in data.decided)


@pytest.mark.parametrize("line", ["{:02}", "{:02}.png", "/set/train/{:02}.png /set/a/{:02}.png"])
def test_lists_of_splits_are_used(tmp_path, line):
    images, masks = make(tmp_path)
    for name, places in (("train", range(8)), ("val", (8, 9)), ("test", (10, 11))):
        text = "\n".join(line.format(place, place) for place in places)
        (tmp_path / f"{name}.txt").write_text(text + "\n")
    data = image_folder(images, masks)
    assert names_of(data) == {"train": 8, "validation": 2, "test": 2}
    (tmp_path / "val.txt").write_text("08\n77\n")
    with pytest.raises(DataError, match=r"val\.txt, line 2: no image is named '77'"):
        image_folder(images, masks)
    (tmp_path / "val.txt").write_text("08\n00\n")
    with pytest.raises(DataError, match=r"val\.txt, line 2: '00' is in train.txt too"):
        image_folder(images, masks)


def test_a_split_that_is_not_given_is_held_back(tmp_path):
    images, masks = make(tmp_path)
    for folder in (images, masks):
        for name, places in (("train", range(9)), ("val", range(9, COUNT))):
            (folder / name).mkdir()
            for place in places:
                (folder / f"{place:02}.png").rename(folder / name / f"{place:02}.png")
    data = image_folder(images, masks)
    assert names_of(data) == {"train": 8, "validation": 3, "test": 1}
    assert "no test split is given: it is held back from train" in data.decided


def test_groups_stay_on_one_side(tmp_path):
    images, masks = make(tmp_path, None, "p{:02}.png", "p{:02}.png")
    for folder in (images, masks):
        for place in range(COUNT):
            (folder / f"p{place:02}.png").rename(folder / f"patient{place // 3}-{place:02}.png")
    data = image_folder(images, masks, reading=Reading(group=r"patient\d"))
    assert sorted(names_of(data).values()) == [3, 3, 6]
    assert r"4 groups, found by 'patient\\d', stay whole" in "\n".join(data.decided)
    with pytest.raises(DataError, match=r"--group 'x\(\\\\d' is no regular expression|no regular"):
        image_folder(images, masks, reading=Reading(group=r"x(\d"))
    with pytest.raises(DataError, match=r"finds nothing in patient0-00.png"):
        image_folder(images, masks, reading=Reading(group="video"))


def test_a_class_that_few_images_hold_is_in_training_and_its_absence_is_said(tmp_path):
    images, masks = make(tmp_path, lambda m: Image.fromarray(np.minimum(m, 1)))
    for place in range(COUNT):
        if place != 5:
            Image.new("L", SHAPE[::-1]).save(masks / f"{place:02}.png")
    data = image_folder(images, masks)
    assert (data.train.y == 1).any()
    assert "test has no pixel of class 1: its scores are undefined there" in data.decided
    assert "validation has no pixel of class 1: its scores are undefined there" in data.decided


# The cache --------------------------------------------------------------------------------------


@pytest.fixture
def cached(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image_data, "KEPT", 1000)
    return make(tmp_path / "données à moi")


def kept() -> list[str]:
    return sorted(path.name for path in default_folder().glob("*"))


def test_large_data_lie_in_a_file_and_are_the_same(cached, monkeypatch):
    large = image_folder(*cached)
    assert isinstance(large.train.x, ArrayStore)
    assert isinstance(large.train.x.source, Path)
    monkeypatch.setattr(image_data, "read_image", None)  # found again, nothing is read
    again = image_folder(*cached)
    assert again.sha256 == large.sha256
    assert again.described() == large.described()
    monkeypatch.undo()
    small = image_folder(*cached)
    for split in ("train", "validation", "test"):
        one, other = getattr(large, split), getattr(small, split)
        assert torch.equal(one.x[:], other.x[:])
        chosen = torch.tensor([[1, 0]])
        assert torch.equal(one.y[chosen], other.y[chosen])


def test_a_changed_file_is_read_again(cached):
    before = image_folder(*cached).sha256
    path = cached[0] / "03.png"
    Image.fromarray(255 - np.array(Image.open(path))).save(path)
    assert image_folder(*cached).sha256 != before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_stops_half_way_leaves_no_file(cached, monkeypatch, error):
    real, seen = image_data.Preprocessing.image, []

    def stop(self, picture):
        seen.append(picture)
        if len(seen) == 7:
            raise error
        return real(self, picture)

    monkeypatch.setattr(image_data.Preprocessing, "image", stop)
    with pytest.raises((KeyboardInterrupt, OSError)):
        image_folder(*cached)
    assert not kept()


def test_nor_does_what_is_refused_at_the_end(cached):
    (cached[0].parent / "test.txt").write_text("00\n")
    (cached[0].parent / "train.txt").write_text("01\n")
    with pytest.raises(DataError, match="10 of 12 images are in no list"):
        image_folder(*cached)
    assert not kept()


@pytest.mark.parametrize("changed", ["list", "colours", "image", "mask", "package"])
def test_whatever_decides_makes_a_new_cache_and_the_old_one_goes(cached, monkeypatch, changed):
    root = cached[0].parent
    for place in range(60):  # of another tool, among which a list is not overlooked
        (cached[0] / f"a{place}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    (root / "train.txt").write_text("".join(f"{place:02}\n" for place in range(12)))
    (root / "c.txt").write_text("0 0 0 ground\n1 1 1 one\n2 2 2 two\n")
    wishes = Reading(MaskOptions(colours=root / "c.txt"))
    before, first = image_folder(*cached, reading=wishes).described(), kept()
    assert len(first) == 2
    image_folder(*cached, reading=replace(wishes, crop=16))
    assert len(kept()) == 4  # of the same data, read in another way
    if changed == "list":
        (root / "train.txt").write_text("".join(f"{place:02}\n" for place in range(9)))
        (root / "val.txt").write_text("09\n10\n11\n")
    elif changed == "colours":
        (root / "c.txt").write_text("0 0 0 ground\n1 1 1 two\n2 2 2 one\n")
    elif changed == "package":
        monkeypatch.setattr(paths, "digest_of_package", lambda: "other")
    else:
        path = cached[changed == "mask"] / "03.png"
        Image.fromarray(np.array(Image.open(path))[:, ::-1]).save(path)
    after = image_folder(*cached, reading=wishes)
    assert (after.described() == before) == (changed == "package")
    assert len(kept()) == 2
    assert kept() != first


@pytest.mark.parametrize("suffix", [".bytes", ".json"])
def test_a_cut_cache_is_made_again(cached, suffix):
    before = image_folder(*cached).sha256
    (path,) = default_folder().glob(f"*{suffix}")
    path.write_bytes(path.read_bytes()[:100])
    assert image_folder(*cached).sha256 == before
    assert len(kept()) == 2


def test_a_cache_lies_where_results_do(cached, tmp_path):
    image_folder(*cached, cache=tmp_path / "store" / "cache")
    assert len(list((tmp_path / "store" / "cache").iterdir())) == 2
    assert not kept()


def test_an_array_store_goes_to_another_process_whole(cached, tmp_path):
    import pickle

    large = image_folder(*cached).test.x
    copy = pickle.loads(pickle.dumps(large))
    shutil.rmtree(default_folder())
    assert isinstance(copy.source, np.ndarray)
    assert torch.equal(copy[:], image_folder(*cached).test.x[:])


# Whatever is drawn ------------------------------------------------------------------------------

MASKS = {
    "classes": lambda m: Image.fromarray(m),
    "far": lambda m: Image.fromarray(TABLE[m]),
    "one bit": lambda m: Image.fromarray(m > 0),
    "colours": painted([(0, 0, 0), GREEN, RED]),
    "alpha": painted([(0, 0, 0, 0), (*GREEN, 255), (*RED, 255)]),
    "palette": paletted([0, 1, 2], [(0, 0, 0), GREEN, RED]),
    "deep": lambda m: Image.fromarray(m.astype(np.uint16) * 300),
    "empty": lambda m: Image.fromarray(m * 0),
    "fractions": lambda m: Image.fromarray((m / 4).astype(np.float32)),
}


@settings(max_examples=25)
@given(
    st.sampled_from(sorted(MASKS)),
    st.sampled_from(["{:02}.png", "{:02}_mask.tif", "gt_{:02}.png", "sub/{:02}.png"]),
    st.sampled_from(["nothing", "lost", "text", "turned", "other size", "two of a name"]),
    st.sampled_from([Reading(), Reading(crop=16), Reading(size=(16, 32))]),
)
def test_any_folder_loads_as_it_was_drawn_or_gets_one_sentence(
    tmp_path_factory, kind, name, fault, reading
):
    root = tmp_path_factory.mktemp("drawn")
    suffix = ".tif" if kind in ("deep", "fractions") else ""
    images, masks = make(root, MASKS[kind], "{:02}.png", name.replace(".png", suffix or ".png"))
    first = sorted(masks.rglob("*.*"))[0]
    if fault == "lost":
        first.unlink()
    elif fault == "text":
        first.write_text("no image")
    elif fault == "turned":
        Image.open(first).transpose(Image.Transpose.ROTATE_90).save(first)
    elif fault == "other size":
        Image.open(first).resize((64, 16), Image.Resampling.NEAREST).save(first)
    elif fault == "two of a name":
        other = ".bmp" if first.suffix != ".bmp" else ".png"
        Image.new("L", (4, 4)).save(first.with_suffix(other))
    before = sorted(root.rglob("*"))
    refused = fault != "nothing" or kind in ("empty", "fractions")
    if refused:
        with pytest.raises(DataError) as error:
            image_folder(images, masks, reading=reading)
        assert len(str(error.value).splitlines()) == 1
    else:
        data = image_folder(images, masks, reading=reading)
        if kind != "one bit":
            assert_true_classes(data)
        assert data.num_classes == (2 if kind == "one bit" else 3)
    assert sorted(root.rglob("*")) == before
