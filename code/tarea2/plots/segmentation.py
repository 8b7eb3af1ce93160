"""Figures of the segmentation study: all architectures, costs, courses of training, classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy

from tarea2.plots import style
from tarea2.plots.labels import KINDS
from tarea2.plots.narrow import also_narrow
from tarea2.plots.placement import place_labels
from tarea2.studies.comparisons import mean_interval, pareto_front
from tarea2.typography import number

BREAK = 0.7  # where the two panels of the ranking meet


@also_narrow
def ranking(
    table: pd.DataFrame, width: float = style.PAGE, metric: str = "test_miou",
    enlarged: float | None = BREAK, limits: tuple[float, float] | None = None,
) -> Figure:  # fmt: skip
    """Draw every network's score, the best on top: a dot per seed, mean and 95 % interval.

    ``table`` has a row per run with the columns ``label``, ``kind`` (of :data:`KINDS`),
    ``parameters``, ``macs`` and the metric. Two panels share the networks: all scores at the
    left, those above ``enlarged`` larger at the right, with weights and multiplications beside.
    With None there is one panel, from the first of the ``limits`` to the second, where given.
    """
    wide = width > 4
    size = 7 if wide or style.is_narrow(width) else 5.8
    order = table.groupby("label")[metric].mean().sort_values().index
    height = 0.75 + (0.155 if wide else 0.14 if style.is_narrow(width) else 0.118) * len(order)
    if not enlarged:
        height += 0.25 + 0.045 * len(order)  # there may be few
    panels: dict[str, Any] = {"width_ratios": (1, 2.2)} if enlarged else {}
    fig, axes = style.figure(
        1, 2 if enlarged else 1, width, height, sharey=True, squeeze=False, **panels
    )
    axes, shown = axes[0], {}
    beside = (1.12, 1.27) if wide else (1.16, 1.32)
    if not enlarged:
        beside = (1.08, 1.19)
    margin = axes[-1].get_yaxis_transform()
    costs_at = [(right, margin) for right in beside]
    if style.is_narrow(width):  # by their own width, which is much of what there is
        costs_at = [(1, offset_copy(margin, fig, points, units="points")) for points in (28, 48)]
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
        for (right, across), cost in zip(costs_at, costs, strict=True):
            axes[-1].text(right, place, number(cost, 0), transform=across,
                          ha="right", va="center", fontsize=size)  # fmt: skip
    # Where columns are narrow, the second head stands a line higher: side by side they overlap.
    heads = ("miles", "M MAC" if wide else "M MAC\n")
    for (right, across), head in zip(costs_at, heads, strict=True):
        axes[-1].text(right, len(order) - 0.4, head, transform=across,
                      ha="right", va="bottom", fontsize=size, color=style.GREY)  # fmt: skip
    axes[0].set_yticks(range(len(order)), order, fontsize=size)
    for tick, label in zip(axes[0].get_yticklabels(), order, strict=True):
        kind = table.loc[table["label"] == label, "kind"].iloc[0]
        tick.set_color("#333333" if kind == "factor" else KINDS[kind][0])
    for ax in axes:
        ax.set_ylim(-0.7, len(order) + 0.5)
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    if enlarged:
        top = table.groupby("label")[metric].mean().max()
        sparse = 2 if style.is_narrow(width) else 1  # numbers on the axes
        views = ((0, 0.88), 0.4 * sparse), ((enlarged, top + 0.03), 0.05 * sparse)
        for ax, (limits, step) in zip(axes, views, strict=True):
            ax.set_xlim(limits)
            ax.set_xticks(np.arange(limits[0], limits[1], step))
        axes[1].spines["left"].set_visible(False)
        axes[0].axvspan(enlarged, 0.88, color="#EEEEEE", zorder=0, lw=0)  # enlarged at the right
    else:
        low, high = table[metric].min(), table[metric].max()
        room = 0.15 * (high - low) + 0.02
        # Wide intervals go beyond.
        axes[0].set_xlim(limits or (max(0, low - room), min(1, high + room)))
    fig.supxlabel("mIoU en el conjunto de prueba", fontsize=8)
    shown = {name: shown[name] for _, _, name in KINDS.values() if name in shown}
    fig.legend(
        shown.values(), shown.keys(), loc="outside upper center", ncols=5 if wide else 3,
        fontsize=size, columnspacing=1.2, handletextpad=0.3,
    )  # fmt: skip
    plt.close(fig)
    return fig


@also_narrow
def costs(
    table: pd.DataFrame, names: Sequence[str], width: float = style.PAGE,
    enlarged: float | None = BREAK,
) -> Figure:  # fmt: skip
    """Mean score against parameters and against multiplications, each with its Pareto front.

    ``names``: labels of networks whose points get their name, besides those on a front. Scores
    above ``enlarged`` stand in the upper panels, larger. With None all share one row.
    """
    fig, axes = style.figure(
        2 if enlarged else 1, 2, width, 4.6 if enlarged else 3.2, stacks=True, sharex="col",
        sharey="row", squeeze=False, height_ratios=(2.3, 1) if enlarged else (1,),
    )  # fmt: skip
    means = table.groupby(["label", "kind"])[["test_miou", "parameters", "macs"]].mean()
    means = means.reset_index()
    columns = (
        ("parameters", "parámetros (miles)", 1e3, (1, 3)),
        ("macs", "multiplicaciones por imagen (millones)", 1e6, (1, 2, 5)),
    )
    lowest, highest = means["test_miou"].min(), means["test_miou"].max()
    if enlarged:
        rows = [(enlarged - 0.004, highest + 0.02), (-0.03, enlarged + 0.03)]
        places = [means["test_miou"] >= enlarged, means["test_miou"] < enlarged]
    else:
        margin = 0.08 * (highest - lowest) + 0.01
        rows, places = [(lowest - margin, highest + margin)], [means["test_miou"].notna()]
    asked = {}
    for line, (cost, title, scale, steps) in zip(axes.T, columns, strict=True):
        front = pareto_front(means, cost, "test_miou")
        limits_of_cost = means[cost].min() / 1.5, means[cost].max() * 1.7
        ticks = _round_numbers(*limits_of_cost, steps)
        for ax, limits, chosen in zip(line, rows, places, strict=True):
            for kind, (colour, marker, name) in KINDS.items():
                if not (means["kind"] == kind).any():
                    continue
                of = means[(means["kind"] == kind) & chosen]
                ax.plot(of[cost], of["test_miou"], marker, color=colour, label=name, ms=4.2,
                        ls="none")  # fmt: skip
            ax.step(front[cost], front["test_miou"], where="post", color=style.GREEN, lw=1,
                    zorder=0, label="frente de Pareto")  # fmt: skip
            ax.set_xscale("log")
            ax.set_xlim(limits_of_cost)
            ax.set_ylim(limits)
            ax.set_xticks(ticks, [number(tick / scale) for tick in ticks])
            ax.minorticks_off()
            ax.grid()
        if enlarged:
            line[0].spines["bottom"].set_linestyle((0, (4, 4)))  # the axis goes on below
            line[0].tick_params(axis="x", length=0)
        line[-1].set_xlabel(title)
        asked[cost] = {*names, *front["label"]}, _along_steps(front[[cost, "test_miou"]].to_numpy())
    fig.supylabel("mIoU en el conjunto de prueba", fontsize=8)
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", fontsize=6.8,
        ncols=3 if style.is_narrow(width) else 6, columnspacing=1.1, handletextpad=0.3,
    )  # fmt: skip
    for line, chosen in zip(axes, places, strict=True):
        here = means[chosen]
        for ax, (cost, (labels, path)) in zip(line, asked.items(), strict=True):
            named = here[here["label"].isin(labels)].set_index("label")[[cost, "test_miou"]]
            place_labels(
                ax,
                here[[cost, "test_miou"]].to_numpy(),
                dict(zip(named.index, named.to_numpy(), strict=True)),
                drawn=path,
            )
    plt.close(fig)
    return fig


def _round_numbers(low: float, high: float, steps: Sequence[int]) -> list[float]:
    """The numbers between two limits that are a power of ten times one of some steps.

    Where these are fewer than two, other steps are taken.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    finer = (1, 1.5, 2, 3, 4, 5, 7)
    for those in (steps, finer):
        found = [step * 10.0**power for power in powers for step in those]
        found = [value for value in found if low <= value <= high]
        if len(found) > 1:
            break
    return found


