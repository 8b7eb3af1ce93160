"""Images and masks as tools and data sets name them: each finds its own, or the reason is said."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images.pairing import find_pairs

COUNT, SHAPE = 12, (16, 32)


def drawn(place: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[2 : 7 + place % 4, 3 : 11 + place // 4] = 1
    return mask


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def make(root: Path, image: str, mask: str, count: int = COUNT) -> None:
    """Images that show the object of their mask, named by their place."""
    for place in range(count):
        for name, values in ((image, drawn(place) * np.uint8(200)), (mask, drawn(place))):
            write(root / name.format(place), values)


def true_pairs(images: Path, masks: Path, count: int = COUNT) -> list[str]:
    """What was decided, once each image is known to have its own mask."""
    pairs, decided = find_pairs(images, masks)
    assert len(pairs) == count
    for pair in pairs:
        with Image.open(pair.image) as image, Image.open(pair.mask) as mask:
            np.testing.assert_array_equal(np.array(image) > 100, np.array(mask) > 0)
    return decided


@pytest.mark.parametrize(
    ("image", "mask", "said"),
    [
        ("i/IMG_{}.png", "m/img_{}.png", "whatever case their names have"),
        ("i/Scan {}.png", "m/SCAN {}_Mask.png", "whatever case their names have"),
        ("i/A/x{}.png", "m/a/x{}.png", "whatever case their names have"),
        ("i/{}_training.tif", "m/{}_manual1.gif", "without _mask, _gt and the like"),
        ("i/{}_test.tif", "m/{}_manual1.gif", "without _mask, _gt and the like"),
        ("i/{}_leftImg8bit.png", "m/{}_gtFine_labelIds.png", "without _mask, _gt and the like"),
        ("i/case_{:03}_0000.png", "m/case_{:03}.png", "without their channel, _0000"),
        ("i/photo-{}-front.png", "m/drawn_{}_by me.png", "'photo-…-front' of images and 'drawn_…_"),
        ("i/p{}_L.png", "m/p{}_L.png", ""),
        ("i/0001TP_{}.png", "m/0001TP_{}_L.png", "without '_L'"),
        ("i/Image_{:02}L.png", "m/Image_{:02}L_1stHO.png", "without '_1stHO'"),
    ],
)
def test_names_of_tools_and_data_sets_are_paired(tmp_path, image, mask, said):
    make(tmp_path, image, mask)
    assert said in "\n".join(true_pairs(tmp_path / "i", tmp_path / "m"))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("p{}_L.png", "p{}_L_mask.png"),
        ("0001TP_{}.png", "0001TP_{}_L.png"),
        ("imagesTr/case_{:03}_0000.png", "labelsTr/case_{:03}.png"),
        ("leftImg8bit/train/ulm/ulm_{}_leftImg8bit.png",
         "gtFine/train/ulm/ulm_{}_gtFine_labelIds.png"),
        ("training/images/{}_training.tif", "training/1st_manual/{}_manual1.gif"),
        ("JPEGImages/{}.png", "SegmentationClass/{}.png"),
    ],
)  # fmt: skip
def test_one_folder_of_images_and_masks_is_told_apart(tmp_path, image, mask):
    make(tmp_path, image, mask)
    true_pairs(tmp_path, tmp_path)


def test_left_and_right_eyes_are_images_both(tmp_path):
    for side in "LR":
        make(tmp_path, f"p{{}}_{side}.png", f"p{{}}_{side}_mask.png")
    true_pairs(tmp_path, tmp_path, 2 * COUNT)


def test_a_photograph_and_its_mask_of_one_name_lie_in_one_folder(tmp_path):
    make(tmp_path, "x{}.jpg", "x{}.png")
    true_pairs(tmp_path, tmp_path)
    for path in tmp_path.glob("*.jpg"):
        path.rename(path.with_suffix(".bmp"))  # which of both is the mask, nothing tells
    with pytest.raises(DataError, match=r"its names tell none apart, such as x0.bmp, x0.png; give"):
        find_pairs(tmp_path, tmp_path)


def test_of_the_pictures_of_cityscapes_the_class_numbers_count(tmp_path):
    make(tmp_path, "i/train/ulm/a{}_leftImg8bit.png", "m/train/ulm/a{}_gtFine_labelIds.png")
    for kind in ("color", "instanceIds"):
        make(tmp_path, "other/{}.png", f"m/train/ulm/a{{}}_gtFine_{kind}.png")
    decided = true_pairs(tmp_path / "i", tmp_path / "m")
    assert any("left out, as other pictures of the same masks: 24" in line for line in decided)


def test_channels_of_one_case_are_not_guessed(tmp_path):
    make(tmp_path, "i/case_{:03}_0000.png", "m/case_{:03}.png")
    make(tmp_path, "i/case_{:03}_0001.png", "other/{:03}.png")
    with pytest.raises(
        DataError, match=r"case_000 has 2 images, case_000_0000\.png, case_000_0001"
    ):
        find_pairs(tmp_path / "i", tmp_path / "m")


def test_nobody_else_is_paired_by_what_names_share(tmp_path):
    make(tmp_path, "i/patient1_{}.png", "m/patient2_{}.png")
    with pytest.raises(DataError) as error:
        find_pairs(tmp_path / "i", tmp_path / "m")
    assert "12 of 12 images have no mask" in str(error.value)
    assert (
        "(images such as patient1_0.png and patient1_1.png; masks such as patient2_0.png and "
        "patient2_1.png)"
    ) in str(error.value)


def test_label_studio_names_masks_by_task(tmp_path):
    make(tmp_path, "images/scene{}.png", "task-{}-annotation-7-by-a@b.c-tag-cat-0.png")
    for images in (tmp_path / "images", tmp_path):
        with pytest.raises(DataError) as error:
            find_pairs(images, tmp_path)
        assert "export 'Brush labels to COCO'" in str(error.value)
        assert "no mask in" not in str(error.value)
        assert "scene0.png and" in str(error.value)


# Fields of view ---------------------------------------------------------------------------------


def circle(place: int) -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    return (((rows - 32) ** 2 + (columns - 31.5) ** 2) < 30**2) * np.uint8(255)


def drive(root: Path, views: str) -> None:
    for place in range(COUNT):
        mask = np.zeros((64, 64), np.uint8)
        mask[10 + place : 14 + place, 5:60] = 255
        write(root / f"images/{place}_training.tif", mask // 2)
        write(root / f"1st_manual/{place}_manual1.gif", mask)
        write(root / views / f"{place}_training_mask.gif", circle(place))


@pytest.mark.parametrize("images", ["", "images"])
@pytest.mark.parametrize("masks", ["", "1st_manual"])
def test_circles_of_what_the_camera_saw_are_never_masks(tmp_path, images, masks):
    drive(tmp_path, "mask")
    pairs, decided = find_pairs(tmp_path / images, tmp_path / masks)
    assert {pair.mask.parent.name for pair in pairs} == {"1st_manual"}
    left_out = any("left out, as fields of view of the camera: 12" in line for line in decided)
    assert left_out == (not images or not masks)


@pytest.mark.parametrize("views", ["mask", "circles"])
def test_circles_that_are_given_for_masks_are_refused(tmp_path, views):
    drive(tmp_path, views)
    message = "1st_manual: give that" if views == "mask" else "nearly the same disc"
    with pytest.raises(DataError, match=message):
        find_pairs(tmp_path / "images", tmp_path / views)


def test_a_folder_mask_beside_a_manual_to_read_holds_masks(tmp_path):
    make(tmp_path, "images/{}.png", "mask/{}.png")
    (tmp_path / "manual").mkdir()
    (tmp_path / "manual" / "guide.pdf").write_bytes(b"%PDF")
    true_pairs(tmp_path / "images", tmp_path / "mask")


def test_discs_that_move_are_masks(tmp_path):
    rows, columns = np.mgrid[:64, :64]
    for place in range(COUNT):
        disc = ((rows - 24 - place) ** 2 + (columns - 32) ** 2) < 23**2
        write(tmp_path / f"i/{place}.png", disc * np.uint8(100))
        write(tmp_path / f"m/{place}.png", disc * np.uint8(255))
    assert len(find_pairs(tmp_path / "i", tmp_path / "m")[0]) == COUNT


# Several masks of one image ---------------------------------------------------------------------


def noise(place: int) -> np.ndarray:
    return np.random.default_rng(place).integers(0, 40, SHAPE).astype(np.uint8)


def squares(place: int) -> list[np.ndarray]:
    """Two or three objects, apart."""
    found = []
    for k in range(2 + place % 2):
        mask = np.zeros(SHAPE, np.uint8)
        mask[2 + k : 9, 2 + 9 * k : 8 + 9 * k] = 255
        found.append(mask)
    return found


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("i/img{0:02}.png", "m/img{0:02}_{1}.png"),
        ("i/img{0:02}.png", "m/img{0:02}_cell-{1}.png"),
        ("i/img{0:02}.png", "m/img{0:02}_mask_{1}.png"),
        ("set/{0:02}/images/{0:02}.png", "set/{0:02}/masks/{1}f0c{0}ab.png"),  # as in DSB 2018
    ],
)
def test_masks_of_single_objects_are_united(tmp_path, image, mask):
    for place in range(COUNT):
        objects = squares(place)
        write(tmp_path / image.format(place), sum(objects) // 2 + noise(place))
        for k, one in enumerate(objects):
            write(tmp_path / mask.format(place, k), one)
    roots = [tmp_path / path.split("/")[0] for path in (image, mask)]
    data = image_folder(*roots)
    assert [entry.name for entry in data.label_map.entries] == ["background", "object"]
    assert [entry.code for entry in data.label_map.entries] == [0, 255]
    assert ((data.train.x[:, 0] > 100) == (data.train.y == 1)).all()
    said = "12 images have several masks, one for each object: they are united into one class (30"
    assert any(said in line for line in data.decided)
    changed = next(path for path in sorted(roots[1].rglob("*.png")) if path.parent.name in "masks")
    before = data.sha256
    write(changed, np.zeros(SHAPE, np.uint8))
    assert image_folder(*roots).sha256 != before


def test_a_folder_for_each_class(tmp_path):
    for place in range(COUNT):
        objects = squares(0)
        write(tmp_path / f"i/{place}.png", objects[0] // 4 + objects[1] // 2 + noise(place))
        for name, one in zip(("road", "car"), objects, strict=True):
            write(tmp_path / f"m/{name}/{place}.png", one)
    data = image_folder(tmp_path / "i", tmp_path / "m")
    assert [entry.name for entry in data.label_map.entries] == ["background", "car", "road"]
    first = data.train.x[:, 0]
    assert ((first > 110) == (data.train.y == 1)).all()
    assert (((first > 50) & (first < 110)) == (data.train.y == 2)).all()
    assert any("2 folders, each a class of its own: 1 car, 2 road" in line for line in data.decided)
    both = squares(0)[0]
    write(tmp_path / "m/car/3.png", both)
    said = "\n".join(image_folder(tmp_path / "i", tmp_path / "m").decided)
    assert "objects of several classes overlap: the last counts (3.png)" in said


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("m/{}_gt.png", "m/{}_mask.png"),
        ("m/expert1/{}.png", "m/expert2/{}.png"),
        ("m/{}_1stHO.png", "m/{}_2ndHO.png"),
        ("m/{}_cat.png", "m/{}_dog.png"),
    ],
)
def test_masks_that_may_be_rivals_are_refused_as_such(tmp_path, first, second):
    for place in range(COUNT):
        write(tmp_path / f"i/{place}.png", drawn(place))
        for name in (first, second):
            write(tmp_path / name.format(place), drawn(place))
    with pytest.raises(DataError) as error:
        find_pairs(tmp_path / "i", tmp_path / "m")
    names = [Path(name.format(0)).relative_to("m").as_posix() for name in (first, second)]
    assert f"12 images have several masks each: 0.png has {', '.join(names)}" in str(error.value)


def test_objects_of_two_kinds_are_not_made_one(tmp_path):
    for place in range(COUNT):
        write(tmp_path / f"i/{place}.png", drawn(place))
        kind = "cat" if place % 2 else "dog"
        for k, one in enumerate(squares(0)):
            write(tmp_path / f"m/{place}_{kind}_{k}.png", one)
    with pytest.raises(DataError, match=r"0\.png has 0_dog_0\.png, 0_dog_1\.png; keep one mask of"):
        find_pairs(tmp_path / "i", tmp_path / "m")


def test_a_part_with_classes_of_its_own_is_named(tmp_path):
    for place in range(COUNT):
        write(tmp_path / f"i/{place}.png", drawn(place))
        for name in ("a", "b"):
            write(tmp_path / f"m/{name}/{place}.png", drawn(place) + drawn(place + 1))
    with pytest.raises(DataError, match=r"mask 0\.png holds 3 values, and other masks belong to"):
        image_folder(tmp_path / "i", tmp_path / "m")


def test_what_is_left_out_is_told_with_names(tmp_path):
    make(tmp_path, "i/{}.png", "m/{}.png")
    (tmp_path / "i/3.png").unlink()
    with pytest.raises(DataError, match=r"1 of 12 masks have no image in .*: 3\.png; add them"):
        find_pairs(tmp_path / "i", tmp_path / "m")
    data = image_folder(tmp_path / "i", tmp_path / "m", reading=Reading(allow_missing=True))
    assert "left out, for want of an image: 1 masks: 3.png" in data.decided
