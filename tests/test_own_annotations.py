"""Outlines in JSON beside images, of COCO and of labelme: drawn as their own tools draw them."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from command import run_cli
from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images.labelme import LabelmeShapes
from tarea2.datasets.images.pairing import find_pairs

COUNT, HEIGHT, WIDTH = 12, 24, 40
EXPECTED = {
    "polygon": 147, "circle": 129, "line": 148, "linestrip": 310, "point": 97, "oriented": 87,
}  # fmt: skip
CLASSES = {1: "cat", 7: "dog"}


def boxes(place: int) -> dict[int, tuple[int, int, int, int]]:
    """Left, top, right and bottom of an object of each class, on the grid of pixels' corners."""
    return {1: (2, 2, 10 + place % 3, 9), 7: (20, 5 + place % 4, 32, 20)}


def image_of(place: int) -> np.ndarray:
    """Noise up to 28, brighter by 40 where there is a cat, and by 110 where there is a dog."""
    values = np.random.default_rng(place).integers(0, 28, (HEIGHT, WIDTH)).astype(np.uint8)
    for (left, top, right, bottom), shade in zip(boxes(place).values(), (40, 110), strict=True):
        values[top:bottom, left:right] += np.uint8(shade)
    return values


def polygon(box) -> list[int]:
    left, top, right, bottom = box
    return [left, top, right, top, right, bottom, left, bottom]


def run_lengths(box, packed: bool) -> dict:
    left, top, right, bottom = box
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[top:bottom, left:right] = 1
    if packed:
        found = coco.encode(mask)
        return {"size": found["size"], "counts": found["counts"].decode()}
    flat, counts, value = mask.ravel(order="F"), [], 0
    while len(flat):
        run = next((i for i, v in enumerate(flat) if v != value), len(flat))
        counts.append(run)
        flat, value = flat[run:], 1 - value
    return {"size": [HEIGHT, WIDTH], "counts": counts}


FORMS = {
    "polygons": lambda box: [polygon(box)],
    "two polygons": lambda box: [polygon((*box[:3], box[1] + 2)), polygon((*box[:1], box[1] + 2,
                                                                          *box[2:]))],
    "run lengths": lambda box: run_lengths(box, False),
    "packed": lambda box: run_lengths(box, True),
}  # fmt: skip


def coco_file(places, form="polygons", name="{:02}.png", shift=0) -> dict:
    return {
        "images": [
            {"id": 50 + p, "file_name": name.format(p), "height": HEIGHT, "width": WIDTH}
            for p in places
        ],
        "categories": [{"id": n + shift, "name": text} for n, text in CLASSES.items()],
        "annotations": [
            {"id": 100 * p + n, "image_id": 50 + p, "category_id": n + shift, "iscrowd": 0,
             "segmentation": FORMS[form](box)}
            for p in places for n, box in boxes(p).items()
        ],
    }  # fmt: skip


def write(path: Path, content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, np.ndarray):
        Image.fromarray(content).save(path)
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    return path


def images(folder: Path, name="{:02}.png", places=range(COUNT)) -> Path:
    for place in places:
        write(folder / name.format(place), image_of(place))
    return folder


def assert_true_classes(data, codes=(0, 1, 7)) -> None:
    assert [entry.code for entry in data.label_map.entries] == list(codes)
    for split in (data.train, data.validation, data.test):
        x, y = split.x[:, 0, :HEIGHT, :WIDTH], split.y[:, :HEIGHT, :WIDTH]
        assert (((x >= 40).int() + (x >= 110).int()) == y).all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("given", ["file", "folder", "beside"])
def test_outlines_of_coco_become_masks_with_names(tmp_path, form, given):
    folder = images(tmp_path / "images")
    path = write(
        (folder if given == "beside" else tmp_path / "notes") / "_annotations.coco.json",
        coco_file(range(COUNT), form),
    )
    data = image_folder(folder, path if given == "file" else path.parent)
    assert_true_classes(data)
    assert [entry.name for entry in data.label_map.entries] == ["background", "cat", "dog"]
    said = "masks are drawn from COCO's _annotations.coco.json: classes 1 cat, 7 dog"
    assert said in data.decided
    before = data.sha256
    content = coco_file(range(COUNT), form)
    content["annotations"] = content["annotations"][1:]
    write(path, content)
    assert image_folder(folder, path).sha256 != before


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("a/{:02}.png", "a/{:02}.png"),
        ("{:02}.png", "images/{:02}.png"),
        ("{:02}.png", "..\\upload\\1\\0a1b2c3d-{:02}.png"),  # Label Studio's
        ("0a1b2c3d-{:02}.png", "images\\0a1b2c3d-{:02}.png"),
    ],
)
def test_images_are_found_as_the_file_names_them(tmp_path, name, listed):
    folder = images(tmp_path / "images", name)
    path = write(tmp_path / "result.json", coco_file(range(COUNT), name=listed))
    assert_true_classes(image_folder(folder, path))


def test_a_category_of_number_0_is_no_background(tmp_path):
    folder = images(tmp_path / "images")
    data = image_folder(folder, write(tmp_path / "r.json", coco_file(range(COUNT), shift=-1)))
    assert_true_classes(data)
    assert any("their numbers are those of the file and one" in line for line in data.decided)


