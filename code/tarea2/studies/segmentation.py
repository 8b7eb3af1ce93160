"""The segmentation study: a baseline, one factor at a time, combinations, and published networks.

Data and recipe are the same for every network. Stage 1 varies one field of the reference at a
time; stage 2 combines what stage 1 showed on validation, within a limit of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from tarea2 import datasets, metrics
from tarea2.datasets import Dataset
from tarea2.evaluation import Evaluation
from tarea2.models import EncoderDecoderSpec, Network, PeerSpec
from tarea2.studies.definition import Definition
from tarea2.training import Recipe

RECIPE = Recipe(
    epochs=12, batch_size=32, lr=3e-3, optimiser="adamw", weight_decay=0.01, schedule="one-cycle"
)
THREE, FIVE = tuple(range(3)), tuple(range(5))
# What is aimed at: gain in mean test IoU over the baseline and over the better
# published network. Written when
# the combinations were defined, after stage 1 was trained.
AIMS = (0.45, 0.10)
LIMIT = 125_000  # parameters of a combination, at most

BASELINE = EncoderDecoderSpec(width=14, convolutions=1, norm="none", skip="none")
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
# Stage 2: combinations of at most LIMIT parameters. On validation more filters helped most, then
# larger kernels, which the limit leaves out, and more convolutions; strides were the best way down.
# Levels that grow by 1.5 instead of 2 pay for the filters at full resolution.
COMBINATIONS: dict[str, EncoderDecoderSpec] = {
    "wide": replace(REFERENCE, width=16, down="strided"),
    "wide-slow": replace(REFERENCE, width=20, growth=1.5, down="strided"),
    "wide-bottom": replace(REFERENCE, width=18, growth=1.5, bottom=4, down="strided"),
    "wide-deep": replace(REFERENCE, width=16, growth=1.5, convolutions=3, down="strided"),
}
# Chosen anew from the factors at their own rates, by own_rates.combined(); trained at their own
# rates alone, with the runs of :mod:`tarea2.studies.recipes`.
CHOSEN_ANEW: dict[str, EncoderDecoderSpec] = {
    "filters-mean": replace(REFERENCE, width=16, down="mean"),
    "convolutions-mean-bottom": replace(REFERENCE, convolutions=3, down="mean", bottom=4),
}
SMALL_PUBLISHED = {"monai-basicunet": PeerSpec("BasicUNet"), "monai-unet": PeerSpec("UNet")}


def networks() -> dict[str, tuple[EncoderDecoderSpec | PeerSpec, tuple[int, ...]]]:
    """Every network of the study by name, with its seeds."""
    return {
        "baseline": (BASELINE, FIVE),
        "reference": (REFERENCE, THREE),
        **{name: (replace(REFERENCE, **field), THREE) for name, field in FACTORS.items()},
        **{name: (spec, FIVE) for name, spec in COMBINATIONS.items()},
        **{name: (spec, THREE) for name, spec in SMALL_PUBLISHED.items()},
    }


def counts(
    model: Network, dataset: Dataset, evaluations: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """Hits, false alarms and misses of each test image and class, to resample images."""
    found = evaluations["test"].counts
    assert found is not None
    return {"test_counts": found.tolist()}


def by_class_and_image(
    model: Network, dataset: Dataset, evaluations: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """Beside :func:`counts`: the IoU of each class, and the confusion on validation."""
    found = counts(model, dataset, evaluations)
    for split, evaluation in evaluations.items():
        assert evaluation.confusion is not None
        iou = metrics.iou(evaluation.confusion)
        found[f"{split}_iou"] = [None if np.isnan(v) else float(v) for v in iou]
        if split != "test":  # every run has that of test
            found[f"{split}_confusion"] = evaluation.confusion.tolist()
    return found


def study(
    data: Callable[[], Dataset], inputs: int = 1, classes: int = 11, only: tuple[str, ...] = ()
) -> tuple[Definition, ...]:
    """The study's networks on some data set, of ``inputs`` channels and ``classes`` classes."""
    return tuple(
        Definition(
            name, replace(spec, inputs=inputs, classes=classes), RECIPE, data, seeds,
            eval_splits=("validation",), extra=None if name in {"reference", *FACTORS} else counts,
        )
        for name, (spec, seeds) in networks().items()
        if not only or name in only
    )  # fmt: skip


DEFINITIONS = study(datasets.digit_scenes)
# The same recipe on scenes of other digits: two networks at first, then six to compare the order.
REPLICATED: dict[str, tuple[int, ...]] = dict.fromkeys(("baseline", "reference"), THREE)
REPLICATED |= dict.fromkeys(
    ("block-separable", "width-8", "skip-none", "width-16", "wide-slow", "monai-basicunet"),
    THREE[:2],
)
MNIST_DEFINITIONS = tuple(
    replace(definition, seeds=REPLICATED[definition.name])
    for definition in study(partial(datasets.digit_scenes, "mnist"), only=tuple(REPLICATED))
)

# The smallest run that goes through everything; a test trains it anew and compares.
CHECK = (
    Definition(
        "tiny", EncoderDecoderSpec(depth=1, width=4, convolutions=1), replace(RECIPE, epochs=1),
        partial(datasets.digit_scenes, counts=(320, 64, 64)), (0,), eval_splits=("validation",),
    ),
)  # fmt: skip


def other_edges(count: int = 1000) -> dict[str, float]:
    """Mean IoU of true test masks against themselves, drawn with another idea of the edge.

    What an annotator would score who sets the edge at more or at less ink, or one pixel to the
    right, and names every digit well. It says how much such a convention weighs, and is no
    ceiling: a network learns the convention that it is scored with.
    """
    true = datasets.scenes("test", count).y
    others = {
        f"ink {threshold}": datasets.scenes("test", count, threshold=threshold).y
        for threshold in (0.25, 0.30, 0.40, 0.45)
    }
    others["one pixel"] = torch.nn.functional.pad(true, (1, 0))[..., :-1]
    return {
        name: metrics.mean_iou(metrics.confusion_matrix(true, mask, 11))
        for name, mask in others.items()
    }
