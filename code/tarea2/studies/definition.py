"""What a study consists of: definitions, each a network that is trained once per seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tarea2 import paths, records, results
from tarea2.datasets import Dataset
from tarea2.evaluation import Evaluation
from tarea2.models import Network, Spec
from tarea2.training import Recipe

Extra = Callable[[Network, Dataset, Mapping[str, Evaluation]], dict[str, Any]]


class Stale(records.ResultError):
    """A stored run that belongs to another spec, recipe or data."""


@dataclass(frozen=True)
class Definition:
    """One network of a study: trained once per seed.

    ``eval_splits``: the splits that are measured after each epoch. ``extra`` gives measures besides
    those that every run has, from (model, dataset, how it does on each split). ``together``:
    whether several seeds train in one go.
    """

    name: str
    spec: Spec
    recipe: Recipe
    data: Callable[[], Dataset]
    seeds: tuple[int, ...]
    eval_splits: tuple[str, ...] = ("train", "validation")
    extra: Extra | None = None
    together: bool = False

    def key(self) -> str:
        network, spec = records.describe(self.spec)
        return results.key(network, spec, records.describe(self.recipe)[1], self.data().described())

    def stored(self, seed: int, study: str, store: Path | None = None) -> dict[str, Any] | None:
        """The run of a seed if it is stored; raises if it is stale or altered."""
        path = results.path_of(study, self.name, seed, store)
        if not path.exists():
            return None
        run = results.read(path)
        if run["key"] != self.key():
            raise Stale(
                f"{path.name} is stale: it was trained with another spec, recipe or data; "
                f"`tarea2 train {study} --only {self.name} --force` trains it again"
            )
        return run

    def measure(
        self, model: Network, dataset: Dataset, evaluations: Mapping[str, Evaluation]
    ) -> dict[str, Any]:
        """What is kept of a trained network, from how it does on each split."""
        found: dict[str, Any] = {
            f"{split}_{kind}": rounded(value)
            for split, evaluation in evaluations.items()
            for kind, value in evaluation.measures.items()
        }
        confusion = evaluations["test"].confusion
        if confusion is not None:
            found["confusion"] = confusion.tolist()
        if self.extra is not None:
            found |= self.extra(model, dataset, evaluations)
        return found


@dataclass(frozen=True)
class Study:
    """Definitions that belong together; their runs are stored under the name of the study.

    ``stored_models``: name of a stored model -> the networks among whose runs the one that is
    best on validation is chosen. ``store``: the folder of its results, models and checkpoints,
    where these are no part of the project.
    """

    name: str
    definitions: tuple[Definition, ...]
    stored_models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    store: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of its runs."""
        return results.folder_of(self.name, self.store)

    @property
    def checkpoints(self) -> Path:
        """The folder of trainings that were interrupted, and of weights that wait."""
        return (self.store / "runs" if self.store else paths.CHECKPOINTS) / self.name

    def named(self, only: Sequence[str] | None = None) -> list[Definition]:
        """The definitions, or those named; raises ValueError for a wrong name."""
        found = {definition.name: definition for definition in self.definitions}
        for name in only or []:
            if name not in found:
                raise ValueError(f"{self.name} has no run {name!r}; it has: {', '.join(found)}")
        return [found[name] for name in only or found]


def rounded(value: float) -> float:
    """Six significant digits: more would only differ from machine to machine. NaN stays NaN."""
    return float(np.format_float_positional(value, precision=6, fractional=False))


def best_run(runs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The run to store, chosen on validation: of the best network, the best seed.

    Networks are compared by their mean over seeds; of equals the one with fewer parameters. One
    with an undefined score never ranks; None if that is so for all. One that sees a single class
    everywhere comes after all others.
    """
    networks: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        networks.setdefault(run["name"], []).append(run)

    def worth(of: Iterable[dict[str, Any]]) -> tuple[float, int]:
        of = list(of)
        return round(float(np.mean([quality(run) for run in of])), 6), -of[0]["parameters"]

    ranked = [of for of in networks.values() if not math.isnan(worth(of)[0])]
    ranked = [
        of for of in ranked if not any(sees_one_class(run["metrics"]) for run in of)
    ] or ranked
    return max(max(ranked, key=worth), key=quality) if ranked else None


def sees_one_class(found: dict[str, Any]) -> bool:
    """Whether a network answers one class everywhere on validation, where the truth holds several.

    ``found``: the metrics of its run. Its mean says how much of the data that class is. Of a
    run that keeps no confusion on validation, that on test is taken.
    """
    cm = np.array(found.get("validation_confusion", found.get("confusion", [])))
    return cm.ndim == 2 and (cm.sum(0) > 0).sum() == 1 < (cm.sum(1) > 0).sum()


def quality(run: dict[str, Any]) -> float:
    """How good a run is on validation: by mean IoU for pixels, by accuracy, or by its loss."""
    found = run["metrics"]
    for name in ("validation_miou", "validation_accuracy"):
        if name in found:
            return math.nan if found[name] is None else found[name]
    loss = found.get("validation_loss")
    return math.nan if loss is None else -loss
