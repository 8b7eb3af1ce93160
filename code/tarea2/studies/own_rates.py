"""Every network of the segmentation studies at its own learning rate, in one table.

The rate is the best on validation of those that were tried: :mod:`tarea2.studies.recipes` for ours,
:mod:`~tarea2.studies.published_models` for those of others, :mod:`~tarea2.studies.search` for the
finalists of the random search.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from tarea2.models import EncoderDecoderSpec
from tarea2.studies import context, published_models, recipes, search
from tarea2.studies.catalogue import load as load_study
from tarea2.studies.comparisons import against
from tarea2.studies.segmentation import COMBINATIONS, FACTORS, LIMIT, REFERENCE

# Of the networks with one factor changed, those that other pages than the factors' speak of.
RANKED = ("depth-1", "convolutions-1", "width-8", "width-16", "block-separable")
GAIN = 1e-3  # of mIoU, what the pages show


def load() -> pd.DataFrame:
    """A row per run: ``name`` is the network's alone, ``rate`` its own; the usual epochs."""
    varied = recipes.together(load_study("segmentation"), load_study("segmentation-recipes"))
    found = published_models.at_their_rates(varied, load_study("segmentation-peers"))
    finalists = search.at_better_rates(load_study("segmentation-search"))
    rates = [recipe["lr"] for recipe in finalists["recipe"]]
    return pd.concat([found, finalists.assign(rate=rates)], ignore_index=True)


def ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`load`'s rows those of a ranking: of factors :data:`RANKED`, and no controls."""
    near = {*FACTORS, *context.FIELDS, *context.REDUCTIONS}
    return table[~table["name"].isin(near - set(RANKED))]


def combined(table: pd.DataFrame) -> list[EncoderDecoderSpec]:
    """The combinations that the factors ask for, each at its own rate: a rule, no choice.

    Each factor that gains on validation, its interval without 0, starts one. It takes over every
    other factor that gains :data:`GAIN` on average, the largest first, for as long as it keeps to
    the limits of the other combinations, and changes no field twice. ``table`` comes from
    :func:`load`.
    """
    gains = against(table, "reference", list(FACTORS), "validation_miou")
    gains = gains[gains["difference"] >= GAIN].sort_values("difference", ascending=False)
    most = max(search.costs(spec)[1] for spec in COMBINATIONS.values())
    found: dict[EncoderDecoderSpec, None] = {}
    for start in gains.loc[gains["low"] > 0, "name"]:
        spec, changed = REFERENCE, set[str]()
        for name in [start, *gains["name"]]:
            wider = replace(spec, **FACTORS[name])
            weights, work = search.costs(wider)
            if not changed & {*FACTORS[name]} and weights <= LIMIT and work <= most:
                spec, changed = wider, changed | {*FACTORS[name]}
        found[spec] = None
    return list(found)


def longer() -> pd.DataFrame:
    """Runs at the own rate for three times the epochs; ``name`` is the network's alone."""
    varied = recipes.together(load_study("segmentation"), load_study("segmentation-recipes"))
    found = varied[varied["epochs"] == recipes.RECIPE.epochs * recipes.LONGER]
    return found.assign(name=found["network"])
