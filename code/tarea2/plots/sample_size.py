"""How a score grows with the examples learnt from."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number


@also_narrow
def by_sample_size(
    rows: Mapping[str, Mapping[int, np.ndarray]], xlabel: str, ylabel: str,
    limits: tuple[float, float], width: float = 3.6,
) -> Figure:  # fmt: skip
    """Draw a score against the examples learnt from: a dot per seed, a line through the means.

    ``rows``: for each name, amount -> values over seeds. The axis of scores goes from one of
    ``limits`` to the other.
    """
    fig, ax = style.figure(width=width, height=0.66 * width)
    for (name, values), colour, marker in zip(rows.items(), style.CYCLE, "os^D", strict=False):
        for amount, seeds in values.items():
            ax.plot([amount] * len(seeds), seeds, ".", color=colour, alpha=0.4)
        means = [np.mean(seeds) for seeds in values.values()]
        ax.plot(list(values), means, color=colour, marker=marker, ms=4.5, label=name)
    amounts = sorted({amount for values in rows.values() for amount in values})
    ax.set_xscale("log")
    ax.set_xticks(amounts, [number(amount) for amount in amounts])
    ax.minorticks_off()
    ax.set_ylim(limits)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.legend(loc="lower right")  # scores grow, so that this corner is free
    ax.grid()
    plt.close(fig)
    return fig
