"""The segmentation study on images of one's own: what is read and what is refused."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from tarea2.datasets import IGNORED, DataError, image_folder


@pytest.fixture
def folders(tmp_path):
    """Twelve grey images of 20×14 pixels (width × height), and their masks of three classes."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for i in range(12):
        mask = rng.integers(0, 3, (14, 20)).astype(np.uint8)
        Image.fromarray(mask * 100).save(tmp_path / "images" / f"{i:02}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{i:02}.png")
    return tmp_path / "images", tmp_path / "masks"


def test_grey_images_and_their_padding(folders):
    data = image_folder(*folders)
    assert (data.name, data.num_classes) == ("images", 3)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [8, 2, 2]
    assert data.train.x.shape == (8, 1, 16, 32)
    assert data.train.y.shape == (8, 16, 32)
    inner = data.train.y[:, :14, :20]
    assert torch.equal(inner * 100, data.train.x[:, 0, :14, :20])
    assert (data.train.y[:, 14:] == IGNORED).all()  # padding counts in nothing
    assert (data.train.y[:, :, 20:] == IGNORED).all()
    assert image_folder(*folders).sha256 == data.sha256


def test_one_image_in_colour_makes_all_so(folders):
    path = folders[0] / "03.png"
    Image.open(path).convert("RGB").save(path)
    Image.fromarray(np.arange(280, dtype=np.uint16).reshape(14, 20)).save(folders[0] / "04.png")
    data = image_folder(*folders)
    assert data.train.x.shape[1] == 3
    # 279 of the 1,023 that 10 bits hold: no picture is stretched on its own.
    deep = torch.cat([data.train.x, data.validation.x, data.test.x]).amax((1, 2, 3))
    assert int(deep.min()) == round(279 / 1023 * 255)
    assert any("1 images have more than 8 bits: 1023 is white" in line for line in data.decided)


def test_a_palette_holds_classes(folders):
    for path in folders[1].iterdir():
        picture = Image.open(path)
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
        picture.save(path)
    assert image_folder(*folders).num_classes == 3


def remove(folders):
    (folders[1] / "05.png").unlink()


def remove_image(folders):
    (folders[0] / "05.png").unlink()


def two_endings(folders):
    Image.new("L", (20, 14)).save(folders[0] / "05.bmp")


def other_size(folders):
    Image.new("L", (20, 15)).save(folders[0] / "05.png")


def both_sizes(folders):
    for folder in folders:
        Image.new("L", (20, 15)).save(folder / "05.png")


def other_mask(folders):
    Image.new("L", (14, 20)).save(folders[1] / "05.png")


def empty(folders):
    for path in folders[1].iterdir():
        Image.new("L", (20, 14)).save(path)


def truncated(folders):
    path = folders[0] / "05.png"
    path.write_bytes(path.read_bytes()[:60])


def text(folders):
    (folders[1] / "05.png").write_text("no image")


def few(folders):
    for folder in folders:
        for i in range(3):
            (folder / f"{i:02}.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove, "1 of 12 images have no mask in"),
        (remove, ": 05.png; add them, or leave these images out with --allow-missing"),
        (remove_image, "1 of 12 masks have no image in"),
        (two_endings, "two files of one name with different endings: 05.bmp and 05.png"),
        (other_size, "mask 05.png is 20×14, its image 20×15"),
        (both_sizes, "05.png is 20×15 and 00.png is 20×14; give --size HxW to bring all"),
        (other_mask, "mask 05.png is 14×20, its image 20×14"),
        (empty, "all masks hold value 0 only"),
        (truncated, "05.png cannot be read as an image"),
        (text, "05.png cannot be read as an image"),
        (few, "holds 9 images, expected at least 10"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(folders, spoil, message):
    spoil(folders)
    with pytest.raises(DataError, match=re.escape(message)):
        image_folder(*folders)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere is not a folder"):
        image_folder(tmp_path / "nowhere", tmp_path)


def test_the_splits_share_no_image(folders):
    data = image_folder(*folders)
    images = torch.cat([data.train.x, data.validation.x, data.test.x]).flatten(1)
    assert len(images.unique(dim=0)) == 12
