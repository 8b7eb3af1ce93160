"""Scores and costs: confusion matrix and what follows from it, parameters, multiplications."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tarea2.models import StackedConv1d, StackedLinear


def confusion_matrix(target: Tensor, prediction: Tensor, num_classes: int) -> np.ndarray:
    """Count examples by class: rows are the true classes, columns the predicted ones.

    Both arguments hold integer classes and have the same shape; returns ``(K, K)`` integers.
    """
    target, prediction = (
        np.asarray(torch.as_tensor(t).cpu()).ravel() for t in (target, prediction)
    )
    if target.shape != prediction.shape:
        raise ValueError(
            f"target has {target.size} values and prediction {prediction.size}, expected as many"
        )
    for name, values in (("target", target), ("prediction", prediction)):
        low, high = (values.min(), values.max()) if values.size else (0, 0)
        if low < 0 or high >= num_classes:
            raise ValueError(f"{name} holds {low} to {high}, expected 0 to {num_classes - 1}")
    cells = target.astype(np.int64) * num_classes + prediction
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def pixel_accuracy(cm: np.ndarray) -> float:
    """Share of examples (or pixels) on the diagonal of a confusion matrix."""
    return float(np.trace(cm) / cm.sum())


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers of one member of a network."""
    total = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return total // getattr(model, "members", 1)


@torch.no_grad()
def count_macs(model: nn.Module, x: Tensor) -> int:
    """Multiply-accumulate operations of convolutions and linear layers for one example.

    ``x`` is a batch of one example, as the network takes it. Each output value of a layer costs
    as many multiplications as it has weights: ``k C`` or ``kh kw C`` for a convolution.
    """
    total = 0

    def add(layer: nn.Module, _: tuple, y: Tensor) -> None:
        nonlocal total
        if isinstance(layer, StackedConv1d | StackedLinear):
            total += y[0].numel() * layer.weight.shape[1]
        else:
            total += y.numel() * layer.weight[0].numel()

    kinds = (StackedConv1d, StackedLinear, nn.Conv2d, nn.Linear)
    hooks = [m.register_forward_hook(add) for m in model.modules() if isinstance(m, kinds)]
    training = model.training
    model.eval()(x)
    model.train(training)
    for hook in hooks:
        hook.remove()
    return total
