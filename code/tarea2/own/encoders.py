"""Networks with an encoder trained on ImageNet, which a study on own images has where it is asked.

They cost several times what the study's own networks do, and learn at a rate of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tarea2.datasets import Dataset
from tarea2.metrics import count_macs, count_parameters
from tarea2.models import EfficientUnetSpec, build
from tarea2.models.efficientnet import imagenet_weights
from tarea2.studies import segmentation
from tarea2.studies.definition import Definition

# What --encoder takes, which is the network's name in the study too.
ENCODERS = {"efficientnet-lite0": EfficientUnetSpec()}


def check(name: str) -> None:
    """Raise ValueError for another encoder, DataError where its weights cannot be read."""
    if name not in ENCODERS:
        raise ValueError(f"--encoder {name!r}, expected {' or '.join(ENCODERS)}")
    imagenet_weights()


def definition(name: str, data: Callable[[], Dataset], inputs: int, classes: int) -> Definition:
    """The network of an encoder on some data, as :func:`.segmentation.study` has the others."""
    spec = replace(ENCODERS[name], inputs=inputs, classes=classes)
    return Definition(
        name, spec, segmentation.RECIPE, data, segmentation.THREE, eval_splits=("validation",)
    )


def told(definitions: tuple[Definition, ...], sweeps: bool) -> list[str]:
    """What a user should know of each of these networks: what it costs, and how it learns.

    definitions: all of a study. sweeps: whether the learning rate is still to be chosen.
    """
    said = []
    for of in definitions:
        if of.name not in ENCODERS:
            continue
        (reference,) = (d for d in definitions if d.name == "reference")
        weights, macs = _costs(of)
        times = macs / _costs(reference)[1]
        rate = "to be chosen" if sweeps else f"{of.recipe.lr:g}"
        spec: Any = of.spec
        grey = "; grey images are given to it as three equal channels" if spec.inputs == 1 else ""
        said.append(
            f"{of.name}: a U-Net of {weights / 1e6:.1f} million weights whose encoder starts from "
            f"ImageNet's; {times:.1f} times the multiplications of {reference.name}; its own "
            f"learning rate {rate}{grey}"
        )
    return said


def _costs(of: Definition) -> tuple[int, int]:
    """Weights, and multiplications for an image of the size that is trained on."""
    data: Any = of.data()
    model = build(of.spec, start=False)
    x, y = data.train.first()
    side = of.recipe.crop or max(x.shape[-2:])
    example = model.example(x[..., :side, :side], y[..., :side, :side])
    return count_parameters(model), count_macs(model, *example)
