"""What to look at before a long training: one batch learnt by heart, and a sweep of the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
from tarea2.typography import number


@also_narrow
def one_batch_and_sweep(
    one_batch: Mapping[float, np.ndarray],
    rates: Sequence[float],
    sweep: np.ndarray,
    chosen: float,
    guess: float,
    width: float = style.PAGE,
) -> Figure:
    """Draw the loss on one batch against the step, and the loss reached against the rate.

    ``one_batch`` holds for some rates ``(steps + 1,)`` losses; ``sweep``: ``(rates, seeds)``,
    infinite where training diverged. ``chosen`` is marked, and ``guess``, the loss of all classes
    alike, is a dotted line in both.
    """
    fig, (left, right) = style.figure(1, 2, width, 2.5, stacks=True)
    for place, (rate, losses) in enumerate(one_batch.items()):
        left.plot(losses, color=style.CYCLE[place], ls=style.LINES[place], label=number(rate))
    left.set(xlabel="paso", ylabel="pérdida en el lote", ylim=(0, 1.15 * guess))
    left.legend(title="tasa", title_fontsize=7.5)
    for losses in sweep.T:
        right.plot(rates, losses, "o", ms=2.6, color=style.GREY)
    right.plot(rates, np.median(sweep, axis=1), color=style.BLUE)
    right.set_xscale("log")
    right.xaxis.set_major_formatter(lambda value, _: number(float(f"{value:.0e}")))
    right.xaxis.set_minor_formatter(lambda *_: "")
    right.axvline(chosen, color=style.VERMILION, ls="--", lw=1)
    right.annotate(
        "la del notebook", (chosen, 0.02), xycoords=("data", "axes fraction"), xytext=(-4, 2),
        textcoords="offset points", ha="right", fontsize=7, color=style.VERMILION,
    )  # fmt: skip
    right.set(xlabel="tasa de aprendizaje", ylabel="pérdida en validación", ylim=(0, 1.15 * guess))
    for ax in (left, right):
        ax.axhline(guess, color=style.BLACK, ls=":", lw=0.8)
        ax.grid(axis="y")
    plt.close(fig)
    return fig
