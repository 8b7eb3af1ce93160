"""Scores and costs: confusion matrix and what follows from it, parameters, multiplications."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode


def confusion_matrix(target: Tensor, prediction: Tensor, num_classes: int) -> np.ndarray:
    """Count examples by class: rows are the true classes, columns the predicted ones.

    Both arguments hold integer classes and have the same shape; returns ``(K, K)`` integers.

    Raises
    ------
    ValueError: shapes that differ, masked arrays, values that are no whole numbers (0.5, NaN) or
        no class.
    """
    true, found = _classes("target", target), _classes("prediction", prediction)
    if true.shape != found.shape:
        raise ValueError(
            f"target has shape {true.shape} and prediction {found.shape}, expected the same"
        )
    for name, values in (("target", true), ("prediction", found)):
        low, high = (values.min(), values.max()) if values.size else (0, 0)
        if low < 0 or high >= num_classes:
            raise ValueError(f"{name} holds {low} to {high}, expected 0 to {num_classes - 1}")
    cells = true.ravel() * num_classes + found.ravel()
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def _classes(name: str, values: Tensor | np.ndarray) -> np.ndarray:
    """Classes as ``int64``; what is no whole number is refused, not rounded."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(
            f"{name} is a masked array; choose the pixels that count first, as values[~mask]"
        )
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "iubf":
        raise ValueError(f"{name} has type {array.dtype}, expected whole numbers")
    if array.dtype.kind == "f" and not (np.isfinite(array) & (array == np.rint(array))).all():
        wrong = array[~(np.isfinite(array) & (array == np.rint(array)))].flat[0]
        raise ValueError(f"{name} holds {wrong}, expected whole numbers: the classes")
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {array.max()}, expected classes")
    return array.astype(np.int64)


def _counts(cm: np.ndarray) -> np.ndarray:
    """A confusion matrix, or several ``(..., K, K)``, as floats in which sums are exact enough."""
    if isinstance(cm, np.ma.MaskedArray):
        raise ValueError("the confusion matrix is a masked array, expected plain counts")
    counts = np.asarray(cm)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2]:
        raise ValueError(f"a confusion matrix has shape (K, K), this has {counts.shape}")
    counts = counts.astype(np.float64)  # half precision ends at 65,504
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError("the confusion matrix holds values that are no counts")
    return counts


def pixel_accuracy(cm: np.ndarray) -> float:
    """Share of examples (or pixels) on the diagonal of a confusion matrix; NaN if it is empty."""
    counts = _counts(cm)
    return float(_ratio(np.trace(counts), counts.sum()))


def iou(cm: np.ndarray) -> np.ndarray:
    """Intersection over union of each class: ``TP / (TP + FP + FN)``, shape ``(K,)``.

    A class that is absent from target and prediction is undefined: NaN, not 0.
    """
    counts = _counts(cm)
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(hit, counts.sum(-1) + counts.sum(-2) - hit)


def dice(cm: np.ndarray) -> np.ndarray:
    """Dice coefficient of each class: ``2 TP / (2 TP + FP + FN)``; NaN where undefined."""
    counts = _counts(cm)
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    return _ratio(2 * hit, counts.sum(-1) + counts.sum(-2))


def mean_iou(cm: np.ndarray, background: bool = True) -> float:
    """Mean IoU over the classes that are defined, without class 0 if that is ``background``.

    ``background=True`` says that class 0 is background, which no mean of scores includes: it is
    what torchmetrics and MONAI call ``include_background=False``.
    """
    return _mean_of_defined(iou(cm)[1 if background else 0 :])


def mean_dice(cm: np.ndarray, background: bool = True) -> float:
    """Mean Dice coefficient over the classes that are defined, as :func:`mean_iou`."""
    return _mean_of_defined(dice(cm)[1 if background else 0 :])


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def foreground_iou(cm: np.ndarray) -> float:
    """Intersection over union of "some class", whichever, against background: where things are.

    NaN where neither target nor prediction hold anything but background.
    """
    counts = _counts(cm)
    found = counts[1:, 1:].sum()
    return float(_ratio(found, found + counts[0, 1:].sum() + counts[1:, 0].sum()))


