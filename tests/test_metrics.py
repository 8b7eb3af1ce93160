"""Segmentation metrics against cases by hand and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score

from tarea2 import metrics
from tarea2.studies.comparisons import bootstrap_difference


def test_two_classes_by_hand():
    # 2×2 pixels: one hit of class 1, one false alarm, one miss, one true background.
    target = torch.tensor([[1, 1], [0, 0]])
    prediction = torch.tensor([[1, 0], [1, 0]])
    cm = metrics.confusion_matrix(target, prediction, 2)
    np.testing.assert_array_equal(cm, [[1, 1], [1, 1]])
    np.testing.assert_allclose(metrics.iou(cm), [1 / 3, 1 / 3])
    np.testing.assert_allclose(metrics.dice(cm), [1 / 2, 1 / 2])
    assert metrics.mean_iou(cm) == pytest.approx(1 / 3)
    assert metrics.foreground_iou(cm) == pytest.approx(1 / 3)
    assert metrics.foreground_accuracy(cm) == 1.0


def test_an_absent_class_is_undefined_and_does_not_count():
    cm = np.array([[5, 0, 0], [0, 3, 0], [0, 0, 0]])
    np.testing.assert_array_equal(metrics.iou(cm), [1, 1, np.nan])
    np.testing.assert_array_equal(metrics.dice(cm), [1, 1, np.nan])
    assert metrics.mean_iou(cm) == 1
    assert np.isnan(metrics.mean_iou(np.array([[5, 0], [0, 0]])))
    # A class that is predicted but absent is wrong, not undefined.
    assert metrics.iou(np.array([[4, 1], [0, 0]]))[1] == 0


def test_foreground_iou_and_accuracy_by_hand():
    # Of ten digit pixels eight are found, of which six get the right class; two false alarms.
    cm = np.array([[88, 1, 1], [1, 3, 2], [1, 0, 3]])
    assert metrics.foreground_iou(cm) == pytest.approx(8 / 12)
    assert metrics.foreground_accuracy(cm) == pytest.approx(6 / 8)


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(seed):
    generator = torch.Generator().manual_seed(seed)
    target, prediction = torch.randint(5, (2, 4, 9, 9), generator=generator)
    cm = metrics.confusion_matrix(target, prediction, 5)
    flat = (target.flatten().numpy(), prediction.flatten().numpy())
    np.testing.assert_allclose(metrics.iou(cm), jaccard_score(*flat, average=None))
    np.testing.assert_allclose(metrics.dice(cm), f1_score(*flat, average=None))
    assert metrics.mean_iou(cm) == pytest.approx(
        jaccard_score(*flat, average="macro", labels=[1, 2, 3, 4])
    )


def test_counts_per_image_add_up_to_the_matrix():
    generator = torch.Generator().manual_seed(0)
    target, prediction = torch.randint(4, (2, 6, 5, 5), generator=generator)
    single = [metrics.confusion_matrix(t, p, 4) for t, p in zip(target, prediction, strict=True)]
    counts = metrics.class_counts(np.stack(single))
    assert counts.shape == (6, 4, 3)
    hit, false, missed = counts.sum(0).T
    cm = metrics.confusion_matrix(target, prediction, 4)
    np.testing.assert_allclose(hit / (hit + false + missed), metrics.iou(cm))


def test_boundary_error_by_hand():
    target = torch.zeros(1, 5, 7, dtype=torch.long)
    target[:, :, 3:] = 2  # one vertical edge: columns 2 and 3 are near it
    prediction = target.clone()
    prediction[0, 0, 2] = 2  # one of ten near pixels
    prediction[0, 0, 0] = prediction[0, 1, 0] = 1  # two of twenty-five others
    near, far = metrics.boundary_error(target, prediction)
    assert near == pytest.approx(1 / 10)
    assert far == pytest.approx(2 / 25)


def test_the_bootstrap_finds_a_difference_and_its_spread():
    generator = np.random.default_rng(0)
    images, size = 200, 100
    hit = generator.binomial(size, 0.6, (3, images, 3))
    better = np.minimum(size, hit + generator.binomial(20, 0.5, hit.shape))

    def counts(hits):
        missed = size - hits
        return np.stack([hits, np.zeros_like(hits), missed], axis=3)

    difference, low, high = bootstrap_difference(counts(hit), counts(better))
    expected = better[:, :, 1:].mean() / size - hit[:, :, 1:].mean() / size
    assert difference == pytest.approx(expected)
    assert low < difference < high
    # The standard error of a mean over images, times 3.92.
    per_image = (better - hit)[:, :, 1:].mean((0, 2)) / size
    width = 3.92 * per_image.std(ddof=1) / np.sqrt(images)
    assert high - low == pytest.approx(width, rel=0.15)
    assert bootstrap_difference(counts(hit), counts(hit)) == (0, 0, 0)


def test_latency_is_a_time_on_one_thread():
    threads = torch.get_num_threads()
    seen = []

    class Slow(torch.nn.Module):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            return x

    assert 0 < metrics.latency(Slow(), torch.zeros(1), 3) < 0.1
    assert seen == [1] * 5
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (np.array([0.5, 1.0]), "target holds 0.5, expected whole numbers"),
        (np.array([np.nan, 1.0]), "target holds nan"),
        (np.array([np.inf, 1.0]), "target holds inf"),
        (torch.tensor([0.5, 1.0], dtype=torch.float16), "target holds 0.5"),
        (torch.tensor([torch.nan, 1.0], dtype=torch.bfloat16), "target holds nan"),
        (np.array([0 + 1j, 1]), "target has type complex128"),
        (np.array(["0", "1"]), "target has type <U1"),
        (np.array([None, 1]), "target has type object"),
        (np.ma.masked_array([0, 1], mask=[True, False]), "target is a masked array"),
        (np.array([2**64 - 1, 1], np.uint64), "target holds 18446744073709551615"),
        (np.array([-1, 1]), "target holds -1 to 1, expected 0 to 1"),
        (np.array([[0, 1]]), r"target has shape \(1, 2\) and prediction \(2,\)"),
        (np.array([0, 1, 1]), "target has shape"),
    ],
)
def test_what_is_no_class_is_refused(target, message):
    with pytest.raises(ValueError, match=message):
        metrics.confusion_matrix(target, torch.tensor([0, 1]), 2)
    with pytest.raises(ValueError, match=r"^(target|prediction) "):
        metrics.confusion_matrix(torch.tensor([0, 1]), target, 2)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.uint8, np.int16, bool])
def test_whole_numbers_of_any_type_are_classes(kind):
    values = np.array([0, 1, 1], kind)
    np.testing.assert_array_equal(metrics.confusion_matrix(values, values, 2), [[1, 0], [0, 2]])


def test_half_precision_does_not_end_at_65504():
    counts = np.array([[60_000, 1_000], [2_000, 60_000]])
    scores = (
        metrics.pixel_accuracy, metrics.iou, metrics.dice, metrics.mean_iou,
        metrics.foreground_iou, metrics.foreground_accuracy,
    )  # fmt: skip
    for score in scores:
        exact = score(counts)
        np.testing.assert_allclose(score(counts.astype(np.float16)), exact, rtol=1e-3)
    # Integers that would wrap round are summed as wider ones.
    small = np.full((2, 2), 200, np.uint8)
    assert metrics.pixel_accuracy(small) == 0.5


@pytest.mark.parametrize(
    "matrix",
    [
        np.array([[1, -1], [0, 1]]),
        np.array([[1, np.nan], [0, 1]]),
        np.ma.masked_array(np.eye(2), mask=np.eye(2)),
        np.ones(4),
        np.ones((2, 3)),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(matrix):
    for score in (metrics.pixel_accuracy, metrics.iou, metrics.dice, metrics.mean_iou):
        with pytest.raises(ValueError, match="confusion matrix"):
            score(matrix)


def test_where_and_what_are_undefined_where_there_is_nothing():
    ground = np.diag([90, 0, 0])
    assert np.isnan(metrics.foreground_iou(ground))
    assert np.isnan(metrics.foreground_accuracy(ground))
    missed = np.array([[90, 0, 0], [3, 0, 0], [2, 0, 0]])  # there was something to see
    assert metrics.foreground_iou(missed) == 0
    assert np.isnan(metrics.foreground_accuracy(missed))


def test_an_empty_matrix_has_no_accuracy_and_shapes_must_agree():
    assert np.isnan(metrics.pixel_accuracy(np.zeros((2, 2))))
    with pytest.raises(ValueError, match="expected the same"):
        metrics.boundary_error(torch.zeros(2, 4, 4).long(), torch.zeros(4, 4).long())
