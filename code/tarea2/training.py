"""The one training loop: seeded, resumable, for one seed or several at once."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from tarea2 import metrics, records
from tarea2.augmentation import AUGMENTATIONS, augmented, windows
from tarea2.datasets import IGNORED, Dataset, Shelf, Split, as_input
from tarea2.models import Network, Spec, build
from tarea2.paths import replacing

# Examples of all members, and their values, in one batch of an evaluation: more would leave the
# caches.
EVALUATION_BATCH, EVALUATION_VALUES = 1000, 784_000


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the same for all networks of a study.

    ``optimiser`` is ``"sgd"``, ``"adam"`` or ``"adamw"``; ``momentum`` belongs to the first.
    ``schedule`` says how the learning rate goes: ``"constant"``; ``"step"``, multiplied by
    ``gamma`` every ``step_epochs`` epochs; ``"cosine"``, down to 0; or ``"one-cycle"``, up to
    ``lr`` and down again (:func:`rate`). ``loss`` is one of :data:`LOSSES`; networks that bring
    their own do without. ``init`` is explained in :func:`tarea2.models.build`.

    ``class_weights``: of the classes in the loss, ``"none"`` or one of :data:`CLASS_WEIGHTS`;
    ``augment``: what is done at random to each batch of images, of :data:`AUGMENTATIONS`;
    ``crop``: the side of the random square that is trained on, in pixels, or None;
    ``overlap``: a loss of whole regions that is added, ``"none"`` or one of :data:`OVERLAPS`.
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


class Diverged(ArithmeticError):
    """A loss that is no finite number any more; the message says when, and what may help."""


@dataclass
class Trained:
    """A trained network and how it got there.

    ``history[split]["loss" | "error"]`` holds one list per seed, whose first value was measured
    before training and the others after each epoch; errors are fractions of 1. Where each pixel
    has a class there is ``"miou"`` too; a network with an objective of its own says itself
    what is kept. If ``train`` is not watched, ``history["running"]["loss"]`` holds the mean loss
    of each epoch while it trained, over all seeds.
    """

    model: Network
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

    Raises
    ------
    Diverged: a loss became NaN or infinite.
    """
    chosen = device_for(device)
    splits = {name: getattr(dataset, name).to(chosen) for name in {"train", *watch}}
    watched = {name: splits[name] for name in watch if len(splits[name])}
    # Orders of the data come from generators of their own, dropout from PyTorch's global one.
    orders = [torch.Generator().manual_seed(10_000 + seed) for seed in seeds]
    identity = _identity(spec, dataset, recipe, seeds, watch)
    if recipe.loss not in LOSSES:
        raise ValueError(f"loss is {recipe.loss!r}, expected one of {', '.join(LOSSES)}")
    if recipe.overlap not in ("none", *OVERLAPS):
        raise ValueError(
            f"overlap is {recipe.overlap!r}, expected none or one of {', '.join(OVERLAPS)}"
        )
    unknown = sorted(set(recipe.augment) - set(AUGMENTATIONS))
    if unknown:
        raise ValueError(
            f"augment has {', '.join(unknown)}, expected some of {', '.join(AUGMENTATIONS)}"
        )
    weight = class_weights(recipe.class_weights, dataset)
    if weight is not None:
        weight = weight.to(chosen)
    with torch.random.fork_rng(devices=[chosen] if chosen.type == "cuda" else []):
        torch.manual_seed(20_000 + seeds[0])
        model = build(spec, seeds, recipe.init).to(chosen)
        # PyTorch's own types lack this form of `to`.
        model = model.to(memory_format=model.memory_format)  # type: ignore[call-overload]
        optimiser = optimiser_for(model, recipe)
        state = _load(checkpoint, identity, chosen)
        history: dict[str, dict[str, list]] = {name: {} for name in watched}
        if state is None:
            done = 0
            _measure(model, watched, history, dataset.background)
        else:
            done, history = state["done"], state["history"]
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
            for order, saved in zip(orders, state["orders"], strict=True):
                order.set_state(saved)
            torch.set_rng_state(state["rng"])
        bar = tqdm(total=recipe.epochs, initial=done, unit="época", disable=not progress or None)
        for epoch in range(done, recipe.epochs):
            running = _one_epoch(
                model, splits["train"], optimiser, recipe, epoch, orders, seeds[0], weight
            )
            if "train" not in watched:
                history.setdefault("running", {"loss": []})["loss"].append(running)
            _measure(model, watched, history, dataset.background)
            _check_finite(running, watched, history, epoch + 1, recipe)
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


