"""The one training loop: seeded, resumable, for one seed or several at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from tarea2 import checkpoints, metrics
from tarea2.augmentation import augmented, windows
from tarea2.datasets import ArrayStore, Dataset, Split, as_input
from tarea2.evaluation import TASKS
from tarea2.losses import ClassLoss, class_weights
from tarea2.models import Network, Spec, build
from tarea2.training.recipe import Recipe, learning_rate, optimiser_for


class Diverged(ArithmeticError):
    """A loss that is no finite number any more; the message says when, and what may help."""


PLAIN = ClassLoss()  # cross-entropy, all classes alike


@dataclass
class Trained:
    """A trained network and how it got there.

    ``history[split]["loss" | "error"]`` holds one list per seed, whose first value was measured
    before training and the others after each epoch; errors are fractions of 1. Where each pixel
    has a class there is ``"miou"`` too; a network with an objective of its own says itself
    what is kept. If ``train`` is not evaluated, ``history["running"]["loss"]`` holds the mean loss
    of each epoch while it trained, over all seeds. ``threads``: PyTorch's, of this machine.
    """

    model: Network
    history: dict[str, dict[str, list[list[float]]]]
    threads: int


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
    eval_splits: Sequence[str] = ("train", "validation"),
    checkpoint: Path | None = None,
    device: str = "auto",
    progress: bool = False,
    after_epoch: Callable[[int], None] | None = None,
    watch: Callable[[int, Network], None] | None = None,
) -> Trained:
    """Train a network from scratch, or go on from a checkpoint.

    Parameters
    ----------
    spec, dataset, recipe: what is trained, on what, and how.
    seeds: one network per seed; more than one only for networks with members. A seed decides the
        weights and the order of the data, whichever other seeds train beside it.
    eval_splits: the splits that are measured before training and after each epoch.
    checkpoint: file that is replaced after each epoch. If it holds a part of the very same run,
        training goes on there, with as many threads as it began with, and ends with bit-identical
        weights on the same machine. The same run with more epochs goes on where the schedule
        does not depend on their number (:data:`tarea2.checkpoints.OPEN_ENDED`).
    progress: show a bar on a terminal.
    after_epoch: called with the number of epochs done.
    watch: called with that number and the network, before training too where it starts anew. It
        draws no random numbers and leaves the weights as they are.

    Raises
    ------
    Diverged: a loss became NaN or infinite.
    """
    chosen = device_for(device)
    splits = {name: getattr(dataset, name).to(chosen) for name in {"train", *eval_splits}}
    evaluated = {name: splits[name] for name in eval_splits if len(splits[name])}
    # Orders of the data come from generators of their own, dropout from PyTorch's global one.
    orders = [torch.Generator().manual_seed(10_000 + seed) for seed in seeds]
    training = checkpoints.training(spec, dataset, recipe, seeds, eval_splits)
    state = checkpoints.load(checkpoint, training, chosen)
    # Sums depend on the number of threads: what began with two goes on with two.
    threads = state.get("threads", torch.get_num_threads()) if state else torch.get_num_threads()
    weight = class_weights(recipe.class_weights, dataset)
    if weight is not None:
        weight = weight.to(chosen)
    criterion = ClassLoss(recipe.loss, weight, recipe.overlap)
    devices = [chosen] if chosen.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), metrics.threads(threads), _repeatable(chosen):
        torch.manual_seed(20_000 + seeds[0])
        model = build(spec, seeds, recipe.init).to(chosen)
        # PyTorch's own types lack this form of `to`.
        model = model.to(memory_format=model.memory_format)  # type: ignore[call-overload]
        optimiser = optimiser_for(model, recipe)
        history: dict[str, dict[str, list]] = {name: {} for name in evaluated}
        if state is None:
            done = 0
            _evaluate(model, evaluated, history, dataset.background)
            if watch is not None:
                watch(0, model)
        else:
            done, history = state["done"], state["history"]
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
            for order, saved in zip(orders, state["orders"], strict=True):
                order.set_state(saved)
            torch.set_rng_state(state["rng"])
            if chosen.type == "cuda" and state.get("cuda_rng") is not None:
                torch.cuda.set_rng_state(state["cuda_rng"], chosen)
        bar = tqdm(total=recipe.epochs, initial=done, unit="época", disable=not progress or None)
        for epoch in range(done, recipe.epochs):
            running = _one_epoch(
                model, splits["train"], optimiser, recipe, epoch, orders, seeds[0], criterion
            )
            if "train" not in evaluated:
                history.setdefault("running", {"loss": []})["loss"].append(running)
            _evaluate(model, evaluated, history, dataset.background)
            try:
                _check_finite(running, evaluated, history, epoch + 1, recipe)
            except Diverged:
                if checkpoint is not None:
                    checkpoint.unlink(missing_ok=True)  # it leads to the same end
                raise
            if checkpoint is not None:
                checkpoints.save(checkpoint, training, epoch + 1, model, optimiser, orders, history)
            bar.update()
            if watch is not None:
                watch(epoch + 1, model)
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
    return Trained(model.cpu().eval(), transposed, threads)


def _repeatable(device: torch.device) -> AbstractContextManager:
    """On CUDA, the context in which the same convolution gives the same bits each time."""
    if device.type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)


def _check_finite(
    running: list[float], evaluated: dict[str, Split], history: dict, epoch: int, recipe: Recipe
) -> None:
    losses = {"train": running} | {name: history[name]["loss"][-1] for name in evaluated}
    for name, values in losses.items():
        for value in values:
            if not math.isfinite(value):
                raise Diverged(
                    f"the loss on {name} became {value} in epoch {epoch}: the training diverged; "
                    f"a learning rate below {recipe.lr:g} or a normalisation may help"
                )


def _evaluate(model: Network, splits: dict[str, Split], history: dict, background: bool) -> None:
    """Add how a network does on each split, a value for each member."""
    for name, split in splits.items():
        curves = TASKS[model.task].curves(model, split, background)
        for kind in curves[0]:
            history[name].setdefault(kind, []).append([curve[kind] for curve in curves])


def _one_epoch(
    model: Network,
    split: Split,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    epoch: int,
    orders: Sequence[torch.Generator],
    seed: int,
    criterion: ClassLoss,
) -> list[float]:
    """Train for one epoch; return the mean loss on the way, over all members, for each."""
    model.train()
    # What is drawn depends on seed and epoch only: no state to save.
    drawn = torch.Generator().manual_seed(30_000 + 1_000_003 * epoch + seed)
    order = torch.stack([torch.randperm(len(split), generator=g) for g in orders])  # (S, n)
    if not isinstance(split.y, ArrayStore):
        order = order.to(split.y.device)
    steps = math.ceil(len(split) / recipe.batch_size)
    total = 0.0
    for step in range(steps):
        chosen = order[:, step * recipe.batch_size : (step + 1) * recipe.batch_size]  # (S, B)
        rate = learning_rate(recipe, epoch * steps + step, steps)
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("rate_share", 1)
        x, y = _batch(model, split, chosen, recipe, drawn)
        total += train_step(model, x, y, optimiser, criterion, recipe.precision)
    return [total / steps / len(orders)] * len(orders)


def _batch(
    model: Network, split: Split, chosen: Tensor, recipe: Recipe, drawn: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The examples of a step: ``(S, B, ...)`` and ``(S, B)``, or ``(S, B, H, W)``."""
    if recipe.crop is not None:
        pairs = [(split.x[index], split.y[index]) for index in chosen.flatten().tolist()]
        x, y = windows(pairs, recipe.crop, drawn)
        x, y = x.unflatten(0, chosen.shape), y.unflatten(0, chosen.shape)
    else:
        x, y = split.x[chosen], split.y[chosen]
    if isinstance(split.x, ArrayStore):
        device = next(model.parameters()).device
        x, y = x.to(device), y.to(device)
    x = as_input(x)
    if recipe.augment:
        flat = augmented(x.flatten(0, 1), y.flatten(0, 1), recipe.augment, drawn)
        x, y = (part.unflatten(0, chosen.shape) for part in flat)
    return x, y


def train_step(
    model: Network, x: Tensor, y: Tensor, optimiser: torch.optim.Optimizer,
    criterion: ClassLoss = PLAIN, precision: str = "float32",
) -> float:  # fmt: skip
    """One step downhill on a batch; returns the loss, summed over members.

    ``x``: ``(S, B, ...)``; ``y``: ``(S, B, ...)``, as the network's task has it. ``precision``: of
    the forward pass; loss, gradients of the weights and optimiser stay in float32.
    """
    loss = TASKS[model.task].loss(model, x, y, criterion, precision)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()
