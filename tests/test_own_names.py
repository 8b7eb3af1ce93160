"""Names of classes, in the files that annotation tools write beside their masks."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from tarea2.datasets import DataError, Reading, image_folder
from tarea2.datasets.images.label_files import read_names
from tarea2.datasets.images.label_inference import MaskOptions

COLOURS = np.array([(0, 0, 0), (48, 112, 32), (176, 112, 32)], np.uint8)


def make(folder, kind):
    """Twelve images whose masks are ``grey``, a ``palette`` or in ``colour``."""
    for place in range(12):
        mask = np.zeros((16, 32), np.uint8)
        mask[2 : 7 + place % 4, 3:11] = 1
        mask[6:12, 18 : 24 + place % 5] = 2
        drawn = Image.fromarray(COLOURS[mask] if kind == "colour" else mask)
        if kind == "palette":
            drawn = Image.frombytes("P", drawn.size, drawn.tobytes())
            drawn.putpalette([*COLOURS.ravel().tolist(), 9, 9, 9])
        for name, picture in (("images", Image.fromarray(mask * 100 + 20)), ("masks", drawn)):
            (folder / name).mkdir(exist_ok=True)
            picture.save(folder / name / f"{place:02}.png")
    return folder / "images", folder / "masks"


CVAT = "# label:color_rgb:parts:actions\ncat:48,112,32::\nbackground:0,0,0::\ndog:176,112,32::\n"
DATUMARO = "# label:color_rgb:parts:actions\nbackground:::\ncat:::\ndog:::\n"
LABELS = {"0": "background", "1": "cat", "2": "dog"}
NAMED = [
    ("labelmap.txt", CVAT, ("colour", "palette")),
    ("labelmap.txt", DATUMARO, ("grey", "palette")),
    ("_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n2, dog\n", ("grey", "palette")),
    ("class_names.txt", "_background_\ncat\ndog\n", ("palette", "grey")),
    ("labels.txt", "__ignore__\n_background_\ncat\ndog\n", ("palette",)),
    ("dataset_meta.json", json.dumps({"label_map": LABELS}), ("grey", "palette")),
    ("dataset_meta.json", json.dumps(
        {"label_map": LABELS, "segmentation_colors": COLOURS.tolist()}), ("colour",)),
    ("dataset.json", json.dumps({"labels": {n: int(v) for v, n in LABELS.items()}}), ("grey",)),
    ("names.txt", "2 dog\n0 background\n1 cat\n", ("grey",)),
    ("names.csv", "name;value\nbackground;0\ncat;1\ndog;2\n", ("grey",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "text", "kind"),
    [(file, text, kind) for file, text, kinds in NAMED for kind in kinds],
)
def test_names_are_read_as_tools_write_them(tmp_path, file, text, kind):
    folders = make(tmp_path, kind)
    (tmp_path / file).write_text(text)
    data = image_folder(*folders, reading=Reading(MaskOptions(colours=tmp_path / file)))
    names = [entry.name.strip("_") for entry in data.label_map.entries]
    assert names[0] == "background"
    assert data.background
    assert sorted(names) == ["background", "cat", "dog"]
    cat = names.index("cat")
    for split in (data.train, data.validation, data.test):
        assert np.array_equal(split.y == cat, split.x[:, 0] == 120)
    drawn = data.label_map.draw(np.full((16, 32), cat))
    told = np.array(drawn.convert("RGB") if kind != "grey" else drawn)[0, 0].tolist()
    assert told == (1 if kind == "grey" else COLOURS[1].tolist())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 ground\n1 cat\n", "the masks hold 1 values that names.txt does not name, such as 2"),
        ("a:1,2,3::\nb:::\n", "b has no colour, and others do"),
        ("a:1,2,999::\nb:0,0,0::\n", "is no colour of three values to 255"),
        ("0 a\n1 a\n2 b\n", "names.txt has the name a twice"),
        ("0 a\n0 b\n2 c\n", "names.txt has the value or colour 0 twice"),
        ("0 a\n1\n2 c\n", "'1' is no value and name"),
    ],
)
def test_what_names_wrongly_is_refused(tmp_path, text, message):
    folders = make(tmp_path, "grey")
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        image_folder(*folders, reading=Reading(MaskOptions(colours=tmp_path / "names.txt")))


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "cannot be read as JSON"), ("[]", "names no classes"),
     ('{"labels": {"a": "b"}}', "is no value and name"),
     ('{"label_map": {"0": "a", "1": "b"}, "segmentation_colors": [[1, 2, 3]]}', "other colours")],
)  # fmt: skip
def test_wrong_json_is_refused(tmp_path, content, message):
    (tmp_path / "dataset_meta.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_names(tmp_path / "dataset_meta.json")


def test_values_do_not_name_colours(tmp_path):
    folders = make(tmp_path, "colour")
    (tmp_path / "class_names.txt").write_text("_background_\ncat\ndog\n")
    with pytest.raises(DataError, match=r"class_names.txt names values, and mask .* has colours"):
        image_folder(*folders, reading=Reading(MaskOptions(colours=tmp_path / "class_names.txt")))


def test_a_named_value_may_be_ignored_or_be_the_background(tmp_path):
    folders = make(tmp_path, "grey")
    (tmp_path / "names.txt").write_text("0 soil\n1 leaf\n2 void\n")
    data = image_folder(*folders, reading=Reading(MaskOptions(colours=tmp_path / "names.txt")))
    assert [entry.name for entry in data.label_map.entries] == ["soil", "leaf"]
    assert not data.background
    wishes = MaskOptions(colours=tmp_path / "names.txt", background="soil")
    assert image_folder(*folders, reading=Reading(wishes)).background
