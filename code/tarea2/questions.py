"""The questions of assignment III-A: worked windows, strict convolution, what sharing buys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tarea2.convolution import conv2d, output_size

# Question 1 of the assignment: the matrix and the kernels of 1a and 1b.
X = np.array([[2, 5, 4, 1], [3, 1, 2, 0], [4, 5, 7, 1], [1, 2, 3, 4]])
KERNEL_A = np.array([[1, 0], [0, 1]])
KERNEL_B = np.array([[1, 0], [0, -1]])


def convolve(
    x: np.ndarray, kernel: np.ndarray, stride: int, padding: int = 0, strict: bool = False
) -> np.ndarray:
    """Convolve one matrix ``(H, W)`` with one kernel ``(kh, kw)``.

    ``strict`` gives the convolution of mathematics, in which the kernel is turned by 180° before
    it slides: ``y[i,j] = sum_{u,v} w[u,v] x[i s - u + kh - 1 - p, j s - v + kw - 1 - p]``.
    """
    kernel = np.asarray(kernel)[::-1, ::-1] if strict else np.asarray(kernel)
    return conv2d(np.asarray(x)[None, None], kernel[None, None], stride, padding)[0, 0]


@dataclass(frozen=True)
class Window:
    """One position of the kernel: its corner in the padded matrix, what it covers, its result."""

    row: int
    column: int
    output: tuple[int, int]
    values: np.ndarray
    kernel: np.ndarray

    @property
    def products(self) -> np.ndarray:
        return self.values * self.kernel

    @property
    def total(self) -> float:
        return self.products.sum()

    @property
    def formula(self) -> str:
        """The terms with a weight, in mathematics: ``2 + 1``; the weights are 1 or -1."""
        terms = [
            (" - " if weight < 0 else " + ") + str(value)
            for value, weight in zip(self.values.flat, self.kernel.flat, strict=True)
            if weight
        ]
        return "".join(terms).removeprefix(" + ").strip()


def windows(x: np.ndarray, kernel: np.ndarray, stride: int, padding: int = 0) -> list[Window]:
    """List every window of a convolution in reading order, to be worked by hand."""
    x, kernel = np.asarray(x), np.asarray(kernel)
    height, width = (
        output_size(size, k, stride, padding) for size, k in zip(x.shape, kernel.shape, strict=True)
    )
    padded = np.pad(x, padding)
    found = []
    for i in range(height):
        for j in range(width):
            row, column = i * stride, j * stride
            values = padded[row : row + kernel.shape[0], column : column + kernel.shape[1]]
            found.append(Window(row, column, (i, j), values, kernel))
    return found


def parameters(
    in_shape: tuple[int, int, int], filters: int, kernel: int, padding: int
) -> dict[str, int]:
    """Count the weights and biases of a convolution and of a dense layer with equal sizes.

    ``in_shape`` is (C, H, W); both layers give ``filters`` maps. Python's integers do not
    overflow, and nothing is allocated.
    """
    channels, height, width = in_shape
    out = [output_size(size, kernel, 1, padding) for size in (height, width)]
    inputs, outputs = channels * height * width, filters * out[0] * out[1]
    return {
        "inputs": inputs,
        "outputs": outputs,
        "convolution": filters * channels * kernel**2 + filters,
        "dense": inputs * outputs + outputs,
    }


def shift(images: np.ndarray, pixels: int) -> np.ndarray:
    """Move images ``(..., W)`` to the right; zeros come in at the left."""
    if pixels == 0:
        return images
    moved = np.zeros_like(images)
    moved[..., pixels:] = images[..., :-pixels]
    return moved


def equivariance_error(
    layer: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    pixels: int,
    stride: int = 1,
    margin: int = 0,
) -> float:
    """How far a layer is from commuting with a shift, relative to its output.

    Compares ``layer(shift(image))`` with ``shift(layer(image))``; the output moves by
    ``pixels / stride``, rounded down. ``margin`` columns at both sides are left out, where zeros
    come in from outside the image.

    Returns ``|f(Tx) - T'f(x)| / |T'f(x)|`` with Euclidean norms: 0 is exact equivariance (UDL
    equation 10.2), about 1.4 is what two unrelated outputs of equal size give.
    """
    moved = layer(shift(image, pixels))
    expected = shift(layer(image), pixels // stride)
    if margin:
        moved, expected = moved[..., margin:-margin], expected[..., margin:-margin]
    return float(np.linalg.norm(moved - expected) / np.linalg.norm(expected))


def dense_equivariance_error(
    image: np.ndarray, pixels: int, samples: int = 64, seed: int = 0
) -> float:
    """:func:`equivariance_error` of a dense layer with random weights and equal-sized output.

    The layer of a large image would not fit in memory; its rows are independent, so only the
    rows of ``samples`` pairs of output pixels, ``pixels`` apart, are drawn.
    """
    generator = np.random.default_rng(seed)
    flat, moved = image.ravel(), shift(image, pixels).ravel()
    weights = generator.standard_normal((2, samples, flat.size), dtype=np.float32)
    expected = weights[0] @ flat  # f(x) at p; T'f(x) has it at p + shift
    found = weights[1] @ moved  # f(Tx) at p + shift, whose row is another one
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
