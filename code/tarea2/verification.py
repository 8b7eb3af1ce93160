"""Do the stored results and models hold on this machine? What ``tarea2 verify`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from tqdm import tqdm

from tarea2 import datasets, experiments, results
from tarea2.experiments import EXPERIMENTS, STORED_MODELS
from tarea2.studies.definition import Definition
from tarea2.training import OwnObjective, fit, predict

# Another machine adds in another order: a few of a thousand examples may change sides.
SCORE, LOSS = 2e-3, 1e-4
Row = tuple[str, str, bool | None]  # what, finding, whether it holds (None: could not be checked)


def verify() -> list[Row]:
    """Check every stored run, every stored model, and train a small sample anew.

    A run must belong to today's spec, recipe and regenerated data; a model must reach the scores
    on its card; the sample must repeat its stored losses. Nothing is downloaded or written.
    """
    total = len(EXPERIMENTS) + sum(map(len, STORED_MODELS.values())) + 1
    return list(tqdm(_rows(), total=total, unit="check", disable=None))


def _rows() -> Iterator[Row]:
    for experiment in EXPERIMENTS:
        yield _runs(experiment)
    for experiment, models in STORED_MODELS.items():
        for name in models:
            yield _model(experiment, name)
    yield _sample()


def _here(data: dict[str, Any]) -> bool:
    return "mnist" not in data["name"].replace("mnist1d", "") or datasets.mnist_is_here()


def _runs(experiment: str) -> Row:
    """Each run against today's definition; MNIST only where it already lies."""
    what, found, unchecked = f"runs of {experiment}", 0, 0
    try:
        for definition in EXPERIMENTS[experiment]:
            for seed in definition.seeds:
                path = results.path_of(experiment, definition.name, seed)
                if not path.exists():
                    return what, f"{path.name} is missing", False
                if not _here(results.read(path)["data"]):
                    unchecked += 1
                    continue
                definition.stored(seed, experiment)
                found += 1
    except results.ResultError as error:
        return what, str(error), False
    text = f"{found} fit spec, recipe and data"
    return what, text + (f", {unchecked} wait for MNIST" if unchecked else ""), found > 0 or None


def _model(experiment: str, name: str) -> Row:
    """A stored model's scores, evaluated anew, against those of its card."""
    what = f"model {name}"
    try:
        model, card = results.load_model(name)
    except results.ResultError as error:
        return what, str(error), False
    if not _here(card["data"]):
        return what, "waits for MNIST", None
    (definition,) = experiments.definitions(experiment, [_run_of(experiment, name, card)])
    dataset = definition.data()
    scores = {}
    if not isinstance(model, OwnObjective):
        scores = {s: predict(model, getattr(dataset, s).x)[0] for s in ("validation", "test")}
    again = replace(definition, extra=None).measure(model, dataset, scores)
    differences = {
        kind: abs(value - again[kind])
        for kind, value in card["metrics"].items()
        if isinstance(again.get(kind), float)
    }
    if not differences:
        return what, "its card has no score that can be measured", False
    worst = max(differences, key=lambda kind: differences[kind])
    main = next(k for k in ("test_miou", "test_accuracy", "test_loss") if k in differences)
    text = f"{main} {again[main]:.4f}, stored {card['metrics'][main]:.4f}"
    if differences[worst] > SCORE:
        text += f"; {worst} differs by {differences[worst]:.2g}"
    return what, text, differences[worst] <= SCORE


def _run_of(experiment: str, name: str, card: dict[str, Any]) -> str:
    return card.get("run") or STORED_MODELS[experiment][name][0]


def _sample() -> Row:
    """The smallest run of the package, trained anew."""
    definition: Definition = EXPERIMENTS["check"][0]
    what = f"training {definition.name} anew"
    try:
        stored = definition.stored(0, "check")
    except results.ResultError as error:
        return what, str(error), False
    if stored is None:
        return what, "its stored run is missing", False
    trained = fit(definition.spec, definition.data(), definition.recipe, watch=definition.watch)
    found = torch.tensor(trained.history["validation"]["loss"][0])
    difference = (found - torch.tensor(stored["history"]["validation"]["loss"])).abs().max().item()
    return what, f"losses differ by {difference:.1g} at most", difference <= LOSS
