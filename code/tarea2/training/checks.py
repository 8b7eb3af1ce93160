"""Two looks before a long training: does the network learn one batch by heart, and at which rate.

Both are habits of long standing: Karpathy (2019), "A Recipe for Training Neural Networks"; Smith
(2017), "Cyclical Learning Rates for Training Neural Networks", sec. 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tarea2.datasets import Dataset, Split
from tarea2.models import Spec
from tarea2.training.loop import Diverged, fit
from tarea2.training.recipe import Recipe


def overfit_one_batch(
    spec: Spec,
    dataset: Dataset,
    recipe: Recipe,
    count: int,
    steps: int,
    seeds: Sequence[int] = (0,),
) -> np.ndarray:
    """Train on the first ``count`` examples alone; their loss before each step and at the end.

    The rate is the recipe's, held constant. Returns ``(seeds, steps + 1)``. A loss that does not
    come close to 0 tells of a fault in the network, the loss or the rate, not of too few data.
    """
    few = replace(dataset, train=Split(dataset.train.x[:count], dataset.train.y[:count]))
    alone = replace(recipe, epochs=steps, batch_size=count, schedule="constant")
    found = fit(spec, few, alone, seeds, eval_splits=("train",), device="cpu")
    return np.array(found.history["train"]["loss"])


def rate_sweep(
    spec: Spec,
    dataset: Dataset,
    recipe: Recipe,
    rates: Sequence[float],
    seeds: Sequence[int] = (0,),
) -> np.ndarray:
    """Train once with each learning rate, all else alike; the validation loss at the end.

    Returns ``(rates, seeds)``, infinite where the training diverged.
    """
    losses = []
    for rate in rates:
        try:
            found = fit(
                spec, dataset, replace(recipe, lr=rate), seeds,
                eval_splits=("validation",), device="cpu",
            )  # fmt: skip
            losses.append([values[-1] for values in found.history["validation"]["loss"]])
        except Diverged:
            losses.append([np.inf] * len(seeds))
    return np.array(losses)
