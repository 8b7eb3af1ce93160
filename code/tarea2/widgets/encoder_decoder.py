"""Pieces about encoder and decoder: the plane of an autoencoder, and the writer of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import no_grad

from tarea2 import datasets, models
from tarea2.plots import scenes
from tarea2.widgets.data_scripts import network
from tarea2.widgets.payload import Data, data, encoded_bytes, encoded_floats


def latent(z: Sequence[float]) -> Data:
    """Walk the plane of the autoencoder with two numbers, from a code ``z``."""
    model, _ = models.load_model("autoencoder-2")
    digits = datasets.digits()
    mean = digits.train.x.flatten(1).mean(0)
    centred = (digits.train.x.flatten(1) - mean).numpy()
    axes = np.linalg.svd(centred, full_matrices=False).Vh
    with no_grad():
        codes = {
            name: {"codes": encoded_floats(model.encode(split.x)), "labels": encoded_bytes(split.y)}
            for name, split in (("codes", digits.test), ("training", digits.train))
        }
    script = network("autoencoder-2")[0]
    return data(
        scripts=["networks"], files=[script], script=script, z=list(z),
        pca={"mean": encoded_floats(mean), "axes": encoded_floats(axes[:2])},
        colours=scenes.COLOURS[1:], **codes,
    )  # fmt: skip


def writer(number: int) -> Data:
    """The small number writer, step by step, with ``number`` as its example."""
    script = network("numbers-compact")[0]
    return data(scripts=["networks", "plot"], files=[script], script=script, number=number)
