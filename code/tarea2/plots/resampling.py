"""Figures of down- and upsampling: small matrices, photographs, aliasing, checkerboards."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tarea2.plots import style
from tarea2.plots.convolution import grid
from tarea2.plots.narrow import also_narrow


@also_narrow
def patches(
    items: Sequence[tuple[str, np.ndarray]], blocks: int = 0, width: float = style.PAGE
) -> Figure:
    """Draw small matrices side by side; frame the ``blocks``×``blocks`` blocks of the first."""
    sizes = [matrix.shape[1] for _, matrix in items]
    fig, axes = style.figure(1, len(items), width, 1.75, width_ratios=[max(s, 2.6) for s in sizes])
    for ax, (title, matrix) in zip(axes, items, strict=True):
        grid(ax, np.asarray(matrix, dtype=float), fontsize=8)
        ax.set_title(title)
    if blocks:
        first = items[0][1]
        for row in range(0, first.shape[0], blocks):
            for column in range(0, first.shape[1], blocks):
                corner = (column + 0.03, row + 0.03)
                axes[0].add_patch(
                    Rectangle(corner, blocks - 0.06, blocks - 0.06, fill=False,
                              edgecolor=style.VERMILION, lw=1.3)
                )  # fmt: skip
    plt.close(fig)
    return fig


@also_narrow
def photographs(
    rows: Sequence[tuple[str, Sequence[np.ndarray]]],
    titles: Sequence[str] | None = None,
    height: float = 1.75,
    width: float = style.PAGE,
    limits: tuple[float, float] | None = (0, 255),
) -> Figure:
    """Show images in rows, all at the same printed size, so that pixels grow as images shrink."""
    columns = len(rows[0][1])
    height *= 0.75 if style.is_narrow(width) else 1
    fig, axes = style.figure(
        len(rows), columns, width=width, height=height * len(rows) + 0.2, squeeze=False
    )
    for line, (name, images) in zip(axes, rows, strict=True):
        for ax, image in zip(line, images, strict=True):
            low, high = limits or (image.min(), image.max())
            ax.imshow(image, vmin=low, vmax=high)
            ax.set_xticks([])
            ax.set_yticks([])
        line[0].set_ylabel(name)
        if titles is None:
            for ax, image in zip(line, images, strict=True):
                ax.set_title(f"{image.shape[0]} × {image.shape[1]}", fontsize=7.5)
    for ax, title in zip(axes[0], titles or [], strict=False):
        ax.set_title(title)
    plt.close(fig)
    return fig


@also_narrow
def aliasing(
    stripes: np.ndarray, smaller: Sequence[tuple[str, np.ndarray]], width: float = style.PAGE
) -> Figure:
    """Show a striped pattern, its smaller versions, and one row of each as a curve."""
    panels = [("original", stripes), *smaller]
    if style.is_narrow(width):  # a row for each, wide enough for the stripes; its curve beside it
        fig, axes = style.figure(
            len(panels), 2, width, 1.35 * len(panels), sharey="col", width_ratios=[1.6, 1]
        )
        axes = axes.T
    else:
        fig, axes = style.figure(
            2, len(panels), width, 3.0, height_ratios=[1.5, 1], sharey="row", squeeze=False
        )
    for number, (title, image) in enumerate(panels):
        step = stripes.shape[1] / image.shape[1]
        axes[0, number].imshow(
            image, vmin=-1, vmax=1, extent=(0, stripes.shape[1], stripes.shape[0], 0)
        )
        axes[0, number].set_title(title)
        axes[0, number].set_xticks([])
        axes[0, number].set_yticks([])
        places = np.arange(image.shape[1]) * step
        axes[1, number].plot(places, image[0], color=style.VERMILION, marker=".", ms=3, lw=0.9)
        if not style.is_narrow(width) or image is panels[-1][1]:
            axes[1, number].set_xlabel("columna del original")
    axes[1, 0].set_ylabel("valor")
    plt.close(fig)
    return fig


@also_narrow
def checkerboard(items: Sequence[tuple[str, np.ndarray]], width: float = style.PAGE) -> Figure:
    """Show outputs of transposed convolutions on one common scale."""
    fig, axes = style.figure(1, len(items), width, 2.1)
    largest = max(float(image.max()) for _, image in items)
    for ax, (title, image) in zip(axes, items, strict=True):
        picture = ax.imshow(image, cmap=style.SEQUENTIAL, vmin=0, vmax=largest)
        ax.set_title(textwrap.fill(title, 13) if style.is_narrow(width) else title)
        ax.set_xticks([])
        ax.set_yticks([])
    bar = fig.colorbar(picture, ax=list(axes), fraction=0.03, label="contribuciones")
    bar.ax.yaxis.set_major_formatter(style.CommaFormatter())
    plt.close(fig)
    return fig