def _along_steps(corners: np.ndarray) -> np.ndarray:
    """Points along the steps that :func:`costs` draws through ``corners`` ``(n, 2)``."""
    share = np.linspace(0, 1, 25)
    pieces = []
    for (x, y), (next_x, next_y) in pairwise(corners):
        pieces.append(np.column_stack([x * (next_x / x) ** share, np.full(25, y)]))
        pieces.append(np.column_stack([np.full(25, next_x), y + (next_y - y) * share]))
    return np.concatenate(pieces) if pieces else corners  # of a single network


@also_narrow
def orders(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray], kinds: Mapping[str, str],
    axes_names: tuple[str, str], width: float = 4.4,
) -> Figure:  # fmt: skip
    """Draw each network at its mean score in two studies, and how far its seeds spread.

    ``first`` and ``second`` hold a value per seed for each label; ``kinds`` its group of
    :data:`KINDS`.
    """
    fig, ax = style.figure(width=width, height=0.8 * width)
    points, spreads = {}, []
    for label in first:
        colour, marker, _ = KINDS[kinds[label]]
        x, y = np.mean(first[label]), np.mean(second[label])
        # From the lowest seed to the highest: of two an interval of confidence would say nothing.
        across = min(first[label]), max(first[label])
        upwards = min(second[label]), max(second[label])
        ax.plot(across, (y, y), color=colour, lw=1, alpha=0.45)
        ax.plot((x, x), upwards, color=colour, lw=1, alpha=0.45)
        spreads += [
            np.linspace((across[0], y), (across[1], y), 25),
            np.linspace((x, upwards[0]), (x, upwards[1]), 25),
        ]
        ax.plot(x, y, marker, color=colour, ms=5, ls="none")
        points[label] = np.array([x, y])
    ax.set_xlabel(axes_names[0])
    ax.set_ylabel(axes_names[1])
    ax.margins(0.12)
    ax.grid()
    place_labels(ax, np.stack(list(points.values())), points, drawn=np.concatenate(spreads))
    plt.close(fig)
    return fig


