"""Names in a figure cover nothing and stay inside, and the lines to them cross nothing."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from tarea2.plots.placement import place_labels


@pytest.mark.parametrize("seed", range(4))
def test_names_cover_nothing(seed):
    points = np.random.default_rng(seed).uniform(0.05, 0.95, (12, 2))
    fig, ax = plt.subplots(figsize=(4, 3))
    ax.plot(*points.T, "o", ms=4)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    place_labels(ax, points, {f"nombre {k}": points[k] for k in range(8)})
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    frame = ax.get_window_extent(renderer)
    # Without the thin lines, which lead to the points.
    boxes = [
        text.get_bbox_patch().get_window_extent(renderer) if text.get_bbox_patch()
        else plt.Text.get_window_extent(text, renderer)
        for text in ax.texts
    ]  # fmt: skip
    assert len(boxes) == 8
    dots = ax.transData.transform(points)
    for box in boxes:
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        assert not any(box.contains(*dot) for dot in dots)
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    lines = [
        Path([ax.transData.transform(text.xy), (box.min + box.max) / 2])
        for text, box in zip(ax.texts, boxes, strict=True)
    ]
    for index, line in enumerate(lines):
        for other in range(8):
            if other != index:
                assert not line.intersects_path(lines[other], filled=False)
                assert not line.intersects_bbox(boxes[other], filled=False)
        for dot in np.delete(dots, index, axis=0):
            assert not line.intersects_bbox(Bbox([dot - 2, dot + 2]), filled=False)
    plt.close(fig)


def test_a_figure_with_no_room_is_drawn_all_the_same():
    fig, ax = plt.subplots(figsize=(1, 1))
    points = np.full((6, 2), 0.5) + np.arange(6)[:, None] / 100
    place_labels(ax, points, {f"un nombre muy largo {k}": points[k] for k in range(6)})
    assert len({text.get_position() for text in ax.texts}) == 6
    place_labels(ax, points, {})
    plt.close(fig)
