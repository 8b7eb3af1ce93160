"""Differences to a reference, network by network."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.typography import number


def differences(
    table: pd.DataFrame, xlabel: str, width: float = style.PAGE, ticks: Sequence[float] = ()
) -> Figure:
    """Draw a dot per seed and a bar at the mean, sorted within each group.

    ``table`` has the columns ``group``, ``label`` and ``difference`` (a row per seed). With
    ``ticks`` the axis is linear up to ±0.05 and logarithmic beyond, and these are its ticks.
    """
    order = [
        (group, label)
        for group, rows in table.groupby("group", sort=False)
        for label in rows.groupby("label")["difference"].mean().sort_values().index
    ]
    wide = width > 4
    fig, ax = style.figure(width=width, height=0.5 + (0.19 if wide else 0.12) * len(order))
    ax.axvline(0, color=style.GREY, lw=0.8)
    for place, (_, label) in enumerate(order):
        values = table.loc[table["label"] == label, "difference"].to_numpy()
        colour = style.BLUE if values.mean() > 0 else style.VERMILION
        ax.barh(place, values.mean(), color=colour, height=0.62, alpha=0.35)
        ax.plot(values, np.full(len(values), place), "o", color=colour, ms=3)
        if place and order[place - 1][0] != order[place][0]:
            ax.axhline(place - 0.5, color="#DDDDDD", lw=0.6)
    ax.set_yticks(range(len(order)), [label for _, label in order], fontsize=7 if wide else 6.5)
    ax.set_ylim(len(order) - 0.4, -0.6)
    if ticks:
        ax.set_xscale("symlog", linthresh=0.05, linscale=1.2)
        ax.set_xticks(ticks, [number(tick) for tick in ticks])
        ax.minorticks_off()
    ax.set_xlabel(xlabel)
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)
    plt.close(fig)
    return fig
