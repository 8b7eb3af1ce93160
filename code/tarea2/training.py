"""The one training loop: seeded, resumable, for one seed or several at once."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from tarea2.datasets import Dataset, Split
from tarea2.models import Spec, build

EVALUATION_BATCH = 1000  # examples of all members together: more would leave the caches


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the same for all networks of a study.

    ``schedule`` is ``"constant"`` or ``"step"``: the learning rate is multiplied by ``gamma``
    every ``step_epochs`` epochs. ``init`` is explained in :func:`tarea2.models.build`.
    """

    epochs: int
    batch_size: int
    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    step_epochs: int = 20
    gamma: float = 0.5
    init: str = "he"


# The recipes of the two notebooks that train.
NOTEBOOK_10_2 = Recipe(100, 100, 0.05, momentum=0.9, schedule="step", init="notebook")
NOTEBOOK_10_5 = Recipe(3, 64, 0.01, momentum=0.5, init="notebook")


@dataclass
class Trained:
    """A trained network and how it got there.

    ``history[split]["loss" | "error"]`` holds one list per seed, whose first value was measured
    before training and the others after each epoch; errors are fractions of 1.
    """

    model: nn.Module
    history: dict[str, dict[str, list[list[float]]]]


def device_for(name: str = "auto") -> torch.device:
    """Pick CUDA, then Apple's MPS, then the CPU, unless a device is named."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fit(
    spec: Spec,
    dataset: Dataset,
    recipe: Recipe,
    seeds: Sequence[int] = (0,),
    *,
    watch: Sequence[str] = ("train", "validation"),
    checkpoint: Path | None = None,
    device: str = "auto",
    progress: bool = False,
    after_epoch: Callable[[int], None] | None = None,
) -> Trained:
    """Train a network from scratch, or go on from a checkpoint.

    Parameters
    ----------
    spec, dataset, recipe: what is trained, on what, and how.
    seeds: one network per seed; more than one only for networks with members. A seed decides the
        weights and the order of the data, whichever other seeds train beside it.
    watch: the splits that are measured before training and after each epoch.
    checkpoint: file that is replaced after each epoch. If it holds a part of the very same run,
        training goes on there, and ends with bit-identical weights on the same machine.
    progress: show a bar on a terminal.
    after_epoch: called with the number of epochs done.
    """
    chosen = device_for(device)
    splits = {name: getattr(dataset, name).to(chosen) for name in {"train", *watch}}
    watched = {name: splits[name] for name in watch if len(splits[name])}
    # Orders of the data come from generators of their own, dropout from PyTorch's global one.
    orders = [torch.Generator().manual_seed(10_000 + seed) for seed in seeds]
    identity = _identity(spec, dataset, recipe, seeds, watch)
    with torch.random.fork_rng(devices=[chosen] if chosen.type == "cuda" else []):
        torch.manual_seed(20_000 + seeds[0])
        model = build(spec, seeds, recipe.init).to(chosen)
        optimiser = torch.optim.SGD(
            model.parameters(), recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay
        )
        state = _load(checkpoint, identity, chosen)
        if state is None:
            done, history = 0, {name: {"loss": [], "error": []} for name in watched}
            _measure(model, watched, history)
        else:
            done, history = state["done"], state["history"]
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
            for order, saved in zip(orders, state["orders"], strict=True):
                order.set_state(saved)
            torch.set_rng_state(state["rng"])
        bar = tqdm(total=recipe.epochs, initial=done, unit="época", disable=not progress or None)
        for epoch in range(done, recipe.epochs):
            _set_rate(optimiser, recipe, epoch)
            _one_epoch(model, splits["train"], optimiser, recipe.batch_size, orders)
            _measure(model, watched, history)
            if checkpoint is not None:
                _save(checkpoint, identity, epoch + 1, model, optimiser, orders, history)
            bar.update()
            if after_epoch is not None:
                after_epoch(epoch + 1)
        bar.close()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    # (epochs + 1, seeds) -> one list per seed
    transposed = {
        name: {key: [list(row) for row in zip(*rows, strict=True)] for key, rows in kept.items()}
        for name, kept in history.items()
    }
    return Trained(model.cpu().eval(), transposed)


def forward(model: nn.Module, x: Tensor) -> Tensor:
    """Apply a network to a batch per member: ``(S, B, ...)`` to ``(S, B, classes)``."""
    if getattr(model, "members", 1) == 1 and _takes_plain_batches(model):
        return model(x[0]).unsqueeze(0)
    return model(x)


def _takes_plain_batches(model: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) for layer in model.modules())


def _one_epoch(
    model: nn.Module,
    split: Split,
    optimiser: torch.optim.Optimizer,
    batch_size: int,
    orders: Sequence[torch.Generator],
) -> None:
    model.train()
    order = torch.stack([torch.randperm(len(split), generator=g) for g in orders])  # (S, n)
    order = order.to(split.y.device)
    for start in range(0, len(split), batch_size):
        chosen = order[:, start : start + batch_size]  # (S, B)
        scores = forward(model, split.x[chosen])  # (S, B, classes)
        # The mean over a batch, summed over members: no member's gradient touches another's.
        # Cross-entropy of log-probabilities is nll_loss: their logarithm of sums is zero.
        loss = F.cross_entropy(scores.flatten(0, 1), split.y[chosen].flatten(), reduction="sum")
        optimiser.zero_grad()
        (loss / chosen.shape[1]).backward()
        optimiser.step()


@torch.no_grad()
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Scores of all members for all examples: ``(n, ...)`` to ``(S, n, classes)``."""
    model.eval()
    members = getattr(model, "members", 1)
    pieces = [
        forward(model, part.expand(members, *part.shape))
        for part in x.split(max(1, EVALUATION_BATCH // members))
    ]
    return torch.cat(pieces, dim=1)


def _measure(model: nn.Module, splits: dict[str, Split], history: dict) -> None:
    for name, split in splits.items():
        scores = predict(model, split.x)  # (S, n, classes)
        members, examples, _ = scores.shape
        target = split.y.expand(members, examples)
        loss = F.cross_entropy(scores.flatten(0, 1), target.flatten(), reduction="none")
        history[name]["loss"].append(loss.view(members, examples).mean(1).tolist())
        history[name]["error"].append((scores.argmax(2) != target).float().mean(1).tolist())


def _set_rate(optimiser: torch.optim.Optimizer, recipe: Recipe, epoch: int) -> None:
    if recipe.schedule not in ("constant", "step"):
        raise ValueError(f'schedule is {recipe.schedule!r}, expected "constant" or "step"')
    steps = epoch // recipe.step_epochs if recipe.schedule == "step" else 0
    for group in optimiser.param_groups:
        group["lr"] = recipe.lr * recipe.gamma**steps


# Checkpoints ------------------------------------------------------------------------------------


def _identity(
    spec: Spec, dataset: Dataset, recipe: Recipe, seeds: Sequence[int], watch: Sequence[str]
) -> str:
    parts = [type(spec).__name__, asdict(spec), asdict(recipe), dataset.sha256, [*seeds], [*watch]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _save(path, identity, done, model, optimiser, orders, history) -> None:
    buffer = io.BytesIO()
    torch.save(
        {
            "identity": identity,
            "done": done,
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "orders": [order.get_state() for order in orders],
            "rng": torch.get_rng_state(),
            "history": history,
        },
        buffer,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)  # a reader sees the old checkpoint or the new one, never a part


def _load(path: Path | None, identity: str, device: torch.device) -> dict | None:
    """Return a checkpoint of the same run; one of another run, or a damaged one, is no start."""
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
