"""Cases along the lines of public bug reports: handled, or refused in one sentence.

The smallest are drawn anew here; the files they came from are tried in ``test_given_cases``.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tarea2 import datasets, metrics
from tarea2.commands import prediction
from tarea2.commands.signal_files import read_signals
from tarea2.datasets import DataError, as_input, image_folder

# Signals ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signals() -> np.ndarray:
    return datasets.mnist1d().test.x[:3].numpy().astype(float).round(5)


def rows(values, separator=",", comma=False) -> str:
    text = "".join(separator.join(f"{v:.5f}" for v in row) + "\n" for row in values)
    return text.replace(".", ",") if comma else text


SIGNALS = {
    "ok.csv": lambda x: rows(x),
    "UPPER.CSV": lambda x: rows(x),
    "tab.csv": lambda x: rows(x, "\t"),
    "semicolon_decimalcomma.csv": lambda x: rows(x, ";", comma=True),
    "comment.csv": lambda x: "# my signals\n" + rows(x),
    "numeric_header.csv": lambda x: ",".join(map(str, range(40))) + "\n" + rows(x),
    # Neighbours.
    "from_one.csv": lambda x: ";".join(map(str, range(1, 41))) + "\n" + rows(x, ";", comma=True),
    "times.csv": lambda x: ",".join(f"{i / 10:.1f}" for i in range(40)) + "\n" + rows(x),
    "names.csv": lambda x: ",".join(f"x{i}" for i in range(40)) + "\n" + rows(x),
    "pandas.csv": lambda x: (
        "," + ",".join(map(str, range(40))) + "\n"
        + "".join(f"{i},{line}\n" for i, line in enumerate(rows(x).splitlines()))
    ),
    "bom.csv": lambda x: "\ufeff" + rows(x),
    "windows.csv": lambda x: rows(x).replace("\n", "\r\n"),
    "blank.csv": lambda x: "\n" + rows(x) + "\n\n",
    "ends_in_separator.csv": lambda x: rows(x, ";").replace("\n", ";\n"),
    "spaces.txt": lambda x: rows(x, "  "),
    "after_comma_a_space.csv": lambda x: rows(x, ", "),
    "accent.csv": lambda x: ";".join(f"señal{i}" for i in range(40)) + "\n" + rows(x, ";"),
}  # fmt: skip
SIGNALS["quoted.csv"] = lambda x: "".join(
    ",".join('"' + f"{v:.5f}".replace(".", ",") + '"' for v in row) + "\n" for row in x
)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
@pytest.mark.parametrize("name", SIGNALS)
def test_what_spreadsheets_save_is_read(name, encoding, signals, tmp_path):
    path = tmp_path / name
    text = SIGNALS[name](signals)
    if encoding == "latin-1" and text.startswith("\ufeff"):
        text = text[1:]
    path.write_bytes(text.encode(encoding))
    found = read_signals(path, 40)
    np.testing.assert_array_equal(found.values, signals)
    header = name in (
        "numeric_header.csv", "from_one.csv", "times.csv", "names.csv", "pandas.csv", "accent.csv",
    )  # fmt: skip
    assert any("header" in remark for remark in found.remarks) == header


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.replace("\n", ",0.5\n"), "bad.csv holds 41 values per line"),
        (lambda t: t.replace(".", ",", 1), "bad.csv, line 1 holds 41 values"),
        (lambda t: t.replace(",", ";").replace(".", ",", 1), "has a comma and"),
        (lambda t: t.replace(",", ";", 1), "line 1"),
        (lambda t: "x," + t.split(",", 1)[1], "bad.csv, line 1, value 1: 'x' is no number"),
        (lambda t: "," + t.split(",", 1)[1], "bad.csv, line 1, value 1 is empty"),
        (lambda t: "nan," + t.split(",", 1)[1], "line 1, value 1 is nan: signals hold finite"),
        (lambda t: "1e999," + t.split(",", 1)[1], "'1e999' is too large a number"),
        (lambda t: "1_0," + t.split(",", 1)[1], "'1_0' is no number"),
        (lambda t: "１," + t.split(",", 1)[1], "'１' is no number"),
        (lambda t: ",".join(map(str, range(40))), "holds a header and no signal"),
        (lambda t: "\0" + t, "it is no text"),
        (lambda t: "# nothing\n", "it is empty"),
        (lambda t: "1\n" * 40, "line 1 holds 1 values"),
    ],
)
def test_what_could_mean_two_things_is_refused_with_its_line(signals, tmp_path, spoil, message):
    path = tmp_path / "bad.csv"
    path.write_text(spoil(rows(signals)), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(message)):
        read_signals(path, 40)


def test_values_far_outside_the_training_signals_are_said_to_be_so(signals, tmp_path):
    strange = np.vstack([signals, signals[:1] * 100, signals[:1] / 1000])
    np.save(tmp_path / "strange.npy", strange)
    remarks = prediction.classify_signals(tmp_path / "strange.npy").attrs["remarks"]
    assert [r.split(":")[0] for r in remarks] == ["signal 4", "signal 5"]
    np.save(tmp_path / "usual.npy", signals)
    assert prediction.classify_signals(tmp_path / "usual.npy").attrs["remarks"] == ()
    train = datasets.mnist1d().train.x.numpy()
    assert pytest.approx((train.min(), train.max()), abs=1e-3) == prediction.SIGNAL_VALUES
    assert pytest.approx(train.std(1).min(), abs=1e-3) == prediction.SIGNAL_SPREAD
    assert prediction._unlike_training(train) == []


# One picture --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene():
    split = datasets.scenes("test", 1)
    return (split.x[0, 0].numpy() * 255).round().astype(np.uint8), split.y[0].numpy()


def turned(scene, path):
    """A camera held on its side: stored turned, to be shown upright."""
    image = Image.fromarray(np.rot90(scene))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def alpha(scene, path, ground: int, ink: int):
    """Ink whose opacity is the scene's grey, on transparent pixels of another colour."""
    layers = np.stack([np.full_like(scene, ink)] * 3 + [scene], axis=2)
    layers[scene == 0, :3] = ground
    Image.fromarray(layers).save(path)


