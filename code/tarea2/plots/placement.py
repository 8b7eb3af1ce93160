"""Names beside the points of a figure, where they cover nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text

from tarea2.plots import style

# What is wrong with a place, in points of distance from the dot that it names.
COVERED, CROSSED, OVER_A_DOT = 1e6, 200.0, 40.0
KEPT = 50  # places of each name: those that are best by themselves
STARTS = 40  # orders in which names choose their places; the best outcome is drawn


def place_labels(
    ax: Axes, points: np.ndarray, named: Mapping[str, np.ndarray], size: float = 6.3,
    drawn: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Write names near their points, each where it covers no point and no other name.

    ``points`` ``(n, 2)`` are all that there are, ``named`` the text and the place of some,
    ``drawn`` ``(m, 2)`` places along lines that are to stay free; all in data coordinates. Limits
    and scales of the axes must be set. A thin line leads to each name: places are chosen so that
    these lines are short and cross no point, no name and no other line. Where there is no such
    place, a line crosses something; where there is no room at all, a name covers something.
    """
    if not named:
        return
    fig = ax.get_figure(root=True)
    assert fig is not None
    if style.is_narrow(fig.get_figwidth()):
        size = max(size, style.SMALLEST)
    fig.canvas.draw()  # the layout gives the axes their size
    unit = fig.dpi / 72  # pixels of a point
    centres, reach = ax.transData.transform(points), 2.5 * unit
    dots = _around(centres, reach)
    lines = _around(ax.transData.transform(drawn), reach) if drawn is not None else dots[:0]
    written = [
        ax.annotate(
            text, (x, y), xytext=(0, 0), textcoords="offset points", fontsize=size, ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": style.GREY, "shrinkA": 0,
                        "shrinkB": 2},
        )
        for text, (x, y) in named.items()
    ]  # fmt: skip
    starts = ax.transData.transform(np.array(list(named.values()), dtype=float).reshape(-1, 2))
    frame = ax.get_window_extent()
    owners, middles, boxes, wrong = [], [], [], []
    for index, (text, start) in enumerate(zip(written, starts, strict=True)):
        extent = Text.get_window_extent(text)  # without its line
        half = np.array([extent.width / 2 + unit, extent.height / 2 + 0.5 * unit])
        middle, distance = _places(start, half, unit)
        box = np.concatenate([middle - half, middle + half], axis=1)  # (places, 4)
        others = dots[np.abs(centres - start).max(1) > reach]  # those that do not hide this one
        outside = (box[:, :2] < frame.min).any(1) | (box[:, 2:] > frame.max).any(1)
        covered = _overlap(box, np.concatenate([dots, lines])).any(1)
        through = _through(np.broadcast_to(start, middle.shape), middle, others).sum(1)
        alone = distance + OVER_A_DOT * through + COVERED * (covered + 2.0 * outside)
        best = alone.argsort(kind="stable")[:KEPT]
        owners.append(np.full(len(best), index))
        middles.append(middle[best])
        boxes.append(box[best])
        wrong.append(alone[best])
    owner, middle, box, alone = map(np.concatenate, (owners, middles, boxes, wrong))
    chosen = _choose(owner, alone, _conflicts(starts[owner], middle, box))
    for text, start, place in zip(written, starts, middle[chosen], strict=True):
        text.set_position((place - start) / unit)


def _around(places: np.ndarray, reach: float) -> np.ndarray:
    """Boxes (left, bottom, right, top) around places: ``(n, 2)`` to ``(n, 4)``."""
    return np.concatenate([places - reach, places + reach], axis=1)


def _places(dot: np.ndarray, half: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles of a name of that half size around a dot, and how far each is from it."""
    distance, angle = np.meshgrid((9, 14, 20, 28, 38, 50, 64), np.arange(0, 2 * np.pi, np.pi / 8))
    distance, angle = distance.ravel(), angle.ravel()
    towards = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # The text's own half-width to the side, so that it ends beside the dot.
    aside = np.sign(towards[:, 0].round(6)) * half[0] * np.abs(towards[:, 0])
    middle = dot + distance[:, None] * unit * towards
    middle[:, 0] += aside
    return middle, distance


def _overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Which boxes of one list ``(n, 4)`` overlap which of another ``(m, 4)``."""
    a, b = first[:, None], second[None]
    return np.asarray(((a[..., :2] < b[..., 2:]) & (b[..., :2] < a[..., 2:])).all(-1))


def _side(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Positive where a point lies at the left of the line from start to end."""
    (x, y), (u, v) = np.moveaxis(end - start, -1, 0), np.moveaxis(point - start, -1, 0)
    return x * v - y * u


def _cross(start: np.ndarray, end: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which segments start-end ``(n, 2)`` cross which segments a-b ``(m, 2)``."""
    start, end, a, b = start[:, None], end[:, None], a[None], b[None]
    apart = _side(start, end, a) * _side(start, end, b) <= 0
    apart &= _side(a, b, start) * _side(a, b, end) <= 0
    return np.asarray(apart)


def _through(start: np.ndarray, end: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Which segments ``(n, 2)`` pass through which boxes ``(m, 4)``: they cross a diagonal."""
    rising = _cross(start, end, box[:, :2], box[:, 2:])
    return rising | _cross(start, end, box[:, [0, 3]], box[:, [2, 1]])


def _conflicts(start: np.ndarray, middle: np.ndarray, box: np.ndarray) -> np.ndarray:
    """What is wrong with two places together ``(n, n)``, each with a line from start to middle."""
    lines = _cross(start, middle, start, middle)
    through = _through(start, middle, box)
    return COVERED * _overlap(box, box) + CROSSED * (lines | through | through.T)


def _choose(owner: np.ndarray, alone: np.ndarray, together: np.ndarray) -> np.ndarray:
    """The place of each name: names choose in turn, and again until none would move.

    ``owner`` ``(n,)`` is the name that a place belongs to.
    """
    generator = np.random.default_rng(0)
    places = [np.flatnonzero(owner == name) for name in range(owner.max() + 1)]
    best, least = np.array([of[0] for of in places]), np.inf
    for _ in range(STARTS):
        chosen = np.full(len(places), -1)
        for _ in range(10):
            before = chosen.copy()
            for name in generator.permutation(len(places)):
                of, others = places[name], np.delete(chosen, name)
                wrong = alone[of] + together[np.ix_(of, others[others >= 0])].sum(1)
                chosen[name] = of[wrong.argmin()]
            if (chosen == before).all():
                break
        pairs = together[np.ix_(chosen, chosen)]
        total = alone[chosen].sum() + np.triu(pairs, 1).sum()
        if total < least:
            best, least = chosen, total
    return best