@also_narrow
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
    _legend_beside(fig, ax)
    plt.close(fig)
    return fig


def _legend_beside(fig: Figure, ax: Axes) -> None:
    """Put the legend at the right of the lines, or above where that would leave them no room."""
    if fig.get_figwidth() < 4:
        fig.legend(loc="outside upper center", ncols=2, fontsize=6.5, columnspacing=1)
    else:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


@also_narrow
def rates(
    scores: pd.DataFrame, kinds: Mapping[str, str], common: float, ylabel: str,
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw how a score depends on the learning rate: a line for each row of ``scores``.

    Columns are rates, rows labels, whose ``kinds`` are those of :data:`KINDS`; a missing score is
    NaN. The best of each line is filled, the ``common`` rate of all has a vertical line.
    """
    fig, ax = style.figure(width=width, height=2.5 if width < 4 else 2.9)
    order = scores.max(axis=1).sort_values(ascending=False).index
    for place, label in enumerate(order):
        row = scores.loc[label].dropna()
        colour, marker, _ = KINDS[kinds[label]]
        ax.plot(row.index, row, color=colour, ls=style.LINES[place % 4], lw=1.1, marker=marker,
                ms=3.6, mfc="white", label=label)  # fmt: skip
        ax.plot(row.idxmax(), row.max(), marker, color=colour, ms=4.6)
    ax.axvline(common, color=style.GREY, lw=0.9, ls=":", zorder=0)
    ax.set_xscale("log")
    ticks = scores.columns.to_numpy(dtype=float)
    ax.set_xticks(ticks, [number(rate) for rate in ticks])
    ax.minorticks_off()
    ax.set_xlabel("tasa de aprendizaje máxima")
    ax.set_ylabel(ylabel)
    ax.set_ylim(-0.02, 0.92)
    ax.grid(axis="y")
    _legend_beside(fig, ax)
    plt.close(fig)
    return fig


@also_narrow
def per_class(
    lines: Sequence[tuple[str, np.ndarray]], names: Sequence[str] | None = None,
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Draw the IoU of each class: mean over seeds ``(seeds, K)`` and deviation, per network.

    ``names`` are those of the classes; without them they are the digits.
    """
    classes = lines[0][1].shape[1]
    fig, ax = style.figure(width=width, height=2.4 if names is None else 2.8)
    for place, (name, values) in enumerate(lines):
        x = np.arange(classes) + (place - (len(lines) - 1) / 2) * 0.22
        ax.errorbar(
            x, values.mean(0), yerr=values.std(0, ddof=1) if len(values) > 1 else None, ls="none",
            capsize=2, lw=1, color=style.CYCLE[place], marker=style.MARKERS[place], label=name,
        )  # fmt: skip
    if names is None:
        ax.set_xticks(range(classes))
        ax.set_xlabel("dígito")
    else:
        leaning = {"rotation": 40, "ha": "right"} if max(map(len, names)) * classes > 70 else {}
        ax.set_xticks(range(classes), names, **leaning)
        ax.set_xlim(-0.6, classes - 0.4)
    ax.set_ylabel("IoU en el conjunto de prueba")
    ax.set_ylim(0, 1)
    ax.grid(axis="y")
    fig.legend(ncols=len(lines), loc="outside upper center")
    plt.close(fig)
    return fig
