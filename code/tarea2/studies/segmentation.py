"""The segmentation study: a baseline, one factor at a time, combinations, and peers.

Data and recipe were fixed before the first run and are the same for every network. Stage 1 varies
one field of the reference at a time; stage 2 combines what stage 1 showed on validation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from tarea2 import datasets, metrics
from tarea2.datasets import Dataset
from tarea2.models import EncoderDecoderSpec, PeerSpec, Spec
from tarea2.studies.definition import Definition
from tarea2.training import Recipe

RECIPE = Recipe(
    epochs=12, batch_size=32, lr=3e-3, optimiser="adamw", weight_decay=0.01, schedule="one-cycle"
)
THREE, FIVE = tuple(range(3)), tuple(range(5))

BASELINE = EncoderDecoderSpec(width=12, convolutions=1, norm="none", skip="none")
REFERENCE = EncoderDecoderSpec(width=12)

# Stage 1: name -> the one field of the reference that differs.
FACTORS: dict[str, dict[str, Any]] = {
    "depth-1": {"depth": 1},
    "depth-3": {"depth": 3},
    "convolutions-1": {"convolutions": 1},
    "convolutions-3": {"convolutions": 3},
    "bottom-4": {"bottom": 4},
    "width-8": {"width": 8},
    "width-16": {"width": 16},
    "growth-1.5": {"growth": 1.5},
    "kernel-1": {"kernel": 1},
    "kernel-5": {"kernel": 5},
    "dilation-2": {"dilation": 2},
    "block-residual": {"block": "residual"},
    "block-separable": {"block": "separable"},
    "norm-none": {"norm": "none"},
    "norm-group": {"norm": "group"},
    "down-mean": {"down": "mean"},
    "down-strided": {"down": "strided"},
    "up-bilinear": {"up": "bilinear"},
    "up-transposed": {"up": "transposed"},
    "up-unpool": {"up": "unpool"},
    "skip-none": {"skip": "none"},
    "skip-add": {"skip": "add"},
}
# Stage 2: combinations.
COMBINATIONS: dict[str, EncoderDecoderSpec] = {}
PEERS = {"monai-basicunet": PeerSpec("BasicUNet"), "monai-unet": PeerSpec("UNet")}


def _counts(model: torch.nn.Module, dataset: Dataset, scores: torch.Tensor) -> dict[str, Any]:
    """Hits, false alarms and misses of each test scene and class, to resample scenes."""
    prediction = scores.argmax(1)
    counts = metrics.counts_per_image(dataset.test.y, prediction, dataset.num_classes)
    return {"test_counts": counts.tolist()}


def _define(name: str, spec: Spec, seeds: tuple[int, ...], final: bool = False) -> Definition:
    return Definition(
        name, spec, RECIPE, datasets.digit_scenes, seeds,
        watch=("validation",), extra=_counts if final else None,
    )  # fmt: skip


DEFINITIONS = (
    _define("baseline", BASELINE, FIVE, final=True),
    _define("reference", REFERENCE, THREE),
    *(_define(name, replace(REFERENCE, **field), THREE) for name, field in FACTORS.items()),
    *(_define(name, spec, FIVE, final=True) for name, spec in COMBINATIONS.items()),
    *(_define(name, spec, THREE, final=True) for name, spec in PEERS.items()),
)
# Name of a stored model -> the networks among which the best on validation is stored.
STORED_MODELS: dict[str, tuple[str, ...]] = {}
