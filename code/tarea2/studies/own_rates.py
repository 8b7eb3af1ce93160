"""Every network of the segmentation studies at its own learning rate, in one table.

The rate is the best on validation of those that were tried: :mod:`tarea2.studies.recipes` for ours,
:mod:`~tarea2.studies.published_models` for those of others, :mod:`~tarea2.studies.search` for the
finalists of the random search.
"""

from __future__ import annotations

import pandas as pd

from tarea2.studies import context, published_models, recipes, search
from tarea2.studies.catalogue import load as load_study
from tarea2.studies.segmentation import FACTORS

# Of the networks with one factor changed, those that other pages than the factors' speak of.
RANKED = ("depth-1", "convolutions-1", "width-8", "width-16", "block-separable")


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


def longer() -> pd.DataFrame:
    """Runs at the own rate for three times the epochs; ``name`` is the network's alone."""
    varied = recipes.together(load_study("segmentation"), load_study("segmentation-recipes"))
    found = varied[varied["epochs"] == recipes.RECIPE.epochs * recipes.LONGER]
    return found.assign(name=found["network"])
