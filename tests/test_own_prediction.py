"""Predicting with a network of one's own: which files are images, and how large ones are read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tarea2.datasets import DataError
from tarea2.datasets.images.label_map import LabelClass, LabelMap
from tarea2.datasets.images.preprocessing import Preprocessing
from tarea2.models import EncoderDecoderSpec, build
from tarea2.own import prediction
from tarea2.predictor import Predictor, was_predicted

LEGEND = LabelMap(
    "grey", (LabelClass("0", 0, (0, 0, 0)), LabelClass("200", 200, (255, 0, 0))), True
)


def predictor(**fields) -> Predictor:
    torch.manual_seed(3)
    spec = EncoderDecoderSpec(depth=2, width=4, convolutions=1, classes=2)
    return Predictor(build(spec).eval(), Preprocessing(), LEGEND, **fields)


@pytest.fixture
def segment(monkeypatch):
    """Segment files with a network that was not trained; returns what was told."""
    monkeypatch.setattr(prediction, "load_predictor", lambda path: predictor())

    def run(source: Path, out: Path, overlay: bool = False) -> list[str]:
        told: list[str] = []
        _, failed = prediction.segment_files(Path("m"), source, out, overlay, told.append)
        assert not failed
        return told

    return run


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(len(path.name)).integers(0, 255, (16, 32)).astype(np.uint8)
    Image.fromarray(values).save(path)


def written(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*.*")}


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["images/a.png", "images/b.png"], ["masks/a.png", "masks/b.png"]),
        (["a.jpg", "b.jpg"], ["a.png", "b.png"]),
        (["a.png", "b.png"], ["a_mask.png", "b_mask.png"]),
        (["p1_L.png", "p1_R.png"], ["p1_L_mask.png", "p1_R_mask.png"]),
        (["images/1_training.tif"], ["1st_manual/1_manual1.gif", "mask/1_training_mask.gif"]),
        (["a.png", "b.png"], ["labels/x/a.png", "labels/y/a.png"]),
        (["a_gt.png", "b_gt.png"], []),  # nothing else is there
        (["a.png", "b_gt.png"], []),  # no image for this mask: it is one
    ],
)
def test_masks_are_left_out_and_told(tmp_path, segment, images, masks):
    for name in (*images, *masks):
        draw(tmp_path / "set" / name)
    told = segment(tmp_path / "set", tmp_path / "out")
    assert written(tmp_path / "out") == {Path(n).with_suffix(".png").as_posix() for n in images}
    if masks:
        assert told == [
            f"left out, as masks by their names or folders: {len(masks)}: {', '.join(masks)}"
        ]
    else:
        assert not told


def test_one_file_is_segmented_whatever_it_is_called(tmp_path, segment):
    draw(tmp_path / "masks" / "a_mask.png")
    segment(tmp_path / "masks" / "a_mask.png", tmp_path / "out")
    assert written(tmp_path / "out") == {"a_mask.png"}


@pytest.mark.parametrize("out", ["pred", "pred/again", "."])
def test_what_was_predicted_before_is_left_out(tmp_path, segment, out):
    for name in ("a.jpg", "sub/b.jpg"):
        draw(tmp_path / name)
    first = segment(tmp_path, tmp_path / out, overlay=True)
    assert first == []
    found = written(tmp_path)
    (told,) = segment(tmp_path, tmp_path / out, overlay=True)
    assert told.startswith("left out, as predicted before: 4: ")
    assert written(tmp_path) == found
    if out == "pred":  # another folder knows them too, by what they say in themselves
        (told,) = segment(tmp_path, tmp_path / "other")
        assert told.startswith("left out, as predicted before: 4: pred/a-overlay.png")
        assert written(tmp_path / "other") == {"a.png", "sub/b.png"}
        with pytest.raises(DataError, match="holds no image besides what was predicted before"):
            segment(tmp_path / "pred", tmp_path / "third")


def test_masks_beside_photographs_are_not_overwritten(tmp_path, segment):
    for name in ("a.jpg", "a.png"):
        draw(tmp_path / name)
    before = (tmp_path / "a.png").read_bytes()
    assert not was_predicted(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png is one of the masks beside them; give another"):
        segment(tmp_path, tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before
