"""Pictures as instruments and scientific programs write them: read whole, or one sentence."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images import picture as pictures
from tarea2.datasets.images.preprocessing import Preprocessing
from tarea2.datasets.images.reading import composed, full_scale, read

RNG = np.random.default_rng(5)
DEEP = RNG.integers(0, 4096, (13, 11, 4)).astype(np.uint16)  # 12 bits, as cameras have them
BYTES = RNG.integers(0, 256, (13, 11, 5)).astype(np.uint8)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "byteorder": ">"},
        {"photometric": "rgb", "planarconfig": "separate"},
        {"photometric": "rgb", "planarconfig": "separate", "byteorder": ">", "rowsperstrip": 3},
        {"photometric": "rgb", "compression": "lzw", "predictor": True},
        {"photometric": "rgb", "compression": "zlib", "tile": (16, 16)},
        {"photometric": "rgb", "compression": "zstd"},
        {"photometric": "rgb", "bigtiff": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("channels", [3, 4])
def test_a_tiff_of_16_bits_in_colour_is_read_whole(tmp_path, options, channels):
    values = DEEP[..., :channels]
    if options.get("planarconfig"):
        values = values.transpose(2, 0, 1)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    tifffile.imwrite(tmp_path / "x.tif", values, **options, **extra)
    found = read(tmp_path / "x.tif")
    np.testing.assert_array_equal(found.values, DEEP[..., :3])
    assert found.values.dtype == np.uint16
    if channels == 4:
        np.testing.assert_array_equal(found.alpha, np.rint(DEEP[..., 3] / 257))
    scaled = Preprocessing(True, full_scale([found])).image(found).transpose(1, 2, 0)
    np.testing.assert_array_equal(scaled, np.rint(DEEP[..., :3] / np.float32(4095) * 255))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_a_png_of_16_bits_with_colours_or_transparency_is_read_whole(tmp_path, channels):
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(DEEP[..., :channels].copy()))
    found = read(tmp_path / "x.png")
    grey = channels == 2
    np.testing.assert_array_equal(found.values, DEEP[..., 0] if grey else DEEP[..., :3])
    if channels != 3:
        np.testing.assert_array_equal(found.alpha, np.rint(DEEP[..., channels - 1] / 257))
        laid = composed(found)
        assert laid.values.dtype == np.uint16
        assert laid.values.max() <= 4095  # laid on the white of its own scale
    content = bytearray((tmp_path / "x.png").read_bytes())
    content[-30] ^= 1
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.png cannot be read as an image .* like a PNG"):
        read(tmp_path / "x.png")


def test_a_ppm_of_16_bits_is_refused_and_one_of_8_read(tmp_path):
    head = b"P6\n# a remark 1 2 3\n11 13\n"
    (tmp_path / "x.ppm").write_bytes(head + b"4095\n" + DEEP[..., :3].astype(">u2").tobytes())
    with pytest.raises(DataError, match=r"x\.ppm has colours of more than 8 bits"):
        read(tmp_path / "x.ppm")
    (tmp_path / "x.ppm").write_bytes(head + b"255\n" + BYTES[..., :3].tobytes())
    np.testing.assert_array_equal(read(tmp_path / "x.ppm").values, BYTES[..., :3])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_tiff_is_turned_as_pillow_turns_a_plain_one(tmp_path, orientation):
    tag = (274, "H", 1, orientation, True)
    for name, values in (("deep", DEEP[..., :3]), ("plain", BYTES[..., :3])):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="rgb", extratags=[tag])
    plain, deep = read(tmp_path / "plain.tif"), read(tmp_path / "deep.tif")
    places = np.arange(143, dtype=np.uint16).reshape(13, 11)
    tifffile.imwrite(tmp_path / "p.tif", places, extratags=[tag])
    turned = read(tmp_path / "p.tif").values
    np.testing.assert_array_equal(plain.values, BYTES[..., :3].reshape(143, 3)[turned])
    np.testing.assert_array_equal(deep.values, DEEP[..., :3].reshape(143, 3)[turned])
    assert plain.remarks == deep.remarks


# Bands ------------------------------------------------------------------------------------------


def bands(path, values, **options):
    tifffile.imwrite(path, values, metadata=None, **options)
    return read(path)


@pytest.mark.parametrize("values", [BYTES[..., :4], DEEP])
def test_a_fourth_band_is_told_and_can_be_used(tmp_path, values):
    found = bands(tmp_path / "x.tif", values, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(found.values, values[..., :3])
    assert found.alpha is None
    assert found.remarks == (
        "4 bands: the first three count as red, green and blue; --bands chooses others, as "
        "--bands 4,1,2",
    )
    chosen = pictures.with_bands(found, (4, 1, 2))
    np.testing.assert_array_equal(chosen.values, values[..., [3, 0, 1]])
    assert chosen.remarks == ("bands 4, 1, 2 of 4 are used",)
    np.testing.assert_array_equal(pictures.with_bands(found, (4,)).values, values[..., 3])
    with pytest.raises(DataError, match=r"x\.tif has 4 bands, and --bands 5 asks for number 5"):
        pictures.with_bands(found, (5,))


@pytest.mark.parametrize(("count", "coloured"), [(2, False), (5, True)])
def test_bands_without_colours_are_told(tmp_path, count, coloured):
    found = bands(
        tmp_path / "x.tif", BYTES[..., :count], photometric="minisblack", planarconfig="contig"
    )
    assert found.coloured == coloured
    assert f"{count} bands: the first" in found.remarks[0]
    np.testing.assert_array_equal(pictures.with_bands(found, (2,)).values, BYTES[..., 1])


def test_infrared_that_was_written_as_transparency_is_a_band_too(tmp_path):
    Image.fromarray(BYTES[..., :4]).save(tmp_path / "x.png")
    found = pictures.with_bands(read(tmp_path / "x.png"), (4, 1, 2))
    np.testing.assert_array_equal(found.values, BYTES[..., [3, 0, 1]])


@pytest.mark.parametrize("text", ["0", "4,1", "a,b,c", "1,2,3,4", ""])
def test_bands_are_one_number_or_three(text):
    with pytest.raises(DataError, match="expected one number, or three"):
        pictures.parse_bands(text)
    assert pictures.parse_bands("4, 1,2") == (4, 1, 2)
    assert pictures.parse_bands(None) == ()


def pairs(folder, image, mask, count=12):
    """Images and masks, each written by a function of its path and its number."""
    for kind, write in (("images", image), ("masks", mask)):
        (folder / kind).mkdir()
        for place in range(count):
            write(folder / kind / f"{place:02}.tif", place)
    return folder / "images", folder / "masks"


def square(place: int) -> np.ndarray:
    mask = np.zeros((16, 16), np.uint8)
    mask[2 : 8 + place % 4, 3:9] = 1
    return mask


def test_bands_count_in_training_and_are_remembered(tmp_path):
    def image(path, place):
        stack = np.stack([square(place) * 7, *[square(place) * (10 + b) for b in range(3)]], 2)
        tifffile.imwrite(path, stack, photometric="minisblack", planarconfig="contig")

    folders = pairs(tmp_path, image, lambda path, place: tifffile.imwrite(path, square(place)))
    data = image_folder(*folders, reading=Reading(bands=(4, 1, 2)))
    assert data.train.x.amax((0, 2, 3)).tolist() == [12, 7, 10]
    assert any("12 images: bands 4, 1, 2 of 4 are used" in line for line in data.decided)
    again = Preprocessing.from_description(data.preprocessing.describe())
    assert again == data.preprocessing
    assert again.bands == (4, 1, 2)
    assert "bands" not in Preprocessing().describe()
    plain = image_folder(*folders)
    assert plain.train.x.amax((0, 2, 3)).tolist() == [7, 10, 11]
    assert any("--bands chooses others" in line for line in plain.decided)
    grey = image_folder(*folders, reading=Reading(bands=(3,)))
    assert grey.train.x.shape[1] == 1


# Masks ------------------------------------------------------------------------------------------

WHITE_IS_ZERO = {
    "one bit": (lambda mask: mask.astype(bool), ["0", "255"]),
    "8 bits": (lambda mask: mask * np.uint8(3), ["0", "3"]),
    "16 bits": (lambda mask: mask.astype(np.uint16) * 300, ["0", "300"]),
}


@pytest.mark.parametrize("kind", WHITE_IS_ZERO)
@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
def test_the_object_of_a_mask_is_what_was_stored(tmp_path, kind, photometric):
    change, names = WHITE_IS_ZERO[kind]
    data = image_folder(
        *pairs(
            tmp_path,
            lambda path, place: tifffile.imwrite(path, square(place) * 200),
            lambda path, place: tifffile.imwrite(
                path, change(square(place)), photometric=photometric
            ),
        )
    )
    assert [entry.name for entry in data.label_map.entries] == names
    assert ((data.train.x[:, 0] > 0) == (data.train.y == 1)).all()
    told = any("zero is white by their tag" in line for line in data.decided)
    assert told == (photometric == "miniswhite")


def test_an_image_whose_zero_is_white_is_shown_as_viewers_show_it(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", BYTES[..., 0], photometric="miniswhite")
    found = read(tmp_path / "x.tif")
    np.testing.assert_array_equal(found.values, 255 - BYTES[..., 0])
    with Image.open(tmp_path / "x.tif") as shown:
        np.testing.assert_array_equal(found.values, np.asarray(shown.convert("L")))
    tifffile.imwrite(tmp_path / "y.tif", DEEP[..., 0], photometric="miniswhite")
    found = read(tmp_path / "y.tif")
    np.testing.assert_array_equal(found.values, DEEP[..., 0])
    assert "kept as they are stored" in found.remarks[0]


@pytest.mark.parametrize("kind", ["int64", "uint64", "int16", "uint32", "float16", "float64"])
def test_masks_of_whole_numbers_of_any_kind_are_read(tmp_path, kind):
    data = image_folder(
        *pairs(
            tmp_path,
            lambda path, place: tifffile.imwrite(path, square(place) * 200),
            lambda path, place: tifffile.imwrite(path, square(place).astype(kind) * 2),
        )
    )
    assert ((data.train.x[:, 0] > 0) == (data.train.y == 1)).all()
    assert [entry.code for entry in data.label_map.entries] == [0, 2]
    told = any(f"12 masks: stored as {kind}, read as" in line for line in data.decided)
    assert told == (kind in ("int64", "uint64", "float16", "float64"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((8, 8), -1, np.int64), "holds values from -1 to -1, expected at most 16 bits"),
        (np.full((8, 8), 70_000, np.uint64), "expected at most 16 bits; rescale it"),
        (np.full((8, 8), np.nan), "holds NaN or infinity"),
        (np.full((8, 8), 1e300), "holds NaN or infinity"),  # more than 32 bits hold
        (np.ones((8, 8), np.complex64), "holds complex64 numbers"),
        (np.ones((3, 8, 8), np.float64), "holds 3 pages or frames"),
    ],
)
def test_numbers_that_are_no_picture_are_refused(tmp_path, values, message):
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.tif")


def test_colours_of_16_bits_in_a_mask_become_8_or_are_refused(tmp_path):
    colours = np.array([[0, 0, 0], [0, 255, 7]], np.uint16)[square(1)]
    for factor in (1, 257):
        tifffile.imwrite(tmp_path / "x.tif", colours * np.uint16(factor), photometric="rgb")
        found = pictures.as_mask(read(tmp_path / "x.tif"))
        np.testing.assert_array_equal(found.values, colours)
        assert found.values.dtype == np.uint8
    tifffile.imwrite(tmp_path / "x.tif", DEEP[..., :3], photometric="rgb")
    with pytest.raises(DataError, match=r"mask x\.tif has colours of more than 8 bits"):
        pictures.as_mask(read(tmp_path / "x.tif"))
    grey = np.repeat(DEEP[..., :1], 3, 2)
    tifffile.imwrite(tmp_path / "x.tif", grey, photometric="rgb")
    np.testing.assert_array_equal(pictures.as_mask(read(tmp_path / "x.tif")).values, grey[..., 0])
    found = bands(tmp_path / "x.tif", DEEP, photometric="rgb", extrasamples=["unspecified"])
    with pytest.raises(DataError, match=r"mask x\.tif has 4 bands"):
        pictures.as_mask(found)


# Files that are none ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.png", b"", "0 bytes, it is empty"),
        ("x.tif", b"", "0 bytes, it is empty"),
        ("x.png", b"version https://git-lfs.github.com/spec/v1\noid", "text, 'version https://git"),
        ("x.jpg", b"<!DOCTYPE html>\n<html>", "22 bytes, text, '<!DOCTYPE html> <html>'"),
        ("x.png", b"\x89PNG\r\n\x1a\n" + bytes(20), "28 bytes, begins like a PNG"),
        ("x.tif", bytes(40_000), "40 kB, nothing but zeros"),
        ("x.bmp", b"\x00\xff" * 40, "no kind of picture that is known"),
    ],
)
def test_a_file_that_is_no_picture_is_named_with_its_size_and_kind(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read(tmp_path / name)
    assert f"{name} cannot be read as an image (" in str(error.value)
    assert said in str(error.value)


def test_a_cut_tiff_is_refused_not_filled_with_zeros(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.tile(DEEP, (20, 20, 1))[..., :3], photometric="rgb")
    content = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"strips or tiles are missing"):
        read(tmp_path / "x.tif")


def plain(path, place):
    Image.fromarray(square(place) * np.uint8(200)).save(path)


@pytest.mark.parametrize(
    ("kind", "content"), [("images", b""), ("masks", b""), ("masks", b"<html>"), ("images", None)]
)
def test_unreadable_pictures_are_left_out_on_request(tmp_path, kind, content):
    folders = pairs(tmp_path, plain, plain)
    for place in (3, 7):
        path = tmp_path / kind / f"{place:02}.tif"
        path.write_bytes(path.read_bytes()[:200] if content is None else content)
    with pytest.raises(DataError) as error:
        image_folder(*folders)
    assert "03.tif cannot be read as an image (" in str(error.value)
    assert str(error.value).endswith(" and 1 others; leave such out with --allow-missing")
    data = image_folder(*folders, reading=Reading(allow_missing=True))
    assert sum(map(len, data.names.values())) == 10
    (told,) = [line for line in data.decided if line.startswith("left out, as they cannot be read")]
    assert "2: 03.tif cannot be read" in told
    assert "07.tif cannot be read" in told
    assert ((data.train.x[:, 0] > 0) == (data.train.y == 1)).all()
    (tmp_path / "images" / "05.tif").write_bytes(b"")
    with pytest.raises(DataError, match="9 pairs are left, expected at least 10"):
        image_folder(*folders, reading=Reading(allow_missing=True))
