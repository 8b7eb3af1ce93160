"""Convolution in one and two dimensions, written out (UDL sections 10.2 and 10.3).

What deep learning calls convolution is cross-correlation: the kernel slides over the input
without being flipped. All functions here follow that convention, as PyTorch does:

    1-D   y[i]       = sum_m w[m] x[i s + m d - p]
    2-D   y[n,o,i,j] = sum_{c,u,v} w[o,c,u,v] x[n, c, i s + u d - p, j s + v d - p]

with stride ``s``, dilation ``d`` and ``p`` zeros of padding on each side. Dilation 1 is the
plain kernel (the first printing of UDL calls that dilation 0; see the book's errata).

Inputs keep their floating type; integers become ``float64``.
"""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# `conv2d` works on so many bytes at a time, half of a core's second-level cache, which the products
# need too, and in matrix products of about so many columns, since narrow ones are slower per
# multiplication. Both were measured.
CACHE_BYTES, PRODUCT_COLUMNS = 1 << 19, 128


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Number of positions at which a kernel fits along one axis.

    A dilated kernel covers ``d (k - 1) + 1`` cells; its first cell may stand at
    ``0, s, 2 s, ...`` as long as its last one lies inside the ``n + 2 p`` padded cells:

        floor((n + 2 p - d (k - 1) - 1) / s) + 1

    Raises ``ValueError`` if an argument is out of range or the kernel does not fit once.
    (Dumoulin & Visin 2016, relationship 15; UDL section 10.2.3 for stride and dilation.)
    """
    size = check_whole("size", size, 1)
    kernel = check_whole("kernel", kernel, 1)
    stride = check_whole("stride", stride, 1)
    padding = check_whole("padding", padding, 0)
    dilation = check_whole("dilation", dilation, 1)
    covered = dilation * (kernel - 1) + 1
    if covered > size + 2 * padding:
        raise ValueError(
            f"kernel covers {covered} cells but the padded input has {size + 2 * padding}: "
            "use a smaller kernel or dilation, or more padding"
        )
    return (size + 2 * padding - covered) // stride + 1


def conv1d(
    x: np.ndarray,
    kernel: np.ndarray,
    stride: int = 1,
    dilation: int = 1,
    padding: int | str = "same",
) -> np.ndarray:
    """Convolve a signal with a kernel (UDL equations 10.2 and 10.3, figures 10.2 and 10.3).

    Parameters
    ----------
    x: signal, shape ``(length,)``.
    kernel: weights, shape ``(k,)``.
    stride, dilation: whole numbers, at least 1.
    padding: zeros on each side, or ``"same"``: with stride 1 the output is as long as the
        input. With an even kernel ``"same"`` puts the odd zero at the end, as PyTorch does.

    Returns
    -------
    Shape ``(output_size(...),)``; with ``"same"``, ``ceil(length / stride)``.

    Raises
    ------
    ValueError: wrong rank, empty, non-numeric or non-finite data, a kernel that does not fit.
    """
    x, kernel = check_array("x", x, 1), check_array("kernel", kernel, 1)
    stride, dilation = check_whole("stride", stride, 1), check_whole("dilation", dilation, 1)
    left, right = _padding_1d(padding, len(kernel), dilation)
    length = len(x) + left + right
    out = output_size(length, len(kernel), stride, 0, dilation)
    padded = np.pad(x, (left, right))  # (length + left + right,)
    y = np.zeros(out, dtype=np.result_type(x, kernel))
    for m, weight in enumerate(kernel):
        start = m * dilation
        y += weight * padded[start : start + (out - 1) * stride + 1 : stride]
    return y


def conv1d_matrix(
    length: int, kernel: np.ndarray, stride: int = 1, dilation: int = 1
) -> np.ndarray:
    """Write a zero-padded 1-D convolution as a matrix (UDL figure 10.4).

    Returns ``M`` of shape ``(out, length)`` with ``M @ x == conv1d(x, kernel, stride,
    dilation)``: each row holds the same weights, moved by ``stride`` columns; everything else
    is zero. A weight that falls on the padding is dropped from its row.
    """
    kernel = check_array("kernel", kernel, 1)
    length = check_whole("length", length, 1)
    stride, dilation = check_whole("stride", stride, 1), check_whole("dilation", dilation, 1)
    left, right = _padding_1d("same", len(kernel), dilation)
    out = output_size(length + left + right, len(kernel), stride, 0, dilation)
    matrix = np.zeros((out, length), dtype=kernel.dtype)
    for row in range(out):
        for m, weight in enumerate(kernel):
            column = row * stride + m * dilation - left
            if 0 <= column < length:
                matrix[row, column] = weight
    return matrix


def conv2d_loops(
    x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Two-dimensional convolution as the seven nested loops of notebook 10.3.

    Slow on purpose: every multiplication stands there to be read. Shapes, result and errors
    are those of :func:`conv2d`.
    """
    x, weight, stride, padding, _ = _arguments_2d(x, weight, stride, padding, 1)
    samples, channels, height, width = x.shape
    filters, _, kernel_height, kernel_width = weight.shape
    out_height = output_size(height, kernel_height, stride, padding)
    out_width = output_size(width, kernel_width, stride, padding)
    # Half precision is summed in single, as matrix products do: 2,048 + 1 is 2,048 in half.
    kind = np.result_type(x, weight)
    wide = np.result_type(kind, np.float32)
    x, weight = x.astype(wide, copy=False), weight.astype(wide, copy=False)
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    y = np.zeros((samples, filters, out_height, out_width), wide)
    for n in range(samples):
        for o in range(filters):
            for i in range(out_height):
                for j in range(out_width):
                    for c in range(channels):
                        for u in range(kernel_height):
                            for v in range(kernel_width):
                                pixel = x[n, c, i * stride + u, j * stride + v]
                                y[n, o, i, j] += pixel * weight[o, c, u, v]
    return y.astype(kind, copy=False)


