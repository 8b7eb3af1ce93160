"""A training that was interrupted, in a file: it goes on there, with bit-identical weights."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tarea2 import records
from tarea2.datasets import Dataset
from tarea2.models import Spec
from tarea2.paths import replacing


def identity(
    spec: Spec, dataset: Dataset, recipe: Any, seeds: Sequence[int], splits: Sequence[str]
) -> str:
    """What says that two trainings are the same; ``splits``: those that are evaluated."""
    described = [*records.describe(spec), records.describe(recipe)[1]]
    parts = [*described, dataset.sha256, [*seeds], [*splits]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def save(path, identity, done, model, optimiser, orders, history) -> None:
    """Replace the file by the state after ``done`` epochs."""
    state = {
        "identity": identity,
        "done": done,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "orders": [order.get_state() for order in orders],
        "rng": torch.get_rng_state(),
        "history": history,
    }
    content = io.BytesIO()  # a full disk is then an OSError, not one of PyTorch's
    torch.save(state, content)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load(path: Path | None, identity: str, device: torch.device) -> dict[str, Any] | None:
    """The state of the same training; one of another training, or a damaged file, is no start."""
    if path is None or not path.exists():
        return None
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception:  # whatever a damaged file makes of the reader, it is no checkpoint
        return None
    if state.get("identity") != identity:
        return None
    for key in ("orders", "rng"):
        value = state[key]
        state[key] = [v.cpu() for v in value] if isinstance(value, list) else value.cpu()
    return state
