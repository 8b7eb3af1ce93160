"""Street scenes: what a network sees in photographs."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tarea2.datasets import CAMVID_CLASSES
from tarea2.datasets.camvid_files import LABEL_MAP
from tarea2.plots import style
from tarea2.plots.labels import STREET_CLASSES
from tarea2.plots.predictions import predictions

CLASSES = [STREET_CLASSES[name] for name in CAMVID_CLASSES]


def examples(
    found: Sequence[np.ndarray], titles: Sequence[str],
    images: Sequence[np.ndarray] = (), truths: Sequence[np.ndarray] = (),
) -> Figure:  # fmt: skip
    """Show what a network sees in frames, ``(360, 480)`` of classes each.

    With ``images`` and ``truths``, a row per frame with photograph, mask, prediction and errors;
    without them, where CamVid is not on the machine, the predictions alone.
    """
    if len(images):
        return predictions(images, truths, found, LABEL_MAP, CLASSES, titles)
    fig, axes = style.figure(1, len(found), height=0.75 * style.PAGE / len(found) + 0.9)
    for ax, mask, title in zip(axes, found, titles, strict=True):
        ax.imshow(LABEL_MAP.coloured(mask), interpolation="nearest")
        ax.set_title(title, fontsize=6.5)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
    marks = [
        Patch(fc=np.array(colour) / 255, ec=style.GREY, lw=0.4, label=name)
        for name, colour in zip(CLASSES, CAMVID_CLASSES.values(), strict=True)
    ]
    fig.legend(handles=marks, loc="outside lower center", ncols=6, fontsize=7)
    plt.close(fig)
    return fig