def conv2d(
    x: np.ndarray, weight: np.ndarray, stride: int = 1, padding: int = 0, dilation: int = 1
) -> np.ndarray:
    """Two-dimensional convolution with matrix products (UDL section 10.3, equation 10.6).

    Parameters
    ----------
    x: images, shape ``(N, C, H, W)``.
    weight: kernels, shape ``(O, C, kh, kw)``.
    stride, padding, dilation: whole numbers, the same for both axes.

    Returns
    -------
    Shape ``(N, O, H', W')`` with ``H' = output_size(H, kh, stride, padding, dilation)``.

    Raises
    ------
    ValueError: wrong rank, different channels, empty, non-numeric or non-finite data, stride or
        dilation below 1, negative padding, a kernel larger than the padded image.

    How it works: im2col would copy each of the ``kh kw`` taps of every pixel. Here only the
    ``kw`` column shifts are copied, one row of the padded images after the other: all that a row
    of the kernel can meet there is one piece of memory, ``(kw C, W')``. The ``kh`` pieces under a
    kernel follow each other, so that they are a matrix ``(kh kw C, W')`` without another copy, and
    its product with the weights ``(O, kh kw C)`` is a row of the output. A few samples stand side
    by side in it, and only as many rows are copied at a time as the processor's cache holds.
    """
    x, weight, stride, padding, dilation = _arguments_2d(x, weight, stride, padding, dilation)
    samples, channels, height, width = x.shape
    filters, _, kernel_height, kernel_width = weight.shape
    out_height = output_size(height, kernel_height, stride, padding, dilation)
    out_width = output_size(width, kernel_width, stride, padding, dilation)
    dtype = np.result_type(x, weight)
    matrix = weight.transpose(0, 2, 3, 1).reshape(filters, -1).astype(dtype)  # (O, kh kw C)
    y = np.empty((samples, filters, out_height, out_width), dtype)
    blocks = -(-samples // max(1, PRODUCT_COLUMNS // out_width))
    block = -(-samples // blocks)  # samples side by side
    padded = np.zeros((block, channels, height + 2 * padding, width + 2 * padding), dtype)
    inside = padded[:, :, padding : padding + height, padding : padding + width]
    covered = dilation * (kernel_width - 1) + 1
    shifted = sliding_window_view(padded, covered, axis=3)[..., ::stride, ::dilation]
    shifted = shifted.transpose(2, 4, 1, 0, 3)  # (padded rows, kw, C, block, W'), a view
    # Output rows `first`, `first + groups`, ... meet the same image rows, every `dilation`-th one;
    # from one of these outputs to the next the kernel moves by `jump` of those rows.
    groups = dilation // math.gcd(stride, dilation)
    jump = stride * groups // dilation
    # So many output rows at a time that the image rows under them fit into the cache.
    row = shifted[0].size
    strip = (CACHE_BYTES // (row * dtype.itemsize) - kernel_height) // jump + 1
    strip = min(max(1, strip), -(-out_height // groups))
    rows = np.empty(((strip - 1) * jump + kernel_height, *shifted.shape[1:]), dtype)
    windows = sliding_window_view(rows.reshape(-1), kernel_height * row)[:: jump * row]
    windows = windows.reshape(strip, -1, block * out_width)  # (strip, kh kw C, block W'), a view
    product = np.empty((strip, filters, block * out_width), dtype)
    by_sample = product.reshape(strip, filters, block, out_width).transpose(2, 1, 0, 3)
    for start in range(0, samples, block):
        part = x[start : start + block]
        inside[: len(part)] = part
        for first in range(min(groups, out_height)):
            seen = shifted[first * stride :: dilation]
            out = y[start : start + block, :, first::groups]
            for top in range(0, out.shape[2], strip):
                count = min(strip, out.shape[2] - top)
                used = (count - 1) * jump + kernel_height
                rows[:used] = seen[top * jump : top * jump + used]
                np.matmul(matrix, windows[:count], out=product[:count])
                out[:, :, top : top + count] = by_sample[: len(part), :, :count]
    return y


def conv2d_gradients(
    x: np.ndarray,
    weight: np.ndarray,
    grad_output: np.ndarray,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of a loss with respect to images and kernels of :func:`conv2d`.

    ``grad_output`` is the derivative with respect to the output, shape ``(N, O, H', W')``.
    Every product ``w[o,c,u,v] x[n,c,..]`` of the forward sum sends ``w`` times the output's
    derivative to its pixel, and the pixel times that derivative to its weight (UDL section
    7.4, backpropagation, applied to the sum above).

    Returns ``(grad_x, grad_weight)`` with the shapes of ``x`` and ``weight``.
    """
    x, weight, stride, padding, dilation = _arguments_2d(x, weight, stride, padding, dilation)
    grad_output = check_array("grad_output", grad_output, 4)
    kernel_height, kernel_width = weight.shape[2:]
    expected = (
        x.shape[0],
        weight.shape[0],
        output_size(x.shape[2], kernel_height, stride, padding, dilation),
        output_size(x.shape[3], kernel_width, stride, padding, dilation),
    )
    if grad_output.shape != expected:
        raise ValueError(f"grad_output has shape {grad_output.shape}, expected {expected}")
    out_height, out_width = expected[2:]
    edges = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x, edges)
    grad_padded = np.zeros(padded.shape, dtype=np.result_type(x, weight, grad_output))
    grad_weight = np.zeros(weight.shape, dtype=grad_padded.dtype)
    for u in range(kernel_height):
        for v in range(kernel_width):
            top, left = u * dilation, v * dilation
            place = (
                slice(None),
                slice(None),
                slice(top, top + (out_height - 1) * stride + 1, stride),
                slice(left, left + (out_width - 1) * stride + 1, stride),
            )
            grad_padded[place] += np.einsum("nohw,oc->nchw", grad_output, weight[:, :, u, v])
            grad_weight[:, :, u, v] = np.einsum("nohw,nchw->oc", grad_output, padded[place])
    grad_x = grad_padded[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]
    return np.ascontiguousarray(grad_x), grad_weight


def _padding_1d(padding: int | str, kernel: int, dilation: int) -> tuple[int, int]:
    if padding == "same":
        total = dilation * (kernel - 1)
        return total // 2, total - total // 2
    if isinstance(padding, str):
        raise ValueError(f'padding is {padding!r}, expected "same" or a whole number')
    padding = check_whole("padding", padding, 0)
    return padding, padding


def _arguments_2d(
    x: np.ndarray, weight: np.ndarray, stride: int, padding: int, dilation: int
) -> tuple[np.ndarray, np.ndarray, int, int, int]:
    x, weight = check_array("x", x, 4), check_array("weight", weight, 4)
    if x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"weight has {weight.shape[1]} input channels but x has {x.shape[1]}; "
            "expected x (N, C, H, W) and weight (O, C, kh, kw) with the same C"
        )
    return (
        x,
        weight,
        check_whole("stride", stride, 1),
        check_whole("padding", padding, 0),
        check_whole("dilation", dilation, 1),
    )


def check_array(name: str, value: np.ndarray, rank: int) -> np.ndarray:
    """Return an argument as a floating array of ``rank`` dimensions, or say what is wrong."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ValueError(f"{name} is ragged, expected an array of {rank} dimensions") from None
    if array.dtype.kind not in "iufb":
        raise ValueError(f"{name} has type {array.dtype}, expected real numbers")
    if array.ndim != rank:
        raise ValueError(f"{name} has shape {array.shape}, expected {rank} dimensions")
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape}), expected at least one value")
    if array.dtype.kind != "f":
        return array.astype(np.float64)
    # NaN and infinity survive a sum of squares, which needs no temporary array; so do numbers
    # that are merely huge, hence the second look.
    if not np.isfinite(np.vdot(array, array)) and not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity, expected finite numbers")
    return array


def check_whole(name: str, value: int, least: int) -> int:
    """Return an argument as a whole number of at least ``least``, or say what is wrong."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}, expected a whole number of at least {least}")
    return int(value)
