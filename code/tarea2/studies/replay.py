"""What some networks see in a few scenes after each epoch, to watch them learn.

Runs of the main study and of the one with other rates, trained once more with the same seed, data
and recipe: a stored run keeps its scores after each epoch, and no masks.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tarea2 import datasets, metrics, paths, results
from tarea2.datasets import Split
from tarea2.evaluation import predict
from tarea2.models import Network
from tarea2.studies import recipes, segmentation
from tarea2.studies.definition import Definition, rounded
from tarea2.training import fit

NAME = "segmentation-replay"
SEED = 0
# Three at the rate that all share, and three at their own.
RUNS = (
    "baseline", "width-8", "reference", "width-8-lr-0.1", "reference-lr-0.03", "wide-slow-lr-0.1",
)  # fmt: skip
# Of validation, which every choice is made on.
SCENES = (0, 1, 2, 3, 4, 5)
FOUND = 0.5  # from this IoU of "some digit" on digits count as found


def definitions() -> list[Definition]:
    """The runs' definitions, from the studies that they belong to."""
    known = {d.name: d for d in (*segmentation.DEFINITIONS, *recipes.DEFINITIONS)}
    return [known[name] for name in RUNS]


def record(definition: Definition, scenes: Sequence[int] = SCENES) -> dict[str, Any]:
    """Train a network and keep what it sees in ``scenes`` of validation.

    ``masks``: a picture of them, as :func:`packed` has it, a row for each epoch, before training
    first; ``miou``: of all of validation, as many values.
    """
    dataset = definition.data()
    x, rows = dataset.validation.x[list(scenes)], []

    def watch(epoch: int, model: Network) -> None:
        rows.append(predict(model, x)[0].argmax(1).numpy())

    with metrics.one_thread():  # as the stored runs were trained: sums depend on it
        trained = fit(
            definition.spec, dataset, definition.recipe, (SEED,),
            eval_splits=definition.eval_splits, device="cpu", progress=True, watch=watch,
        )  # fmt: skip
    return {
        "key": definition.key(),
        "miou": [rounded(value) for value in trained.history["validation"]["miou"][0]],
        "masks": packed(np.array(rows)),
    }


def store() -> None:
    """Record and store what is not recorded yet, a network at a time."""
    wanted = {definition.name: definition for definition in definitions()}
    recorded = load()["networks"] if _path().exists() else {}
    kept = {
        name: found
        for name, found in recorded.items()
        if name in wanted and found["key"] == wanted[name].key()
    }
    for name, definition in wanted.items():
        if name not in kept:
            kept[name] = record(definition)
            in_order = {run: kept[run] for run in RUNS if run in kept}
            content = {"seed": SEED, "scenes": list(SCENES), "networks": in_order}
            results.save_measures(NAME, content)


def load() -> dict[str, Any]:
    """What :func:`store` stored; raises :class:`tarea2.records.ResultError` if there is none."""
    return results.load_measures(NAME)


def _path() -> Path:
    return paths.RESULTS / "measures" / f"{NAME}.json"


def scenes() -> Split:
    """The scenes and their true masks."""
    validation = datasets.scenes("validation", max(SCENES) + 1)
    return Split(validation.x[list(SCENES)], validation.y[list(SCENES)])


def where_after_epochs(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IoU of "some digit" over all scenes: masks ``(rows, n, H, W)``, truth ``(n, H, W)``."""
    both = ((masks > 0) & (truth > 0)).sum((1, 2, 3))
    either = ((masks > 0) | (truth > 0)).sum((1, 2, 3))
    return both / either


def epoch_that_finds(masks: np.ndarray, truth: np.ndarray, least: float = FOUND) -> int | None:
    """The epoch from which on a network finds digits: where is at least ``least``; None if never.

    Arguments as for :func:`where_after_epochs`.
    """
    short = np.flatnonzero(where_after_epochs(masks, truth) < least)
    first = int(short[-1]) + 1 if len(short) else 0
    return first if first < len(masks) else None


# Masks as a picture ----------------------------------------------------------------------------


def packed(masks: np.ndarray) -> str:
    """Masks ``(rows, columns, H, W)`` of at most 16 classes as one PNG of 4 bits, in base64.

    They lie in rows and columns. Class ``k`` has the grey value ``16 k``: browsers that guard
    against fingerprinting change what they read by one or two.
    """
    rows, columns, height, width = masks.shape
    sheet = masks.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    picture = Image.fromarray(sheet.astype(np.uint8)).convert("P")
    picture.putpalette([16 * k for k in range(16) for _ in range(3)])
    content = io.BytesIO()
    picture.save(content, format="PNG", bits=4, optimize=True)
    return base64.b64encode(content.getvalue()).decode()


def unpacked(text: str, size: int = datasets.SCENE_SIZE) -> np.ndarray:
    """The masks of :func:`packed`, ``(rows, columns, size, size)``."""
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    rows, columns = sheet.shape[0] // size, sheet.shape[1] // size
    return sheet.reshape(rows, size, columns, size).transpose(0, 2, 1, 3)
