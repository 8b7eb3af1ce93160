"""Figures drawn a second time, as wide as a phone's screen, with text that can be read there.

A function with :func:`also_narrow` takes ``width`` in inches, and at :data:`style.NARROW` it draws
for a phone: panels of curves below each other, names and legends where there is room. Its figures
are what it returns; the second drawing is made when a page asks for it (``publish.narrow``).
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import ParamSpec

from IPython.core.pylabtools import print_figure
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from tarea2.plots.style import NARROW, SMALLEST

PER_INCH = 16.5  # letters of an axis's label

P = ParamSpec("P")


def also_narrow(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a function that draws: a page shows its figures as they are, and phones another.

    The figure gets a method ``_repr_narrow_svg_``, which calls the function again with the width
    of a phone. A figure that a phone shows as it is has no second drawing: the method gives None.
    """
    signature = inspect.signature(draw)
    if "width" not in signature.parameters:
        raise TypeError(f"{draw.__name__} needs a parameter width to draw for a narrow screen")

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        fig = draw(*args, **kwargs)

        def again() -> str | None:
            if _fits(fig):
                return None
            bound = signature.bind(*args, **kwargs)
            bound.arguments["width"] = NARROW
            second = draw(*bound.args, **bound.kwargs)
            make_legible(second)
            svg: str = print_figure(second, "svg", bbox_inches=None, metadata={"Date": None})
            return svg

        fig._repr_narrow_svg_ = again  # type: ignore[attr-defined]
        return fig

    return drawn


def make_legible(fig: Figure) -> None:
    """Give text that is smaller than :data:`style.SMALLEST` that size.

    Panels that share an axis with one beside which they stood, and that are now at the left edge,
    get its label; labels that are longer than their axis are broken.
    """
    for axis in _axes(fig):
        if axis.get_tick_params().get("labelsize", SMALLEST) < SMALLEST:
            axis.set_tick_params(which="both", labelsize=SMALLEST)
    for ax in fig.axes:
        place = ax.get_subplotspec()
        if place is not None and place.is_first_col() and not ax.get_ylabel():
            shared = ax.get_shared_y_axes().get_siblings(ax)
            ax.set_ylabel(next((other.get_ylabel() for other in shared if other.get_ylabel()), ""))
        if place is not None:
            width, height = place.get_position(fig).size * fig.get_size_inches()
            ax.set_xlabel(_broken(ax.get_xlabel(), width))
            if ax.yaxis.label.get_rotation() == 90:
                ax.set_ylabel(_broken(ax.get_ylabel(), height))
    for text in _texts(fig):
        text.set_fontsize(max(text.get_fontsize(), SMALLEST))


def _broken(label: str, room: float) -> str:
    """A label in lines that are at most ``room`` inches long, where its words allow it."""
    letters = max(10, int(PER_INCH * room))
    return "\n".join(
        textwrap.fill(line, letters, break_long_words=False) for line in label.split("\n")
    )


def _fits(fig: Figure) -> bool:
    """Whether a phone shows a figure as it is, and its text can be read."""
    sizes = [float(text.get_fontsize()) for text in _texts(fig)]
    ticks = [axis.get_tick_params().get("labelsize", SMALLEST) for axis in _axes(fig)]
    return fig.get_figwidth() <= NARROW and min([*sizes, *ticks], default=SMALLEST) >= SMALLEST


def _axes(fig: Figure) -> list[Axis]:
    return [axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)]


def _texts(fig: Figure) -> list[Text]:
    """All texts but the numbers that Matplotlib finds for its ticks when a figure is drawn."""
    found = [part for owner in (fig, *fig.axes) for part in owner.get_children()]
    legends = [part for part in found if isinstance(part, Legend)]
    texts = [part for part in found if isinstance(part, Text)]
    for axis in _axes(fig):
        texts.append(axis.label)
        if isinstance(axis.get_major_locator(), FixedLocator) and len(axis.get_majorticklocs()):
            texts += axis.get_majorticklabels()
    for legend in legends:
        texts += [*legend.get_texts(), legend.get_title()]
    return [text for text in texts if text.get_visible() and text.get_text()]
