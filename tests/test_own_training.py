"""Training on own images and predicting with the network that came out; stored runs stay valid."""

import json
import pickle
import re
import subprocess
import sys
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from command import run_cli
from tarea2 import augmentation, metrics, models, paths, records, results
from tarea2.datasets import IGNORED, ArrayStore, Dataset, Reading, Split, image_folder
from tarea2.datasets.images import folder as image_data
from tarea2.datasets.images.reading import read
from tarea2.evaluation import evaluate, predict_masks
from tarea2.losses import ClassLoss, class_weights
from tarea2.models import EncoderDecoderSpec, build
from tarea2.own import study as own
from tarea2.own.prediction import load_predictor
from tarea2.own.ranking import ranking
from tarea2.studies import learning_curves, segmentation
from tarea2.studies.definition import best_run
from tarea2.training import Recipe, fit, optimiser_for, train_step

TINY = EncoderDecoderSpec(depth=1, width=4, convolutions=1, classes=3)
RECIPE = replace(segmentation.RECIPE, epochs=2, batch_size=4)


def drawn(index: int, shape=(16, 32)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[2 : 7 + index % 4, 3:11] = 1
    mask[6:12, 18 : 24 + index % 5] = 2
    return mask


@pytest.fixture
def folders(tmp_path):
    root = tmp_path / "fotos de mí"
    for index in range(12):
        mask = drawn(index, (16, 32) if index % 3 else (20, 40))
        for kind, values in (("images", mask * 100 + 20), ("masks", mask * 100)):
            (root / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / kind / f"{index:02}.png")
    return root / "images", root / "masks"


def tiny(x, y) -> Dataset:
    split = Split(torch.from_numpy(x), torch.from_numpy(y))
    return Dataset("tiny", 3, split, split, split)


@pytest.fixture
def small():
    y = np.stack([drawn(index) for index in range(8)])
    return tiny((y * 100 + 20)[:, None], y)


# What was stored stays valid ----------------------------------------------------------------------


def test_later_fields_of_a_recipe_are_told_only_where_they_differ():
    told = records.describe(segmentation.RECIPE)[1]
    assert not {"class_weights", "augment", "crop"} & set(told)
    changed = replace(segmentation.RECIPE, augment=("flip",), crop=32, class_weights="inverse-log")
    assert set(records.describe(changed)[1]) - set(told) == {"class_weights", "augment", "crop"}
    early = [field.name for field in fields(Recipe) if not field.metadata.get("later")]
    assert sorted(told) == sorted(early)


def test_every_committed_run_still_loads_and_has_its_key():
    files = [p for p in paths.RESULTS.rglob("*-seed*.json") if "failed" not in p.parts]
    assert len(files) > 100
    for path in files:
        run = results.read(path)  # checks digest and key
        recipe = Recipe(**run["recipe"])
        assert records.describe(recipe)[1] == run["recipe"], path.name


# Loss and scores ----------------------------------------------------------------------------------


def test_ignored_pixels_change_neither_loss_nor_gradient(small):
    y = small.train.y.clone()
    y[:, :5] = IGNORED
    x = small.train.x.float()[None] / 255

    def step(x, y):
        model = build(TINY)
        model.train()
        loss = train_step(model, x, y, optimiser_for(model, replace(RECIPE, optimiser="sgd")))
        return loss, [p.detach().clone() for p in model.parameters()]

    loss, weights = step(x, y[None])
    model = build(TINY).train()
    scores = model(x[0])
    kept = y != IGNORED
    expected = F.cross_entropy(scores.movedim(1, -1)[kept], y[kept].long())
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    other = y.clone()
    other[:, :5][other[:, :5] == IGNORED] = IGNORED
    again, same = step(x, other[None])
    assert again == loss
    assert all(torch.equal(a, b) for a, b in zip(weights, same, strict=True))


@pytest.mark.parametrize("loss", ["cross-entropy", "label-smoothing", "squared-error"])
def test_every_loss_leaves_out_ignored_pixels_and_weighs_classes(small, loss):
    x = small.train.x.float()[None] / 255
    y = small.train.y[None].clone()
    y[..., :5, :] = IGNORED
    weight = torch.tensor([1.0, 2.0, 3.0])

    def value(y, weight=None):
        model = build(TINY)
        return train_step(model, x, y, optimiser_for(model, RECIPE), ClassLoss(loss, weight))

    assert value(y) != pytest.approx(value(small.train.y[None]), rel=1e-3)
    assert value(y, torch.ones(3)) == pytest.approx(value(y), rel=1e-5)
    assert value(y, 2 * weight) == pytest.approx(value(y, weight), rel=1e-5)
    assert value(y, weight) != pytest.approx(value(y), rel=1e-3)


def test_inverse_log_weights_of_the_training_pixels(small):
    y = small.train.y.clone()
    y[:, 0] = IGNORED
    data = replace(small, train=Split(small.train.x, y))
    kept = y[y != IGNORED].long()
    shares = torch.bincount(kept, minlength=3) / len(kept)
    expected = 1 / torch.log(1.02 + shares)
    torch.testing.assert_close(class_weights("inverse-log", data), expected)
    assert class_weights("none", data) is None
    with pytest.raises(ValueError, match="class_weights is 'x'"):
        class_weights("x", data)


def test_scores_leave_out_ignored_pixels_and_are_nan_where_undefined(small):
    model = build(TINY).eval()
    y = small.test.y.clone()
    y[:, :, 16:] = IGNORED  # class 2 lies there only
    data = replace(small, test=Split(small.test.x, y))
    found = evaluate(model, data)[0]["test"]
    with torch.inference_mode():
        prediction = model(small.test.x.float() / 255).argmax(1)
    kept = y != IGNORED
    cm = metrics.confusion_matrix(y[kept], prediction[kept], 3)
    assert found.confusion.tolist() == cm.tolist()
    assert found.measures["accuracy"] == pytest.approx(metrics.pixel_accuracy(cm))
    everything = replace(data, test=Split(small.test.x, torch.full_like(y, IGNORED)))
    (evaluations,) = evaluate(model, everything)
    empty = evaluations["test"].measures
    assert all(np.isnan(empty[name]) for name in ("accuracy", "miou", "edge_error"))
    stored = segmentation.by_class_and_image(model, everything, evaluations)
    assert stored["test_iou"] == [None] * 3


def test_without_background_the_mean_includes_every_class():
    cm = np.array([[8, 2], [0, 10]])
    assert metrics.mean_iou(cm, background=False) == pytest.approx((8 / 10 + 10 / 12) / 2)
    assert metrics.mean_iou(cm) == pytest.approx(10 / 12)


def test_scores_are_at_the_size_of_the_masks(small):
    """Images at one size, masks at three times that: logits are enlarged."""
    truth = small.test.y.repeat_interleave(3, 1).repeat_interleave(3, 2)
    flat = truth.numpy().ravel()
    size = truth[0].numel()
    store = ArrayStore(flat, ((48, 96),) * 8, tuple(range(0, 8 * size, size)))
    model = build(TINY).eval()
    padded = F.pad(small.test.x.float(), (0, 16, 0, 16), mode="replicate").byte()
    split = Split(padded, F.pad(small.test.y, (0, 16, 0, 16), value=IGNORED), store, (16, 32))
    found = list(predict_masks(model, split))
    with torch.inference_mode():
        logits = model(padded.float() / 255)[..., :16, :32]
        expected = F.interpolate(logits, (48, 96), mode="bilinear", align_corners=False)
    assert len(found) == 8
    for index, (target, scores) in enumerate(found):
        assert torch.equal(target, truth[index].long())
        torch.testing.assert_close(scores, expected[index])


# Augmentation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", augmentation.AUGMENTATIONS)
def test_an_augmentation_treats_mask_and_image_alike(name):
    """Images that are their own masks: afterwards they still are, up to interpolation."""
    y = torch.from_numpy(np.stack([drawn(index, (48, 96)) for index in range(8)]))
    x = (y.float() / 4 + 0.25)[:, None]
    new, seen = augmentation.augmented(x, y, [name], torch.Generator().manual_seed(0))
    again = augmentation.augmented(x, y, [name], torch.Generator().manual_seed(0))
    assert torch.equal(new, again[0])
    assert not torch.equal(new, x)
    if name == "colour":
        assert torch.equal(seen, y)
        assert new.min() >= 0
        assert new.max() <= 1
        return
    kept = seen != IGNORED
    assert ((((new[:, 0] - 0.25) * 4).round() == seen)[kept]).float().mean() > 0.97


def test_a_crop_takes_the_same_window_of_both():
    y = torch.arange(48 * 64).view(48, 64)
    x, seen = augmentation.windows([(y[None] * 2, y)] * 5, 16, torch.Generator().manual_seed(1))
    assert x.shape == (5, 1, 16, 16)
    assert torch.equal(x[:, 0], seen * 2)
    assert len(seen[:, 0, 0].unique()) > 1


@pytest.mark.parametrize(
    "reading", [Reading(size=(16, 32)), Reading(crop=16)], ids=["size", "crop"]
)
def test_an_interrupted_training_goes_on_with_the_same_weights(folders, tmp_path, reading):
    data = image_folder(*folders, reading=reading)
    recipe = replace(
        RECIPE, epochs=3, crop=reading.crop, augment=("flip", "scale", "colour"),
        class_weights="inverse-log",
    )  # fmt: skip
    whole = fit(TINY, data, recipe, eval_splits=("validation",), device="cpu")

    def stop(epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    common = {"eval_splits": ("validation",), "device": "cpu", "checkpoint": tmp_path / "c"}
    with pytest.raises(KeyboardInterrupt):
        fit(TINY, data, recipe, after_epoch=stop, **common)
    resumed = fit(TINY, data, recipe, **common)
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert resumed.history == whole.history


def test_the_learning_curve_says_when_it_was_not_enough():
    def history(scores, loss):
        return {"validation": {"miou": scores}, "running": {"loss": loss}}

    rising, flat = list(np.linspace(0, 1, 20)), [0.1] + [0.9] * 19
    assert "still rose" in learning_curves.worth_more_steps(history(rising, [2.0, 0.1]))
    assert "fell from 2 to 1.5 only" in learning_curves.worth_more_steps(history(flat, [2.0, 1.5]))
    assert learning_curves.worth_more_steps(history(flat, [2.0, 0.1])) == ""
    assert learning_curves.worth_more_steps(history([None, None], [2.0, 0.1])) == ""


@pytest.mark.parametrize("kept", [image_data.KEPT, 1000], ids=["memory", "disk"])
def test_data_go_to_another_process_as_they_were_read(folders, tmp_path, monkeypatch, kept):
    """The arrays themselves; what is too large for memory is found in the cache again."""
    monkeypatch.setattr(image_data, "KEPT", kept)
    data = own.read_folders(*folders, Reading(size=(16, 32)), tmp_path / "cache")
    packed = pickle.dumps(data)
    assert (data().cache_file is not None) == (kept == 1000)
    assert (len(packed) < 4000) == (kept == 1000)
    monkeypatch.setattr(image_data, "read_image", None)  # no picture is read again
    again = pickle.loads(packed)()
    assert (again.sha256, again.described()) == (data().sha256, data().described())


def test_large_images_are_trained_in_smaller_batches(small):
    large = Split(small.train.x, torch.zeros(400, 256, 256, dtype=torch.uint8))
    recipe = own._recipe(replace(small, train=large), own.Training())
    assert recipe.batch_size * 256 * 256 <= own.BATCH_PIXELS


# The command --------------------------------------------------------------------------------------


@pytest.fixture
def trained(folders, tmp_path, monkeypatch):
    """One network, trained for an epoch; the folder of its store."""
    store = tmp_path / "mi estudio"
    arguments = (
        "images", "train", "--images", folders[0], "--masks", folders[1], "--out", store,
        "--only", "baseline", "--seeds", 1, "--epochs", 1, "--size", "16x32", "--name", "mío",
        "--lr", 0.003,
        "--class-weights", "inverse-log", "--augment", "flip,colour",
    )  # fmt: skip
    assert run_cli(monkeypatch, *arguments) == 0
    return store


def test_a_dry_run_says_what_was_decided_and_writes_nothing(folders, tmp_path, monkeypatch, capsys):
    store = tmp_path / "store"
    arguments = ("images", "train", "--images", folders[0], "--masks", folders[1])
    assert run_cli(monkeypatch, *arguments, "--out", store, "--crop", 16, "--dry-run") == 0
    out = capsys.readouterr().out
    for line in ("12 pairs of image and mask", "class 1: value 100", "splits by seed 2026: 8 train",
                 "% of the pixels, in 12 of 12 masks",
                 "sizes (width × height): 32×16 to 40×20", "steps"):  # fmt: skip
        assert line in out
    assert not store.exists()


def ran(name, seed, confusion, miou):
    """A run as a store gives it, which does as well on validation as on test."""
    scores = {"validation_miou": miou, "test_miou": miou}
    found = {"confusion": confusion, "validation_confusion": confusion} | scores
    return {"name": name, "seed": seed, "parameters": 10, "metrics": found} | scores


SEES = ([[80, 10], [5, 5]], 0.25)
GROUND, OBJECT = ([[90, 0], [10, 0]], 0.9), ([[0, 90], [0, 10]], 0.1)


@pytest.mark.parametrize("blind", [GROUND, OBJECT])
def test_a_network_that_sees_one_class_is_named_below_the_ranking(blind):
    runs = [ran("baseline", 0, *SEES), ran("width-16", 0, *SEES), ran("width-16", 1, *blind)]
    entries = [{"name": "0"}, {"name": "255"}]
    own = SimpleNamespace(content={"data": {"legend": {"entries": entries}}})
    own.load = lambda: (pd.DataFrame(runs), [])
    head, row, below, *classes = ranking(own).splitlines()
    assert head.split() == ["name", "validation_miou", "test_miou", "parameters", "seeds"]
    assert row.split() == ["baseline", "0.250", "0.250", "10", "1"]
    assert re.fullmatch(r"width-16 is not ranked: it gives every pixel .* one class, .*", below)
    means = "IoU 0 0.871, IoU 255 0.125" if blind == GROUND else "IoU 0 0.421, IoU 255 0.175"
    assert set(classes) == {
        "baseline on test: IoU 0 0.842, IoU 255 0.250", f"width-16 on test: {means}",
    }  # fmt: skip
    assert best_run(runs)["name"] == "baseline"
    own.load = lambda: (pd.DataFrame(runs[2:]), [])
    assert ranking(own).startswith("no network can be ranked\nwidth-16 is not ranked")


def test_a_network_may_see_the_only_class_that_there_is():
    """And a split of background alone leaves scores undefined, which is told, not an error."""
    runs = [ran("baseline", 0, [[90, 0], [0, 0]], None)]
    own = SimpleNamespace(content={"data": {"legend": {"entries": [{"name": "0"}, {"name": "1"}]}}})
    own.load = lambda: (pd.DataFrame(runs).drop(columns=["validation_miou", "test_miou"]), [])
    _, row, classes = ranking(own).splitlines()
    assert row.split()[:3] == ["baseline", "undefined", "undefined"]
    assert classes == "baseline on test: IoU 0 1.000, IoU 1 undefined"


@pytest.mark.parametrize("dry", [True, False])
def test_large_data_of_a_dry_run_leave_nothing(folders, tmp_path, monkeypatch, capsys, dry):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(image_data, "KEPT", 1000)
    store = tmp_path / "store"
    arguments = ["--out", store, "--size", "16x32", "--only", "baseline", "--seeds", 1,
                 "--epochs", 1]  # fmt: skip
    arguments += ["--dry-run"] if dry else []
    assert run_cli(monkeypatch, "images", "train", "--images", folders[0], "--masks", folders[1],
                   *arguments) == 0  # fmt: skip
    told = capsys.readouterr().out
    assert ("MB of arrays would lie in a cache" in told) == dry
    assert (f"MB of arrays lie in a cache, {store / 'cache'}" in told) != dry
    assert store.exists() != dry
    assert not (tmp_path / "data").exists()
    if not dry:  # where they lie is no part of what was decided: a run is found again
        assert not any("cache" in line for line in json.loads(
            next((store / "studies").glob("*.json")).read_text())["data"]["decided"])  # fmt: skip


@pytest.mark.parametrize(
    ("lacking", "value", "why"),
    [("val", 0, None), ("val", 255, "images hold only pixels that do not count"),
     ("test", 0, None), ("test", 255, None)],
)  # fmt: skip
def test_a_split_of_ground_or_ignored_pixels_alone_costs_no_training(
    folders, tmp_path, monkeypatch, capsys, lacking, value, why
):
    for kind in folders:
        for index in range(12):
            split = "val" if index < 2 else "test" if index < 4 else "train"
            (kind / split).mkdir(exist_ok=True)
            path = kind / f"{index:02}.png"
            path.rename(kind / split / path.name)
    for path in (folders[1] / lacking).iterdir():
        Image.fromarray(np.full_like(np.array(Image.open(path)), value)).save(path)
    store = tmp_path / "store"
    arguments = ("--out", store, "--size", "16x32", "--only", "baseline", "--seeds", 1,
                 "--epochs", 1, "--ignore", 255, "--name", "a")  # fmt: skip
    assert run_cli(monkeypatch, "images", "train", "--images", folders[0], "--masks", folders[1],
                   *arguments) == 0  # fmt: skip
    assert "undefined" in capsys.readouterr().out
    found = json.loads(next((store / "results" / "a").glob("*.json")).read_text())["metrics"]
    split = "validation" if lacking == "val" else "test"
    for measure in ("what", *(("where", "miou", "background_share") if value else ())):
        assert found[f"{split}_{measure}"] is None, measure
    if why:
        assert run_cli(monkeypatch, "images", "report", store) == 1
        assert why in capsys.readouterr().err


def test_a_run_and_the_model_say_what_was_decided(trained):
    run = json.loads(next((trained / "results" / "mío").glob("*.json")).read_text())
    card = json.loads((trained / "models" / "mío.json").read_text())
    for stored in (run, card):
        assert stored["recipe"]["augment"] == ["colour", "flip"]
        assert stored["recipe"]["class_weights"] == "inverse-log"
        assert "class 2: value 200" in stored["data"]["decided"]
        assert stored["data"]["preparation"]["size"] == [16, 32]
    assert len(run["metrics"]["test_iou"]) == 3
    model, _ = models.load_model("mío", trained)
    inputs, output = models.load_golden("mío", trained)
    torch.testing.assert_close(model(*inputs), output)


def test_a_folder_is_predicted_in_the_masks_own_values(trained, folders, monkeypatch, capsys):
    (folders[0] / "más").mkdir()
    Image.fromarray(drawn(3, (33, 47)) * 100).save(folders[0] / "más" / "otra.png")
    (folders[0] / "broken.png").write_text("no image")
    out = trained / "máscaras"
    model = trained / "models" / "mío.safetensors"
    capsys.readouterr()
    arguments = ("images", "predict", "--model", model, folders[0], "-o", out, "--overlay")
    assert run_cli(monkeypatch, *arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == f"13 masks are in {out}; 1 images failed\n"
    assert re.fullmatch(r"tarea2: broken.png cannot be read as an image .*\n", captured.err)
    with Image.open(out / "más" / "otra.png") as mask:
        assert mask.size == (47, 33)
        assert set(np.unique(np.array(mask))) <= {0, 100, 200}
    with Image.open(out / "más" / "otra-overlay.png") as laid:
        assert (laid.mode, laid.size) == ("RGB", (47, 33))
    one = ("images", "predict", f"--model={model}", folders[0] / "03.png", "-o", trained / "one")
    assert run_cli(monkeypatch, *one) == 0
    assert (trained / "one" / "03.png").read_bytes() == (out / "03.png").read_bytes()


def test_a_prediction_is_that_of_the_scores(trained, folders):
    """What predict writes for a test image is what the run was scored on."""
    predictor = load_predictor(trained / "models" / "mío.safetensors")
    data = image_folder(*folders, reading=Reading(size=(16, 32)))
    order = [index for index, count in enumerate(data.test.full_size_masks.shapes)]
    found = [scores.argmax(0).numpy() for _, scores in predict_masks(predictor.model, data.test)]
    all_found = [predictor.classes(read(path)) for path in sorted(folders[0].glob("*.png"))]
    for index in order:
        assert any(
            found[index].shape == other.shape and (found[index] == other).all()
            for other in all_found
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--model", "{model}", "nowhere", "-o", "out"),
            "nowhere is neither an image nor a folder",
        ),
        (("--model", "x.txt", "{images}", "-o", "out"), "x.txt is no stored model"),
        (("--model", "{golden}", "{images}", "-o", "out"), "is missing; stored models: mío"),
        (("--model", "{model}", "{images}", "-o", "{model}"), "is a file, expected a folder"),
        (("--model", "{model}", "{images}", "-o", "{images}"), "is one of the images themselves"),
        (("--model", "{project}", "{images}", "-o", "out"), "was not trained on own images"),
    ],
)
def test_what_cannot_be_predicted_gets_one_sentence(
    trained, folders, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    model = trained / "models" / "mío.safetensors"
    known = {
        "model": model, "images": folders[0], "golden": model.with_name("gold.safetensors"),
        "project": paths.MODELS / "segmentation.safetensors",
    }  # fmt: skip
    capsys.readouterr()
    before = sorted(tmp_path.rglob("*"))
    assert run_cli(monkeypatch, "images", "predict", *(a.format(**known) for a in arguments)) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "16x32", "--crop", "16"), "--size and --crop exclude each other"),
        (("--crop", "17"), "--crop 17: expected a multiple of 16"),
        (("--augment", "spin"), "--augment 'spin', expected some of flip, scale, colour"),
        (("--class-weights", "x"), "--class-weights is 'x', expected one of none, inverse-log"),
        (("--values", "1"), "--values '1': expected at least two different numbers"),
        (("--values", "a,b"), "--values 'a': expected whole numbers"),
        (("--colours", "nowhere.txt"), "cannot be read as a list of colours"),
    ],
)
def test_wrong_options_get_one_sentence(folders, tmp_path, monkeypatch, capsys, options, message):
    arguments = ("images", "train", "--images", folders[0], "--masks", folders[1])
    assert run_cli(monkeypatch, *arguments, "--out", tmp_path / "out", *options) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [partial(np.full, (64, 64, 3), 7), partial(np.zeros, (64, 64))])