def _check_finite(
    running: list[float], watched: dict[str, Split], history: dict, epoch: int, recipe: Recipe
) -> None:
    losses = {"train": running} | {name: history[name]["loss"][-1] for name in watched}
    for name, values in losses.items():
        for value in values:
            if not math.isfinite(value):
                raise Diverged(
                    f"the loss on {name} became {value} in epoch {epoch}: the training diverged; "
                    f"a learning rate below {recipe.lr:g} or a normalisation may help"
                )


def forward(model: Network, x: Tensor) -> Tensor:
    """Apply a network to a batch per member: ``(S, B, ...)`` to ``(S, B, classes, ...)``."""
    return model(x) if model.stacked else model(x[0]).unsqueeze(0)


def _one_epoch(
    model: Network,
    split: Split,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    epoch: int,
    orders: Sequence[torch.Generator],
    seed: int,
    weight: Tensor | None,
) -> list[float]:
    """Train for one epoch; return the mean loss on the way, over all members, for each."""
    model.train()
    # What is drawn depends on seed and epoch only: no state to save.
    drawn = torch.Generator().manual_seed(30_000 + 1_000_003 * epoch + seed)
    order = torch.stack([torch.randperm(len(split), generator=g) for g in orders])  # (S, n)
    if not isinstance(split.y, Shelf):
        order = order.to(split.y.device)
    steps = math.ceil(len(split) / recipe.batch_size)
    total = 0.0
    for step in range(steps):
        chosen = order[:, step * recipe.batch_size : (step + 1) * recipe.batch_size]  # (S, B)
        for group in optimiser.param_groups:
            group["lr"] = rate(recipe, epoch * steps + step, steps)
        x, y = _batch(model, split, chosen, recipe, drawn)
        total += one_step(model, x, y, optimiser, recipe.loss, weight, recipe.overlap)
    return [total / steps / len(orders)] * len(orders)


