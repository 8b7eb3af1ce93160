"""How much data: four networks on 250 to 8,000 scenes, and CNN against dense on MNIST-1D.

On scenes each network trains at the rate that is best for it, found with 4,000 of them. Each run
takes as many steps as the main study's, whatever the number of examples: fewer examples are seen
more often, so that less data is not also less training.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

from tarea2 import datasets
from tarea2.datasets import Dataset, Split
from tarea2.models import PerceptronSpec, SignalNetSpec, Spec
from tarea2.studies import published_models, recipes
from tarea2.studies.definition import Definition
from tarea2.studies.notebooks import NOTEBOOK_10_2
from tarea2.studies.segmentation import RECIPE, THREE, networks
from tarea2.training import Recipe

SCENES = (250, 500, 1000, 2000, 4000, 8000)
# Of the published networks at their authors' sizes, the best on validation. Since a run of it takes
# 25 minutes, it leaves two of the numbers out.
BEST_PUBLISHED, FEWER_SCENES = "nnunet-plain", (250, 1000, 4000, 8000)
# Network -> its spec and its own rate.
COMPARED: dict[str, tuple[Spec, float]] = {
    **{
        name: (networks()[name][0], recipes.MEASURED[name][-1])
        for name in ("baseline", "reference", "wide-slow")
    },
    BEST_PUBLISHED: (
        published_models.FULL_SIZE[BEST_PUBLISHED],
        published_models.OWN[BEST_PUBLISHED],
    ),
}
SIGNALS = (100, 200, 400, 800, 1600, 3200)
SIGNAL_NETWORKS: dict[str, Spec] = {"cnn": SignalNetSpec(), "dense": PerceptronSpec()}


def scenes_of(name: str) -> tuple[int, ...]:
    """The numbers of scenes that a network is trained on."""
    return FEWER_SCENES if name == BEST_PUBLISHED else SCENES


def _as_many_steps(recipe: Recipe, usual: int, amount: int) -> Recipe:
    return replace(recipe, epochs=round(recipe.epochs * usual / amount))


def scenes_definition(name: str, spec: Spec, rate: float, amount: int) -> Definition:
    """A network on so many scenes; validation and test stay the main study's."""
    usual, validation, test = datasets.SCENE_COUNTS.values()
    data = partial(datasets.digit_scenes, counts=(amount, validation, test))
    recipe = _as_many_steps(replace(RECIPE, lr=rate), usual, amount)
    return Definition(f"{name}-{amount}", spec, recipe, data, THREE[:1], eval_splits=())


SCENE_DEFINITIONS = tuple(
    scenes_definition(name, spec, rate, amount)
    for name, (spec, rate) in COMPARED.items()
    for amount in scenes_of(name)
    if amount != datasets.SCENE_COUNTS["train"]  # which other studies have
)


@cache
def some_signals(amount: int) -> Dataset:
    """MNIST-1D with the first ``amount`` of its training signals."""
    whole = datasets.mnist1d()
    train = Split(whole.train.x[:amount], whole.train.y[:amount])
    return Dataset(f"mnist1d-first-{amount}", 10, train, whole.validation, whole.test)


SIGNAL_DEFINITIONS = tuple(
    Definition(
        f"{name}-{amount}", spec,
        replace(
            _as_many_steps(NOTEBOOK_10_2, 3200, amount),
            step_epochs=_as_many_steps(NOTEBOOK_10_2, 3200, amount).epochs // 5,
        ),
        partial(some_signals, amount), tuple(range(10)), eval_splits=(), together=True,
    )
    for amount in SIGNALS
    for name, spec in SIGNAL_NETWORKS.items()
)  # fmt: skip
