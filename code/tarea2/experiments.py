"""The named experiments: what is trained, on what, with which recipe and which seeds.

``notebooks`` holds the networks of notebooks 10.2 and 10.5. Everything that a run needs stands
in its definition; ``train`` does what is missing and stores each run when it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed

from tarea2 import datasets, metrics, results
from tarea2.datasets import Dataset
from tarea2.models import DigitNetSpec, PerceptronSpec, SignalNetSpec, Spec, member
from tarea2.training import NOTEBOOK_10_2, NOTEBOOK_10_5, Recipe, fit, predict

CHECKPOINTS = datasets.ROOT / "data" / "runs"
SHIFTS = range(7)  # pixels
HARDEST = 12


@dataclass(frozen=True)
class Definition:
    """One network of an experiment: trained once per seed."""

    name: str
    spec: Spec
    recipe: Recipe
    data: Callable[[], Dataset]
    seeds: tuple[int, ...]
    watch: tuple[str, ...] = ("train", "validation")
    # Measures besides accuracy: (model, dataset, scores on test) -> fields of `metrics`.
    extra: Callable[[torch.nn.Module, Dataset, torch.Tensor], dict[str, Any]] | None = None
    together: bool = True  # several seeds in one go

    def key(self) -> str:
        network, spec = results.describe(self.spec)
        return results.key(network, spec, results.describe(self.recipe)[1], _data(self.data()))

    def stored(self, seed: int, experiment: str) -> dict[str, Any] | None:
        """The run of a seed if it is stored; raises if it is stale or altered."""
        path = results.path_of(experiment, self.name, seed)
        if not path.exists():
            return None
        run = results.read(path)
        if run["key"] != self.key():
            raise results.ResultError(
                f"{path.name} is stale: it was trained with another spec, recipe or data; "
                f"`tarea2 train {experiment} --only {self.name} --force` trains it again"
            )
        return run


def _data(dataset: Dataset) -> dict[str, str]:
    return {"name": dataset.name, "sha256": dataset.sha256}


def _mnist_extra(model: torch.nn.Module, dataset: Dataset, scores: torch.Tensor) -> dict[str, Any]:
    """Accuracy on test digits shifted to the right, and the digits that it finds hardest."""
    target = dataset.test.y
    background = dataset.test.x.min()
    shifted = {}
    for pixels in SHIFTS:
        x = torch.full_like(dataset.test.x, float(background))
        x[..., pixels:] = dataset.test.x[..., : x.shape[-1] - pixels]
        found = predict(model, x)[0].argmax(1)
        shifted[str(pixels)] = _round((found == target).float().mean().item())
    probabilities = scores.log_softmax(1).exp()
    of_truth = probabilities[torch.arange(len(target)), target]
    hardest = of_truth.argsort()[:HARDEST]
    return {
        "shift_accuracy": shifted,
        "hardest": [
            {
                "index": int(i),
                "label": int(target[i]),
                "prediction": int(probabilities[i].argmax()),
                "probability": _round(of_truth[i].item()),
                "probability_predicted": _round(probabilities[i].max().item()),
            }
            for i in hardest
        ],
    }


def _whole_mnist1d() -> Dataset:
    return datasets.mnist1d(validation=0)


_TEN, _FIVE = tuple(range(10)), tuple(range(5))
_HE = replace(NOTEBOOK_10_2, init="he")
_ALL = ("train", "validation", "test")  # notebook 10.5 prints test accuracy after each epoch

EXPERIMENTS: dict[str, tuple[Definition, ...]] = {
    "notebooks": (
        Definition("mnist1d-cnn", SignalNetSpec(), NOTEBOOK_10_2, datasets.mnist1d, _TEN),
        Definition("mnist1d-cnn-he", SignalNetSpec(), _HE, datasets.mnist1d, _TEN),
        Definition("mnist1d-mlp", PerceptronSpec(), NOTEBOOK_10_2, datasets.mnist1d, _TEN),
        # As the notebook does: all 4,000 signals train, nothing is held out.
        Definition("mnist1d-cnn-whole", SignalNetSpec(), NOTEBOOK_10_2, _whole_mnist1d, _TEN),
        Definition("mnist1d-mlp-whole", PerceptronSpec(), NOTEBOOK_10_2, _whole_mnist1d, _TEN),
        Definition("mnist-cnn", DigitNetSpec(), NOTEBOOK_10_5, datasets.mnist, _FIVE, _ALL,
                   _mnist_extra, together=False),
        # 21,851 parameters, the nearest to the convolutional network's 21,840.
        Definition("mnist-mlp", PerceptronSpec((784, 27, 17, 10)), NOTEBOOK_10_5, datasets.mnist,
                   _FIVE, _ALL, _mnist_extra, together=False),
    ),
}  # fmt: skip
# Which runs' best seed (on validation) is stored as a model.
STORED_MODELS = {"notebooks": {"mnist1d-cnn": "mnist1d-notebook", "mnist-cnn": "mnist-notebook"}}


def definitions(experiment: str, only: Sequence[str] | None = None) -> list[Definition]:
    """The definitions of an experiment, or those named; raises ValueError for a wrong name."""
    if experiment not in EXPERIMENTS:
        raise ValueError(f"no experiment {experiment!r}; there are: {', '.join(EXPERIMENTS)}")
    found = {definition.name: definition for definition in EXPERIMENTS[experiment]}
    for name in only or []:
        if name not in found:
            raise ValueError(f"{experiment} has no run {name!r}; it has: {', '.join(found)}")
    return [found[name] for name in only or found]


def load(experiment: str) -> pd.DataFrame:
    """:func:`tarea2.results.load`, after checking each run against today's definition.

    The data's hash is compared as well, where the data is on this machine.
    """
    table = results.load(experiment)
    for definition in definitions(experiment):
        rows = table[table["name"] == definition.name]
        network_spec, recipe = (
            results.describe(definition.spec)[1],
            results.describe(definition.recipe)[1],
        )
        for _, row in rows.iterrows():
            for field, expected in (("spec", network_spec), ("recipe", recipe)):
                if row[field] != expected:
                    raise results.ResultError(
                        f"{definition.name}, seed {row['seed']}: field {field!r} is stale; run "
                        f"`tarea2 train {experiment} --only {definition.name} --force`"
                    )
    return table


def train(
    experiment: str,
    only: Sequence[str] | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    force: bool = False,
    progress: bool = True,
    report: Callable[[str], None] = print,
) -> int:
    """Train what is missing and return how many runs were trained.

    Each run is stored when it ends; an interrupted one goes on from its last epoch.
    """
    tasks = []
    for definition in definitions(experiment, only):
        wanted = definition.seeds[:seeds]
        if not force:
            wanted = tuple(s for s in wanted if definition.stored(s, experiment) is None)
        groups = [wanted] if definition.together else [(seed,) for seed in wanted]
        tasks += [(definition, group) for group in groups if group]
    trained = 0
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
    # With several jobs, each has one core: their threads would only fight.
    threads = None if jobs == 1 else 1
    for name, count, seconds in parallel(
        delayed(_run)(experiment, definition, group, threads, progress and jobs == 1)
        for definition, group in tasks
    ):
        trained += count
        report(f"{name}: {count} run{'s' if count > 1 else ''} in {seconds:.0f} s")
    if only is None and seeds is None:
        store_models(experiment)
    return trained


def _run(
    experiment: str,
    definition: Definition,
    seeds: tuple[int, ...],
    threads: int | None,
    progress: bool,
) -> tuple[str, int, float]:
    if threads:
        torch.set_num_threads(threads)
    dataset, start = definition.data(), time.monotonic()
    checkpoint = _checkpoint(experiment, definition, seeds)
    trained = fit(
        definition.spec, dataset, definition.recipe, seeds,
        watch=definition.watch, checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    scores = {
        split: predict(trained.model, getattr(dataset, split).x)
        for split in ("validation", "test")
        if len(getattr(dataset, split))
    }
    seconds = (time.monotonic() - start) / len(seeds)
    for place, seed in enumerate(seeds):
        alone = member(trained.model, place)
        results.save(
            {
                "experiment": experiment,
                "name": definition.name,
                **_described(definition, dataset),
                "seed": seed,
                "history": {
                    split: {kind: [_round(v) for v in rows[place]] for kind, rows in kept.items()}
                    for split, kept in trained.history.items()
                },
                "metrics": _metrics(definition, dataset, alone, scores, place),
                "parameters": metrics.count_parameters(alone),
                "macs": metrics.count_macs(alone, _example(alone, dataset)),
                "seconds": round(seconds, 3),
                "versions": results.versions(),
                "threads": torch.get_num_threads(),
            }
        )
        _store_weights(experiment, definition.name, seed, alone)
    return definition.name, len(seeds), time.monotonic() - start


def _checkpoint(experiment: str, definition: Definition, seeds: tuple[int, ...]) -> Path:
    return CHECKPOINTS / experiment / f"{definition.name}-{'-'.join(map(str, seeds))}.checkpoint"


def _described(definition: Definition, dataset: Dataset) -> dict[str, Any]:
    network, spec = results.describe(definition.spec)
    recipe = results.describe(definition.recipe)[1]
    return {"network": network, "spec": spec, "recipe": recipe, "data": _data(dataset)}


def _metrics(
    definition: Definition,
    dataset: Dataset,
    model: torch.nn.Module,
    scores: dict[str, torch.Tensor],
    place: int,
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for split, values in scores.items():
        target = getattr(dataset, split).y
        confusion = metrics.confusion_matrix(target, values[place].argmax(1), dataset.num_classes)
        found[f"{split}_accuracy"] = _round(metrics.pixel_accuracy(confusion))
        if split == "test":
            found["confusion"] = confusion.tolist()
    if definition.extra is not None:
        found |= definition.extra(model, dataset, scores["test"][place])
    return found


def _example(model: torch.nn.Module, dataset: Dataset) -> torch.Tensor:
    x = dataset.train.x[:1]
    return x if isinstance(getattr(model, "spec", None), DigitNetSpec) else x[None]


def _round(value: float) -> float:
    return float(np.format_float_positional(value, precision=6, fractional=False))


# Stored models ----------------------------------------------------------------------------------


def _weights(experiment: str, name: str, seed: int) -> Path:
    return CHECKPOINTS / experiment / f"{name}-seed{seed}.weights"


def _store_weights(experiment: str, name: str, seed: int, model: torch.nn.Module) -> None:
    if name in STORED_MODELS.get(experiment, {}):
        path = _weights(experiment, name, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), path)


def store_models(experiment: str) -> None:
    """Store the seed that is best on validation of each network in :data:`STORED_MODELS`.

    Weights of all seeds wait in ``data/runs`` until then; a model that is already the best seed's
    is left as it is.
    """
    for name, model_name in STORED_MODELS.get(experiment, {}).items():
        definition = definitions(experiment, [name])[0]
        runs = [definition.stored(seed, experiment) for seed in definition.seeds]
        if not all(runs):
            continue
        best = max(runs, key=lambda run: run["metrics"]["validation_accuracy"])
        weights = _weights(experiment, name, best["seed"])
        if not weights.exists():
            continue  # trained elsewhere: the committed model stands
        from tarea2.models import build

        model = build(definition.spec)
        model.load_state_dict(torch.load(weights, weights_only=True))
        fields = ("recipe", "seed", "data", "versions")
        scores = {k: v for k, v in best["metrics"].items() if isinstance(v, float)}
        card = {field: best[field] for field in fields} | {"metrics": scores, "run": name}
        results.save_model(model_name, model, card)
