"""Names in a figure cover no point and no other name, and stay inside."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest

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
    plt.close(fig)
