"""What the networks of a study cost in time, all measured in one go.

Times of runs that trained beside each other, over hours, cannot be compared. Here the networks
take turns, round after round, on one thread; ratios of medians are what to read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from tarea2 import metrics, results
from tarea2.datasets import as_input
from tarea2.losses import ClassLoss
from tarea2.models import build
from tarea2.studies.definition import Definition
from tarea2.training import optimiser_for, train_step

ROUNDS, STEPS = 5, 3


def measure(
    definitions: Sequence[Definition], rounds: int = ROUNDS, progress: bool = True
) -> pd.DataFrame:
    """Seconds per training epoch and per image, for each of some networks that segment.

    Columns: ``name``, ``epoch_seconds`` (a whole epoch, from ``rounds`` times some steps with the
    recipe's loss and precision, without its augmentation) and ``image_seconds`` (one image,
    evaluation mode), both on one thread.
    """
    found = {}
    with metrics.one_thread():
        for definition in definitions:
            model = build(definition.spec, start=False)  # any weights take as long
            model = model.to(memory_format=model.memory_format)  # type: ignore[call-overload]
            found[definition.name] = (definition, model, optimiser_for(model, definition.recipe))
        steps: dict[str, list[float]] = {name: [] for name in found}
        images: dict[str, list[float]] = {name: [] for name in found}
        bar = tqdm(total=rounds * len(found), disable=None if progress else True)
        for _ in range(rounds):
            for name, (definition, model, optimiser) in found.items():
                train, size = definition.data().train, definition.recipe.batch_size
                x, y = as_input(train.x[:size])[None], train.y[None, :size]
                recipe = definition.recipe
                criterion = ClassLoss(recipe.loss, None, recipe.overlap)
                model.train()
                for step in range(STEPS + 1):
                    start = time.perf_counter()
                    train_step(model, x, y, optimiser, criterion, recipe.precision)
                    if step:  # the first also prepares memory
                        steps[name].append(time.perf_counter() - start)
                images[name].append(metrics.latency(model, x[0, :1], 10))
                bar.update()
        bar.close()
    rows = []
    for name, (definition, _, _) in found.items():
        per_epoch = math.ceil(len(definition.data().train) / definition.recipe.batch_size)
        rows.append(
            {
                "name": name,
                "epoch_seconds": float(np.median(steps[name])) * per_epoch,
                "image_seconds": float(np.median(images[name])),
            }
        )
    return pd.DataFrame(rows)


def store(study: str, definitions: Sequence[Definition]) -> Path:
    """Measure and store under the name of a study; returns the file."""
    content = {"rows": measure(definitions).round(6).to_dict("records")}
    return results.save_measures(f"{study}-costs", content)


def load(study: str) -> pd.DataFrame:
    """The stored times of a study; raises :class:`tarea2.records.ResultError` if there are none."""
    content: dict[str, Any] = results.load_measures(f"{study}-costs")
    return pd.DataFrame(content["rows"])
