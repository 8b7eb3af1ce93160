"""What is minimised where each example, or each pixel, has a class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tarea2.datasets import IGNORED, Dataset
from tarea2.models.network import check_choice

# Losses of single examples or pixels ------------------------------------------------------------


def cross_entropy(scores: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """``-log softmax(scores)[y]``, summed; log-probabilities as scores stay what they are."""
    return F.cross_entropy(scores, y, weight, reduction="sum", ignore_index=IGNORED)


def smoothed_cross_entropy(scores: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy against 0.9 for the class and 0.1 over all (Szegedy et al. 2016)."""
    return F.cross_entropy(
        scores, y, weight, reduction="sum", ignore_index=IGNORED, label_smoothing=0.1
    )


def squared_error(scores: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """Squared distance between the probabilities and the class as a vector (Brier 1950)."""
    counted = y != IGNORED
    truth = F.one_hot(y * counted, scores.shape[1]).movedim(-1, 1)
    squares = (scores.softmax(1) - truth).square().sum(1)
    if weight is not None:
        squares = squares * weight[y * counted]
    return (squares * counted).sum()


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None], Tensor]] = {
    "cross-entropy": cross_entropy,
    "label-smoothing": smoothed_cross_entropy,
    "squared-error": squared_error,
}

# Losses of whole regions ------------------------------------------------------------------------


def soft_dice(scores: Tensor, y: Tensor) -> Tensor:
    """``1 - 2 |P T| / (|P| + |T|)``, a mean over the classes that a batch holds.

    ``P``: the probabilities of a class at all pixels of the batch that count, ``T``: where it is.
    Each class weighs the same, however few its pixels are (Milletari et al. 2016, without squares).
    """
    counted = (y != IGNORED)[:, None]
    found = scores.softmax(1) * counted
    truth = F.one_hot(y.masked_fill(~counted[:, 0], 0), scores.shape[1]).movedim(-1, 1) * counted
    axes = [axis for axis in range(scores.ndim) if axis != 1]
    sizes = truth.sum(axes)
    dice = 2 * (found * truth).sum(axes) / (found.sum(axes) + sizes).clamp(min=1e-6)
    return 1 - (dice * (sizes > 0)).sum() / (sizes > 0).sum().clamp(min=1)


REGION_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor] | None] = {
    "none": None,
    "dice": soft_dice,
}

# Weights of classes -----------------------------------------------------------------------------


def inverse_log(shares: Tensor) -> Tensor:
    """``1 / ln(1.02 + share)`` of each class, which bounds what rare ones gain (ENet, 2016)."""
    return 1 / torch.log(1.02 + shares)


CLASS_WEIGHTS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "none": None,
    "inverse-log": inverse_log,
}


def class_weights(name: str, dataset: Dataset) -> Tensor | None:
    """Weights ``(K,)`` of the classes in the loss, from their shares of the training pixels.

    ``name`` is one of :data:`CLASS_WEIGHTS`; raises ValueError for another one.
    """
    check_choice("class_weights", name, CLASS_WEIGHTS)
    weights_of = CLASS_WEIGHTS[name]
    if weights_of is None:
        return None
    counts = torch.zeros(dataset.num_classes)
    for target in dataset.train.y:
        counts += torch.bincount(target[target != IGNORED].flatten(), minlength=len(counts))
    return weights_of(counts / counts.sum())


# All together -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClassLoss:
    """The loss of a batch that a recipe asks for; a network with its own objective has none.

    name: of :data:`LOSSES`. weight: ``(K,)``, of each class, in the mean too. region: a loss of
    whole regions that is added for each member, of :data:`REGION_LOSSES`.
    """

    name: str = "cross-entropy"
    weight: Tensor | None = None
    region: str = "none"

    def __call__(self, scores: Tensor, y: Tensor) -> Tensor:
        """The mean over a batch of what counts, summed over members.

        ``scores``: ``(S, B, K)``, or ``(S, B, K, H, W)`` with a class per pixel; ``y``: ``(S, B)``
        or ``(S, B, H, W)``. The sum keeps any member's gradient from touching another's.
        """
        total = LOSSES[self.name](scores.flatten(0, 1), y.flatten(0, 1), self.weight)
        loss = total / self._total_weight(y[0])
        added = REGION_LOSSES[self.region]
        return loss if added is None else loss + sum(map(added, scores, y))

    def _total_weight(self, y: Tensor) -> Tensor:
        """What a sum of losses is divided by: how many examples count, or what they weigh."""
        counted = y != IGNORED
        if self.weight is None:
            return counted.sum().clamp(min=1)
        return (self.weight[y * counted] * counted).sum().clamp(min=1e-6)
