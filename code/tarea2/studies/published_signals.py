"""Others' networks on MNIST-1D beside the finalists of ours, each under two recipes.

Beebe et al. (2026) train a residual, a temporal convolutional and a dilated network. Their recipe
and ours of the final experiment are crossed with their networks and with two of ours, so that the
network is told apart from the recipe.
"""

from __future__ import annotations

import pandas as pd

from tarea2 import datasets
from tarea2.models import PublishedSignalNetSpec, Spec
from tarea2.studies import final
from tarea2.studies.definition import Definition
from tarea2.training import Recipe

PUBLISHED: dict[str, Spec] = {
    "resnet": PublishedSignalNetSpec("ResNet"),
    "tcn": PublishedSignalNetSpec("TCN"),
    "dilated": PublishedSignalNetSpec("dilated CNN"),
}
OURS: dict[str, Spec] = {name: final.FINALISTS[name] for name in ("width-20", "width-40")}
# Theirs is 10,000 steps of 100 signals, always in the same order, with Adam at 0.01; here 400
# signals are held out, and 278 epochs of the rest, in random order, are 10,008 steps.
THEIR_RECIPE = Recipe(epochs=278, batch_size=100, lr=1e-2, optimiser="adam")
# What their notebook prints after the last step, of one seed.
PRINTED_ACCURACY = {"resnet": 0.986, "tcn": 0.988, "dilated": 0.973}


def under_theirs(name: str) -> str:
    return f"{name}-their-recipe"


DEFINITIONS = tuple(
    Definition(name, spec, final.FINAL, datasets.mnist1d, final.THREE, ("validation",))
    for name, spec in PUBLISHED.items()
) + tuple(
    Definition(
        under_theirs(name), spec, THEIR_RECIPE, datasets.mnist1d, final.THREE, ("validation",)
    )
    for name, spec in (PUBLISHED | OURS).items()
)


def by_recipe(runs: pd.DataFrame, finalists: pd.DataFrame) -> pd.DataFrame:
    """Runs of the networks that were trained under both recipes, with the same seeds.

    ``runs`` are this study's, ``finalists`` the final experiment's. ``name`` is the network's
    alone; added is the column ``recipe``, ``"ours"`` or ``"theirs"``.
    """
    both = pd.concat([runs, finalists[finalists["name"].isin(OURS)]], ignore_index=True)
    both = both[both["seed"].isin(final.THREE)]
    theirs = both["name"].str.endswith(under_theirs(""))
    return both.assign(
        name=both["name"].str.removesuffix(under_theirs("")),
        recipe=theirs.map({True: "theirs", False: "ours"}),
    ).reset_index(drop=True)


def at_own_recipes(both: pd.DataFrame) -> pd.DataFrame:
    """Runs of each network under the recipe that is better for it on validation.

    ``both`` comes from :func:`by_recipe`.
    """
    scores = both.pivot_table("validation_accuracy", "name", "recipe")
    return both[both["recipe"] == both["name"].map(scores.idxmax(axis=1))].reset_index(drop=True)
