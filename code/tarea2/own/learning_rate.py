"""The learning rate of a study on own images: chosen on validation, for its first network.

One rate for all data ranks how fast networks learn; a short sweep costs less than it saves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tarea2 import records
from tarea2.datasets import DataError
from tarea2.evaluation import TASKS
from tarea2.own.study import OwnStudy
from tarea2.studies.definition import Definition, rounded, sees_one_class
from tarea2.training import Diverged, fit

RATES = (0.003, 0.01, 0.03)
FURTHER = (0.1, 0.3)  # where the largest that was tried is the best
SHORT = 0.2  # of the epochs
LEAST = 100  # steps, as long as the training itself has so many: fewer teach nothing


@dataclass(frozen=True)
class Sweep:
    """What a network scored with some learning rates, after so many epochs.

    scores: mean IoU on validation of each of ``rates``; None where it is undefined, where the
    training diverged or where one class is seen everywhere.
    """

    network: str
    epochs: int
    rates: tuple[float, ...]
    scores: tuple[float | None, ...]

    @property
    def best(self) -> float:
        """The rate that scored most, of equals the smallest; the first where none has a score."""
        worth = [-1.0 if score is None else score for score in self.scores]
        return self.rates[worth.index(max(worth))]

    def describe(self) -> dict[str, Any]:
        return asdict(self)


def sweep(
    own: OwnStudy, only: Sequence[str] | None = None, say: Callable[[str], None] = print,
    progress: bool = True,
) -> Sweep | None:  # fmt: skip
    """Train the first network of a study with each rate on a short schedule.

    ``only``: the networks that a user asked for, of which the first counts. ``say`` hears of each
    rate. One that cannot be trained gives way to the next; None where none can be.
    """
    for definition in own.study.named(only):
        try:
            found = _of(definition, say, progress)
        except (OSError, DataError, records.ResultError):
            raise
        except Exception:  # the network's fault: the study itself tells it
            continue
        best = "no rate has a score" if set(found.scores) == {None} else "the best on validation"
        say(f"learning rate of all networks: {found.best:g}, {best}; --lr sets another")
        return found
    return None


def _of(definition: Definition, say: Callable[[str], None], progress: bool) -> Sweep:
    recipe = definition.recipe
    per_epoch = math.ceil(len(definition.data().train) / recipe.batch_size)
    epochs = max(math.ceil(SHORT * recipe.epochs), math.ceil(LEAST / per_epoch))
    epochs = min(epochs, recipe.epochs)
    rates, scores = list(RATES), list[float | None]()
    for rate in (*RATES, *FURTHER):
        if rate in FURTHER:
            if Sweep("", 0, tuple(rates), tuple(scores)).best != rates[-1]:
                break
            rates.append(rate)
        score = _score(definition, rate, epochs, progress)
        scores.append(score)
        told = "no score" if score is None else f"mean IoU {score:.3f} on validation"
        say(f"learning rate {rate:g}: {told} after {epochs} epochs of {definition.name}")
    return Sweep(definition.name, epochs, tuple(rates), tuple(scores))


def _score(definition: Definition, rate: float, epochs: int, progress: bool) -> float | None:
    dataset, seeds = definition.data(), definition.seeds[:1]
    recipe = replace(definition.recipe, lr=rate, epochs=epochs)
    try:
        model = fit(
            definition.spec, dataset, recipe, seeds, eval_splits=(), progress=progress
        ).model
    except Diverged:
        return None
    (found,) = TASKS[model.task].evaluate(model, dataset.validation, dataset.background)
    if math.isnan(found.measures["miou"]) or sees_one_class({"confusion": found.confusion}):
        return None
    return rounded(found.measures["miou"])


def with_rate(own: OwnStudy, found: Sweep | None) -> OwnStudy:
    """The study with the rate that was found, which it stores with what the data are."""
    if found is None:
        return own
    study = replace(
        own.study,
        definitions=tuple(
            replace(d, recipe=replace(d.recipe, lr=found.best)) for d in own.study.definitions
        ),
    )
    content = own.content | {"learning_rate": found.describe()}
    content["recipe"] = content["recipe"] | {"lr": found.best}
    return replace(own, study=study, content=content, sweeps=False)
