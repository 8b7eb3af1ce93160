"""The plain encoder-decoder with the operations of notebooks 10.3 and 10.4, in NumPy alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from tarea2.convolution import conv2d
from tarea2.models.encoder_decoder import Block, EncoderDecoder
from tarea2.resampling import duplicate, max_pool

PLAIN = {"block": "plain", "norm": "none", "down": "max", "up": "nearest", "skip": "none"}


def scores_by_hand(model: EncoderDecoder, x: np.ndarray) -> np.ndarray:
    """What ``model`` gives for images ``(N, C, H, W)``, without PyTorch: ``(N, classes, H, W)``.

    Height and width must be multiples of ``2**depth``. Raises ValueError for a network that has
    more than convolutions, ReLU, maxima and repetition (:data:`PLAIN`).
    """
    for field, value in PLAIN.items():
        if getattr(model.spec, field) != value:
            raise ValueError(
                f"{field} is {getattr(model.spec, field)!r}, expected {value!r}: only plain "
                "networks are computed by hand"
            )
    h = x
    for block in model.encoder:
        h = _each(max_pool, _block(block, h))  # (N, 14, 24, 24), (N, 28, 12, 12)
    h = _block(model.bottom, h)  # (N, 56, 12, 12)
    for reduce, block in zip(model.reductions, model.decoder, strict=True):
        h = _each(duplicate, _convolve(reduce, h))  # (N, 28, 24, 24), (N, 14, 48, 48)
        h = _block(block, h)
    return _convolve(model.head, h)  # (N, 11, 48, 48)


def _block(block: nn.Module, h: np.ndarray) -> np.ndarray:
    assert isinstance(block, Block)
    for layer in block.convolutions:
        h = np.maximum(0, _convolve(layer, h))
    return h


def _convolve(layer: nn.Module, h: np.ndarray) -> np.ndarray:
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    dilation = layer.dilation[0]
    padding = dilation * (weight.shape[2] // 2)
    return conv2d(h, weight, padding=padding, dilation=dilation) + bias[:, None, None]


def _each(operation: Callable[[np.ndarray], np.ndarray], h: np.ndarray) -> np.ndarray:
    """Apply an operation of notebook 10.4 to each map of each image."""
    return np.stack([np.stack([operation(channel) for channel in image]) for image in h])
