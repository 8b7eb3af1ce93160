"""Peers at the sizes their authors give them, on the main study's data and with its recipe."""

from __future__ import annotations

from dataclasses import replace

from tarea2 import datasets
from tarea2.models import PeerSpec
from tarea2.studies.definition import Definition
from tarea2.studies.recipes import at_rate
from tarea2.studies.segmentation import RECIPE, THREE, counts

PEERS: dict[str, PeerSpec] = {
    "segresnet-8": PeerSpec("SegResNet-8"),
    "attention-unet": PeerSpec("AttentionUnet"),
    "segresnet-16": PeerSpec("SegResNet-16"),
    "basicunet-default": PeerSpec("BasicUNet-default"),
    "nnunet-plain": PeerSpec("PlainConvUNet"),
}
OWN_RATE = 1e-2  # the best for BasicUNet with fewer filters, in segmentation-recipes
DEFINITIONS = tuple(
    Definition(
        name if rate == RECIPE.lr else at_rate(name, rate), spec, replace(RECIPE, lr=rate),
        datasets.digit_scenes, THREE, watch=("validation",), extra=counts,
    )
    for rate in (RECIPE.lr, OWN_RATE)
    for name, spec in PEERS.items()
)  # fmt: skip
