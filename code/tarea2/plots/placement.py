"""Names beside the points of a figure, where they cover nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from tarea2.plots import style


def place_labels(
    ax: Axes, points: np.ndarray, named: Mapping[str, np.ndarray], size: float = 6.3
) -> None:
    """Write names near their points, each where it covers no point and no other name.

    ``points`` ``(n, 2)`` are all that were drawn, and places along lines that are to stay free;
    ``named`` the text and the place of some; both in data coordinates. Limits and scales of the
    axes must be set. Of the free places around a point the nearest is taken; a thin line leads
    to it.
    """
    fig = ax.get_figure(root=True)
    assert fig is not None
    fig.canvas.draw()  # the layout gives the axes their size
    frame = ax.get_window_extent()
    unit = fig.dpi / 72  # pixels of a point
    dots = ax.transData.transform(points)
    taken = [Bbox.from_bounds(x - 2.5 * unit, y - 2.5 * unit, 5 * unit, 5 * unit) for x, y in dots]
    around = [
        (distance * np.cos(angle), distance * np.sin(angle))
        for distance in (9, 14, 20, 28, 38, 50, 64)
        for angle in np.arange(0, 2 * np.pi, np.pi / 8)
    ]
    for text, place in sorted(named.items(), key=lambda item: -item[1][1]):
        thin = {"arrowstyle": "-", "lw": 0.4, "color": style.GREY, "shrinkA": 0, "shrinkB": 2}
        written = ax.annotate(
            text, (place[0], place[1]), xytext=(0, 0), textcoords="offset points",
            fontsize=size, ha="center", va="center", arrowprops=thin,
        )  # fmt: skip
        extent = Text.get_window_extent(written)  # without its line
        wide, high = extent.width / 2 + unit, extent.height / 2 + 0.5 * unit
        x, y = ax.transData.transform(place)
        for dx, dy in around:
            # The text's own half-width to the side, so that it ends beside the point.
            shift = dx * unit + np.sign(round(dx, 6)) * wide * abs(dx) / np.hypot(dx, dy)
            box = Bbox(
                [
                    [x + shift - wide, y + dy * unit - high],
                    [x + shift + wide, y + dy * unit + high],
                ]
            )
            inside = frame.x0 <= box.x0 < box.x1 <= frame.x1 and frame.y0 <= box.y0 < box.y1
            inside = inside and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        written.set_position((shift / unit, dy))
        taken.append(box)
