"""Street scenes: what a network sees in photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tarea2.datasets import CAMVID_CLASSES
from tarea2.datasets.camvid_files import LABEL_MAP
from tarea2.plots import style
from tarea2.plots.labels import STREET_CLASSES
from tarea2.plots.narrow import also_narrow
from tarea2.plots.predictions import predictions
from tarea2.typography import number

CLASSES = [STREET_CLASSES[name] for name in CAMVID_CLASSES]
# The colours of CamVid's authors cannot all be told apart without red or green cones: building and
# pedestrian are nearly one. These were searched for the largest smallest difference between any
# two, the grey of what does not count and the colour of errors, as three kinds of eyes see them.
COLOURS = {
    "sky": (114, 212, 255),
    "building": (64, 16, 0),
    "pole": (254, 242, 178),
    "road": (72, 57, 96),
    "pavement": (194, 105, 156),
    "tree": (79, 174, 112),
    "sign": (253, 191, 1),
    "fence": (48, 102, 78),
    "car": (26, 3, 237),
    "pedestrian": (165, 16, 2),
    "bicyclist": (228, 54, 255),
}
DRAWN = replace(
    LABEL_MAP,
    entries=tuple(replace(entry, colour=COLOURS[entry.name]) for entry in LABEL_MAP.entries),
)
COVER = 0.7  # how much of a photograph the colours of its classes hide


@also_narrow
def examples(
    found: Sequence[np.ndarray], titles: Sequence[str],
    images: Sequence[np.ndarray] = (), truths: Sequence[np.ndarray] = (),
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Show what a network sees in frames, ``(360, 480)`` of classes each.

    With ``images`` and ``truths``, a row per frame with photograph, mask, prediction and errors;
    without them, where CamVid is not on the machine, the predictions alone.
    """
    if len(images):
        return predictions(images, truths, found, DRAWN, CLASSES, titles, width)
    fig, axes = style.figure(1, len(found), width, 0.75 * width / len(found) + 0.9)
    for ax, mask, title in zip(axes, found, titles, strict=True):
        ax.imshow(DRAWN.coloured(mask), interpolation="nearest")
        ax.set_title(title, fontsize=6.5)
        _bare(ax)
    _legend(fig)
    plt.close(fig)
    return fig


@also_narrow
def photographs(
    images: Sequence[np.ndarray], found: Sequence[tuple[np.ndarray, np.ndarray]],
    width: float = style.PAGE,
) -> Figure:  # fmt: skip
    """Show photographs ``(H, W, 3)`` of 8 bits, what a network sees in them, and how sure it is.

    ``found`` holds for each the classes ``(H, W)`` and the probability of each pixel's class.
    """
    shares = [image.shape[0] / image.shape[1] for image in images]
    height = sum(shares) * width / 3.2 + 0.9
    fig, axes = style.figure(len(images), 3, width, height, squeeze=False)
    for line, image, (classes, probability) in zip(axes, images, found, strict=True):
        pale = 96 + 0.62 * image  # on a dark photograph colours could not be told apart
        over = COVER * DRAWN.coloured(classes) + (1 - COVER) * pale
        step = max(1, round(image.shape[1] / 320))  # more would only make the file larger
        line[0].imshow(image[::step, ::step])
        line[1].imshow(over.round().astype(np.uint8)[::step, ::step], interpolation="nearest")
        sure = line[2].imshow(probability[::step, ::step], cmap=style.SEQUENTIAL, vmin=0, vmax=1)
        for ax in line:
            _bare(ax)
    for ax, name in zip(axes[0], ("fotografía", "clases", "probabilidad"), strict=True):
        ax.set_title(name, fontsize=7.5)
    bar = fig.colorbar(sure, ax=axes[:, 2], shrink=0.8, pad=0.03, aspect=30)
    bar.set_ticks([0, 0.5, 1], labels=[number(tick, 1) for tick in (0, 0.5, 1)])
    _legend(fig)
    plt.close(fig)
    return fig


@also_narrow
def first_filters(kernels: Mapping[str, np.ndarray], width: float = style.PAGE) -> Figure:
    """Show the first layer's kernels ``(count, 3, 3, 3)`` of some networks, in colours.

    Each goes from its smallest weight, black, to its largest; those whose weights differ most
    come first.
    """
    columns = 8
    rows = -(-max(map(len, kernels.values())) // columns)
    side = width / (columns * len(kernels) + 1)
    fig, axes = style.figure(1, len(kernels), width, rows * side + 0.35, squeeze=False)
    fig.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
    for ax, (name, values) in zip(axes[0], kernels.items(), strict=True):
        order = np.argsort(-np.ptp(values.reshape(len(values), -1), axis=1))
        _, channels, high, wide = values.shape
        tiles = np.ones((rows * (high + 1) - 1, columns * (wide + 1) - 1, channels))
        for place, kernel in enumerate(values[order]):
            low, top = kernel.min(), kernel.max()
            down, right = place // columns * (high + 1), place % columns * (wide + 1)
            shown = (kernel - low) / (top - low) if top > low else np.full_like(kernel, 0.5)
            tiles[down : down + high, right : right + wide] = shown.transpose(1, 2, 0)
        ax.imshow(tiles, interpolation="nearest")
        ax.set_title(name, fontsize=7.5)
        _bare(ax)
    plt.close(fig)
    return fig


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _legend(fig: Figure) -> None:
    marks = [
        Patch(fc=np.array(entry.colour) / 255, ec=style.GREY, lw=0.4, label=name)
        for name, entry in zip(CLASSES, DRAWN.entries, strict=True)
    ]
    columns = 4 if style.is_narrow(fig.get_figwidth()) else 6
    fig.legend(handles=marks, loc="outside lower center", ncols=columns, fontsize=7)
