"""Figures of the CNN questions: every window worked out, equivariance seen."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tarea2.plots import style
from tarea2.plots.convolution import grid
from tarea2.plots.narrow import also_narrow
from tarea2.questions import Window, convolve, windows
from tarea2.typography import number

_FRAMES = (style.VERMILION, style.BLUE)


def _term(value: float, weight: float) -> str:
    sign = "−" if weight < 0 else "+"
    return f"{sign} {number(abs(weight))}·{number(value)}"


@also_narrow
def worked(
    x: np.ndarray, kernel: np.ndarray, stride: int, padding: int = 0, width: float = style.PAGE
) -> Figure:
    """Work a convolution by hand: padded matrix, each window's sum, result.

    Meant for windows that do not overlap (stride equal to the kernel's size), so that each can
    be framed. Terms with weight zero are left out of the sums.
    """
    result = convolve(x, kernel, stride, padding)
    ratios = [1, 1.75 if padding else 1.35, 0.62]
    height = 0.9 * style.PAGE / sum(ratios) + 0.28
    if style.is_narrow(width):
        heights = [0.25 * (len(x) + 2 * padding), 0.5 * len(result), 0.3 * len(result)]
        fig, axes = style.figure(3, 1, width, sum(heights) + 1, height_ratios=heights)
    else:
        fig, axes = style.figure(1, 3, width, height, width_ratios=ratios)
    _framed(axes[0], x, kernel, stride, padding)
    grid(axes[2], result, fontsize=8)
    for window in windows(x, kernel, stride, padding):
        _sum_box(axes[1], window, _colour(window), 6.4 if padding else 8, style.is_narrow(width))
    axes[1].set_xlim(-0.02, result.shape[1] + 0.02)
    axes[1].set_ylim(result.shape[0] + 0.02, -0.02)
    axes[1].axis("off")
    axes[0].set_title("entrada con relleno" if padding else "entrada")
    axes[1].set_title("cada ventana")
    axes[2].set_title("salida")
    plt.close(fig)
    return fig


@also_narrow
def windowed(
    panels: Sequence[tuple[str, int]],
    x: np.ndarray,
    kernel: np.ndarray,
    stride: int,
    width: float = style.COLUMN,
) -> Figure:
    """Frame the windows of a kernel on a matrix, a panel for each (title, padding); one scale."""
    sides = [x.shape[1] + 2 * padding for _, padding in panels]
    cell = 0.75 * width / (sum(sides) + 0.8)
    fig, axes = style.figure(
        1, len(panels), width=width, height=cell * max(sides) + 0.3, width_ratios=sides
    )
    for ax, (title, padding) in zip(axes, panels, strict=True):
        _framed(ax, x, kernel, stride, padding)
        ax.set_title(title)
    plt.close(fig)
    return fig


def _framed(ax: Axes, x: np.ndarray, kernel: np.ndarray, stride: int, padding: int) -> None:
    grid(ax, np.pad(np.asarray(x), padding), padding)
    for window in windows(x, kernel, stride, padding):
        height, width = kernel.shape
        inner = (window.column + 0.04, window.row + 0.04), width - 0.08, height - 0.08
        ax.add_patch(Rectangle(*inner, fill=False, edgecolor=_colour(window), lw=1.2))


def _colour(window: Window) -> str:
    return _FRAMES[sum(window.output) % 2]


def _sum_box(ax: Axes, window: Window, colour: str, fontsize: float, broken: bool) -> None:
    i, j = window.output
    box = (j + 0.03, i + 0.05), 0.94, 0.9
    ax.add_patch(Rectangle(*box, facecolor="#FFF6E3", edgecolor=colour, lw=1))
    terms = [
        _term(value, weight)
        for value, weight in zip(window.values.flat, window.kernel.flat, strict=True)
        if weight
    ]
    if broken and len(terms) > 2:
        terms.insert(2, "\n")
    text = " ".join(terms).removeprefix("+ ").replace(" \n ", "\n")
    text += f"\n= {number(window.total)}"
    ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=fontsize)


@also_narrow
def positions(
    size: int, kernel: int, stride: int, padding: int, dilation: int, width: float = style.PAGE
) -> Figure:
    """Draw where a dilated kernel fits along one padded axis, one line per position."""
    total, covered = size + 2 * padding, dilation * (kernel - 1) + 1
    starts = list(range(0, total - covered + 1, stride))
    fig, ax = style.figure(width=width, height=0.6 + 0.24 * (len(starts) + 1))
    for cell in range(total):
        inside = padding <= cell < size + padding
        ax.add_patch(
            Rectangle((cell, -1), 1, 0.8, facecolor="#DCEBF5" if inside else "#EFEFEF", ec="white")
        )
        label = f"$x_{{{cell - padding}}}$" if inside else "0"
        ax.text(cell + 0.5, -0.58, label, ha="center", va="center", fontsize=7)
    for line, start in enumerate(starts):
        for tap in range(kernel):
            ax.add_patch(
                Rectangle((start + tap * dilation + 0.08, line + 0.12), 0.84, 0.76,
                          facecolor=style.ORANGE, ec="#7A5200", lw=0.7)
            )  # fmt: skip
        ax.plot([start + 0.5, start + covered - 0.5], [line + 0.5] * 2, color="#7A5200", lw=0.7,
                zorder=0)  # fmt: skip
        ax.text(-0.4, line + 0.5, f"salida {line}", ha="right", va="center", fontsize=7)
    ax.text(-0.4, -0.58, "entrada", ha="right", va="center", fontsize=7)
    ax.set_xlim(-2.2, total + 0.1)
    ax.set_ylim(len(starts) + 0.1, -1.1)
    ax.axis("off")
    plt.close(fig)
    return fig


@also_narrow
def equivariance(
    panels: Sequence[tuple[str, np.ndarray]], columns: int = 4, width: float = style.PAGE
) -> Figure:
    """Show images or feature maps in a row, each scaled to its own range."""
    columns = min(columns, 2) if style.is_narrow(width) else columns
    rows = -(-len(panels) // columns)
    fig, axes = style.figure(rows, columns, width, 1.75 * rows, squeeze=False)
    for ax, (title, image) in zip(axes.flat, panels, strict=True):
        ax.imshow(image, cmap="gray")
        ax.set_title(title, fontsize=7.5)
        ax.set_xticks([])
        ax.set_yticks([])
    plt.close(fig)
    return fig
