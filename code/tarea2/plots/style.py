"""The one style of all figures: sizes, colours, decimal comma.

Widths are those of the printed page, so that 8 pt in a figure is 8 pt on paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from tarea2.typography import number

COLUMN = 3.3  # inches: one column of the report
PAGE = 6.3  # inches: the text width of a chapter
REPORT = 6.9  # inches: both columns of the report
NARROW = 358 / 96  # inches: the text width of a usual phone; see tarea2.plots.narrow
SMALLEST = 7  # points: what can be read on a phone

# Okabe and Ito (2008), "Color Universal Design": told apart with every common colour blindness.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, BLACK, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#000000", "#6F6F6F"
INDIGO = "#332288"  # of Paul Tol's muted scheme: dark enough for names
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# The second sign besides colour, so that lines survive grey print.
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

SEQUENTIAL = "cividis"  # values from low to high
DIVERGING = "RdBu_r"  # values around zero


class CommaFormatter(ScalarFormatter):
    """Matplotlib's own tick labels, with the decimal comma."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return super().__call__(x, pos).replace(".", ",")


def use() -> None:
    """Make this style matplotlib's default in the running process."""
    mpl.rcParams.update(
        {
            "figure.dpi": 96,
            "savefig.dpi": 192,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "axes.titlesize": 8.5,
            "axes.labelsize": 8,
            "xtick.labelsize": 7.5,
            "ytick.labelsize": 7.5,
            "legend.fontsize": 7.5,
            "legend.frameon": False,
            "axes.prop_cycle": cycler(color=CYCLE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "lines.linewidth": 1.4,
            "lines.markersize": 4,
            "image.cmap": "gray",
            "image.interpolation": "nearest",
            "svg.hashsalt": "tarea2",  # the same figure gives the same file
        }
    )


def figure(
    rows: int = 1, columns: int = 1, width: float = PAGE, height: float = 2.4,
    stacks: bool = False, **options,
) -> tuple[Figure, Any]:  # fmt: skip
    """Create a figure of ``width`` × ``height`` inches whose linear axes use the decimal comma.

    Further options go to :func:`matplotlib.pyplot.subplots`. Returns figure and axes as it does.
    Panels that ``stacks`` stand below each other on a phone, each nearly as high as in a row; what
    does not are pictures, which are compared side by side.
    """
    fig, axes = plt.subplots(rows, columns, figsize=(width, height), **options)
    for ax in np.atleast_1d(axes).flat:
        comma(ax)
    if stacks and columns > 1 and is_narrow(width):
        by_columns = options.get("sharex") == "col"  # panels of one axis stay together
        _stack(fig, list(axes.T.flat if by_columns else axes.flat), options.get("height_ratios"))
        fig.set_figheight(0.85 * columns * height)
    return fig, axes


def is_narrow(width: float) -> bool:
    """Whether a figure of that width is drawn for a phone."""
    return width == NARROW


def _stack(fig: Figure, panels: list[Axes], ratios: Sequence[float] | None) -> None:
    """Put panels below each other."""
    again = len(panels) // len(ratios) if ratios else 0
    grid = fig.add_gridspec(len(panels), 1, height_ratios=[*ratios] * again if ratios else None)
    for place, ax in enumerate(panels):
        ax.set_subplotspec(grid[place])
        ax.tick_params(labelleft=True)  # also where they shared those of the panel at their left


def comma(ax: Axes) -> None:
    """Give both axes tick labels with the decimal comma (again after a change of scale)."""
    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "linear":
            axis.set_major_formatter(CommaFormatter())


def heatmap(
    ax: Axes, values: np.ndarray, decimals: int | None = None, cmap: str = SEQUENTIAL, **options
) -> None:
    """Draw a small matrix as coloured squares with its numbers in them.

    Options go to :func:`seaborn.heatmap`; text turns white or black with the square's luminance.
    """
    values = np.asarray(values)
    labels = np.vectorize(lambda value: number(value, decimals), otypes=[str])(values)
    defaults = {
        "annot": labels, "fmt": "", "cbar": False, "square": True,
        "linewidths": 0.8, "linecolor": "white",
    }  # fmt: skip
    sns.heatmap(values, ax=ax, cmap=cmap, **(defaults | options))
    ax.tick_params(length=0)
