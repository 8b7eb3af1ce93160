"""Pieces of the operations: convolution, and making smaller and larger again."""

from __future__ import annotations

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from tarea2 import questions
from tarea2.widgets.payload import Data, data, encoded_bytes

# Rows and columns of scikit-learn's photograph with much detail in little space.
PHOTOGRAPHED = np.s_[60:220, 100:260]


def workshop(
    x: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Data:
    """The convolution workshop on one example: matrices, or a signal ``(n,)`` and its kernel.

    With matrices there are buttons for question 1 of the assignment.
    """
    x, kernel = np.asarray(x), np.asarray(kernel)
    rest = {"stride": stride, "padding": padding, "dilation": dilation}
    example = {"x": np.atleast_2d(x), "k": np.atleast_2d(kernel)} | rest
    one_a = {"x": questions.X, "k": questions.KERNEL_A, "stride": 2, "padding": 0, "dilation": 1}
    one_b = one_a | {"k": questions.KERNEL_B, "padding": 2}
    presets = [
        {"label": "Pregunta 1a", "state": one_a}, {"label": "Pregunta 1b", "state": one_b},
    ]  # fmt: skip
    return data(example=example, presets=presets if x.ndim == 2 else [], dimensions=x.ndim)


def aliasing(frequency: float) -> Data:
    """A wave of ``frequency`` cycles per pixel, made smaller and larger again, and a photograph."""
    whole = Image.fromarray(load_sample_image("china.jpg")).convert("L")
    part = np.asarray(whole)[PHOTOGRAPHED]
    return data(
        scripts=["plot"], frequency=frequency,
        photograph={
            "pixels": encoded_bytes(part), "size": len(part),
            "credit": "Tejado de una fotografía de danielbuechele, CC BY 2.0, de scikit-learn",
        },
    )  # fmt: skip


def checkerboard(kernel: int, stride: int) -> Data:
    """Overlaps of a transposed convolution."""
    return data(kernel=kernel, stride=stride)