def _batch(
    model: Network, split: Split, chosen: Tensor, recipe: Recipe, drawn: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The examples of a step: ``(S, B, ...)`` and ``(S, B)``, or ``(S, B, H, W)``."""
    if recipe.crop is not None:
        pairs = [(split.x[place], split.y[place]) for place in chosen.flatten().tolist()]
        x, y = windows(pairs, recipe.crop, drawn)
        x, y = x.unflatten(0, chosen.shape), y.unflatten(0, chosen.shape)
    else:
        x, y = split.x[chosen], split.y[chosen]
    if isinstance(split.x, Shelf):
        device = next(model.parameters()).device
        x, y = x.to(device), y.to(device)
    x = as_input(x)
    if recipe.augment:
        flat = augmented(x.flatten(0, 1), y.flatten(0, 1), recipe.augment, drawn)
        x, y = (part.unflatten(0, chosen.shape) for part in flat)
    return x, y


def inverse_log(shares: Tensor) -> Tensor:
    """``1 / ln(1.02 + share)`` of each class, which bounds what rare ones gain (ENet, 2016)."""
    return 1 / torch.log(1.02 + shares)


CLASS_WEIGHTS = {"inverse-log": inverse_log}


def class_weights(name: str, dataset: Dataset) -> Tensor | None:
    """Weights ``(K,)`` of the classes in the loss, from their shares of the training pixels."""
    if name == "none":
        return None
    if name not in CLASS_WEIGHTS:
        raise ValueError(
            f"class_weights is {name!r}, expected none or one of {', '.join(CLASS_WEIGHTS)}"
        )
    counts = torch.zeros(dataset.num_classes)
    for target in dataset.train.y:
        counts += torch.bincount(target[target != IGNORED].flatten(), minlength=len(counts))
    return CLASS_WEIGHTS[name](counts / counts.sum())


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


LOSSES = {
    "cross-entropy": cross_entropy,
    "label-smoothing": smoothed_cross_entropy,
    "squared-error": squared_error,
}


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


OVERLAPS = {"dice": soft_dice}


def one_step(
    model: Network, x: Tensor, y: Tensor, optimiser: torch.optim.Optimizer,
    loss_name: str = "cross-entropy", weight: Tensor | None = None, overlap: str = "none",
) -> float:  # fmt: skip
    """One step downhill on a batch; returns the loss, summed over members.

    ``x``: ``(S, B, ...)``; ``y``: ``(S, B)``, or ``(S, B, H, W)`` with a class per pixel. A
    network with an objective of its own is trained on that, without the axis of members. Pixels
    that are IGNORED do not count; ``weight`` (K,) is that of each class, in the mean too.
    ``overlap`` names a loss of whole regions that is added for each member.
    """
    if y.dtype == torch.uint8:
        y = y.long()
    if model.own_objective:
        loss = model.loss(x[0], y[0])
    else:
        scores = forward(model, x)  # (S, B, classes), or (S, B, classes, H, W)
        # The mean over a batch, summed over members: no member's gradient touches another's.
        total = LOSSES[loss_name](scores.flatten(0, 1), y.flatten(0, 1), weight)
        loss = total / _total_weight(y[0], weight)
        if overlap != "none":
            loss = loss + sum(map(OVERLAPS[overlap], scores, y))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def _total_weight(y: Tensor, weight: Tensor | None) -> Tensor | int:
    """What a sum of losses is divided by: how many examples count, or what they weigh."""
    if weight is None and y.ndim < 3:
        return y.numel()
    counted = y != IGNORED
    if weight is None:
        return counted.sum().clamp(min=1)
    return (weight[y * counted] * counted).sum().clamp(min=1e-6)


@torch.inference_mode()
def predict(model: Network, x: Tensor) -> Tensor:
    """Scores of all members for all examples: ``(n, ...)`` to ``(S, n, classes)``."""
    model.eval()
    members = model.members
    batch = min(EVALUATION_BATCH, EVALUATION_VALUES // x[0].numel()) // members
    pieces = [forward(model, part.expand(members, *part.shape)) for part in x.split(max(1, batch))]
    return torch.cat(pieces, dim=1)


@torch.inference_mode()
def segment(model: Network, split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    """The true classes ``(H, W)`` and the scores ``(K, H, W)`` of each image, at the mask's size.

    For masks of 8 bits, which may hold IGNORED. Padding is cut off, then scores are enlarged where
    a mask is larger than its image was.
    """
    model.eval()
    device = next(model.parameters()).device
    for start, end in _evaluated(split):
        x = split.x[start:end].to(device)
        scores = forward(model, as_input(x)[None])[0]
        if split.inner is not None:
            scores = scores[..., : split.inner[0], : split.inner[1]]
        for place, found in enumerate(scores, start):
            truth = (split.y if split.truth is None else split.truth)[place].to(device).long()
            if truth.shape != found.shape[1:]:
                found = F.interpolate(
                    found[None], truth.shape, mode="bilinear", align_corners=False
                )[0]
            yield truth, found


def _evaluated(split: Split) -> Iterator[tuple[int, int]]:
    """Where batches begin and end: images of one size, as many as stay in the caches."""
    start = 0
    while start < len(split):
        size, end = split.x[start].shape, start + 1
        most = start + max(1, EVALUATION_VALUES // size.numel())
        if isinstance(split.x, Shelf):
            while end < min(most, len(split)) and split.x.shapes[end] == tuple(size):
                end += 1
        else:
            end = min(most, len(split))
        yield start, end
        start = end


def _measure_pixels(model: Network, split: Split, background: bool) -> dict[str, list[float]]:
    """Loss, share of wrong pixels and mean IoU over the pixels that count."""
    confusion: Any = 0  # (K, K) once something is counted
    loss = 0.0
    for truth, scores in segment(model, split):
        counted = truth != IGNORED
        loss += F.cross_entropy(
            scores[None], truth[None], reduction="sum", ignore_index=IGNORED
        ).item()
        found = scores.argmax(0)
        confusion = confusion + metrics.confusion_matrix(
            truth[counted], found[counted], len(scores)
        )
    return {
        "loss": [loss / max(1, int(confusion.sum()))],
        "error": [1 - metrics.pixel_accuracy(confusion)],
        "miou": [metrics.mean_iou(confusion, background)],
    }


def _measure(
    model: Network, splits: dict[str, Split], history: dict, background: bool = True
) -> None:
    for name, split in splits.items():
        if split.y.dtype == torch.uint8:
            for kind, values in _measure_pixels(model, split, background).items():
                history[name].setdefault(kind, []).append(values)
            continue
        if model.own_objective:
            for kind, value in model.measure(split.x, split.y).items():
                history[name].setdefault(kind, []).append([value])
            continue
        scores = predict(model, split.x)  # (S, n, classes, ...)
        members, classes = len(scores), scores.shape[2]
        target = split.y.expand(members, *split.y.shape)  # (S, n, ...)
        loss = F.cross_entropy(scores.flatten(0, 1), target.flatten(0, 1), reduction="none")
        prediction = scores.argmax(2)
        measured = {
            "loss": loss.view(members, -1).mean(1).tolist(),
            "error": (prediction != target).float().view(members, -1).mean(1).tolist(),
        }
        if target.ndim > 2:  # a class per pixel
            measured["miou"] = [
                metrics.mean_iou(metrics.confusion_matrix(t, p, classes))
                for t, p in zip(target, prediction, strict=True)
            ]
        for kind, values in measured.items():
            history[name].setdefault(kind, []).append(values)


def optimiser_for(model: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser that a recipe asks for."""
    shared: dict[str, Any] = {"lr": recipe.lr, "weight_decay": recipe.weight_decay}
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=recipe.momentum, **shared)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    if recipe.optimiser not in kinds:
        raise ValueError(f'optimiser is {recipe.optimiser!r}, expected "sgd", "adam" or "adamw"')
    return kinds[recipe.optimiser](model.parameters(), **shared)


