"""Making images smaller and larger by a factor of two (UDL section 10.4, notebook 10.4).

All functions take a 2-D array and follow the notebook's conventions: blocks of 2×2, starting at
the upper left corner. Floating types are kept, integers become ``float64``.
"""

from __future__ import annotations

import numpy as np

from tarea2.convolution import check_array, check_whole, conv2d


def downsample(x: np.ndarray) -> np.ndarray:
    """Keep every other row and column (UDL figure 10.11a): ``(H, W) -> (ceil(H/2), ceil(W/2))``.

    Whatever lies between the kept pixels is lost; patterns finer than two kept pixels come back
    as coarser ones that were never there (aliasing).
    """
    return check_array("x", x, 2)[::2, ::2].copy()


def max_pool(x: np.ndarray) -> np.ndarray:
    """Keep the largest value of each 2×2 block (UDL figure 10.11b).

    ``(H, W) -> (floor(H/2), floor(W/2))``; an odd last row or column is left out.
    """
    return _blocks(x).max(axis=(1, 3))


def mean_pool(x: np.ndarray) -> np.ndarray:
    """Average each 2×2 block (UDL figure 10.11c); sizes as in :func:`max_pool`."""
    return _blocks(x).mean(axis=(1, 3))


def duplicate(x: np.ndarray) -> np.ndarray:
    """Repeat each value in a 2×2 block (UDL figure 10.12a): ``(H, W) -> (2H, 2W)``."""
    return check_array("x", x, 2).repeat(2, axis=0).repeat(2, axis=1)


def max_unpool(x: np.ndarray, high_resolution: np.ndarray) -> np.ndarray:
    """Put each value where its block's maximum was (UDL figure 10.12b); the rest is zero.

    Parameters
    ----------
    x: small image, shape ``(H, W)``.
    high_resolution: the image that was pooled, shape ``(2H, 2W)`` or one row or column more; it
        says where the maxima are. Of equal maxima the first in reading order counts, as in
        PyTorch.

    Returns
    -------
    Shape of ``high_resolution``.

    Raises
    ------
    ValueError: sizes that do not belong together.
    """
    x = check_array("x", x, 2)
    blocks = _blocks(high_resolution, "high_resolution")  # (H, 2, W, 2)
    if (blocks.shape[0], blocks.shape[2]) != x.shape:
        raise ValueError(
            f"high_resolution has shape {np.shape(high_resolution)}, expected twice that of x "
            f"{x.shape}: the image that was pooled"
        )
    height, width = x.shape
    flat = blocks.transpose(0, 2, 1, 3).reshape(height, width, 4)  # the four values of a block
    index = flat.argmax(axis=2)
    rows = 2 * np.arange(height)[:, None] + index // 2
    columns = 2 * np.arange(width)[None, :] + index % 2
    y = np.zeros(np.shape(high_resolution), dtype=x.dtype)
    y[rows, columns] = x
    return y


def bilinear(x: np.ndarray, round_up: bool = True) -> np.ndarray:
    """Fill in between values by averaging neighbours (UDL figure 10.12c): ``(2H, 2W)``.

    Every value of ``x`` goes to an even row and column; between two of them stands their mean,
    and in the middle of four the mean of the four. As in the notebook, zeros continue the image
    at the right and at the bottom, which darkens the last row and column, and ``round_up``
    rounds fractions up (``np.ceil``), which suits whole grey levels.
    """
    x = check_array("x", x, 2)
    # Halves and quarters are exact and cannot overflow in a sum, as whole values can.
    padded = np.pad(x, ((0, 1), (0, 1)))  # (H + 1, W + 1)
    here, right = padded[:-1, :-1], padded[:-1, 1:]
    below, across = padded[1:, :-1], padded[1:, 1:]
    y = np.empty((2 * x.shape[0], 2 * x.shape[1]), dtype=x.dtype)
    y[::2, ::2] = here
    y[::2, 1::2] = here / 2 + right / 2
    y[1::2, ::2] = here / 2 + below / 2
    y[1::2, 1::2] = here / 4 + right / 4 + below / 4 + across / 4
    return np.ceil(y) if round_up else y


def transposed_convolution(x: np.ndarray, kernel: np.ndarray, stride: int = 2) -> np.ndarray:
    """Let each value add a copy of the kernel, ``stride`` apart (UDL section 10.4.2, figure 10.13).

    The adjoint of a convolution without padding: as a matrix, the transpose. It is computed as a
    convolution: put ``stride - 1`` zeros between the values and ``k - 1`` around them, turn the
    kernel by 180°.

    ``x`` ``(H, W)``, ``kernel`` ``(kh, kw)`` -> ``((H-1) s + kh, (W-1) s + kw)``. Where ``s``
    does not divide the kernel's size, neighbouring outputs receive different numbers of
    contributions: the checkerboard of Odena et al. (2016).
    """
    x, kernel, stride = (
        check_array("x", x, 2),
        check_array("kernel", kernel, 2),
        check_whole("stride", stride, 1),
    )
    (height, width), (kernel_height, kernel_width) = x.shape, kernel.shape
    spread = np.zeros(((height - 1) * stride + 1, (width - 1) * stride + 1), dtype=x.dtype)
    spread[::stride, ::stride] = x
    edges = (kernel_height - 1,) * 2, (kernel_width - 1,) * 2
    turned = kernel[::-1, ::-1]
    return conv2d(np.pad(spread, edges)[None, None], turned[None, None])[0, 0]


def _blocks(x: np.ndarray, name: str = "x") -> np.ndarray:
    """View an image as 2×2 blocks: ``(H, W) -> (H // 2, 2, W // 2, 2)``."""
    x = check_array(name, x, 2)
    height, width = (size // 2 for size in x.shape)
    if not (height and width):
        raise ValueError(f"{name} has shape {x.shape}, expected at least 2×2")
    return x[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
