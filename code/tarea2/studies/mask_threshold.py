"""Where the edge lies: one network trained and scored with masks of other drawing thresholds.

Scenes are the same; what changes is from how much ink a pixel belongs to a digit.
"""

from __future__ import annotations

from functools import cache, partial

from tarea2 import datasets
from tarea2.datasets import Dataset
from tarea2.studies.definition import Definition
from tarea2.studies.segmentation import RECIPE, REFERENCE

THRESHOLDS = (0.25, 0.45)  # the study's own is datasets.SCENE_THRESHOLD


@cache
def scenes_at(threshold: float) -> Dataset:
    """The digit scenes with masks drawn at another threshold."""
    parts = [
        datasets.scenes(split, count, threshold=threshold)
        for split, count in datasets.SCENE_COUNTS.items()
    ]
    return Dataset(f"digits-scenes-ink-{threshold:g}", 11, *parts)


DEFINITIONS = tuple(
    Definition(
        f"reference-ink-{threshold:g}", REFERENCE, RECIPE, partial(scenes_at, threshold), (0,),
        eval_splits=("validation",),
    )
    for threshold in THRESHOLDS
)  # fmt: skip