WARM_UP = 0.3  # share of the steps in which the one-cycle rate rises


def rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """Learning rate of one step, counted from 0 over the whole training.

    ``"one-cycle"`` (Smith & Topin 2019) rises from ``lr / 25`` to ``lr`` during the first 30 % of
    the steps and falls to ``lr / 250,000``, both along half a cosine: PyTorch's ``OneCycleLR``
    without its cycle of momentum, but a function of the step, so that resuming needs no state.
    """
    epoch, last = step // steps_per_epoch, recipe.epochs * steps_per_epoch - 1
    if recipe.schedule == "constant":
        return recipe.lr
    if recipe.schedule == "step":
        return recipe.lr * recipe.gamma ** (epoch // recipe.step_epochs)
    if recipe.schedule == "cosine":
        return _cosine(recipe.lr, 0.0, step / last)
    if recipe.schedule == "one-cycle":
        low, peak, top = recipe.lr / 25, recipe.lr, WARM_UP * (last + 1) - 1
        if step <= top:
            return _cosine(low, peak, step / top)
        return _cosine(peak, low / 1e4, (step - top) / (last - top))
    raise ValueError(
        f'schedule is {recipe.schedule!r}, expected "constant", "step", "cosine" or "one-cycle"'
    )


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


# Checkpoints ------------------------------------------------------------------------------------


def _identity(
    spec: Spec, dataset: Dataset, recipe: Recipe, seeds: Sequence[int], watch: Sequence[str]
) -> str:
    described = [*records.describe(spec), records.describe(recipe)[1]]
    parts = [*described, dataset.sha256, [*seeds], [*watch]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _save(path, identity, done, model, optimiser, orders, history) -> None:
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
