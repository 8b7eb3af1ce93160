"""One class for each task: what a network is trained on, and what it is scored by.

A network names its task (:attr:`tarea2.models.Network.task`); nothing here looks at the form of
the data to find it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tarea2 import metrics
from tarea2.datasets import IGNORED, ArrayStore, Dataset, Split, as_input
from tarea2.losses import ClassLoss
from tarea2.models import Network, Task
from tarea2.precision import autocast

# Examples of all members, and their values, in one batch: more would leave the caches.
BATCH, VALUES = 1000, 784_000
SCORED = ("validation", "test")  # the splits that a trained network is scored on


@dataclass(frozen=True)
class Evaluation:
    """How one network does on one split.

    curve: what is followed while it trains, by name. measures: what is kept at the end; NaN is
    undefined. confusion: ``(K, K)``, rows are the true classes. counts: hits, false alarms and
    misses of each image and class, ``(n, K, 3)``. scores: of each example, ``(n, K)``. What a task
    has no use for is None.
    """

    curve: dict[str, float]
    measures: dict[str, float]
    confusion: np.ndarray | None = None
    counts: np.ndarray | None = None
    scores: Tensor | None = None


# Networks applied -------------------------------------------------------------------------------


def forward(model: Network, x: Tensor, precision: str = "float32") -> Tensor:
    """Apply a network to a batch per member: ``(S, B, ...)`` to ``(S, B, classes, ...)``.

    ``precision``: of :data:`tarea2.precision.PRECISIONS`; what comes out is float32 with any.
    """
    with autocast(precision, x.device):
        scores = model(x) if model.stacked else model(x[0]).unsqueeze(0)
    return scores if precision == "float32" else scores.float()


@torch.inference_mode()
def predict(model: Network, x: Tensor) -> Tensor:
    """Scores of all members for all examples: ``(n, ...)`` to ``(S, n, classes, ...)``."""
    model.eval()
    members = model.members
    batch = min(BATCH, VALUES // x[0].numel()) // members
    pieces = [forward(model, part.expand(members, *part.shape)) for part in x.split(max(1, batch))]
    return torch.cat(pieces, dim=1)


@torch.inference_mode()
def predict_masks(model: Network, split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    """The true classes ``(H, W)`` and the scores ``(K, H, W)`` of each image, at the mask's size.

    Padding is cut off, then scores are enlarged where a mask is larger than its image was.
    """
    model.eval()
    device = next(model.parameters()).device
    masks = split.y if split.full_size_masks is None else split.full_size_masks
    for start, end in _batches(split):
        x = split.x[start:end].to(device)
        scores = forward(model, as_input(x)[None])[0]
        if split.valid_size is not None:
            scores = scores[..., : split.valid_size[0], : split.valid_size[1]]
        for index, found in enumerate(scores, start):
            truth = masks[index].to(device).long()
            if truth.shape != found.shape[1:]:
                found = F.interpolate(
                    found[None], truth.shape, mode="bilinear", align_corners=False
                )[0]
            yield truth, found


def _batches(split: Split) -> Iterator[tuple[int, int]]:
    """Where batches begin and end: images of one size, as many as stay in the caches."""
    start = 0
    while start < len(split):
        size, end = split.x[start].shape, start + 1
        most = start + max(1, min(BATCH, VALUES // size.numel()))
        if isinstance(split.x, ArrayStore):
            while end < min(most, len(split)) and split.x.shapes[end] == tuple(size):
                end += 1
        else:
            end = min(most, len(split))
        yield start, end
        start = end


# Tasks ------------------------------------------------------------------------------------------


class Classification:
    """One class per example."""

    def loss(
        self, model: Network, x: Tensor, y: Tensor, criterion: ClassLoss,
        precision: str = "float32",
    ) -> Tensor:  # fmt: skip
        """Of a batch, summed over members; ``x``: ``(S, B, ...)``, ``y``: ``(S, B)``."""
        return criterion(forward(model, x, precision), y)

    def evaluate(self, model: Network, split: Split, background: bool = True) -> list[Evaluation]:
        """Cross-entropy, share of errors and accuracy, of each member."""
        scores = predict(model, split.x)  # (S, n, K)
        found = []
        for of, curve in zip(scores, _class_curves(scores, split.y), strict=True):
            confusion = metrics.confusion_matrix(split.y, of.argmax(1), of.shape[1])
            measures = {"accuracy": metrics.pixel_accuracy(confusion)}
            found.append(Evaluation(curve, measures, confusion, scores=of))
        return found

    def curves(
        self, model: Network, split: Split, background: bool = True
    ) -> list[dict[str, float]]:
        """The curves of :meth:`evaluate` alone."""
        return _class_curves(predict(model, split.x), split.y)


def _class_curves(scores: Tensor, y: Tensor) -> list[dict[str, float]]:
    """Loss and share of errors of each member; ``scores``: ``(S, n, K)``, ``y``: ``(n,)``."""
    members = len(scores)
    target = y.expand(members, -1)  # (S, n)
    loss = F.cross_entropy(scores.flatten(0, 1), target.flatten(), reduction="none")
    losses = loss.view(members, -1).mean(1).tolist()
    errors = (scores.argmax(2) != target).float().mean(1).tolist()
    return [{"loss": a, "error": b} for a, b in zip(losses, errors, strict=True)]


class Segmentation:
    """One class per pixel; pixels that are IGNORED count nowhere.

    Images are scored one by one at the size of their own mask, however large: only counts are kept.
    """

    def loss(
        self, model: Network, x: Tensor, y: Tensor, criterion: ClassLoss,
        precision: str = "float32",
    ) -> Tensor:  # fmt: skip
        """Of a batch; ``x``: ``(S, B, C, H, W)``, ``y``: ``(S, B, H, W)``."""
        return criterion(forward(model, x, precision), y.long())

    def evaluate(self, model: Network, split: Split, background: bool = True) -> list[Evaluation]:
        """Cross-entropy and what follows from the confusion of all pixels and near boundaries.

        ``background``: whether class 0 is one, which no mean over classes includes.
        """
        loss, counts = 0.0, []
        confusion: Any = 0  # (K, K) once something is counted
        boundaries = np.zeros((2, 2), dtype=np.int64)
        for truth, scores in predict_masks(model, split):
            counted, found = truth != IGNORED, scores.argmax(0)
            loss += _summed_loss(truth, scores)
            cm = metrics.confusion_matrix(truth[counted], found[counted], len(scores))
            confusion = confusion + cm
            counts.append(metrics.class_counts(cm))
            boundaries += metrics.boundary_counts(truth[None], found[None], counted[None])
        measures = _mask_measures(confusion, background)
        measures["edge_error"], measures["inner_error"] = metrics.wrong_shares(boundaries)
        curve = _mask_curve(loss, confusion, background)
        return [Evaluation(curve, measures, confusion, np.array(counts))]

    def curves(
        self, model: Network, split: Split, background: bool = True
    ) -> list[dict[str, float]]:
        """The curve of :meth:`evaluate` alone: neither boundaries nor single images."""
        loss = 0.0
        confusion: Any = 0  # (K, K) once something is counted
        for truth, scores in predict_masks(model, split):
            counted, found = truth != IGNORED, scores.argmax(0)
            loss += _summed_loss(truth, scores)
            confusion = confusion + metrics.confusion_matrix(
                truth[counted], found[counted], len(scores)
            )
        return [_mask_curve(loss, confusion, background)]


def _summed_loss(truth: Tensor, scores: Tensor) -> float:
    """Cross-entropy over the pixels of one image that count."""
    return F.cross_entropy(scores[None], truth[None], reduction="sum", ignore_index=IGNORED).item()


def _mask_curve(loss: float, confusion: np.ndarray, background: bool) -> dict[str, float]:
    return {
        "loss": loss / max(1, int(confusion.sum())),
        "error": 1 - metrics.pixel_accuracy(confusion),
        "miou": metrics.mean_iou(confusion, background),
    }


def _mask_measures(confusion: np.ndarray, background: bool) -> dict[str, float]:
    found = {
        "accuracy": metrics.pixel_accuracy(confusion),
        "miou": metrics.mean_iou(confusion, background),
        "mean_dice": metrics.mean_dice(confusion, background),
    }
    if background:
        counted = confusion.sum()
        found["background_share"] = confusion[0].sum() / counted if counted else math.nan
        found["where"] = metrics.foreground_iou(confusion)
        found["what"] = metrics.foreground_accuracy(confusion)
    return found


class OwnObjective:
    """What the network itself says it minimises and is measured by."""

    def loss(
        self, model: Network, x: Tensor, y: Tensor, criterion: ClassLoss,
        precision: str = "float32",
    ) -> Tensor:  # fmt: skip
        """Of a batch; ``x`` and ``y`` have a first axis of one member.

        Raises ValueError for a precision other than float32: the loss would share it.
        """
        if precision != "float32":
            raise ValueError(
                f"{type(model).__name__} has an objective of its own, which is minimised in "
                f"float32, but the recipe's precision is {precision}"
            )
        return model.loss(x[0], y[0])

    def evaluate(self, model: Network, split: Split, background: bool = True) -> list[Evaluation]:
        """What :meth:`tarea2.models.Network.measure` gives."""
        return [Evaluation(found, found) for found in self.curves(model, split)]

    def curves(
        self, model: Network, split: Split, background: bool = True
    ) -> list[dict[str, float]]:
        """The same numbers: nothing else is measured."""
        return [model.measure(split.x, split.y)]


TASKS: dict[Task, Classification | Segmentation | OwnObjective] = {
    Task.CLASSIFICATION: Classification(),
    Task.SEGMENTATION: Segmentation(),
    Task.OWN_OBJECTIVE: OwnObjective(),
}


def evaluate(model: Network, dataset: Dataset) -> list[dict[str, Evaluation]]:
    """A trained network on each of :data:`SCORED` that holds something: for each member."""
    task = TASKS[model.task]
    found: list[dict[str, Evaluation]] = [{} for _ in range(model.members)]
    for name in SCORED:
        split = getattr(dataset, name)
        if len(split):
            for of, scored in zip(
                found, task.evaluate(model, split, dataset.background), strict=True
            ):
                of[name] = scored
    return found
