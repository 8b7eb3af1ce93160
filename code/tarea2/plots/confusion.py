"""Confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number


@also_narrow
def confusion(
    matrix: np.ndarray, names: Sequence[str] | None = None, share: bool = False, width: float = 4.4
) -> Figure:
    """Draw a confusion matrix; colours show the errors only, and what is right is bold.

    ``names`` are those of the classes, 0, 1, 2, … unless given. ``share`` writes per cent of each
    true class instead of counts.
    """
    names = names or [str(label) for label in range(len(matrix))]
    with np.errstate(invalid="ignore"):  # a class that is absent has no shares
        values = 100 * matrix / matrix.sum(1, keepdims=True) if share else matrix
    decimals, smallest = (1, 0.05) if share else (None, 1)  # what would be written 0 is left out
    if share and style.is_narrow(width):
        decimals, smallest = 0, 0.5
    fig, ax = style.figure(width=width, height=width * 0.9)
    errors = np.nan_to_num(values.astype(float))
    np.fill_diagonal(errors, 0)
    style.heatmap(ax, errors, cmap="Oranges", annot=False, linecolor="#EEEEEE",
                  xticklabels=names, yticklabels=names)  # fmt: skip
    for (row, column), value in np.ndenumerate(values):
        right = row == column
        if value >= smallest:
            ax.text(column + 0.5, row + 0.5, number(value, decimals), ha="center", va="center",
                    fontsize=6.5, fontweight="bold" if right else "normal",
                    color=style.BLUE if right else
                    ("white" if errors[row, column] > 0.6 * errors.max() else "black"),
                    )  # fmt: skip
    if sum(len(name) > 4 for name in names) > 1:  # words, which would run into each other
        ax.set_yticklabels(names, rotation=0)
        ax.set_xticklabels(names, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_xlabel("clase predicha")
    ax.set_ylabel("clase verdadera")
    plt.close(fig)
    return fig
