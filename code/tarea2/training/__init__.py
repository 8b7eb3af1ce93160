"""Training: a recipe, and the one loop that follows it."""

from __future__ import annotations

from tarea2.training.loop import Diverged, Trained, device_for, fit, train_step
from tarea2.training.recipe import OPTIMISERS, SCHEDULES, Recipe, optimiser_for, rate

__all__ = [
    "OPTIMISERS",
    "SCHEDULES",
    "Diverged",
    "Recipe",
    "Trained",
    "device_for",
    "fit",
    "optimiser_for",
    "rate",
    "train_step",
]
