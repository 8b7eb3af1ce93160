"""The learning rate of a study on own images: chosen on validation, for its first network.

One rate for all data ranks how fast networks learn; a short sweep costs less than it saves. What
starts from learnt weights needs another rate than what starts from drawn ones, and has a sweep of
its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tarea2 import memory, paths, records
from tarea2.datasets import DataError
from tarea2.evaluation import TASKS
from tarea2.own.encoders import ENCODERS
from tarea2.own.study import OwnStudy, with_stored_rates
from tarea2.studies.definition import Definition, rounded, sees_one_class
from tarea2.training import Diverged, fit

RATES = (0.003, 0.01, 0.03)
FURTHER = (0.1, 0.3)  # where the largest that was tried is the best
ENCODER_RATES, ENCODER_FURTHER = (0.0003, 0.001, 0.003), (0.01, 0.03)  # of pretrained encoders
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
    chosen = [d for d in own.study.named(only) if d.name not in ENCODERS]
    whose = "all other networks" if own.sweeps_encoder else "all networks"
    return _first_of(chosen, whose, RATES, FURTHER, say, progress)


def sweep_encoder(
    own: OwnStudy, only: Sequence[str] | None = None, say: Callable[[str], None] = print,
    progress: bool = True,
) -> Sweep | None:  # fmt: skip
    """As :func:`sweep`, for the network of a pretrained encoder alone."""
    chosen = [d for d in own.study.named(only) if d.name in ENCODERS]
    whose = ", ".join(d.name for d in chosen)
    return _first_of(chosen, whose, ENCODER_RATES, ENCODER_FURTHER, say, progress)


def _first_of(
    definitions: Sequence[Definition], whose: str, rates: Sequence[float],
    further: Sequence[float], say: Callable[[str], None], progress: bool,
) -> Sweep | None:  # fmt: skip
    for definition in definitions:
        try:
            found = _of(definition, rates, further, say, progress)
        except (OSError, DataError, records.ResultError):
            raise
        except Exception as error:  # the network's fault, of which the study itself tells more
            why = memory.TOLD if memory.ran_out(error) else paths.reason(error)
            say(f"no learning rate from {definition.name}: {why}")
            continue
        best = "no rate has a score" if set(found.scores) == {None} else "the best on validation"
        say(f"learning rate of {whose}: {found.best:g}, {best}; --lr sets another")
        return found
    return None


def _of(
    definition: Definition, first: Sequence[float], further: Sequence[float],
    say: Callable[[str], None], progress: bool,
) -> Sweep:  # fmt: skip
    recipe = definition.recipe
    per_epoch = math.ceil(len(definition.data().train) / recipe.batch_size)
    epochs = max(math.ceil(SHORT * recipe.epochs), math.ceil(LEAST / per_epoch))
    epochs = min(epochs, recipe.epochs)
    rates, scores = list(first), list[float | None]()
    for rate in (*first, *further):
        if rate in further:
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
    content = {k: v for k, v in own.content.items() if k != "lr_open"}
    content["recipe"] = content["recipe"] | {"lr": found.best}
    content["learning_rate"] = found.describe()
    return replace(own, study=with_stored_rates(own.study, content), content=content, sweeps=False)


def with_encoder_rate(own: OwnStudy, found: Sweep | None) -> OwnStudy:
    """As :func:`with_rate`, for the network of a pretrained encoder."""
    if found is None:
        return own
    rates = {found.network: {"lr": found.best, "sweep": found.describe()}}
    content = own.content | {"own_rates": rates}
    study = with_stored_rates(own.study, content)
    return replace(own, study=study, content=content, sweeps_encoder=False)


def with_chosen_rates(own: OwnStudy, only: Sequence[str] | None = None) -> OwnStudy:
    """The study with the rates that are still to be chosen; ``only``: as in :func:`sweep`."""
    if own.sweeps:
        own = with_rate(own, sweep(own, only))
    if own.sweeps_encoder:
        own = with_encoder_rate(own, sweep_encoder(own, only))
    return own