def test_each_split_has_a_file_of_its_own(tmp_path):
    places = {"train": range(8), "valid": range(8, 10), "test": range(10, 12)}
    for split, some in places.items():
        images(tmp_path / split, "x{:02}.png", some)
        write(tmp_path / split / "_annotations.coco.json", coco_file(some, name="x{:02}.png"))
    data = image_folder(tmp_path, tmp_path)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [8, 2, 2]
    assert_true_classes(data)
    flat = images(tmp_path / "flat" / "images")
    for split, some in places.items():
        write(tmp_path / "flat" / "notes" / f"instances_{split}2017.json", coco_file(some))
    data = image_folder(flat, flat.parent / "notes")
    assert [len(s) for s in (data.train, data.validation, data.test)] == [8, 2, 2]
    other = coco_file(range(2))
    other["categories"][0]["name"] = "cow"
    write(flat.parent / "notes" / "instances_test2017.json", other)
    with pytest.raises(
        DataError, match=r"train2017\.json calls category 1 'cat', and another file 'cow'"
    ):
        image_folder(flat, flat.parent / "notes")


def spoilt(change) -> dict:
    content = coco_file(range(COUNT))
    change(content)
    return content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: [a.pop("segmentation") for a in c["annotations"]], "boxes and no outlines"),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4]]), "fewer than 3 points"),
        (lambda c: c["annotations"][0].update(segmentation={"size": [9, 9], "counts": [81]}),
         "its run lengths are those of [9, 9]"),
        (lambda c: c["annotations"][0].update(category_id=99), "category 99 without name"),
        (lambda c: c["images"][0].pop("height"), "is not as COCO's files are"),
        (lambda c: c["images"].append(c["images"][0]), "names 00.png twice"),
        (lambda c: c["images"].pop(3), "1 images are not named in"),
        (lambda c: c["images"].append(c["images"][0] | {"file_name": "gone.png"}),
         "1 images that {path} names are not in {images}: gone.png; add them, or leave out what is "
         "not there with --allow-missing (images such as 00.png and 01.png; there such as 00.png "
         "and 01.png)"),
        (lambda c: [i.update(height=99) for i in c["images"]], "of 00.png is 40×99, its image"),
        (lambda c: c.pop("categories"), "no JSON of COCO or labelme"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_gets_one_sentence(tmp_path, change, message):
    folder = images(tmp_path / "images")
    path = write(tmp_path / "r.json", spoilt(change))
    with pytest.raises(DataError) as error:
        image_folder(folder, path)
    assert message.format(path=path, images=folder) in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_what_is_missing_is_left_out_on_request(tmp_path):
    folder = images(tmp_path / "images")
    content = coco_file(range(1, COUNT))
    content["images"].append(content["images"][0] | {"file_name": "gone.png", "id": 7})
    content["annotations"][0].pop("segmentation")
    content["annotations"][1]["bbox"] = [1, 2, 3, 4]
    path = write(tmp_path / "r.json", content)
    data = image_folder(folder, path, reading=Reading(allow_missing=True))
    said = "\n".join(data.decided)
    assert sum(map(len, data.names.values())) == 11
    for part in ("not named in", "gone.png", "r.json: 1 objects have a box only and are left out"):
        assert part in said


def test_an_image_without_objects_is_ground_all_over(tmp_path):
    folder = images(tmp_path / "images")
    content = coco_file(range(COUNT))
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] != 50]
    pairs, _ = find_pairs(folder, write(tmp_path / "r.json", content))
    assert pairs[0].drawing is not None
    assert not pairs[0].drawing.draw().values.any()


def test_json_that_cannot_be_read_is_named(tmp_path):
    folder = images(tmp_path / "images")
    (tmp_path / "r.json").write_text('{"images": [')
    with pytest.raises(DataError, match=r"r\.json cannot be read as JSON"):
        image_folder(folder, tmp_path / "r.json")
    (tmp_path / "r.txt").write_text("")
    with pytest.raises(DataError, match=r"r\.txt is a file, expected a folder of masks"):
        image_folder(folder, tmp_path / "r.txt")


def test_pictures_of_masks_come_before_json(tmp_path):
    images(tmp_path, "{:02}.jpg")
    for place in range(COUNT):
        write(tmp_path / f"{place:02}.png", np.uint8(image_of(place) >= 40))
        write(tmp_path / f"{place:02}.json", {})
    pairs, decided = find_pairs(tmp_path, tmp_path)
    assert {pair.mask.suffix for pair in pairs} == {".png"}
    assert f"not read in {tmp_path.name}: 12 .json" in decided


# labelme ----------------------------------------------------------------------------------------


def shape(label: str, points, kind: str | None = "polygon", **more) -> dict:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, **more}


def labelme_file(place: int, **changes) -> dict:
    shapes = [
        shape(CLASSES[n], [[left, top], [right - 1, bottom - 1]], "rectangle")
        for n, (left, top, right, bottom) in boxes(place).items()
    ]
    return {
        "version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{place:02}.png",
        "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH,
    } | changes  # fmt: skip


