"""Figures of the segmentation study: all architectures, costs, courses of training, classes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.plots.labels import KINDS
from tarea2.plots.placement import place_labels
from tarea2.studies.comparisons import mean_interval
from tarea2.typography import number

BREAK = 0.7  # where the two panels of the ranking meet


def ranking(table: pd.DataFrame, width: float = style.PAGE, metric: str = "test_miou") -> Figure:
    """Draw every network's score, the best on top: a dot per seed, mean and 95 % interval.

    ``table`` has a row per run with the columns ``label``, ``kind`` (of :data:`KINDS`),
    ``parameters``, ``macs`` and the metric. Two panels share the networks: all scores at the
    left, those above :data:`BREAK` larger at the right, with weights and multiplications beside.
    """
    wide = width > 4
    size = 7 if wide else 5.8
    order = table.groupby("label")[metric].mean().sort_values().index
    height = 0.75 + (0.155 if wide else 0.118) * len(order)
    fig, axes = style.figure(1, 2, width, height, sharey=True, width_ratios=(1, 2.2))
    shown = {}
    for place, label in enumerate(order):
        rows = table[table["label"] == label]
        colour, marker, name = KINDS[rows["kind"].iloc[0]]
        values = rows[metric].to_numpy()
        low, high = mean_interval(values)
        for ax in axes:
            ax.plot([low, high], [place, place], color=colour, lw=1.1, alpha=0.45)
            ax.plot(values, np.full(len(values), place), ".", color=colour, ms=3, alpha=0.6, mew=0)
            (shown[name],) = ax.plot(
                values.mean(), place, marker, color=colour, ms=4 if wide else 3.2, ls="none"
            )
        costs = (rows["parameters"].iloc[0] / 1e3, rows["macs"].iloc[0] / 1e6)
        for right, cost in zip((1.12, 1.24) if wide else (1.16, 1.32), costs, strict=True):
            axes[1].text(right, place, number(cost, 0), transform=axes[1].get_yaxis_transform(),
                         ha="right", va="center", fontsize=size)  # fmt: skip
    for right, head in zip((1.12, 1.24) if wide else (1.16, 1.32), ("miles", "MM"), strict=True):
        axes[1].text(right, len(order), head, transform=axes[1].get_yaxis_transform(),
                     ha="right", va="center", fontsize=size, color=style.GREY)  # fmt: skip
    axes[0].set_yticks(range(len(order)), order, fontsize=size)
    for tick, label in zip(axes[0].get_yticklabels(), order, strict=True):
        kind = table.loc[table["label"] == label, "kind"].iloc[0]
        tick.set_color("#333333" if kind == "factor" else KINDS[kind][0])
    top = table.groupby("label")[metric].mean().max()
    for ax, limits, step in ((axes[0], (0, 0.88), 0.4), (axes[1], (BREAK, top + 0.03), 0.05)):
        ax.set_xlim(limits)
        ax.set_xticks(np.arange(limits[0], limits[1], step))
        ax.set_ylim(-0.7, len(order) + 0.5)
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    axes[1].spines["left"].set_visible(False)
    axes[0].axvspan(BREAK, 0.88, color="#EEEEEE", zorder=0, lw=0)  # what the right panel enlarges
    fig.supxlabel("mIoU en el conjunto de prueba", fontsize=8)
    shown = {name: shown[name] for _, _, name in KINDS.values() if name in shown}
    fig.legend(
        shown.values(), shown.keys(), loc="outside upper center", ncols=5 if wide else 3,
        fontsize=size, columnspacing=1.2, handletextpad=0.3,
    )  # fmt: skip
    plt.close(fig)
    return fig


def costs(table: pd.DataFrame, names: Sequence[str], width: float = style.PAGE) -> Figure:
    """Mean score against parameters and against multiplications, each with its Pareto front.

    ``names``: labels of networks whose points get their name, besides those on a front. Scores
    above :data:`BREAK` stand in the upper panels, enlarged.
    """
    fig, axes = style.figure(
        2, 2, width=width, height=4.6, sharex="col", sharey="row", height_ratios=(2.3, 1)
    )
    means = table.groupby(["label", "kind"])[["test_miou", "parameters", "macs"]].mean()
    means = means.reset_index()
    columns = (
        ("parameters", "parámetros (miles)", 1e3, (10e3, 30e3, 100e3, 300e3)),
        ("macs", "multiplicaciones por imagen (millones)", 1e6, (5e6, 10e6, 20e6, 50e6)),
    )
    rows = (BREAK - 0.004, means["test_miou"].max() + 0.02), (-0.03, BREAK + 0.03)
    asked = {}
    for (above, below), (cost, title, scale, ticks) in zip(axes.T, columns, strict=True):
        front = means.sort_values(cost)
        front = front[front["test_miou"] >= front["test_miou"].cummax()]
        for ax, limits in zip((above, below), rows, strict=True):
            for kind, (colour, marker, name) in KINDS.items():
                of = means[
                    (means["kind"] == kind) & ((means["test_miou"] >= BREAK) == (ax is above))
                ]
                ax.plot(of[cost], of["test_miou"], marker, color=colour, label=name, ms=4.2,
                        ls="none")  # fmt: skip
            ax.step(front[cost], front["test_miou"], where="post", color=style.GREEN, lw=1,
                    zorder=0, label="frente de Pareto")  # fmt: skip
            ax.set_xscale("log")
            ax.set_xlim(means[cost].min() / 1.5, means[cost].max() * 1.7)
            ax.set_ylim(limits)
            ax.set_xticks(ticks, [number(tick / scale) for tick in ticks])
            ax.minorticks_off()
            ax.grid()
        above.spines["bottom"].set_linestyle((0, (4, 4)))  # the axis goes on below
        above.tick_params(axis="x", length=0)
        below.set_xlabel(title)
        asked[cost] = {*names, *front["label"]}, _along_steps(front[[cost, "test_miou"]].to_numpy())
    fig.supylabel("mIoU en el conjunto de prueba", fontsize=8)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6,
               fontsize=6.8, columnspacing=1.1, handletextpad=0.3)  # fmt: skip
    high = means["test_miou"] >= BREAK
    for line, here in zip(axes, (means[high], means[~high]), strict=True):
        for ax, (cost, (labels, path)) in zip(line, asked.items(), strict=True):
            named = here[here["label"].isin(labels)].set_index("label")[[cost, "test_miou"]]
            place_labels(
                ax,
                np.concatenate([here[[cost, "test_miou"]].to_numpy(), path]),
                dict(zip(named.index, named.to_numpy(), strict=True)),
            )
    plt.close(fig)
    return fig


def _along_steps(corners: np.ndarray) -> np.ndarray:
    """Points along the steps that :func:`costs` draws through ``corners`` ``(n, 2)``."""
    share = np.linspace(0, 1, 25)
    pieces = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        pieces.append(np.column_stack([x * (next_x / x) ** share, np.full(25, y)]))
        pieces.append(np.column_stack([np.full(25, next_x), y + (next_y - y) * share]))
    return np.concatenate(pieces)


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
    ax.set_ylabel("IoU en el conjunto de prueba")
    ax.set_ylim(0, 1)
    ax.grid(axis="y")
    fig.legend(ncols=len(lines), loc="outside upper center")
    plt.close(fig)
    return fig
