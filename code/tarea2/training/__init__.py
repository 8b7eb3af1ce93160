"""Training: a recipe, and the one loop that follows it."""

from __future__ import annotations

from tarea2.training.loop import Diverged, Trained, device_for, fit, train_step
from tarea2.training.recipe import OPTIMISERS, SCHEDULES, Recipe, learning_rate, optimiser_for

__all__ = [
    "OPTIMISERS",
    "SCHEDULES",
    "Diverged",
    "Recipe",
    "Trained",
    "device_for",
    "fit",
    "learning_rate",
    "optimiser_for",
    "train_step",
]
