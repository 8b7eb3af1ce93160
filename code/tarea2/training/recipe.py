"""How a network is trained: a recipe, whose names stand for what the registries hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from tarea2 import records
from tarea2.augmentation import AUGMENTATIONS
from tarea2.losses import CLASS_WEIGHTS, LOSSES, REGION_LOSSES
from tarea2.models.building import INITS
from tarea2.models.network import Network, check_choices
from tarea2.precision import PRECISIONS


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the same for all networks of a study.

    ``optimiser`` is one of :data:`OPTIMISERS`; ``momentum`` belongs to ``"sgd"``.
    ``schedule``, one of :data:`SCHEDULES`, says how the learning rate goes from ``lr`` on;
    ``step_epochs`` and ``gamma`` belong to ``"step"``. ``loss`` is one of
    :data:`tarea2.losses.LOSSES`; networks that bring their own do without. ``init``, one of
    :data:`tarea2.models.building.INITS`, is explained in :func:`tarea2.models.build`.

    ``class_weights``: of the classes in the loss, one of :data:`tarea2.losses.CLASS_WEIGHTS`;
    ``augment``: what is done at random to each batch of images, of
    :data:`tarea2.augmentation.AUGMENTATIONS`; ``crop``: the side of the random square that is
    trained on, in pixels, or None; ``overlap``: a loss of whole regions that is added, one of
    :data:`tarea2.losses.REGION_LOSSES`; ``precision``: of the forward pass, one of
    :data:`tarea2.precision.PRECISIONS`; a network is evaluated in float32 in any case.

    Raises
    ------
    ValueError: a name that is none of these.
    """

    epochs: int
    batch_size: int
    lr: float
    optimiser: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    step_epochs: int = 20
    gamma: float = 0.5
    init: str = "he"
    loss: str = "cross-entropy"
    class_weights: str = field(default="none", metadata=records.LATER)
    augment: tuple[str, ...] = field(default=(), metadata=records.LATER)
    crop: int | None = field(default=None, metadata=records.LATER)
    overlap: str = field(default="none", metadata=records.LATER)
    precision: str = field(default="float32", metadata=records.LATER)

    def __post_init__(self) -> None:
        check_choices(
            self,
            {
                "optimiser": OPTIMISERS, "schedule": SCHEDULES, "init": INITS, "loss": LOSSES,
                "class_weights": CLASS_WEIGHTS, "overlap": REGION_LOSSES,
                "precision": PRECISIONS,
            },
        )  # fmt: skip
        unknown = sorted(set(self.augment) - set(AUGMENTATIONS))
        if unknown:
            raise ValueError(
                f"augment has {', '.join(unknown)}, expected some of {', '.join(AUGMENTATIONS)}"
            )


# Optimisers -------------------------------------------------------------------------------------

Groups = Iterable[dict[str, Any]]  # see Network.parameter_groups


def _sgd(parameters: Groups, recipe: Recipe, **shared: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, momentum=recipe.momentum, **shared)


def _adam(parameters: Groups, recipe: Recipe, **shared: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, **shared)


def _adamw(parameters: Groups, recipe: Recipe, **shared: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, **shared)


OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adamw,
}


def optimiser_for(model: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser that a recipe asks for."""
    make = OPTIMISERS[recipe.optimiser]
    return make(model.parameter_groups(), recipe, lr=recipe.lr, weight_decay=recipe.weight_decay)


# Schedules: the learning rate of a step, counted from 0, of so many in the whole training --------

WARM_UP = 0.3  # share of the steps in which the one-cycle rate rises


def constant(recipe: Recipe, step: int, steps: int) -> float:
    """Always ``lr``."""
    return recipe.lr


def stepwise(recipe: Recipe, step: int, steps: int) -> float:
    """``lr``, multiplied by ``gamma`` every ``step_epochs`` epochs."""
    epoch = step * recipe.epochs // steps
    return recipe.lr * recipe.gamma ** (epoch // recipe.step_epochs)


def cosine(recipe: Recipe, step: int, steps: int) -> float:
    """From ``lr`` to 0 along half a cosine (Loshchilov & Hutter 2017)."""
    return _half_cosine(recipe.lr, 0.0, step / max(1, steps - 1))


def one_cycle(recipe: Recipe, step: int, steps: int) -> float:
    """From ``lr / 25`` up to ``lr`` in 30 % of the steps, then down to ``lr / 250,000``.

    Both along half a cosine (Smith & Topin 2019): PyTorch's ``OneCycleLR`` without its cycle of
    momentum, but a function of the step, so that resuming needs no state.
    """
    low, peak, top = recipe.lr / 25, recipe.lr, WARM_UP * steps - 1
    if step <= top:
        return _half_cosine(low, peak, step / top)
    return _half_cosine(peak, low / 1e4, (step - top) / (steps - 1 - top))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


SCHEDULES: dict[str, Callable[[Recipe, int, int], float]] = {
    "constant": constant,
    "step": stepwise,
    "cosine": cosine,
    "one-cycle": one_cycle,
}


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Learning rate of one step, counted from 0 over the whole training."""
    return SCHEDULES[recipe.schedule](recipe, step, recipe.epochs * steps_per_epoch)
