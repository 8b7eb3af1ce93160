"""Scenes, their masks, and what networks see in them and make of them."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from tarea2.datasets.images.label_map import CLASS_COLOURS
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow

# Background and ten digits. Masks also carry their digits as text.
COLOURS = [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in CLASS_COLOURS]
CLASSES = ListedColormap(COLOURS)
ERRORS = ListedColormap(["#F2F2F2", style.VERMILION])


def _mask(ax: Axes, mask: np.ndarray) -> None:
    """Draw a mask in colours, with each digit's name on it."""
    ax.imshow(mask, cmap=CLASSES, vmin=0, vmax=10, interpolation="nearest")
    for label in np.unique(mask[mask > 0]):
        rows, columns = np.nonzero(mask == label)
        if len(rows) < 12:  # too small for a name
            continue
        middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        ax.text(
            columns[middle], rows[middle], str(label - 1), ha="center", va="center", fontsize=6.5,
            color="white", bbox={"boxstyle": "round,pad=0.12", "fc": "#000000AA", "ec": "none"},
        )  # fmt: skip


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


@also_narrow
def scenes(x: Tensor, y: Tensor, width: float = style.PAGE) -> Figure:
    """Show scenes ``(n, 1, H, W)`` in a row, and their masks ``(n, H, W)`` below."""
    fig, axes = style.figure(2, len(x), width, width / len(x) * 2 + 0.15)
    for top, bottom, image, mask in zip(axes[0], axes[1], x, y, strict=True):
        top.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        _mask(bottom, mask.numpy())
        _bare(top)
        _bare(bottom)
    axes[0, 0].set_ylabel("escena")
    axes[1, 0].set_ylabel("máscara")
    plt.close(fig)
    return fig


@also_narrow
def receptive_fields(
    image: Tensor, centre: tuple[int, int], sizes: Sequence[tuple[str, int]],
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw the receptive field of one pixel in several networks on the same scene."""
    fig, axes = style.figure(1, len(sizes), width, width / len(sizes) + 0.2)
    row, column = centre
    for place, (ax, (name, size)) in enumerate(zip(axes, sizes, strict=True)):
        ax.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        colour = (style.ORANGE, style.SKY, style.YELLOW, style.PURPLE)[place % 4]
        corner = (column - size / 2, row - size / 2)
        ax.add_patch(Rectangle(corner, size, size, fc="none", ec=colour, lw=1.8))
        ax.plot(column, row, "+", color=colour, ms=7, mew=1.6)
        ax.set_title(f"{name}: {size} × {size}", fontsize=7.5)
        ax.set_xlim(-0.5, image.shape[2] - 0.5)
        ax.set_ylim(image.shape[1] - 0.5, -0.5)
        _bare(ax)
    plt.close(fig)
    return fig


@also_narrow
def after_epochs(
    rows: Sequence[tuple[str, np.ndarray]], epochs: Sequence[int], truth: np.ndarray,
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Show what networks see in a scene after some epochs, and at the right the true mask.

    ``rows`` lists (name, masks ``(epochs + 1, H, W)``), before training first; ``truth``: its mask.
    """
    side = (width - 1.0) / (len(epochs) + 1)
    upright = {"rotation": 0, "ha": "right", "va": "center", "multialignment": "right"}
    if style.is_narrow(width):  # names stand beside the masks, which so are larger
        side, upright = 0.68, {}
    fig, axes = style.figure(
        len(rows), len(epochs) + 1, width, height=side * len(rows) + 0.25, squeeze=False
    )
    if style.is_narrow(width):
        fig.set_layout_engine("constrained", w_pad=0.01, wspace=0.01)
    for line, (name, masks) in zip(axes, rows, strict=True):
        for ax, mask in zip(line, [*masks[list(epochs)], truth], strict=True):
            _mask(ax, mask)
            _bare(ax)
        line[0].set_ylabel(name, fontsize=7, **upright)
    between = "\n" if style.is_narrow(width) else " "
    for ax, epoch in zip(axes[0], epochs, strict=False):
        ax.set_title(f"época{between}{epoch}", fontsize=7.5)
    axes[0, -1].set_title("verdad", fontsize=7.5)
    plt.close(fig)
    return fig


@also_narrow
def predictions(
    x: Tensor,
    y: Tensor,
    found: Sequence[tuple[str, Tensor]],
    titles: Sequence[str],
    width: float = style.PAGE,
) -> Figure:
    """Show scenes, their masks, and what networks predict, with the wrong pixels beside it.

    ``found`` lists (name, prediction ``(n, H, W)``); ``titles`` holds one text per scene.
    """
    columns = 2 + 2 * len(found)
    side = width / (columns + 0.25)
    fig, axes = style.figure(len(x), columns, width, height=side * len(x) + 0.25, squeeze=False)
    for line, image, mask, title, place in zip(axes, x, y, titles, range(len(x)), strict=True):
        line[0].imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1)
        line[0].set_ylabel(title, fontsize=7)
        _mask(line[1], mask.numpy())
        for k, (_, prediction) in enumerate(found):
            _mask(line[2 + 2 * k], prediction[place].numpy())
            wrong = (prediction[place] != mask).numpy()
            line[3 + 2 * k].imshow(wrong, cmap=ERRORS, vmin=0, vmax=1, interpolation="nearest")
        for ax in line:
            _bare(ax)
    names = ["escena", "verdad"]
    for name, _ in found:
        names += [name, "errores"]
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name, fontsize=7.5)
    plt.close(fig)
    return fig
