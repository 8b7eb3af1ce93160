"""What a network makes of images, beside their masks and in the colours of these."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from tarea2.datasets import IGNORED
from tarea2.datasets.images.label_map import LabelMap
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow

LARGEST = 360  # pixels a side that a picture is drawn with
HIGHEST = 7.6  # inches: what a page holds below a heading
WRONG, RIGHT, UNCOUNTED = (213, 94, 0), (242, 242, 242), (205, 205, 205)


@also_narrow
def predictions(
    images: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    label_map: LabelMap,
    classes: Sequence[str],
    titles: Sequence[str],
    width: float = style.PAGE,
) -> Figure:
    """Show images, their masks, what a network predicts, and the wrong pixels, a row for each.

    images: ``(H, W)`` or ``(H, W, 3)`` of 8 bits; truths and found: classes ``(H', W')``, or
    IGNORED, which is drawn in grey.
    """
    shares = [min(image.shape[0] / image.shape[1], 1.6) for image in images]
    columns = min(len(classes) + 1, 3 if style.is_narrow(width) else 5)
    around = 0.35 + 0.2 * math.ceil((len(classes) + 2) / columns)
    side = min((width - 0.3) / 4, (HIGHEST - around) / sum(shares))
    fig, axes = style.figure(
        len(images), 4, 4 * side + 0.3, sum(shares) * side + around, squeeze=False,
        height_ratios=shares,
    )  # fmt: skip
    for line, image, truth, seen, title in zip(axes, images, truths, found, titles, strict=True):
        counted = truth != IGNORED
        wrong = np.where(((truth != seen) & counted)[..., None], WRONG, RIGHT)
        drawn = (
            _small(image, Image.Resampling.BOX),
            _coloured(truth, label_map),
            _coloured(seen, label_map),
            _small(np.where(counted[..., None], wrong, UNCOUNTED).astype(np.uint8)),
        )
        for ax, picture in zip(line, drawn, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set_visible(False)
        line[0].set_ylabel(title, fontsize=7)
    for ax, name in zip(axes[0], ("imagen", "verdad", "predicción", "errores"), strict=True):
        ax.set_title(name, fontsize=7.5)
    marks = [
        Patch(fc=np.array(entry.colour) / 255, ec=style.GREY, lw=0.4, label=name)
        for name, entry in zip(classes, label_map.entries, strict=True)
    ]
    marks.append(Patch(fc=np.array(WRONG) / 255, label="píxel equivocado"))
    if any((truth == IGNORED).any() for truth in truths):
        marks.append(Patch(fc=np.array(UNCOUNTED) / 255, label="no cuenta"))
    fig.legend(handles=marks, loc="outside lower center", ncols=columns, fontsize=7)
    plt.close(fig)
    return fig


def _coloured(classes: np.ndarray, label_map: LabelMap) -> np.ndarray:
    counted = classes != IGNORED
    colours = label_map.coloured(np.where(counted, classes, 0))
    return _small(np.where(counted[..., None], colours, UNCOUNTED).astype(np.uint8))


def _small(values: np.ndarray, way: Image.Resampling = Image.Resampling.NEAREST) -> np.ndarray:
    """At most :data:`LARGEST` pixels a side: more would only make the file larger."""
    picture = Image.fromarray(values)
    share = min(1.0, LARGEST / max(picture.size))
    size = [max(1, round(side * share)) for side in picture.size]
    return np.asarray(picture.resize((size[0], size[1]), way))
