"""Figures of the segmentation study: all architectures, costs, courses of training, classes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.plots.labels import KINDS
from tarea2.typography import number


def ranking(
    table: pd.DataFrame, width: float = style.PAGE, height: float = 3.1, metric: str = "test_miou"
) -> Figure:
    """Draw every network's score, sorted: a dot per seed, mean and standard deviation.

    ``table`` has a row per run with the columns ``label``, ``kind`` (of :data:`KINDS`) and the
    metric.
    """
    fig, ax = style.figure(width=width, height=height)
    order = table.groupby("label")[metric].mean().sort_values().index
    seen = set()
    for place, label in enumerate(order):
        rows = table[table["label"] == label]
        kind = rows["kind"].iloc[0]
        colour, marker, name = KINDS[kind]
        values = rows[metric].to_numpy()
        ax.plot(np.full(len(values), place), values, ".", color=colour, ms=3.5, alpha=0.45, mew=0)
        spread = values.std(ddof=1) if len(values) > 1 else 0
        ax.errorbar(
            place, values.mean(), yerr=spread, color=colour, marker=marker, ms=4.6, capsize=1.8,
            lw=1, ls="none", label=None if kind in seen else name,
        )  # fmt: skip
        seen.add(kind)
    ax.set_xticks(range(len(order)), order, rotation=90, fontsize=6.8)
    for tick, label in zip(ax.get_xticklabels(), order, strict=True):
        kind = table.loc[table["label"] == label, "kind"].iloc[0]
        tick.set_color("#333333" if kind == "factor" else KINDS[kind][0])
    ax.set_xlim(-0.7, len(order) - 0.3)
    ax.set_ylim(0, 0.9)
    ax.set_yticks(np.arange(0, 0.95, 0.1))
    ax.set_ylabel("mIoU en test")
    ax.grid(axis="y")
    ax.legend(loc="lower right", ncols=2)
    plt.close(fig)
    return fig


def pareto(
    table: pd.DataFrame, names: dict[str, tuple[float, float]], width: float = style.PAGE
) -> Figure:
    """Mean score against parameters and against multiplications, each with its Pareto front.

    ``names``: the labels that are written, and how far from their points (x and y, in points).
    """
    fig, axes = style.figure(1, 2, width=width, height=2.9, sharey=True)
    means = table.groupby(["label", "kind"])[["test_miou", "parameters", "macs"]].mean()
    means = means.reset_index()
    thousand, million = 1e3, 1e6
    panels = (
        ("parameters", "parámetros (miles)", thousand, (10e3, 30e3, 100e3, 300e3)),
        ("macs", "multiplicaciones por imagen (millones)", million, (5e6, 10e6, 20e6, 50e6)),
    )
    for ax, (cost, title, scale, ticks) in zip(axes, panels, strict=True):
        for kind, rows in means.groupby("kind"):
            colour, marker, name = KINDS[str(kind)]
            ax.plot(rows[cost], rows["test_miou"], marker, color=colour, label=name, ms=4.6)
        front = means.sort_values(cost)
        front = front[front["test_miou"] >= front["test_miou"].cummax()]
        ax.step(front[cost], front["test_miou"], where="post", color=style.GREEN, lw=1, zorder=0,
                label="frente de Pareto")  # fmt: skip
        for label, place in names.items():
            row = means[means["label"] == label].iloc[0]
            ax.annotate(label, (row[cost], row["test_miou"]), xytext=place, ha="center",
                        va="center", textcoords="offset points", fontsize=6.5,
                        arrowprops={"arrowstyle": "-", "lw": 0.4, "color": style.GREY},
                        )  # fmt: skip
        ax.set_ylim(0, 0.95)
        ax.set_xscale("log")
        ax.set_xticks(ticks, [number(tick / scale) for tick in ticks])
        ax.minorticks_off()
        ax.set_xlabel(title)
        ax.grid()
    axes[0].set_ylabel("mIoU en test")
    axes[1].legend(loc="lower right", fontsize=6.5)
    plt.close(fig)
    return fig


def curves(lines: Sequence[tuple[str, np.ndarray]], ylabel: str, width: float = 4.6) -> Figure:
    """Draw a measure after each epoch: mean over seeds ``(seeds, epochs + 1)`` and deviation."""
    fig, ax = style.figure(width=width, height=2.6)
    for place, (name, values) in enumerate(lines):
        epochs, mean = np.arange(values.shape[1]), values.mean(0)
        spread = values.std(0, ddof=1) if len(values) > 1 else np.zeros_like(mean)
        colour = style.CYCLE[place % len(style.CYCLE)]
        ax.plot(epochs, mean, color=colour, ls=style.LINES[place % 4], label=name,
                marker=style.MARKERS[place], ms=3, markevery=3)  # fmt: skip
        ax.fill_between(epochs, mean - spread, mean + spread, color=colour, alpha=0.2, lw=0)
    ax.set_xlabel("época")
    ax.set_ylabel(ylabel)
    ax.set_ylim(0, 1)
    ax.grid(axis="y")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    plt.close(fig)
    return fig


def per_class(lines: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Draw the IoU of each digit: mean over seeds ``(seeds, 10)`` and deviation, per network."""
    fig, ax = style.figure(height=2.4)
    for place, (name, values) in enumerate(lines):
        x = np.arange(10) + (place - (len(lines) - 1) / 2) * 0.22
        ax.errorbar(
            x, values.mean(0), yerr=values.std(0, ddof=1), ls="none", capsize=2, lw=1,
            color=style.CYCLE[place], marker=style.MARKERS[place], label=name,
        )  # fmt: skip
    ax.set_xticks(range(10))
    ax.set_xlabel("dígito")
    ax.set_ylabel("IoU en test")
    ax.set_ylim(0, 1)
    ax.grid(axis="y")
    ax.legend(ncols=len(lines), loc="lower left")
    plt.close(fig)
    return fig
