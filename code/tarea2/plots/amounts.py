"""How a score grows with the examples learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.typography import number


def by_amount(
    amounts: Sequence[int], rows: Mapping[str, Sequence[np.ndarray]], xlabel: str, ylabel: str,
    top: float = 1, width: float = 3.6,
) -> Figure:  # fmt: skip
    """Draw a score against the examples learnt from: a dot per seed, a line through the means.

    ``rows``: for each name, the values over seeds at each amount. The axis ends at ``top``.
    """
    fig, ax = style.figure(width=width, height=0.66 * width)
    for (name, values), colour, marker in zip(rows.items(), style.CYCLE, "os^D", strict=False):
        for amount, seeds in zip(amounts, values, strict=True):
            ax.plot([amount] * len(seeds), seeds, ".", color=colour, alpha=0.4)
        means = [np.mean(seeds) for seeds in values]
        ax.plot(amounts, means, color=colour, marker=marker, ms=4.5, label=name)
    ax.set_xscale("log")
    ax.set_xticks(amounts, [number(amount) for amount in amounts])
    ax.minorticks_off()
    ax.set_ylim(0, top)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="lower right")  # scores grow, so that this corner is free
    ax.grid()
    plt.close(fig)
    return fig
