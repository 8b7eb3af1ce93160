"""The folder of cases that lies beside the design: its files are handled, or refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tarea2 import metrics, paths
from tarea2.commands import prediction
from tarea2.commands.signal_files import read_signals
from tarea2.datasets import DataError, image_folder
from tarea2.own import study as own
from test_cases import everything

_PLACES = [paths.ROOT.parent / "shared"]
if os.environ.get(paths.DATA_DIR):
    _PLACES.append(Path(os.environ[paths.DATA_DIR]).parent)
GIVEN = next((place / "cases" for place in _PLACES if (place / "cases").is_dir()), None)

if GIVEN is None:
    pytest.skip("the folder of cases is not on this machine", allow_module_level=True)


def given(*parts: str) -> Path:
    return GIVEN.joinpath(*parts)


@pytest.mark.parametrize(
    "name",
    ["ok.csv", "UPPER.CSV", "tab.csv", "semicolon_decimalcomma.csv", "comment.csv",
     "numeric_header.csv"],
)  # fmt: skip
def test_the_given_signals_are_three(name):
    found = read_signals(given("csv", name), 40)
    np.testing.assert_allclose(found.values, read_signals(given("csv", "ok.csv"), 40).values)
    assert found.values.shape == (3, 40)


@pytest.mark.parametrize(
    ("name", "invert"),
    [("scene.png", None), ("scene16.tif", None), ("be16.tif", None), ("noexif.jpg", None),
     ("inverted.png", True), ("black_on_transparent.png", True)],
)  # fmt: skip
def test_the_given_pictures_reach_the_score_of_the_scene(name, invert, tmp_path):
    truth, out = np.load(given("predict", "truth.npy")), tmp_path / "out.png"
    prediction.segment_image(given("predict", name), out, invert)
    with Image.open(out) as mask:
        cm = metrics.confusion_matrix(truth, np.asarray(mask), 11)
    assert metrics.mean_iou(cm) >= 0.89


GIVEN_FOLDERS = {
    "be16": None, "exif180": None, "tiny16": None, "easy40": None, "raretest": None,
    "palettes": None, "jpegmask": "is a JPEG", "nan": "03.tif holds NaN",
    "multipage": "pages or frames",
}  # fmt: skip


@pytest.mark.parametrize("name", GIVEN_FOLDERS)
def test_the_given_folders_are_read_or_refused(name):
    folder, message = given("images", name), GIVEN_FOLDERS[name]
    if message is None:
        assert everything(image_folder(folder / "images", folder / "masks")).max() <= 1
        return
    with pytest.raises(DataError, match=message):
        image_folder(folder / "images", folder / "masks")


def test_the_given_data_sets_of_one_folder_name_share_no_study(tmp_path):
    names = [
        own.prepare(given("images", s, "images"), given("images", s, "masks"), store=tmp_path)
        .study.name
        for s in ("setA", "setB")
    ]  # fmt: skip
    assert len({*names}) == 2
    assert all(name.startswith("images-") for name in names)
