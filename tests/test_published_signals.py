"""Others' networks for MNIST-1D: sizes, shapes, and the study that crosses them with recipes."""

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tarea2 import metrics
from tarea2.models import PublishedSignalNetSpec, build
from tarea2.models.published_signals import BUILDERS, Residual
from tarea2.studies import final, published_signals

SIGNALS = torch.randn(7, 40, generator=torch.Generator().manual_seed(0))


def norm(channels):
    return 2 * channels


def convolution(inputs, outputs, kernel=3):
    return kernel * inputs * outputs + outputs


# The first and the last are what the authors' notebook prints. Of the second it prints 104,406:
# its 1x1 convolutions, 64·128 + 128 and 128·10 + 10 here, are none of its parameters.
STEM = convolution(1, 64, kernel=7) + norm(64)
PARAMETERS = {
    "ResNet": STEM + 2 * (convolution(64, 64) + norm(64)) + 64 * 10 + 10,
    "TCN": STEM
    + sum(
        convolution(before, after) + convolution(after, after) + 2 * norm(after)
        for before, after in ((64, 64), (64, 128), (128, 10))
    )
    + (64 * 128 + 128)
    + (128 * 10 + 10)
    + (10 * 10 + 10),
    "dilated CNN": convolution(1, 64) + 2 * convolution(64, 64) + 64 * 10 + 10,
}


@pytest.mark.parametrize("name", BUILDERS)
def test_parameters_and_shapes(name):
    model = build(PublishedSignalNetSpec(name))
    assert metrics.count_parameters(model) == PARAMETERS[name]
    assert model(SIGNALS).shape == (7, 10)
    assert model(SIGNALS[:, :33]).shape == (7, 10)  # a mean over positions takes any length


def test_parameters_are_those_that_the_authors_print():
    shortcuts = 64 * 128 + 128 + 128 * 10 + 10
    found = (PARAMETERS["ResNet"], PARAMETERS["TCN"] - shortcuts, PARAMETERS["dilated CNN"])
    assert found == (26_250, 104_406, 25_610)


def test_a_residual_block_adds_its_input():
    block = Residual(3, 5, nn.Conv1d(3, 5, 3, padding=1))
    x = torch.randn(2, 3, 8)
    expected = F.relu(F.conv1d(x, block.shortcut.weight, block.shortcut.bias) + block.layers(x))
    torch.testing.assert_close(block(x), expected)
    same = Residual(3, 3, nn.Conv1d(3, 3, 1))
    torch.testing.assert_close(same(x), F.relu(x + same.layers(x)))


def test_the_same_signal_gets_the_same_answer():
    """The authors' shortcut is drawn anew at each pass: theirs would not."""
    model = build(PublishedSignalNetSpec("TCN")).eval()
    torch.testing.assert_close(model(SIGNALS), model(SIGNALS), rtol=0, atol=0)


def test_seeds_give_other_weights_and_one_seed_the_same():
    first, again, other = (
        build(PublishedSignalNetSpec(), seeds=(seed,)).linear.weight for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_an_unknown_network_is_refused():
    with pytest.raises(ValueError, match="network is 'GRU', expected one of ResNet"):
        PublishedSignalNetSpec("GRU")


def test_runs_are_told_apart_by_recipe():
    runs = pd.DataFrame({
        "name": ["tcn", "tcn-their-recipe", "width-20-their-recipe"], "seed": [0, 1, 2],
    })  # fmt: skip
    finalists = pd.DataFrame({"name": ["width-20", "width-20", "width-9"], "seed": [2, 4, 0]})
    found = published_signals.by_recipe(runs, finalists)
    assert found[["name", "seed", "recipe"]].to_numpy().tolist() == [
        ["tcn", 0, "ours"], ["tcn", 1, "theirs"], ["width-20", 2, "theirs"],
        ["width-20", 2, "ours"],
    ]  # fmt: skip


def test_networks_are_crossed_with_recipes():
    crossed = {(d.spec, d.recipe): d.seeds for d in published_signals.DEFINITIONS}
    for spec in published_signals.PUBLISHED.values():
        assert crossed[spec, final.FINAL] == crossed[spec, published_signals.THEIR_RECIPE]
    steps = published_signals.THEIR_RECIPE.epochs * 3600 / 100
    assert steps == pytest.approx(10_000, rel=0.001)


def test_each_network_counts_with_its_better_recipe_on_validation():
    both = pd.DataFrame(
        {
            "name": ["a", "a", "a", "b", "b"],
            "recipe": ["ours", "ours", "theirs", "ours", "theirs"],
            "validation_accuracy": [0.9, 0.7, 0.85, 0.9, 0.8],
            "test_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5],
        }
    )
    found = published_signals.at_own_recipes(both)
    assert found["test_accuracy"].tolist() == [0.3, 0.4]
