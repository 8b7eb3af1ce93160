"""Each network of the main study at its own learning rate, and some of them for longer.

The assignment leaves batch and epochs as they are, and the main study does; with one rate for all
it ranks, in part, how fast networks learn. Here each one trains with the rate that is best for it.
One seed finds the rate, on validation, going up :data:`LADDER`; three or five measure it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from tarea2 import datasets
from tarea2.models import Spec
from tarea2.studies import context
from tarea2.studies.definition import Definition
from tarea2.studies.segmentation import (
    CHOSEN_ANEW,
    FIVE,
    RECIPE,
    REPLICATED,
    SMALL_PUBLISHED,
    THREE,
    networks,
)

# Six networks were tried at all of these, to see how a score depends on the rate. 0.003 is the
# main study's. The last two were added when 0.01 was the best of three for all six.
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
COMPARED = ("baseline", "width-8", "block-separable", "reference", "wide-slow", "monai-basicunet")
# Network -> rates with three seeds: the best on validation with the first seed. Where another seed
# broke down with it, the next best was measured too, and counts if its mean is higher.
MEASURED: dict[str, tuple[float, ...]] = {
    "baseline": (3e-2, 1e-2),
    "width-8": (1e-1,),
    "block-separable": (1e-1,),
    "reference": (3e-2,),
    "wide-slow": (1e-1,),
    "monai-basicunet": (1e-2,),
    "depth-1": (3e-1,),
    "depth-3": (3e-2,),
    "convolutions-1": (1e-1,),
    "convolutions-3": (3e-2,),
    "bottom-4": (1e-1,),
    "width-16": (3e-2,),
    "growth-1.5": (1e-1,),
    "kernel-1": (1e-1,),
    "kernel-5": (1e-2,),
    "dilation-2": (3e-2,),
    "block-residual": (3e-2,),
    "norm-none": (1e-2, 3e-2, 3e-3),
    "norm-group": (3e-2,),
    "down-mean": (1e-1,),
    "down-strided": (1e-1,),
    "up-bilinear": (1e-1,),
    "up-transposed": (1e-1,),
    "up-unpool": (1e-1,),
    "skip-none": (1e-1,),
    "skip-add": (1e-1,),
    "long-small": (1e-1,),
    "short-large": (1e-1,),
    "long-large": (1e-1,),
    "depth-1-dilation-2": (3e-1,),
    "depth-1-convolutions-3": (1e-1,),
    "depth-1-dilation-2-convolutions-3": (1e-1,),
    "dilation-2-convolutions-3": (3e-2,),
    "filters-mean": (1e-1,),
    "convolutions-mean-bottom": (3e-2,),
}
# Compared with published networks at their authors' sizes: five seeds for that.
MORE_SEEDS = ("reference", "wide-slow", "filters-mean")
# Further rates that networks were tried at with the first seed, as next_rate() asks for them.
SWEPT: dict[str, tuple[float, ...]] = {
    "depth-1": (1e-2, 3e-2, 1e-1, 3e-1),
    "depth-3": (1e-2, 3e-2, 1e-1),
    "convolutions-1": (1e-2, 3e-2, 1e-1, 3e-1),
    "convolutions-3": (1e-2, 3e-2, 1e-1),
    "bottom-4": (1e-2, 3e-2, 1e-1, 3e-1),
    "width-8": (3e-1,),
    "width-16": (1e-2, 3e-2, 1e-1),
    "growth-1.5": (1e-2, 3e-2, 1e-1, 3e-1),
    "kernel-1": (1e-2, 3e-2, 1e-1, 3e-1),
    "kernel-5": (1e-2, 3e-2),
    "dilation-2": (1e-2, 3e-2, 1e-1),
    "block-residual": (1e-2, 3e-2, 1e-1),
    "block-separable": (3e-1,),
    "norm-none": (1e-2, 3e-2),
    "norm-group": (1e-2, 3e-2, 1e-1),
    "down-mean": (1e-2, 3e-2, 1e-1, 3e-1),
    "down-strided": (1e-2, 3e-2, 1e-1, 3e-1),
    "up-bilinear": (1e-2, 3e-2, 1e-1, 3e-1),
    "up-transposed": (1e-2, 3e-2, 1e-1, 3e-1),
    "up-unpool": (1e-2, 3e-2, 1e-1, 3e-1),
    "skip-none": (1e-2, 3e-2, 1e-1, 3e-1),
    "skip-add": (1e-2, 3e-2, 1e-1, 3e-1),
    "long-small": (1e-2, 3e-2, 1e-1, 3e-1),
    "short-large": (1e-2, 3e-2, 1e-1, 3e-1),
    "long-large": (1e-2, 3e-2, 1e-1, 3e-1),
    "depth-1-dilation-2": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "depth-1-convolutions-3": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "depth-1-dilation-2-convolutions-3": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "dilation-2-convolutions-3": (3e-3, 1e-2, 3e-2, 1e-1),
    "filters-mean": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "convolutions-mean-bottom": (3e-3, 1e-2, 3e-2, 1e-1),
}
LADDER = (3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
# Ours of more parameters than a combination may have, which are not stored as the best model.
OVER_LIMIT = ("depth-3", "kernel-5")
# These train for so many times the epochs too, at the last of their rates, with so many seeds.
LONGER = 3
LASTING = {"width-8": 1, "reference": 1, "monai-basicunet": 1, "wide-slow": 3, "filters-mean": 3}


def next_rate(scores: Mapping[float, float]) -> float | None:
    """The rate of :data:`LADDER` to try next; None once the best one has a higher neighbour.

    ``scores``: validation mIoU of the first seed at each rate that was tried. Three rates are
    tried in any case, then the next one for as long as the highest is the best.
    """
    tried = [rate for rate in LADDER if rate in scores]
    left = [rate for rate in LADDER if rate not in scores]
    if not left or (len(tried) >= 3 and max(tried, key=scores.__getitem__) != tried[-1]):
        return None
    return left[0]


def at_rate(name: str, rate: float) -> str:
    return f"{name}-lr-{rate:g}"


def longer(name: str) -> str:
    return f"{at_rate(name, MEASURED[name][-1])}-epochs-{RECIPE.epochs * LONGER}"


def network_of(run: str) -> str:
    """The network of a run, whatever its rate and epochs: ``"width-8-lr-0.1"`` is of width-8."""
    return run.split("-lr-")[0]


def together(main: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Runs in both studies of the networks that have their own rate measured.

    Added are the columns ``network``, ``rate`` and ``epochs``.
    """
    recipe = {d.name: d.recipe for d in DEFINITIONS}
    both = pd.concat([
        main.assign(rate=RECIPE.lr, epochs=RECIPE.epochs),
        others.assign(
            rate=[recipe[name].lr for name in others["name"]],
            epochs=[recipe[name].epochs for name in others["name"]],
        ),
    ], ignore_index=True)  # fmt: skip
    both = both.assign(network=[network_of(name) for name in both["name"]])
    return both[both["network"].isin(MEASURED)].reset_index(drop=True)


