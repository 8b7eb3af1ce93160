"""Figures of convolutions: which inputs an output sees, what a kernel does, matrices, windows."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tarea2.convolution import conv1d
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number


@also_narrow
def reach(
    length: int, settings: Sequence[tuple[int, int, int]], highlight: int = 2,
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw which inputs each output of a zero-padded 1-D convolution sees (UDL figure 10.3).

    ``settings`` lists (kernel size, stride, dilation); one panel each. The connections of the
    output ``highlight`` are coloured; dashed circles are the zeros of the padding.
    """
    rows = -(-len(settings) // 2)
    fig, axes = style.figure(rows, 2, width, 1.1 * rows, stacks=True, squeeze=False)
    for ax, (kernel, stride, dilation) in zip(axes.flat, settings, strict=True):
        reached = kernel // 2 * dilation
        outputs = -(-length // stride)
        for output in range(outputs):
            chosen = output == highlight
            for tap in range(kernel):
                source = output * stride + (tap - kernel // 2) * dilation
                ax.plot(
                    [output * stride, source], [1, 0], zorder=2 if chosen else 1,
                    color=style.VERMILION if chosen else "#D0D0D0", lw=1.3 if chosen else 0.6,
                )  # fmt: skip
        for place in range(-reached, length + reached):
            inside = 0 <= place < length
            ax.plot(
                place, 0, "o", ms=6, mfc=style.SKY if inside else "white", mec=style.BLUE,
                ls="none", zorder=3, mew=0.8, alpha=1 if inside else 0.6,
            )  # fmt: skip
        for output in range(outputs):
            ax.plot(output * stride, 1, "s", ms=6, mfc=style.ORANGE, mec="#7A5200", zorder=3)
        ax.set_title(f"núcleo {kernel}, paso {stride}, dilatación {dilation}")
        ax.set_yticks([0, 1], ["entrada", "salida"])
        ax.set_xticks(range(0, length, 2))
        ax.set_ylim(-0.35, 1.35)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("posición")
    plt.close(fig)
    return fig


@also_narrow
def signals(
    x: np.ndarray, kernels: Sequence[tuple[str, np.ndarray, dict]], columns: int = 2,
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw a signal before and after each of several convolutions.

    ``kernels`` lists (title, kernel, options of :func:`tarea2.convolution.conv1d`). Outputs of a
    convolution with stride stand where their windows are centred.
    """
    rows = -(-len(kernels) // columns)
    fig, axes = style.figure(
        rows, columns, width, 2.15 * rows, stacks=True, squeeze=False, sharey=True
    )
    for ax, (title, kernel, options) in zip(axes.flat, kernels, strict=True):
        y = conv1d(x, kernel, **options)
        places = np.arange(len(y)) * options.get("stride", 1)
        ax.axhline(0, color="#BBBBBB", lw=0.6)
        ax.plot(x, color=style.GREY, marker="o", label="antes")
        ax.plot(places, y, color=style.VERMILION, marker="s", ls="--", label="después")
        ax.set_title(title)
        ax.set_xlabel("posición")
        ax.set_xticks(range(0, len(x), 2))
    for ax in axes[:, 0]:
        ax.set_ylabel("valor")
    axes.flat[0].legend()
    plt.close(fig)
    return fig


@also_narrow
def matrices(
    items: Sequence[tuple[str, np.ndarray]], decimals: int = 1, width: float = style.PAGE
) -> Figure:
    """Draw convolution matrices: equal weights have equal colours, zeros stay white."""
    widths = [matrix.shape[1] for _, matrix in items]
    heights = [matrix.shape[0] for _, matrix in items]
    height = 0.55 + style.PAGE * max(heights) / sum(widths) * 0.75
    if style.is_narrow(width):  # a cell has to hold its number
        height = 0.65 + width * max(heights) / max(widths)
    fig, axes = style.figure(
        1, len(items), width, height, stacks=True, squeeze=False, width_ratios=widths
    )
    largest = max(float(np.abs(matrix).max()) for _, matrix in items)
    for ax, (title, matrix) in zip(axes[0], items, strict=True):
        labels = np.vectorize(lambda value: number(value, decimals) if value else "", otypes=[str])(
            matrix
        )
        style.heatmap(
            ax, matrix, cmap=style.DIVERGING, vmin=-1.6 * largest, vmax=1.6 * largest,
            annot=labels, linecolor="#E4E4E4", linewidths=0.4,
            annot_kws={"fontsize": 5.5 if len(items) > 1 else 7, "color": "black"},
        )  # fmt: skip
        ax.set_title(title)
        ax.set_xlabel("entrada")
        ax.tick_params(labelsize=6.5)
        for spine in ax.spines.values():
            spine.set_visible(True)
    axes[0][0].set_ylabel("salida")
    plt.close(fig)
    return fig


def grid(
    ax: Axes,
    values: np.ndarray,
    padding: int = 0,
    window: tuple[int, int, int, int] | None = None,
    decimals: int | None = None,
    fontsize: float = 7,
) -> None:
    """Draw a small matrix cell by cell, as every figure of a 2-D convolution here does.

    ``values`` includes ``padding`` rings of zeros, which are drawn grey; ``window`` is (row,
    column, height, width) of a frame.
    """
    height, width = values.shape
    for row in range(height):
        for column in range(width):
            outside = not (
                padding <= row < height - padding and padding <= column < width - padding
            )
            covered = window is not None and (
                window[0] <= row < window[0] + window[2]
                and window[1] <= column < window[1] + window[3]
            )
            colour = "#FCE3B0" if covered else "#EFEFEF" if outside else "#DCEBF5"
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white", lw=1))
            ax.text(
                column + 0.5, row + 0.53, number(values[row, column], decimals),
                ha="center", va="center", fontsize=fontsize,
                color=style.GREY if outside and not covered else "black",
            )  # fmt: skip
    if window is not None:
        row, column, rows, columns = window
        ax.add_patch(
            Rectangle((column, row), columns, rows, fill=False, edgecolor=style.VERMILION, lw=1.6)
        )
    ax.set_xlim(-0.05, width + 0.05)
    ax.set_ylim(height + 0.05, -0.05)
    ax.set_aspect("equal")
    ax.axis("off")


@also_narrow
def vectorised(columns: int = 6, kernel: int = 3, width: float = style.PAGE) -> Figure:
    """Draw how :func:`tarea2.convolution.conv2d` turns a convolution into matrix products.

    Left, one image; middle, its ``kernel`` column-shifted planes; right, the rows of those planes
    whose product with the weights is one row of the output.
    """
    image = np.arange(1, columns * columns + 1, dtype=float).reshape(columns, columns)
    out = columns - kernel + 1
    if style.is_narrow(width):
        fig, axes = style.figure(-(-(2 + kernel) // 2), 2, width, 5.2)
        axes = axes.flatten()
        for ax in axes[2 + kernel :]:
            ax.remove()
        axes = axes[: 2 + kernel]
    else:
        ratios = [columns, *[out + 0.6] * kernel, out * 1.6]
        fig, axes = style.figure(1, 2 + kernel, width, 1.95, width_ratios=ratios)
    grid(axes[0], image, window=(0, 0, kernel, kernel), fontsize=6.5)
    axes[0].set_title("imagen")
    for shift in range(kernel):
        plane = image[:, shift : shift + out]
        grid(axes[1 + shift], plane, window=(0, 0, kernel, out), fontsize=6.5)
        axes[1 + shift].set_title(f"plano $v={shift}$")
    ax = axes[-1]
    for row in range(out):
        ax.add_patch(
            Rectangle(
                (row * 1.4, row), 1, kernel, facecolor=style.CYCLE[row], alpha=0.75,
                edgecolor="white",
            )
        )  # fmt: skip
        ax.text(row * 1.4 + 0.5, row + kernel / 2, f"$i={row}$", ha="center", va="center",
                fontsize=7)  # fmt: skip
    ax.set_ylim(columns + 0.05, -0.05)
    ax.set_xlim(-0.3, out * 1.4)
    ax.set_yticks(np.arange(columns) + 0.5, [str(row) for row in range(columns)])
    ax.set_xticks([])
    ax.set_ylabel("fila del plano")
    ax.set_title("filas que usa cada\nfila de la salida")
    ax.tick_params(length=0)
    plt.close(fig)
    return fig