PICTURES = {
    "scene.png": lambda s, p: Image.fromarray(s).save(p),
    "noexif.jpg": lambda s, p: Image.fromarray(s).save(p, quality=95),
    "scene16.tif": lambda s, p: Image.fromarray(s.astype(np.uint16) * 257).save(p),
    "be16.tif": lambda s, p: Image.fromarray((s.astype(np.uint16) * 257).astype(">u2")).save(p),
    "twelve_bits.tif": lambda s, p: Image.fromarray((s / 255 * 4095).astype(np.uint16)).save(p),
    "deep.png": lambda s, p: Image.fromarray(s.astype(np.uint16) * 257).save(p),
    "float.tif": lambda s, p: Image.fromarray(s.astype(np.float32) / 255).save(p),
    "turned.jpg": turned,
    "turned.tif": turned,
    "turned.png": turned,
    "colours.png": lambda s, p: Image.fromarray(np.stack([s] * 3, 2)).save(p),
    "opaque.png": lambda s, p: Image.fromarray(s).convert("RGBA").save(p),
    "print.tif": lambda s, p: Image.fromarray(s).convert("CMYK").save(p),
    "palette.gif": lambda s, p: Image.fromarray(s).save(p),
    "white_on_transparent.png": lambda s, p: alpha(s, p, 200, 255),
}
LIGHT = {
    "inverted.png": lambda s, p: Image.fromarray(255 - s).save(p),
    "black_on_transparent.png": lambda s, p: alpha(s, p, 255, 0),
}