def foreground_accuracy(cm: np.ndarray) -> float:
    """Of the pixels that truth and prediction both call foreground, the share whose class is right.

    What things are, where it was seen that there are some; NaN where none was seen.
    """
    both = _counts(cm)[1:, 1:]
    return float(_ratio(np.trace(both), both.sum()))


def boundary_error(target: Tensor, prediction: Tensor, width: int = 1) -> tuple[float, float]:
    """Share of wrong pixels near the boundaries of the true mask, and elsewhere.

    Both arguments have shape ``(n, H, W)``. A pixel is near a boundary if its neighbourhood of
    ``2 width + 1`` pixels square holds more than one class. NaN where there are no such pixels.
    """
    if target.shape != prediction.shape:
        raise ValueError(
            f"target has shape {tuple(target.shape)} and prediction {tuple(prediction.shape)}, "
            "expected the same"
        )
    return wrong_shares(boundary_counts(target, prediction, torch.ones_like(target).bool(), width))


def boundary_counts(
    target: Tensor, prediction: Tensor, counted: Tensor, width: int = 1
) -> np.ndarray:
    """Wrong pixels and all pixels, of those that count: a row near boundaries, a row elsewhere.

    Arguments as for :func:`boundary_error`; rows of several images may be added.
    """
    near, wrong = near_boundaries(target, width), target != prediction
    places = (near & counted, ~near & counted)
    return np.array([[int((wrong & place).sum()), int(place.sum())] for place in places])


def wrong_shares(counts: np.ndarray) -> tuple[float, float]:
    """From :func:`boundary_counts`, the shares of :func:`boundary_error`."""
    near, elsewhere = _ratio(counts[:, 0], counts[:, 1])
    return float(near), float(elsewhere)


def near_boundaries(target: Tensor, width: int = 1) -> Tensor:
    """Whether the neighbourhood of a pixel, ``2 width + 1`` pixels square, holds several classes.

    ``target``: ``(n, H, W)``, as the result.
    """
    y = target[:, None].float()
    side = 2 * width + 1
    highest, lowest = F.max_pool2d(y, side, 1, width), -F.max_pool2d(-y, side, 1, width)
    return (highest != lowest)[:, 0]


def class_counts(cm: np.ndarray) -> np.ndarray:
    """True positives, false positives and false negatives of each class, ``(..., K, 3)``.

    ``cm``: a confusion matrix ``(K, K)``, or one for each image, to resample images.
    """
    hit = np.diagonal(cm, axis1=-2, axis2=-1)
    return np.stack([hit, cm.sum(-2) - hit, cm.sum(-1) - hit], axis=-1)


def mean_iou_per_image(counts: np.ndarray, first: int) -> np.ndarray:
    """Mean IoU of each image, ``(n,)``, from counts ``(n, K, 3)`` of one run.

    Over the classes from ``first`` on that truth or prediction hold; NaN where there is none.
    """
    hit, false, missed = np.moveaxis(counts[:, first:], 2, 0).astype(float)
    iou = _ratio(hit, hit + false + missed)
    known = ~np.isnan(iou)
    return _ratio(np.nansum(iou, 1), known.sum(1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers of one member of a network."""
    total = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return total // getattr(model, "members", 1)


@torch.no_grad()
def count_macs(model: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulate operations of one member for one example, as PyTorch counts them.

    ``inputs`` are a batch of one example, as the network takes it. Counted are convolutions and
    products of matrices (an operation is half of what PyTorch calls FLOP), without biases,
    normalisations and activations.
    """
    training = model.training
    model.eval()
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    model.train(training)
    return counter.get_total_flops() // 2 // getattr(model, "members", 1)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run PyTorch on so many threads: sums depend on their number, in the last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def one_thread() -> AbstractContextManager[None]:
    """Run PyTorch on one thread, so that times depend less on the machine."""
    return threads(1)


def latency(model: nn.Module, x: Tensor, repetitions: int = 20) -> float:
    """Median time in seconds that one forward pass takes on one thread, in evaluation mode."""
    model.eval()
    times = []
    with one_thread(), torch.inference_mode():
        for _ in range(repetitions + 2):
            start = time.perf_counter()
            model(x)
            times.append(time.perf_counter() - start)
    return float(np.median(times[2:]))  # the first passes also prepare memory
