"""Pieces in which a network names a digit or a signal that the reader alters."""

from __future__ import annotations

from mnist1d.data import get_templates

from tarea2 import datasets, models
from tarea2.datasets import Split
from tarea2.evaluation import predict
from tarea2.widgets.data_scripts import network
from tarea2.widgets.payload import Data, data, encoded_floats, encoded_pixels

DIFFER_AMONG = 1000  # digits among which one is looked for that two networks name differently


def digit(split: Split, place: int) -> Data:
    """Move a digit of a split in MNIST's form: first one on which the two networks differ, then
    ``place`` and the first of each class."""
    kinds = {
        "convolucional": ("mnist-notebook", "digitNet"),
        "conectada": ("mnist-dense", "perceptron"),
    }
    one, two = (
        predict(models.load_model(model)[0], split.x[:DIFFER_AMONG])[0].argmax(1)
        for model, _ in kinds.values()
    )
    first = [int((split.y == k).nonzero()[0]) for k in range(10)]
    chosen = list(dict.fromkeys([*(one != two).nonzero().flatten().tolist()[:1], place, *first]))
    mean, sd = datasets.MNIST_MEAN, datasets.MNIST_SD
    return data(
        scripts=["networks", "plot", "pad"],
        files=[network(model)[0] for model, _ in kinds.values()],
        networks=[
            {"label": label, "script": network(model)[0], "kind": kind}
            for label, (model, kind) in kinds.items()
        ],
        examples={
            "first": 0, "count": len(chosen), "images": encoded_pixels(split.x[chosen] * sd + mean),
            "labels": split.y[chosen].tolist(),
        },
        mean=mean,
        sd=sd,
    )  # fmt: skip


def signal(split: Split, place: int) -> Data:
    """Deform the signal ``place`` of a split of MNIST-1D; the first of each class follow it.

    Beside it stand the ten templates of which the package ``mnist1d`` makes its signals.
    """
    first = [int((split.y == k).nonzero()[0]) for k in range(10)]
    chosen = [place, *(k for k in first if k != place)]
    script = network("mnist1d")[0]
    forms = get_templates()["x"]  # (10, 12), a row for each class
    return data(
        scripts=["networks", "plot"], files=[script], script=script,
        templates={"values": encoded_floats(forms), "length": forms.shape[1]},
        examples={"first": 0, "count": len(chosen), "signals": encoded_floats(split.x[chosen])},
    )  # fmt: skip
