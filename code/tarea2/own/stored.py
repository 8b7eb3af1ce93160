"""A study of own images as its folder holds it: runs, classes, scores of single images.

Nothing here needs the images themselves, except :func:`examples`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from tarea2 import metrics, paths, records, results
from tarea2.datasets import IGNORED, DataError, Reading, Split, image_folder
from tarea2.datasets.images.background import NONE
from tarea2.datasets.images.label_map import LabelMap
from tarea2.evaluation import predict_masks
from tarea2.models import load_model
from tarea2.own.runs import read_runs
from tarea2.own.study import FIELDS
from tarea2.records import ResultError
from tarea2.studies.definition import best_run, sees_one_class

SMALLEST = 10  # images from which an interval over images is given


@dataclass(frozen=True)
class OwnRuns:
    """What was trained on own images.

    content: of the study's own record, see :data:`.study.FIELDS`. runs: those that
    belong to its data and recipe (:mod:`.runs`), a row each, as :func:`tarea2.results.load` gives
    them. others: networks whose runs do not. best: the run that is best on validation.
    """

    name: str
    store: Path
    content: dict[str, Any]
    runs: pd.DataFrame
    others: list[str]
    best: dict[str, Any]

    @property
    def label_map(self) -> LabelMap:
        return LabelMap.from_description(self.content["data"]["legend"])

    @property
    def classes(self) -> list[str]:
        """Names of all classes, background first where there is one."""
        entries = [entry.name for entry in self.label_map.entries]
        return ["fondo", *entries[1:]] if self.label_map.background else entries

    @property
    def first(self) -> int:
        """The first class that counts in means: 1 after a background."""
        return 1 if self.label_map.background else 0

    def confusions(self, name: str) -> np.ndarray:
        """On test, ``(seeds, K, K)``: rows are true classes."""
        return np.array([m["confusion"] for m in self._metrics(name)])

    def counts(self, name: str) -> np.ndarray:
        """Hits, false alarms and misses on test, ``(seeds, images, K, 3)``."""
        return np.array([m["test_counts"] for m in self._metrics(name)])

    def by_class(self, name: str) -> np.ndarray:
        """IoU of each class on test, background too: ``(seeds, classes)``."""
        return np.array([metrics.iou(cm) for cm in self.confusions(name)])

    @property
    def blind(self) -> set[str]:
        """See :func:`blind_networks`."""
        return blind_networks(self.runs)

    def courses(self, name: str) -> np.ndarray:
        """Mean IoU on validation after each epoch: ``(seeds, epochs + 1)``."""
        histories = self.runs.loc[self.runs["name"] == name, "history"]
        return np.array([h["validation"]["miou"] for h in histories], dtype=float)

    def _metrics(self, name: str) -> pd.Series:
        return self.runs.loc[self.runs["name"] == name, "metrics"]


def blind_networks(runs: pd.DataFrame) -> set[str]:
    """Networks that cannot rank: a seed of theirs sees one class everywhere on validation."""
    rows = zip(runs["name"], runs["metrics"], strict=True)
    return {name for name, found in rows if sees_one_class(found)}


@dataclass(frozen=True)
class Examples:
    """Test images with what the stored network makes of them.

    images: ``(H, W)`` or ``(H, W, 3)`` of 8 bits; truths and found: ``(H, W)`` of classes or
    IGNORED; scores: mean IoU of each.
    """

    names: list[str]
    images: list[np.ndarray]
    truths: list[np.ndarray]
    found: list[np.ndarray]
    scores: list[float]


def find(folder: Path, name: str | None = None) -> tuple[Path, str]:
    """The store and the name of the study that a folder holds.

    Raises ResultError where it holds none, or several and none is named.
    """
    if not folder.is_dir():
        raise ResultError(f"{folder} is no folder; expected the one that training wrote")
    names = sorted(path.stem for path in (folder / "studies").glob("*.json"))
    if not names:
        raise ResultError(
            f"{folder} holds no study of own images; expected the folder that `tarea2 images "
            "train` wrote: that of --out, or data/own"
        )
    if name is None and len(names) > 1:
        raise ResultError(f"{folder} holds several studies: {', '.join(names)}; add --name")
    if name is not None and name not in names:
        raise ResultError(f"{folder} holds no study {name!r}; it holds {', '.join(names)}")
    return folder.resolve(), name or names[0]


def load(store: Path, name: str) -> OwnRuns:
    """Read what a study has stored.

    Raises ResultError where there is no run of its data and recipe, or a record was altered.
    """
    content = records.read(store / "studies" / f"{name}.json", FIELDS)
    current, others = read_runs(name, store, content)
    images, masks = (paths.short(Path(content[kind])) for kind in ("images", "masks"))
    again = f"`tarea2 images train --images {images} --masks {masks}`"
    if not current:
        also = " of its data and recipe" if others else ""
        raise ResultError(f"study {name} has no runs yet{also}; train it with {again}")
    best = best_run(current)
    if best is None:
        held = np.sum([run["metrics"].get("validation_confusion", 1) for run in current])
        what = "hold no class but background" if held else "hold only pixels that do not count"
        raise ResultError(
            f"no network of {name} has a defined validation score: the masks of its validation "
            f"images {what}, so there is nothing to rank; add images"
        )
    runs = results.table(current)
    for field in ("test_miou", "validation_miou", "test_mean_dice", "test_accuracy"):
        runs[field] = runs.get(field, np.nan)  # undefined in every run
    return OwnRuns(name, store, content, runs, others, best)


def _as_decided(described: dict[str, Any], label_map: LabelMap) -> dict[str, Any]:
    """How folders were read, with the background that was found where none was asked for.

    A study of an earlier version was never asked, and its masks may leave it open; nor were its
    images compared with each other.
    """
    described = {"allow_duplicates": True} | described
    if "background" in described["wishes"]:
        return described
    found = label_map.entries[0].name if label_map.background else NONE
    return described | {"wishes": described["wishes"] | {"background": found}}


def examples(stored: OwnRuns, each: int = 3) -> Examples:
    """The test images that the stored network does best on, and those that it does worst on.

    Best first. Images whose score is undefined are left out.

    Raises
    ------
    ResultError, DataError: the model or the images are not there, or not those of the study.
    """
    content = stored.content
    model, card = load_model(stored.name, stored.store)
    known = (card["run"], card["seed"]) == (stored.best["name"], stored.best["seed"])
    if not known or card["data"] != content["data"]:
        raise ResultError(f"the stored model of {stored.name} is not that of its best run")
    if "reading" not in content:
        raise ResultError(f"{stored.name} does not say how its images were read; train it again")
    reading = Reading.from_description(_as_decided(content["reading"], stored.label_map))
    data = image_folder(
        content["images"], content["masks"], reading=reading, cache=stored.store / "cache"
    )
    if data.files != content["files"]:
        raise DataError(f"the images or masks have changed since {stored.name} was trained")
    if data.sha256 != content["data"]["sha256"]:
        raise DataError(f"the images have other splits than when {stored.name} was trained")
    counts = np.array(stored.best["metrics"]["test_counts"])
    scores = metrics.mean_iou_per_image(counts, stored.first)
    ranked = [int(index) for index in np.argsort(-scores, kind="stable") if scores[index] >= 0]
    chosen = ranked if len(ranked) <= 2 * each else ranked[:each] + ranked[-each:]
    test = data.test

    def part(of: Any) -> Any:
        if of is None:
            return None
        return of[chosen] if isinstance(of, torch.Tensor) else of.chosen(chosen)

    few = Split(part(test.x), part(test.y), part(test.full_size_masks), test.valid_size)
    images, truths, found = [], [], []
    for index, (truth, values) in enumerate(predict_masks(model, few)):
        counted = truth != IGNORED  # padding lies below and at the right, and does not count
        sides = [int(counted.any(axis).nonzero().max()) + 1 for axis in (1, 0)]
        padded = test.valid_size is None  # else the scores are without padding already
        whole = (slice(sides[0]), slice(sides[1])) if padded else (slice(None),) * 2
        height, width = test.valid_size or sides
        image = few.x[index].numpy().transpose(1, 2, 0)[:height, :width]
        images.append(image[..., 0] if image.shape[2] == 1 else image)
        truths.append(truth.numpy().astype(np.uint8)[whole])
        found.append(values.argmax(0).numpy().astype(np.uint8)[whole])
    names = [data.names["test"][index] for index in chosen]
    return Examples(names, images, truths, found, [float(scores[index]) for index in chosen])
