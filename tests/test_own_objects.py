"""Masks that number objects instead of naming classes: recognised, asked for, made one class."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images.label_inference import MaskOptions
from tarea2.datasets.images.objects import as_one_class, regions
from tarea2.datasets.images.reading import Picture

COUNT = 14


def cells(place: int) -> np.ndarray:
    """Four to nine cells, numbered from 1 on; ``(48, 48)`` of 16 bits."""
    rng = np.random.default_rng(place)
    numbers = np.zeros((48, 48), np.uint16)
    places = rng.permutation(16)[: 4 + place % 6]
    for number, cell in enumerate(places, 1):
        top, left = 12 * (cell // 4), 12 * (cell % 4)
        numbers[top : top + rng.integers(4, 11), left : left + rng.integers(4, 11)] = number
    return numbers


def save(folder: Path, drawn) -> tuple[Path, Path]:
    """Images in which cells are light, and masks as ``drawn`` makes them of numbers."""
    for place in range(COUNT):
        numbers = cells(place)
        noise = np.random.default_rng(place).integers(0, 60, numbers.shape, np.uint8)
        image = Image.fromarray((numbers > 0) * np.uint8(150) + noise)
        for kind, picture in (("images", image), ("masks", drawn(numbers, place))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            picture.save(folder / kind / f"{place:02}.png")
    return folder / "images", folder / "masks"


def numbered(numbers, place):
    return Image.fromarray(numbers.astype(np.uint8))


def deep(numbers, place):
    """Numbers that go on from image to image."""
    return Image.fromarray(np.where(numbers, numbers + 300 + 20 * place, 0).astype(np.uint16))


def with_gaps(numbers, place):
    """As left when objects were deleted by hand."""
    return Image.fromarray((numbers * np.uint16(3 + place % 3)).astype(np.uint8))


def coloured(numbers, place):
    colours = np.random.default_rng(100 + place).integers(60, 256, (20, 3), np.uint8)
    colours[0] = 0
    return Image.fromarray(colours[numbers])


def palette(numbers, place):
    picture = Image.fromarray(numbers.astype(np.uint8)).convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette([0, 0, 0, *np.random.default_rng(0).integers(60, 256, 765).tolist()])
    return picture


@pytest.mark.parametrize("drawn", [numbered, deep, with_gaps, coloured, palette])
def test_numbers_of_objects_are_asked_for_and_made_one_class(tmp_path, drawn):
    images, masks = save(tmp_path, drawn)
    with pytest.raises(DataError) as refused:
        image_folder(images, masks)
    for part in ("look like numbers of objects", "up to 9 in one mask", "--objects", "--classes"):
        assert part in str(refused.value)
    data = image_folder(images, masks, reading=Reading(MaskOptions(objects=True)))
    assert [entry.name for entry in data.label_map.entries] == ["0", "object"]
    assert data.background
    for split in ("train", "validation", "test"):
        part = getattr(data, split)
        for name, mask in zip(data.names[split], part.y, strict=True):
            assert np.array_equal(mask.numpy(), cells(int(name[:2])) > 0), name
    found = image_folder(images, masks, reading=Reading(MaskOptions(objects=False)))
    assert found.num_classes > 9


def organs(numbers, place):
    """Nine classes, which most images hold: each in one piece."""
    mask = np.zeros((48, 48), np.uint8)
    for value in range(1, 10):
        if (value + place) % 4:
            mask[4 * value : 4 * value + 4, 10 : 20 + place] = value
    return Image.fromarray(mask)


def scattered(numbers, place):
    """Twelve classes, each in few images, in several pieces."""
    mask = np.zeros((48, 48), np.uint8)
    for value in (1 + place % 12, 1 + (place + 5) % 12):
        mask[2 * value, 4::6] = value
    return Image.fromarray(mask)


@pytest.mark.parametrize("drawn", [organs, scattered])
def test_classes_are_not_taken_for_objects(tmp_path, drawn):
    assert image_folder(*save(tmp_path, drawn)).num_classes >= 10


def test_the_ground_of_objects_may_have_another_value_or_colour(tmp_path):
    numbers = np.array([[7, 7, 1], [2, 7, 3]], np.uint8)
    one = as_one_class(Picture("a", numbers), "7").values
    assert one.tolist() == [[0, 0, 255], [255, 0, 255]]
    white = np.full((2, 3, 3), 255, np.uint8)
    white[0, 2] = 9, 80, 0
    assert as_one_class(Picture("b", white), "white").values.tolist() == [[0, 0, 255], [0, 0, 0]]
    clear = Picture("c", white, alpha=np.array([[0, 255, 255]] * 2, np.uint8))
    assert as_one_class(clear).values.tolist() == [[0, 255, 255]] * 2
    with pytest.raises(DataError, match="expected the value or colour of the ground"):
        as_one_class(Picture("d", white), "cell")


@pytest.mark.parametrize(
    "others", [{"values": (0, 1)}, {"threshold": 1.0}, {"ignore": ("3",)}, {"colours": Path("a")}]
)
def test_objects_leave_nothing_else_to_say(tmp_path, others):
    wishes = MaskOptions(objects=True, **others)
    with pytest.raises(DataError, match=r"--objects and --.* exclude each other; give one"):
        image_folder(*save(tmp_path, numbered), reading=Reading(wishes))


def test_regions_count_corners_as_neighbours():
    codes = np.array([[1, 0, 2, 0], [0, 1, 0, 0], [2, 0, 0, 3]])
    assert regions(codes) == {0: 1, 1: 1, 2: 2, 3: 1}
