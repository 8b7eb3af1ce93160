"""Do the stored results and models hold on this machine? What ``tarea2 verify`` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from tqdm import tqdm

from tarea2 import datasets, results
from tarea2.evaluation import evaluate
from tarea2.models import load_model
from tarea2.records import ResultError
from tarea2.studies import STUDIES, Study
from tarea2.training import fit

# Another machine adds in another order: a few of a thousand examples may change sides.
SCORE, LOSS = 2e-3, 1e-4
Row = tuple[str, str, bool | None]  # what, finding, whether it holds (None: could not be checked)


def verify() -> list[Row]:
    """Check every stored run, every stored model, and train a small sample anew.

    A run must belong to today's spec, recipe and regenerated data; a model must reach the scores
    on its card; the sample must repeat its stored losses. Nothing is downloaded or written.
    """
    total = sum(1 + len(study.stored_models) for study in STUDIES.values()) + 1
    return list(tqdm(_rows(), total=total, unit="check", disable=None))


def _rows() -> Iterator[Row]:
    for study in STUDIES.values():
        yield _runs(study)
    for study in STUDIES.values():
        for name in study.stored_models:
            yield _model(study, name)
    yield _sample()


def _runs(study: Study) -> Row:
    """Each run against today's definition; data that are fetched only where they already lie."""
    what, found, absent = f"runs of {study.name}", 0, []
    try:
        for definition in study.definitions:
            for seed in definition.seeds:
                path = results.path_of(study.name, definition.name, seed)
                if not path.exists():
                    return what, f"{path.name} is missing", False
                data = results.read(path)["data"]["name"]
                if not datasets.is_here(data):
                    absent.append(data)
                    continue
                definition.stored(seed, study.name)
                found += 1
    except ResultError as error:
        return what, str(error), False
    text = f"{found} fit spec, recipe and data"
    text += f", {len(absent)} wait for {_source(absent[0])}" if absent else ""
    return what, text, found > 0 or None


def _model(study: Study, name: str) -> Row:
    """A stored model's scores, evaluated anew, against those of its card."""
    what = f"model {name}"
    try:
        model, card = load_model(name)
    except ResultError as error:
        return what, str(error), False
    if not datasets.is_here(card["data"]["name"]):
        return what, f"waits for {_source(card['data']['name'])}", None
    (definition,) = study.named([card.get("run") or study.stored_models[name][0]])
    dataset = definition.data()
    (evaluations,) = evaluate(model, dataset)
    again = replace(definition, extra=None).measure(model, dataset, evaluations)
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


def _source(data: str) -> str:
    """The data set that has to be fetched first, as people write it."""
    return "CamVid" if data.startswith("camvid") else "MNIST"


def _sample() -> Row:
    """The smallest run of the package, trained anew."""
    (definition,) = STUDIES["check"].definitions
    what = f"training {definition.name} anew"
    try:
        stored = definition.stored(0, "check")
    except ResultError as error:
        return what, str(error), False
    if stored is None:
        return what, "its stored run is missing", False
    trained = fit(
        definition.spec, definition.data(), definition.recipe, eval_splits=definition.eval_splits
    )
    found = torch.tensor(trained.history["validation"]["loss"][0])
    difference = (found - torch.tensor(stored["history"]["validation"]["loss"])).abs().max().item()
    return what, f"losses differ by {difference:.1g} at most", difference <= LOSS
