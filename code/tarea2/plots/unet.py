"""An encoder-decoder drawn as a U: levels, shapes, what goes down, up and across."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from tarea2.models import EncoderDecoderSpec
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow

DOWN = {"max": "máximo", "mean": "media", "strided": "paso 2"}
UP = {
    "nearest": "repetir",
    "bilinear": "bilineal",
    "transposed": "transpuesta",
    "unpool": "máximos",
}


@also_narrow
def architecture(spec: EncoderDecoderSpec, size: int, width: float = style.PAGE) -> Figure:
    """Draw the network for square images of ``size`` pixels, a row per resolution.

    Boxes carry channels × side²; the number of convolutions of a level stands below them.
    """
    fig, ax = style.figure(width=width, height=0.62 + 0.55 * (spec.depth + 1))
    text = 7 if width > 4 else 5.8
    deepest, right = spec.depth, 2.0 * spec.depth + 3.4
    for level, channels in enumerate(spec.channels):
        side, y = size // 2**level, -float(level)
        left, other = 1.0 * level, right - 1.0 * level
        if level == deepest:
            count = spec.bottom or spec.convolutions
            _box(ax, (left + other) / 2, y, channels, side, f"{count} conv.", style.GREEN, text)
            continue
        for x, colour in ((left, style.BLUE), (other, style.ORANGE)):
            _box(ax, x, y, channels, side, f"{spec.convolutions} conv.", colour, text)
        if spec.skip != "none":
            how = "concatenar" if spec.skip == "concat" else "sumar"
            _arrow(ax, (left + 1.0, y), (other - 1.0, y), style.GREY, "--")
            ax.text((left + other) / 2, y + 0.07, how, ha="center", va="bottom", fontsize=text)
        below = level + 1 == deepest
        ends = (right / 2 - 0.8, right / 2 + 0.8) if below else (left + 0.65, other - 0.65)
        _arrow(ax, (left + 0.3, y - 0.28), (ends[0], y - 0.73), style.BLUE)
        _arrow(ax, (ends[1], y - 0.73), (other - 0.3, y - 0.28), style.ORANGE)
        ax.text(left + 0.15, y - 0.62, DOWN[spec.down], ha="right", fontsize=text)
        ax.text(other - 0.15, y - 0.62, UP[spec.up], ha="left", fontsize=text)
    for x, shape, start, end in (
        (-2.05, f"imagen\n{spec.inputs} × {size}²", -1.35, -1.0),
        (right + 2.05, f"clases\n{spec.classes} × {size}²", right + 1.0, right + 1.35),
    ):
        ax.text(x, 0, shape, ha="center", va="center", fontsize=text)
        _arrow(ax, (start, 0), (end, 0), style.GREY)
    ax.set_xlim(-2.8, right + 2.8)
    ax.set_ylim(-deepest - 0.45, 0.42)
    ax.axis("off")
    plt.close(fig)
    return fig


def _box(
    ax: Axes, x: float, y: float, channels: int, side: int, below: str, colour: str, text: float
) -> None:
    ax.add_patch(Rectangle((x - 0.98, y - 0.26), 1.96, 0.52, fc="white", ec=colour, lw=1.4))
    ax.text(x, y + 0.11, f"{channels} × {side}²", ha="center", va="center", fontsize=text)
    ax.text(x, y - 0.12, below, ha="center", va="center", fontsize=text - 1, color=style.GREY)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, line: str = "-"
) -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=7, color=colour,
                                 lw=1, ls=line, shrinkA=0, shrinkB=0))  # fmt: skip
