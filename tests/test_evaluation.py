"""One evaluation per task: its measures against the metrics, whatever holds the data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tarea2 import datasets, evaluation, metrics
from tarea2.datasets import IGNORED, Dataset, Split
from tarea2.evaluation import TASKS
from tarea2.losses import ClassLoss
from tarea2.models import (
    AutoencoderSpec,
    EncoderDecoderSpec,
    PerceptronSpec,
    SignalNetSpec,
    Task,
    build,
)
from tarea2.studies import segmentation
from tarea2.training import Recipe, fit

TINY = EncoderDecoderSpec(depth=1, width=4, convolutions=1)


@pytest.fixture(scope="module")
def scenes() -> Dataset:
    return datasets.digit_scenes(counts=(8, 6, 6))


def test_every_task_has_its_class():
    assert set(TASKS) == set(Task)
    assert build(TINY).task is Task.SEGMENTATION
    assert build(SignalNetSpec()).task is Task.CLASSIFICATION
    assert build(AutoencoderSpec(2)).task is Task.OWN_OBJECTIVE


def test_a_mask_is_scored_by_the_metrics_of_all_its_pixels(scenes):
    model, split = build(TINY), scenes.test
    (found,) = TASKS[model.task].evaluate(model, split)
    scores = evaluation.predict(model, split.x)[0]
    prediction = scores.argmax(1)
    cm = metrics.confusion_matrix(split.y, prediction, 11)
    np.testing.assert_array_equal(found.confusion, cm)
    assert found.curve["loss"] == pytest.approx(F.cross_entropy(scores, split.y).item())
    assert found.curve["error"] == pytest.approx(1 - metrics.pixel_accuracy(cm))
    assert found.curve["miou"] == found.measures["miou"] == metrics.mean_iou(cm)
    near, far = metrics.boundary_error(split.y, prediction)
    assert (found.measures["edge_error"], found.measures["inner_error"]) == (near, far)
    assert found.measures["where"] == metrics.foreground_iou(cm)
    assert found.measures["what"] == metrics.foreground_accuracy(cm)
    np.testing.assert_array_equal(found.counts.sum(0), metrics.class_counts(cm))


def test_masks_of_8_bits_and_of_64_are_scored_alike(scenes):
    """They are trained on alike, too, and what is ignored is left out of either."""
    model, criterion = build(TINY), ClassLoss(region="dice")
    task = TASKS[model.task]
    for ignored in (0, 9):
        y = scenes.test.y.clone()
        y[:, :ignored] = IGNORED
        wide, narrow = (Split(scenes.test.x, kind) for kind in (y, y.byte()))
        (first,), (second,) = (task.evaluate(model, split) for split in (wide, narrow))
        assert first.curve == second.curve
        assert first.measures == second.measures
        assert first.confusion.sum() == (y != IGNORED).sum()
        losses = [task.loss(model, s.x[None], s.y[None], criterion) for s in (wide, narrow)]
        assert torch.equal(*losses)


def test_without_background_there_is_no_foreground(scenes):
    model = build(TINY)
    (found,) = TASKS[model.task].evaluate(model, scenes.test, background=False)
    assert not {"where", "what", "background_share"} & set(found.measures)
    assert found.measures["miou"] == metrics.mean_iou(found.confusion, background=False)


def test_every_member_of_a_classifier_is_scored():
    test = datasets.mnist1d().test
    split = Split(test.x[:50], test.y[:50])
    model = build(SignalNetSpec(), (0, 1, 2))
    found = TASKS[model.task].evaluate(model, split)
    scores = evaluation.predict(model, split.x)
    for member, of in enumerate(found):
        assert torch.equal(of.scores, scores[member])
        right = (scores[member].argmax(1) == split.y).float().mean().item()
        assert of.measures["accuracy"] == pytest.approx(right)
        assert of.curve["error"] == pytest.approx(1 - right)
        loss = F.cross_entropy(scores[member], split.y).item()
        assert of.curve["loss"] == pytest.approx(loss, rel=1e-5)
        assert of.confusion.sum() == 50


def test_after_an_epoch_the_curve_is_measured_and_nothing_else(scenes, monkeypatch):
    signals, digits = datasets.mnist1d().test, datasets.digits().test
    for spec, split, seeds in (
        (TINY, scenes.test, (0,)),
        (SignalNetSpec(), signals, (0, 1)),
        (AutoencoderSpec(2), digits, (0,)),
    ):
        model = build(spec, seeds)
        task = TASKS[model.task]
        assert task.curves(model, split) == [of.curve for of in task.evaluate(model, split)]
    for name in ("boundary_counts", "class_counts"):
        monkeypatch.setattr(metrics, name, None)
    fit(TINY, scenes, Recipe(epochs=1, batch_size=8, lr=1e-3))
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        TASKS[Task.SEGMENTATION].evaluate(build(TINY), scenes.test)


def test_a_network_of_its_own_objective_says_what_is_measured():
    model, split = build(AutoencoderSpec(2)), datasets.digits().test
    (found,) = TASKS[model.task].evaluate(model, split)
    assert found.curve == found.measures == model.measure(split.x, split.y)
    assert found.confusion is None


def test_what_holds_nothing_is_not_scored():
    data = datasets.mnist1d()
    empty = Split(data.validation.x[:0], data.validation.y[:0])
    (found,) = evaluation.evaluate(build(PerceptronSpec()), replace(data, validation=empty))
    assert set(found) == {"test"}


def test_a_definition_says_which_details_of_masks_are_kept(scenes):
    model = build(TINY)
    (evaluations,) = evaluation.evaluate(model, scenes)
    definition = segmentation.CHECK[0]
    plain = definition.measure(model, scenes, evaluations)
    assert plain["confusion"] == evaluations["test"].confusion.tolist()
    assert not {"test_counts", "test_iou"} & set(plain)
    counted = replace(definition, extra=segmentation.counts).measure(model, scenes, evaluations)
    assert set(counted) - set(plain) == {"test_counts"}
    detailed = replace(definition, extra=segmentation.by_class_and_image)
    assert set(detailed.measure(model, scenes, evaluations)) - set(counted) == {
        "test_iou", "validation_iou", "validation_confusion",
    }  # fmt: skip
