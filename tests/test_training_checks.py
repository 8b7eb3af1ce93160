"""One batch learnt by heart, the sweep of the rate, and their figure."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tarea2 import models
from tarea2.datasets import Dataset, Split
from tarea2.plots.training_checks import one_batch_and_sweep
from tarea2.training import Recipe, fit
from tarea2.training.checks import overfit_one_batch, rate_sweep

SPEC = models.SignalNetSpec()
RECIPE = Recipe(2, 20, 0.05, momentum=0.9)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Drawn signals: each class is a bump at its own place."""
    generator = torch.Generator().manual_seed(0)

    def part(count: int) -> Split:
        y = torch.arange(count) % 10
        x = 0.1 * torch.randn(count, 40, generator=generator)
        x[torch.arange(count), 4 * y] += 2
        return Split(x, y)

    return Dataset("drawn", 10, part(100), part(40), part(10))


def test_one_batch_is_learnt_by_heart_at_a_fair_rate_alone(data):
    found = overfit_one_batch(SPEC, data, RECIPE, count=20, steps=100, seeds=(0, 1))
    assert found.shape == (2, 101)
    assert np.allclose(found[:, 0], np.log(10), atol=0.3)
    assert found[:, -1].max() < 0.05
    slow = overfit_one_batch(SPEC, data, replace(RECIPE, lr=1e-5), 20, 100)
    assert slow[0, -1] > 2


def test_only_the_examples_asked_for_are_trained_on(data):
    spoiled = replace(data, train=Split(data.train.x.clone(), data.train.y))
    spoiled.train.x[20:] = 1e6
    same = [overfit_one_batch(SPEC, each, RECIPE, 20, 3) for each in (data, spoiled)]
    assert np.array_equal(*same)


def test_a_sweep_trains_as_fit_does(data):
    found = rate_sweep(SPEC, data, RECIPE, (0.001, 0.05), seeds=(3, 4))
    history = fit(SPEC, data, RECIPE, (3, 4), eval_splits=("validation",)).history
    assert found.shape == (2, 2)
    assert found[1].tolist() == [losses[-1] for losses in history["validation"]["loss"]]


def test_a_rate_that_diverges_is_infinite(data):
    found = rate_sweep(SPEC, data, replace(RECIPE, optimiser="sgd"), (0.01, 1e12))
    assert np.isfinite(found[0]).all()
    assert np.isinf(found[1]).all()


def test_the_figure_marks_the_chosen_rate():
    rates = [0.001, 0.01, 0.1]
    sweep = np.array([[2.0, 2.1], [1.0, 1.1], [np.inf, 2.2]])
    figure = one_batch_and_sweep({0.01: np.linspace(2.3, 0, 5)}, rates, sweep, 0.01, np.log(10))
    left, right = figure.axes
    assert left.get_legend().get_texts()[0].get_text() == "0,01"
    assert any(line.get_xdata()[0] == 0.01 and line.get_ls() == "--" for line in right.lines)
