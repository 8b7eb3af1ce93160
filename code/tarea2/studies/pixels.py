"""Scores of a network whose masks may be large, of several sizes, or hold pixels that do not count.

Images are scored one by one at the size of their own mask; only counts are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tarea2 import metrics
from tarea2.datasets import IGNORED, Dataset
from tarea2.models import Network
from tarea2.training import segment


def measured(model: Network, dataset: Dataset, split: str) -> dict[str, Any]:
    """Counts and scores of one split: what is undefined there is NaN.

    ``counts`` holds hits, false alarms and misses of each image and class, ``(n, K, 3)``.
    """
    classes = dataset.num_classes
    confusion = np.zeros((classes, classes), dtype=np.int64)
    edges = np.zeros((2, 2))  # elsewhere and near an edge: wrong, all
    counts = []
    for target, scores in segment(model, getattr(dataset, split)):
        counted, found = target != IGNORED, scores.argmax(0)
        cm = metrics.confusion_matrix(target[counted], found[counted], classes)
        hit = np.diagonal(cm)
        counts.append(np.stack([hit, cm.sum(0) - hit, cm.sum(1) - hit], axis=1).tolist())
        confusion += cm
        near, wrong = metrics.near_edges(target[None])[0], target != found
        for place, where in enumerate((~near & counted, near & counted)):
            edges[place] += int(wrong[where].sum()), int(where.sum())
    return _scores(confusion, edges, dataset.background) | {
        "confusion": confusion.tolist(),
        "counts": counts,
        "iou": [None if np.isnan(v) else float(v) for v in metrics.iou(confusion)],
    }


def _scores(confusion: np.ndarray, edges: np.ndarray, background: bool) -> dict[str, float]:
    first = 1 if background else 0
    dice = metrics.dice(confusion)[first:]
    found = {
        "accuracy": metrics.pixel_accuracy(confusion),
        "miou": metrics.mean_iou(confusion, background),
        "mean_dice": float(np.nanmean(dice)) if not np.isnan(dice).all() else np.nan,
        "inner_error": edges[0, 0] / edges[0, 1] if edges[0, 1] else np.nan,
        "edge_error": edges[1, 0] / edges[1, 1] if edges[1, 1] else np.nan,
    }
    if background:
        found["background_share"] = confusion[0].sum() / max(1, confusion.sum())
        found["where"], found["what"] = metrics.where_and_what(confusion)
    return found


def worth_more_steps(history: dict[str, Any]) -> str:
    """Whether the learning curve says that training was too short, in one sentence; else ``""``.

    It does where the validation score rose by more than 0.02 during the last fifth of the epochs,
    or where the training loss fell by less than half in all.
    """
    scores = [v for v in history["validation"]["miou"] if v is not None and not np.isnan(v)]
    loss = history.get("running", {}).get("loss", [])
    fifth = len(scores) // 5
    if fifth and np.mean(scores[-fifth:]) - np.mean(scores[-2 * fifth : -fifth]) > 0.02:
        return "the validation score still rose in the last fifth of the epochs"
    if len(loss) > 1 and loss[-1] > loss[0] / 2:
        return f"the training loss fell from {loss[0]:.2g} to {loss[-1]:.2g} only"
    return ""


def is_in_eight_bits(dataset: Dataset) -> bool:
    """Whether masks are held so that pixels may be ignored."""
    return dataset.test.y.dtype == torch.uint8
