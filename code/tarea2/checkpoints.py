"""A training that was interrupted, in a file: it goes on there, with bit-identical weights."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tarea2 import records
from tarea2.datasets import Dataset
from tarea2.models import Spec
from tarea2.paths import replacing

# Schedules whose rate at a step is the same however many epochs there are in all.
OPEN_ENDED = ("constant", "step")


@dataclass(frozen=True)
class Training:
    """What says that two trainings are the same.

    network, spec, recipe: as records describe them; data: their digest; seeds, splits: those that
    train, and those that are evaluated.
    """

    network: str
    spec: dict[str, Any]
    recipe: dict[str, Any]
    data: str
    seeds: list[int]
    splits: list[str]

    @property
    def identity(self) -> str:
        """A digest of all of it."""
        parts = [self.network, self.spec, self.recipe, self.data, self.seeds, self.splits]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def others(self, described: dict[str, Any]) -> list[str]:
        """What a described training has otherwise: ``epochs``, ``data`` and the like."""
        mine, theirs = asdict(self), dict(described)
        here, there = mine.pop("recipe"), theirs.pop("recipe")
        # Either may lack what the other has: a field that is as it was before it came is not told.
        names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
        return names + [name for name in mine if mine[name] != theirs.get(name)]

    def goes_on_from(self, state: dict[str, Any]) -> bool:
        """Whether a state is one that this training passes through.

        With other epochs it is where the schedule does not depend on their number.
        """
        if state.get("identity") == self.identity:
            return True
        return (
            self.recipe["schedule"] in OPEN_ENDED
            and state["done"] <= self.recipe["epochs"]
            and "training" in state
            and self.others(state["training"]) == ["epochs"]
        )


def training(
    spec: Spec, dataset: Dataset, recipe: Any, seeds: Sequence[int], splits: Sequence[str]
) -> Training:
    """What is trained; ``splits``: those that are evaluated."""
    network, described = records.describe(spec)
    recipe = records.describe(recipe)[1]
    return Training(network, described, recipe, dataset.sha256, [*seeds], [*splits])


def save(path, training, done, model, optimiser, orders, history) -> None:
    """Replace the file by the state after ``done`` epochs."""
    state = {
        "identity": training.identity,
        "training": asdict(training),
        "threads": torch.get_num_threads(),
        "done": done,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "orders": [order.get_state() for order in orders],
        "rng": torch.get_rng_state(),
        # A GPU draws dropout from numbers of its own.
        "cuda_rng": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        "history": history,
    }
    content = io.BytesIO()  # a full disk is then an OSError, not one of PyTorch's
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def read(path: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """The state that a file holds; None where there is none, or it is damaged."""
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception:  # whatever a damaged file makes of the reader, it is no checkpoint
        return None
    return state if isinstance(state, dict) and "done" in state else None


def load(path: Path | None, training: Training, device: torch.device) -> dict[str, Any] | None:
    """The state to go on from; one of another training, or a damaged file, is no start."""
    state = read(path, device) if path is not None else None
    if state is None or not training.goes_on_from(state):
        return None
    for key in ("orders", "rng"):
        value = state[key]
        state[key] = [v.cpu() for v in value] if isinstance(value, list) else value.cpu()
    if state.get("cuda_rng") is not None:
        state["cuda_rng"] = state["cuda_rng"].cpu()
    return state


def lost(path: Path, training: Training) -> str:
    """What of a file a training would overwrite, in words; empty if it goes on from there."""
    state = read(path)
    if state is None or training.goes_on_from(state):
        return ""
    if "training" not in state:  # of an earlier version
        return f"{state['done']} epochs, begun with another spec, recipe or data"
    before, named = state["training"]["recipe"], training.others(state["training"])
    values = [f"{name} {before[name]}" if name in before else f"other {name}" for name in named]
    return f"{state['done']} of {before['epochs']} epochs, begun with {', '.join(values)}"