def test_any_picture_is_predicted_with_the_channels_of_training(trained, tmp_path, kind):
    Image.fromarray(kind().astype(np.uint8)).save(tmp_path / "x.png")
    predictor = load_predictor(trained / "models" / "mío.safetensors")
    found = predictor.classes(read(Path(tmp_path / "x.png")))
    assert found.shape == (64, 64)


# Memory -------------------------------------------------------------------------------------------

GROWTH = """
import os, resource, sys
from pathlib import Path
from tarea2.datasets import image_folder
from tarea2.datasets.images import folder
from tarea2.models import EncoderDecoderSpec
from tarea2.studies import segmentation
from tarea2.training import fit
from dataclasses import replace

os.chdir(sys.argv[1])
folder.KEPT = 2**20
recipe = replace(segmentation.RECIPE, epochs=1, batch_size=4)
spec = EncoderDecoderSpec(depth=1, width=4, convolutions=1, inputs=3, classes=2)
peaks = []
for name in ("few", "many"):
    data = image_folder(Path(sys.argv[1]) / name / "images", Path(sys.argv[1]) / name / "masks")
    fit(spec, data, recipe, eval_splits=("validation",), device="cpu", progress=False)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(peaks[1] - peaks[0])
"""


@pytest.mark.install
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
def test_more_images_than_are_kept_take_a_few_bytes_a_pixel(tmp_path):
    """Read and trained on: 66 bytes a pixel once, which a hundred photographs did not survive."""
    side, count = 128, 500
    mask = np.zeros((side, side), np.uint8)
    mask[20:60, 30:90] = 255
    for name, images in (("few", 12), ("many", count)):
        for index in range(images):
            image = np.random.default_rng(index % 20).integers(0, 99, (side, side, 3), np.uint8)
            image[mask > 0] += 120
            for kind, values in (("images", image), ("masks", mask)):
                (tmp_path / name / kind).mkdir(parents=True, exist_ok=True)
                picture = Image.fromarray(np.roll(values, index, axis=0))
                picture.save(tmp_path / name / kind / f"{index:03}.png", compress_level=1)
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "data").rglob("*.bytes"))  # it did not fit into what is kept
    # 5.5, most of it batches that are larger; what is held as numbers with decimals takes 20 more
    assert int(done.stdout) / (count * side**2) < 12