@pytest.mark.parametrize("where", ["images", "json", "renamed"])
def test_shapes_of_labelme_become_masks_with_names(tmp_path, where):
    folder = images(tmp_path / "images")
    for place in range(COUNT):
        name = f"{place:02}.json" if where != "renamed" else f"note{place}.json"
        content = labelme_file(place, imagePath=f"..\\images\\{place:02}.png")
        write(tmp_path / ("images" if where == "images" else "json") / name, content)
    data = image_folder(folder, folder if where == "images" else tmp_path / "json")
    assert_true_classes(data, (0, 1, 2))
    assert [entry.name for entry in data.label_map.entries] == ["background", "cat", "dog"]
    assert "masks are drawn from labelme's JSON by its rules: classes 1 cat, 2 dog" in data.decided


def drawn(*shapes, size=(HEIGHT, WIDTH), **changes) -> np.ndarray:
    content = labelme_file(0, shapes=list(shapes), imageHeight=size[0], imageWidth=size[1])
    names = ((0, "background"), (1, "a"), (2, "b"))
    return LabelmeShapes(Path("x.json"), Path("x.png"), content | changes, names).draw().values


def test_every_kind_of_shape_covers_what_labelme_covers():
    """Counts of pixels are those of labelme 6.3.1's own ``shape_to_mask``."""
    corners = [[3, 4], [12, 15]]
    packed = io.BytesIO()
    Image.fromarray(np.eye(5, dtype=np.uint8) * 255).save(packed, format="PNG")
    for kind, points, more, count in (
        ("polygon", [[2, 2], [20, 3], [9.5, 17.2]], {}, EXPECTED["polygon"]),
        (None, [[2, 2], [20, 3], [9.5, 17.2]], {}, EXPECTED["polygon"]),
        ("rectangle", corners, {}, 10 * 12),
        ("rectangle", corners[::-1], {}, 10 * 12),
        ("circle", [[20, 12], [26, 12]], {}, EXPECTED["circle"]),
        ("line", corners, {}, EXPECTED["line"]),
        ("linestrip", [*corners, [30, 5]], {}, EXPECTED["linestrip"]),
        ("point", [[20, 12]], {}, EXPECTED["point"]),
        ("oriented_rectangle", [[5, 5], [15, 8], [13, 15], [3, 12]], {}, EXPECTED["oriented"]),
        ("mask", [[4, 6], [8, 10]], {"mask": base64.b64encode(packed.getvalue()).decode()}, 5),
    ):
        assert (drawn(shape("a", points, kind, **more)) == 1).sum() == count, kind


def test_later_shapes_cover_earlier_ones_and_background_cuts():
    whole, hole = [[2, 2], [21, 17]], [[5, 5], [9, 9]]
    found = drawn(
        shape("a", whole, "rectangle"), shape("b", hole, "rectangle"),
        shape("_background_", [[12, 5], [14, 9]], "rectangle"),
    )  # fmt: skip
    assert (found == 2).sum() == 25
    assert (found == 0).sum() == HEIGHT * WIDTH - 20 * 16 + 15


def test_the_size_is_the_images_where_the_file_tells_none(tmp_path):
    folder = images(tmp_path)
    for place in range(COUNT):
        write(folder / f"{place:02}.json", labelme_file(place, imageHeight=None, imageWidth=None))
    assert_true_classes(image_folder(folder, folder), (0, 1, 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shapes": [shape("a", [[1, 1], [2, 2]])]}, "03.json: shape 1 cannot be drawn (a polygon"),
        ({"shapes": [shape("a", [[1, 1]], "blob")]}, "kind 'blob' is not known"),
        ({"shapes": [{"points": []}]}, "03.json: shape 1 has no label"),
        ({"imagePath": "gone.png"}, None),
    ],
)
def test_a_file_of_labelme_that_does_not_fit_is_named(tmp_path, changes, message):
    folder = images(tmp_path)
    for place in range(COUNT):
        write(folder / f"{place:02}.json", labelme_file(place))
    write(folder / "03.json", labelme_file(3) | changes)
    if message is None:  # the name beside the image counts first
        assert_true_classes(image_folder(folder, folder), (0, 1, 2))
        return
    with pytest.raises(DataError) as error:
        image_folder(folder, folder)
    assert message in str(error.value)


def test_both_kinds_together_are_refused(tmp_path):
    folder = images(tmp_path)
    write(folder / "00.json", labelme_file(0))
    write(folder / "all.json", coco_file(range(COUNT)))
    with pytest.raises(DataError, match=r"all\.json is COCO's and 00\.json labelme's"):
        image_folder(folder, folder)


def test_the_command_takes_a_file(tmp_path, monkeypatch, capsys):
    folder = images(tmp_path / "images")
    path = write(tmp_path / "r.json", coco_file(range(COUNT)))
    assert run_cli(
        monkeypatch, "images", "train", "--images", folder, "--masks", path, "--dry-run"
    ) == 0  # fmt: skip
    out = capsys.readouterr().out
    assert "class 1: value 1 (cat)" in out
    assert "class 2: value 7 (dog)" in out
