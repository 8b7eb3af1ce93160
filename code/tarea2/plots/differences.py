"""Differences to a reference, network by network."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tarea2.plots import style
from tarea2.plots.narrow import also_narrow


@also_narrow
def differences(
    table: pd.DataFrame, xlabel: str, width: float = style.PAGE, large: float = np.inf,
    names: tuple[str, str] | None = None,
) -> Figure:  # fmt: skip
    """Draw each difference with its 95 % interval, and a small dot per seed.

    ``table`` has a row per network with the columns ``group``, ``label``, ``difference``,
    ``low``, ``high`` and ``seeds`` (a list). Rows are sorted within each group. Colour and a
    filled marker say that the interval leaves zero out. With ``names``, of both, the column
    ``other`` holds a second difference, drawn as a diamond. Networks with one that is ``large`` or
    more, in either direction, get a panel and an axis of their own.
    """
    order = pd.concat(
        [rows.sort_values("difference") for _, rows in table.groupby("group", sort=False)]
    )
    drawn = ["difference", "other"] if names else ["difference"]
    big = order[drawn].abs().max(axis=1) >= large
    panels = [rows for rows in (order[~big], order[big].sort_values("difference")) if len(rows)]
    wide = width > 4
    size = 7 if wide else 6.2
    each = 0.165 if wide else 0.14 if style.is_narrow(width) else 0.115
    height = max(0.9, 0.45 * len(panels) + each * len(order))
    fig, axes = style.figure(
        len(panels), 1, width, height, squeeze=False,
        height_ratios=[len(rows) + 0.2 for rows in panels],
    )  # fmt: skip
    for ax, rows in zip(axes[:, 0], panels, strict=True):
        ax.axvline(0, color=style.BLACK, lw=0.8)
        groups = rows["group"].to_numpy()
        for place, (_, row) in enumerate(rows.iterrows()):
            clear = row["low"] > 0 or row["high"] < 0
            colour = style.BLUE if row["difference"] > 0 else style.VERMILION
            colour = colour if clear else style.GREY
            ax.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.2, alpha=0.5)
            ax.plot(row["seeds"], np.full(len(row["seeds"]), place), ".", color=colour, ms=3,
                    alpha=0.6, mew=0)  # fmt: skip
            ax.plot(row["difference"], place, "o", color=colour, ms=4 if wide else 3.2,
                    mfc=colour if clear else "white")  # fmt: skip
            if names:
                ax.plot(row["other"], place, "D", color=style.GREEN, ms=3.4, mfc="none")
            if place and ax is axes[0, 0] and groups[place - 1] != groups[place]:
                ax.axhline(place - 0.5, color="#DDDDDD", lw=0.6)
        ax.set_yticks(range(len(rows)), rows["label"], fontsize=size)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    if names:
        circle, diamond = names
        handles = [
            Line2D([], [], ls="none", ms=4, marker="o", color=style.GREY, label=circle),
            Line2D([], [], ls="none", ms=4, marker="D", color=style.GREEN, mfc="none",
                   label=diamond),
        ]  # fmt: skip
        fig.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=size)
    fig.align_ylabels()
    if style.is_narrow(width):
        xlabel = textwrap.fill(xlabel, 30)
    axes[-1, 0].set_xlabel(xlabel, fontsize=8 if wide else 7)
    plt.close(fig)
    return fig
