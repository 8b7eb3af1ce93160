"""Figures of the final experiment: sizes, ingredients, errors, and where the network breaks."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number


@also_narrow
def sizes(
    ours: pd.DataFrame,
    published: Sequence[tuple[str, float]],
    marks: Sequence[tuple[int, float]],
    width: float = style.PAGE,
    height: float = 3.2,
    theirs: pd.DataFrame | None = None,
) -> Figure:
    """Error against parameters: a dot per seed, the means, published errors and the aims.

    ``ours``, and ``theirs`` for others' networks that were trained here, have the columns
    ``name``, ``parameters`` and ``test_accuracy`` (a row per run); ``published`` lists
    (name, accuracy); ``marks`` lists aims as (parameters, accuracy).
    """
    fig, ax = style.figure(width=width, height=3 if style.is_narrow(width) else height)
    ax.plot(ours["parameters"], 100 * (1 - ours["test_accuracy"]), ".", color=style.BLUE, alpha=0.4)
    means = ours.groupby("name")[["parameters", "test_accuracy"]].mean().sort_values("parameters")
    error = 100 * (1 - means["test_accuracy"])
    ax.plot(means["parameters"], error, "o", color=style.BLUE, label="nuestras redes")
    front = error.cummin() == error
    ax.step(means["parameters"][front], error[front], where="post", color=style.GREEN, lw=1,
            label="frente de Pareto", zorder=0)  # fmt: skip
    if theirs is not None:
        ax.plot(theirs["parameters"], 100 * (1 - theirs["test_accuracy"]), ".",
                color=style.ORANGE, alpha=0.4)  # fmt: skip
        trained = theirs.groupby("name")[["parameters", "test_accuracy"]].mean()
        ax.plot(trained["parameters"], 100 * (1 - trained["test_accuracy"]), "s", ms=5,
                color=style.ORANGE, label="redes publicadas")  # fmt: skip
        for name, (parameters, accuracy) in trained.iterrows():
            ax.annotate(name, (parameters, 100 * (1 - accuracy)), (5, 4),
                        textcoords="offset points", fontsize=7)  # fmt: skip
    for name, accuracy in published:
        ax.axhline(100 * (1 - accuracy), color=style.GREY, lw=0.7, ls=":")
        ax.text(1.005, 100 * (1 - accuracy), name, transform=ax.get_yaxis_transform(),
                va="center", fontsize=7)  # fmt: skip
    for parameters, accuracy in marks:
        ax.plot(parameters, 100 * (1 - accuracy), "P", color=style.VERMILION, ms=6,
                label="objetivo" if (parameters, accuracy) == marks[0] else None)  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, ticks in ((ax.xaxis, (300, 1000, 3000, 10_000, 30_000, 100_000)),
                        (ax.yaxis, (0.5, 1, 2, 5, 10, 30, 70))):  # fmt: skip
        axis.set_ticks(ticks, [number(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("parámetros")
    ax.set_ylabel("error (%) en el\nconjunto de prueba")
    fig.legend(loc="outside lower center", ncols=3, columnspacing=1, handletextpad=0.4)
    plt.close(fig)
    return fig


@also_narrow
def wrong(x: Tensor, titles: Sequence[str], columns: int = 6, width: float = style.PAGE) -> Figure:
    """Draw signals ``(n, 40)``, each with a short text above."""
    columns = 4 if style.is_narrow(width) else columns
    rows = -(-len(titles) // columns)
    fig, axes = style.figure(rows, columns, width, 0.95 * rows + 0.1, squeeze=False, sharey=True)
    for ax in axes.flat:
        ax.axis("off")
    for ax, signal, title in zip(axes.flat, x, titles, strict=False):
        ax.plot(signal.numpy(), lw=1, color=style.BLUE)
        ax.axhline(0, color="#CCCCCC", lw=0.5, zorder=0)
        ax.set_title(title, fontsize=7)
    plt.close(fig)
    return fig


@also_narrow
def robustness(
    panels: Sequence[tuple[str, Sequence[float], Sequence[tuple[str, np.ndarray]]]],
    width: float = style.PAGE,
) -> Figure:
    """Accuracy under growing disturbance, a panel per kind.

    ``panels`` lists (axis label, levels, lines), and ``lines`` (name, accuracies
    ``(seeds, levels)``).
    """
    fig, axes = style.figure(1, len(panels), width, 2.3, stacks=True, sharey=True)
    for ax, (xlabel, levels, lines) in zip(axes, panels, strict=True):
        places = np.arange(len(levels))
        for k, (name, values) in enumerate(lines):
            ax.errorbar(places, 100 * values.mean(0), yerr=100 * values.std(0, ddof=1), capsize=2,
                        color=style.CYCLE[k], ls=style.LINES[k], marker=style.MARKERS[k],
                        label=name)  # fmt: skip
        ax.axhline(10, color=style.GREY, lw=0.8, ls=":")
        ax.set_xticks(places, [number(level) for level in levels])
        ax.set_xlabel(xlabel)
        ax.grid(axis="y")
    axes[0].set_ylabel("exactitud en el conjunto de prueba (%)")
    axes[0].set_ylim(0, 102)
    axes[0].legend(loc="lower left")
    plt.close(fig)
    return fig
