"""Predicting with a network of one's own: which files are images, and how large ones are read."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tarea2.datasets import DataError
from tarea2.datasets.images.label_map import LabelClass, LabelMap
from tarea2.datasets.images.picture import Picture
from tarea2.datasets.images.preprocessing import Preprocessing
from tarea2.models import EfficientUnetSpec, EncoderDecoderSpec, build, save_model
from tarea2.own import prediction
from tarea2.own.prediction import load_predictor
from tarea2.predictor import Predictor, was_predicted
from tarea2.records import ResultError
from tarea2.tiling import scores_in_tiles

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


def test_an_overlay_and_a_mask_of_one_name_are_refused(tmp_path, segment):
    for name in ("a.jpg", "a-overlay.jpg"):
        draw(tmp_path / "set" / name)
    with pytest.raises(
        DataError, match=r"the mask of a-overlay.jpg and the overlay of a.jpg .*; rename one"
    ):
        segment(tmp_path / "set", tmp_path / "out", overlay=True)
    assert not (tmp_path / "out").exists()
    segment(tmp_path / "set", tmp_path / "out")
    assert written(tmp_path / "out") == {"a.png", "a-overlay.png"}


def test_an_image_that_memory_does_not_hold_costs_only_itself(tmp_path, monkeypatch):
    """PyTorch says it by a RuntimeError: that of a tensor which no machine holds."""
    for name in ("a.jpg", "b.jpg"):
        draw(tmp_path / "set" / name)
    made = predictor()

    class Greedy(Predictor):
        def classes(self, picture):
            if picture.name == "a.jpg":
                torch.empty(1 << 60)
            return super().classes(picture)

    greedy = Greedy(made.model, made.preprocessing, made.label_map)
    monkeypatch.setattr(prediction, "load_predictor", lambda path: greedy)
    count, failed = prediction.segment_files(Path("m"), tmp_path / "set", tmp_path / "out")
    assert count == 1
    assert failed == ["a.jpg needs more memory than there is; reduce it"]
    assert written(tmp_path / "out") == {"b.png"}


def test_masks_beside_photographs_are_not_overwritten(tmp_path, segment):
    for name in ("a.jpg", "a.png"):
        draw(tmp_path / name)
    before = (tmp_path / "a.png").read_bytes()
    assert not was_predicted(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png is one of the masks beside them; give another"):
        segment(tmp_path, tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize(
    ("values", "scale", "told"),
    [
        (np.uint16([[0, 900]]), 1.0, "more than 8 bits, and the network learnt from images of 8"),
        (np.float32([[0, 90.5]]), 1.0, "holds values to 90.5, more than 8 bits"),
        (np.float32([[0, 0.5]]), 1.0, None),
        (np.uint8([[0, 200]]), 1023.0, None),
        (np.uint16([[0, 900]]), 1023.0, None),
        (np.uint16([[0, 5000]]), 1023.0, "values to 5000 are cut off at 1023, which was white"),
    ],
)
def test_values_beyond_those_of_training_are_told_or_refused(
    tmp_path, monkeypatch, values, scale, told
):
    known = replace(predictor(), preprocessing=Preprocessing(scale=scale))
    monkeypatch.setattr(prediction, "load_predictor", lambda path: known)
    tifffile.imwrite(tmp_path / "x.tif", np.tile(values, (16, 16)))
    heard: list[str] = []
    written_, failed = prediction.segment_files(
        Path("m"), tmp_path / "x.tif", tmp_path / "out", report=heard.append
    )
    assert written_ == (scale > 1 or told is None)
    assert [told is not None and told in line for line in failed + heard] == [True] * bool(told)


# Large images -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(70, 300), (300, 70), (150, 211), (96, 97)])
def test_tiles_give_the_scores_of_the_whole(shape, monkeypatch):
    """As far as rounding goes: no pixel depends on others further away than the blind edge."""
    image = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    whole = predictor(tiled=True)
    with torch.no_grad():  # as many pixels of one class as of the other
        classes, probability = whole.classes_and_probabilities(Picture("x", image))
        odds = np.where(classes == 1, 1, -1) * np.log(probability / (1 - probability))
        bias = [value for name, value in whole.model.named_parameters() if "bias" in name][-1]
        bias.view(-1)[1] -= float(np.median(odds))
    classes, probability = whole.classes_and_probabilities(Picture("x", image))
    assert 0.4 < classes.mean() < 0.6
    monkeypatch.setattr("tarea2.predictor.LARGEST_SIDE", 64)
    monkeypatch.setattr("tarea2.predictor.scores_in_tiles", small_tiles)
    found, share = whole.classes_and_probabilities(Picture("x", image))
    assert found.shape == shape
    np.testing.assert_allclose(share, probability, atol=1e-5)
    assert (found != classes).sum() <= 1
    with pytest.raises(DataError, match=r"at most 64 pixels a side are taken; reduce it, or train"):
        predictor().classes(Picture("x", image))


def small_tiles(network, image):
    return scores_in_tiles(network, image, tile=96, overlap=64, blind=24)


def test_a_seam_would_show():
    """Without a blind edge the padding of each tile reaches into the scores."""
    image = np.random.default_rng(1).random((1, 64, 256)).astype(np.float32)
    layer = torch.nn.Conv2d(1, 2, 33, padding=16)

    def network(part):
        with torch.no_grad():
            return layer(torch.from_numpy(np.ascontiguousarray(part))[None])[0]

    def error(blind):
        (found,) = (scores for _, scores in scores_in_tiles(network, image, 96, 64, blind))
        return float((found - network(image)).abs().max())

    assert error(16) < 1e-5 < 1e-3 < error(0)


def test_memory_is_that_of_a_band_and_weights_sum_to_one():
    seen = []

    def network(part):
        seen.append(part.shape)
        return torch.ones(3, *part.shape[1:])

    image = np.zeros((1, 1000, 176), np.uint8)
    bands = list(scores_in_tiles(network, image, 96, 32, 8))
    assert [band.start for band, _ in bands] == [0, *[band.stop for band, _ in bands[:-1]]]
    assert bands[-1][0].stop == 1000
    for rows, scores in bands:
        assert scores.shape == (3, rows.stop - rows.start, 176)
        assert rows.stop - rows.start <= 96
        torch.testing.assert_close(scores, torch.ones_like(scores))
    assert {shape[1:] for shape in seen} == {(96, 96)}


def test_a_network_trained_on_parts_takes_large_images():
    card = {
        "data": {
            "preparation": Preprocessing().describe(), "legend": LEGEND.describe(), "crop": 32
        }
    }  # fmt: skip
    assert Predictor.from_card(predictor().model, card).tiled
    del card["data"]["crop"]
    assert not Predictor.from_card(predictor().model, card).tiled
    # Tiles begin where the network halves: the encoder does so five times, the study's four.
    encoder = build(EfficientUnetSpec(weights="drawn", inputs=1, classes=2))
    assert Predictor.from_card(encoder, card).divisor == 32
    assert Predictor.from_card(predictor().model, card).divisor == 16


@pytest.mark.parametrize("part", ["data", "preparation", "legend", "size", "entries", "kind"])
def test_a_card_that_lacks_something_says_what(part):
    data = {"preparation": Preprocessing().describe(), "legend": LEGEND.describe()}
    card = {"model": "mine", "data": data}
    for fields in (card, data, *data.values()):
        fields.pop(part, None)
    with pytest.raises(ResultError, match=rf"the card of mine .*'{part}'.*; train it again"):
        Predictor.from_card(predictor().model, card)


# The model's files ------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    """Weights and card of a network with a label map, in a store."""
    model = build(EncoderDecoderSpec(depth=1, width=4, convolutions=1, classes=2))
    data = {"preparation": Preprocessing().describe(), "legend": LEGEND.describe()}
    card = {"data": data, "metrics": {}, "recipe": {}, "seed": 0, "versions": {}}
    save_model("net", model, card, store=tmp_path / "store")
    return tmp_path / "store" / "models" / "net.safetensors"


@pytest.mark.parametrize("how", ["copied", "linked", "linked alone", "card linked alone"])
def test_a_model_is_found_under_any_name_in_any_folder(tmp_path, stored, how):
    elsewhere = tmp_path / "desktop" / "mine.safetensors"
    elsewhere.parent.mkdir()
    card = elsewhere.with_suffix(".json")
    if how == "copied":
        shutil.copy(stored, elsewhere)
        shutil.copy(stored.with_suffix(".json"), card)
    elif how == "card linked alone":
        card.symlink_to(stored.with_suffix(".json"))
    else:
        elsewhere.symlink_to(stored)
        if how == "linked":
            card.symlink_to(stored.with_suffix(".json"))
    assert load_predictor(elsewhere).label_map == LEGEND
    assert load_predictor(card).label_map == LEGEND


def test_a_model_that_is_not_whole_is_named_as_it_was_given(tmp_path, stored, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    given = Path("here") / "mine.safetensors"
    shutil.copy(stored, given)

    def named(ending, said):
        return "^" + re.escape(f"{given.with_suffix('.' + ending)} {said}")

    with pytest.raises(ResultError, match=named("json", "is missing: a model is two files")):
        load_predictor(given)
    shutil.copy(stored.with_suffix(".json"), given.with_suffix(".json"))
    given.write_bytes(given.read_bytes()[:-1])
    with pytest.raises(ResultError, match=named("safetensors", "does not match")):
        load_predictor(given)
    given.unlink()
    with pytest.raises(ResultError, match=named("safetensors", "is missing")):
        load_predictor(given)
    given.symlink_to(stored)
    stored.write_bytes(b"")
    with pytest.raises(ResultError, match=named("safetensors", "does not match")):
        load_predictor(given)