def first_scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Validation mIoU of the first seed: a row for each network, a column for each rate."""
    first = runs[(runs["epochs"] == RECIPE.epochs) & (runs["seed"] == THREE[0])]
    return first.pivot(index="network", columns="rate", values="validation_miou")


def best_rates(runs: pd.DataFrame) -> dict[str, float]:
    """Of the rates measured with three seeds, the best one for each network on validation.

    ``runs`` come from :func:`together`.
    """
    usual = runs[(runs["epochs"] == RECIPE.epochs) & runs["seed"].isin(THREE)]
    grouped = usual.groupby(["network", "rate"])["validation_miou"]
    scores = grouped.mean()[grouped.count() == len(THREE)].unstack("rate")
    return {str(name): float(rate) for name, rate in scores.idxmax(axis=1).items()}


def at_own_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of each network at its own rate and the usual epochs; ``name`` is the network's alone.

    ``runs`` come from :func:`together`.
    """
    own = runs["rate"] == runs["network"].map(best_rates(runs))
    found = runs[own & (runs["epochs"] == RECIPE.epochs)]
    return found.assign(name=found["network"])


def replicated(runs: pd.DataFrame) -> pd.DataFrame:
    """Of the replication's runs those at own rates; ``name`` is the network's alone."""
    own = runs[runs["name"].isin({d.name for d in MNIST_DEFINITIONS})]
    return own.assign(name=[network_of(name) for name in own["name"]])


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean mIoU of each network on test: at the main study's rate, ``usual``, and at its own best.

    ``runs`` come from :func:`together`; the columns are ``usual``, ``tuned`` and ``rate``.
    """
    rates = best_rates(runs)
    usual_epochs = runs[runs["epochs"] == RECIPE.epochs]
    scores = usual_epochs.pivot_table("test_miou", "network", "rate")
    return pd.DataFrame({
        name: {
            "usual": scores[RECIPE.lr][name], "tuned": scores[rates[name]][name],
            "rate": rates[name],
        }
        for name in COMPARED
    }).T  # fmt: skip


def _spec(name: str) -> Spec:
    """A network of the main study, one that crosses fields or layers, or a later combination."""
    others = context.FIELDS | context.REDUCTIONS | CHOSEN_ANEW
    return others[name] if name in others else networks()[name][0]


def _definition(full: str, name: str, rate: float, times: int = 1) -> Definition:
    recipe = replace(RECIPE, lr=rate, epochs=RECIPE.epochs * times)
    spec, seeds = _spec(name), THREE[:1]
    if times > 1:
        seeds = THREE[: LASTING[name]]
    elif rate in MEASURED.get(name, ()):
        seeds = FIVE if name in MORE_SEEDS else THREE
    return Definition(full, spec, recipe, datasets.digit_scenes, seeds, eval_splits=("validation",))


DEFINITIONS = (
    tuple(
        _definition(at_rate(name, rate), name, rate)
        for name in COMPARED
        for rate in RATES
        if rate != RECIPE.lr  # which the main study has
    )
    + tuple(_definition(longer(name), name, MEASURED[name][-1], LONGER) for name in LASTING)
    + tuple(
        _definition(at_rate(name, rate), name, rate)
        for name, rates in SWEPT.items()
        for rate in rates
    )
)
# The replication's networks at the rates that scenes of the other digits chose.
MNIST_DEFINITIONS = tuple(
    replace(
        _definition(at_rate(name, MEASURED[name][-1]), name, MEASURED[name][-1]),
        data=partial(datasets.digit_scenes, "mnist"),
        seeds=seeds,
    )
    for name, seeds in REPLICATED.items()
)
# Of all our networks within the limit, at whatever rate and for however long, the best is stored;
# of the baseline, the best at whatever rate.
STORED_MODELS: dict[str, tuple[str, ...]] = {
    "segmentation": tuple(
        definition.name
        for definition in DEFINITIONS
        if network_of(definition.name) not in (*SMALL_PUBLISHED, *OVER_LIMIT)
    ),
    "segmentation-baseline": tuple(
        definition.name for definition in DEFINITIONS if network_of(definition.name) == "baseline"
    ),
}