def score(path: Path, truth: np.ndarray, **options) -> tuple[float, tuple[str, ...]]:
    out = Path(path.parent if os.access(path.parent, os.W_OK) else ".") / "out.png"
    table = prediction.segment_image(path, options.pop("output", out), **options)
    with Image.open(options.get("output", out)) as mask:
        found = np.asarray(mask)
    return metrics.mean_iou(metrics.confusion_matrix(truth, found, 11)), table.attrs["remarks"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_segmented_however_it_was_saved(name, scene, tmp_path):
    values, truth = scene
    PICTURES["scene.png"](values, tmp_path / "scene.png")
    best, _ = score(tmp_path / "scene.png", truth)
    PICTURES[name](values, tmp_path / name)
    found, remarks = score(tmp_path / name, truth)
    assert best > 0.7
    assert found == pytest.approx(best, abs=0.03)
    said = " ".join(remarks)
    assert ("EXIF" in said) == name.startswith("turned")
    assert ("transparent" in said) == ("transparent" in name)
    deep = ("scene16.tif", "be16.tif", "twelve_bits.tif", "deep.png")
    assert ("more than 8 bits" in said) == (name in deep)


@pytest.mark.parametrize("name", LIGHT)
def test_dark_digits_on_light_are_inverted_when_told(name, scene, tmp_path):
    values, truth = scene
    PICTURES["scene.png"](values, tmp_path / "scene.png")
    best, _ = score(tmp_path / "scene.png", truth)
    LIGHT[name](values, tmp_path / name)
    with pytest.raises(DataError, match=f"{name} has a light ground .* add --invert, or --no-inv"):
        score(tmp_path / name, truth)
    found, remarks = score(tmp_path / name, truth, invert=True)
    assert found == pytest.approx(best, abs=0.03)
    assert "inverted" in remarks
    _, remarks = score(tmp_path / name, truth, invert=False)
    assert "the mask says little" in remarks[-1]


def pages(scene, path):
    image = Image.fromarray(scene)
    image.save(path, save_all=True, append_images=[Image.fromarray(255 - scene)])


def not_a_number(scene, path):
    values = scene.astype(np.float32) / 255
    values[3, 4] = np.nan
    Image.fromarray(values).save(path)


BAD = {
    "stack.tif": (pages, "stack.tif holds 2 pages or frames, expected one picture"),
    "moving.gif": (pages, "moving.gif holds 2 pages or frames"),
    "moving.png": (pages, "moving.png holds 2 pages or frames"),
    "moving.webp": (pages, "moving.webp holds 2 pages or frames"),
    "nan.tif": (not_a_number, "nan.tif holds NaN or infinity"),
    "negative.tif": (
        lambda s, p: Image.fromarray(s.astype(np.float32) - 100).save(p),
        "negative.tif holds values from -",
    ),
    "deep.tif": (
        lambda s, p: Image.fromarray(s.astype(np.int32) * 10**6).save(p),
        "expected at most 16 bits",
    ),
    "glass.png": (
        lambda s, p: Image.fromarray(np.dstack([s, s, s, s * 0])).save(p),
        "glass.png is transparent everywhere",
    ),
    "figure.eps": (
        lambda s, p: p.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        "figure.eps cannot be read as an image",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_picture_that_could_mean_two_things_is_refused(name, scene, tmp_path):
    draw, message = BAD[name]
    draw(scene[0], tmp_path / name)
    with pytest.raises(DataError, match=re.escape(message)):
        prediction.segment_image(tmp_path / name, tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


# Folders ------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    """Ten grey pictures of a square, and its masks."""
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for place in range(10):
        mask = np.zeros((16, 32), np.uint8)
        mask[3 : 7 + place % 5, 8:20] = 1
        Image.fromarray(mask * 150 + 20).save(tmp_path / "images" / f"{place:02}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{place:02}.png")
    return tmp_path / "images", tmp_path / "masks"


def everything(data) -> np.ndarray:
    splits = (data.train, data.validation, data.test)
    return np.concatenate([as_input(split.x).numpy() for split in splits])


def test_deep_pictures_of_either_byte_order_give_the_same_data(folders):
    made = []
    for kind in ("<u2", ">u2"):
        for path in sorted(folders[0].iterdir()):
            with Image.open(path) as opened:
                values = np.asarray(opened).astype(np.uint16)
            values = values if values.max() > 300 else values * 60
            path.unlink()
            Image.fromarray(values.astype(kind)).save(path.with_suffix(".tif"))
        made.append(everything(image_folder(*folders)))
    np.testing.assert_array_equal(*made)
    assert 0.5 < made[0].max() < 1


def test_a_folder_of_turned_photographs_fits_its_masks(folders):
    before = everything(image_folder(*folders))
    for path in sorted(folders[0].iterdir()):
        with Image.open(path) as opened:
            image = Image.fromarray(np.asarray(opened)[::-1, ::-1])
        exif = image.getexif()
        exif[0x0112] = 3
        image.save(path, exif=exif)
    np.testing.assert_array_equal(everything(image_folder(*folders)), before)


def jpeg_masks(images, masks):
    for path in masks.iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()


def other_palette(images, masks):
    for place, path in enumerate(sorted(masks.iterdir())):
        image = Image.open(path)
        values, palette = np.asarray(image), [0, 0, 0, 255, 0, 0]
        if place % 2:
            values, palette = 1 - values, [255, 0, 0, 0, 0, 0]
        new = Image.frombytes("P", image.size, values.astype(np.uint8).tobytes())
        new.putpalette(palette)
        new.save(path)


def one_nan(images, masks):
    for path in sorted(images.iterdir()):
        values = np.asarray(Image.open(path)).astype(np.float32) / 255
        if path.stem == "03":
            values[2, 2] = np.nan
        path.unlink()
        Image.fromarray(values).save(path.with_suffix(".tif"))


def two_pages(images, masks):
    path = images / "03.png"
    pages(np.asarray(Image.open(path)), path.with_suffix(".tif"))
    path.unlink()


def see_through(images, masks):
    path = images / "03.png"
    image = Image.open(path).convert("RGBA")
    image.putpixel((0, 0), (1, 2, 3, 0))
    image.save(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (jpeg_masks, "mask 00.jpg is a JPEG, which changes values"),
        (one_nan, "03.tif holds NaN"),
        (two_pages, "03.tif holds 2 pages"),
    ],
)
def test_a_folder_that_could_mean_two_things_is_refused_by_file(folders, spoil, message):
    spoil(*folders)
    with pytest.raises(DataError, match=re.escape(message)):
        image_folder(*folders)


def test_palettes_that_number_colours_differently_are_matched_by_colour(folders):
    plain = image_folder(*folders)
    other_palette(*folders)
    data = image_folder(*folders)
    assert torch.equal(data.train.y, plain.train.y)
    assert "01.png numbers its palette in another way than 00.png" in "\n".join(data.decided)


def test_transparency_is_dropped_and_said(folders):
    see_through(*folders)
    said = "\n".join(image_folder(*folders).decided)
    assert "1 images: have transparent pixels, whose colours count as they are (03.png)" in said


def test_files_of_the_system_are_no_images(folders):
    (folders[0] / "._00.png").write_bytes(b"resource fork")
    (folders[0] / "Thumbs.db").write_bytes(b"thumbs")
    (folders[1] / ".DS_Store").write_bytes(b"store")
    assert len(everything(image_folder(*folders))) == 10


def test_one_bit_masks_hold_two_classes(folders):
    for path in folders[1].iterdir():
        Image.fromarray(np.asarray(Image.open(path)).astype(bool)).save(path)
    assert image_folder(*folders).num_classes == 2
