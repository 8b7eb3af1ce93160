"""Published networks at their authors' sizes, on the main study's data and with its recipe.

Beside them three networks of ours at the cost of the dearest: the best combination, made larger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from tarea2 import datasets
from tarea2.models import EncoderDecoderSpec, PeerSpec, Spec
from tarea2.studies import recipes
from tarea2.studies.definition import Definition
from tarea2.studies.recipes import at_rate
from tarea2.studies.segmentation import (
    COMBINATIONS,
    FIVE,
    RECIPE,
    SMALL_PUBLISHED,
    THREE,
    counts,
    networks,
)

FULL_SIZE: dict[str, PeerSpec] = {
    "segresnet-8": PeerSpec("SegResNet-8"),
    "attention-unet": PeerSpec("AttentionUnet"),
    "segresnet-16": PeerSpec("SegResNet-16"),
    "basicunet-default": PeerSpec("BasicUNet-default"),
    "nnunet-plain": PeerSpec("PlainConvUNet"),
}
# Network -> rates tried with the first seed: 0.003 is the main study's, 0.01 the best of five for
# BasicUNet with fewer filters.
TRIED: dict[str, tuple[float, ...]] = {
    "segresnet-8": (3e-3, 1e-2), "attention-unet": (3e-3, 1e-2, 3e-2),
    "segresnet-16": (3e-3, 1e-2), "basicunet-default": (3e-3, 1e-2), "nnunet-plain": (3e-3, 1e-2),
}  # fmt: skip
# Network -> rates with three seeds: the best with the first one, which counts. The small SegResNet
# breaks down with it for another seed, and does so with the other rate too.
MEASURED: dict[str, tuple[float, ...]] = {
    "segresnet-8": (1e-2, 3e-3), "attention-unet": (1e-2,),
    "segresnet-16": (3e-3,), "basicunet-default": (1e-2,), "nnunet-plain": (1e-2,),
}  # fmt: skip
OWN = {name: rates[0] for name, rates in MEASURED.items()}
# The best combination with more filters, one level more, or larger kernels, each of fewer
# multiplications than SegResNet-16, at the rate that was best for the combination.
WIDER: dict[str, EncoderDecoderSpec] = {
    "wider-slow": replace(COMBINATIONS["wide-slow"], width=28),
    "wider-deep": replace(COMBINATIONS["wide-slow"], width=26, depth=3),
    "wider-kernel-5": replace(COMBINATIONS["wide-slow"], width=18, kernel=5),
}
WIDER_RATE = recipes.MEASURED["wide-slow"][-1]


def name_at(name: str, rate: float) -> str:
    """The name of a published network's runs: at the main study's rate, the network's alone."""
    return name if rate == RECIPE.lr else at_rate(name, rate)


DEFINITIONS = tuple(
    Definition(
        name_at(name, rate), FULL_SIZE[name], replace(RECIPE, lr=rate), datasets.digit_scenes,
        THREE if rate in MEASURED[name] else THREE[:1], eval_splits=("validation",), extra=counts,
    )
    for name, rates in TRIED.items()
    for rate in rates
) + tuple(
    Definition(
        at_rate(name, WIDER_RATE), spec, replace(RECIPE, lr=WIDER_RATE), datasets.digit_scenes,
        THREE[:2], eval_splits=("validation",), extra=counts,
    )
    for name, spec in WIDER.items()
)  # fmt: skip

THEIRS: dict[str, PeerSpec] = FULL_SIZE | {"monai-basicunet": SMALL_PUBLISHED["monai-basicunet"]}
# All of them, once each, to measure what they cost in one go.
NETWORKS: Mapping[str, Spec] = {
    name: networks()[name][0] for name in ("reference", "wide-slow")
} | {**WIDER, **THEIRS}
COSTS = tuple(
    Definition(name, spec, RECIPE, datasets.digit_scenes, ()) for name, spec in NETWORKS.items()
)


def at_their_rates(varied: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Runs of each network at the rate that is best for it: ``name`` is the network's alone.

    ``varied`` comes from :func:`tarea2.studies.recipes.together`, ``found`` are this study's runs.
    Added to both is the column ``rate``.
    """
    ours = recipes.at_own_rates(varied)
    rates = {name_at(name, rate): (name, rate) for name, rate in OWN.items()}
    rates |= {at_rate(name, WIDER_RATE): (name, WIDER_RATE) for name in WIDER}
    theirs = found[found["name"].isin(rates)]
    theirs = theirs.assign(
        rate=[rates[name][1] for name in theirs["name"]],
        name=[rates[name][0] for name in theirs["name"]],
    )
    return pd.concat([ours, theirs], ignore_index=True)


def at_common_rate(main: pd.DataFrame, found: pd.DataFrame) -> dict[str, float]:
    """Test mIoU of the first seed at the main study's rate, for the networks that have it.

    ``main`` are the main study's runs, ``found`` this one's.
    """
    first = pd.concat([main, found])
    first = first[first["seed"] == THREE[0]]
    scores = dict(zip(first["name"], first["test_miou"], strict=True))
    return {name: float(scores[name]) for name in NETWORKS if name in scores}


def matches(table: pd.DataFrame) -> dict[str, str]:
    """Published network -> that of ours compared with it, from the cheapest to the dearest.

    Of ours that have five seeds, multiply no more than the published one and have at most a third
    of its weights, it is the best on validation. ``table`` comes from :func:`at_their_rates`.
    """
    means = table.groupby("name")[["parameters", "macs", "validation_miou"]].mean()
    seeds = table.groupby("name")["seed"].nunique()
    ours = means[(seeds == len(FIVE)) & ~means.index.isin(THEIRS)]
    found = {}
    for published, cost in means.loc[list(THEIRS)].sort_values("macs").iterrows():
        fitting = ours[
            (ours["macs"] <= cost["macs"]) & (ours["parameters"] <= cost["parameters"] / 3)
        ]
        found[str(published)] = str(fitting["validation_miou"].idxmax())
    return found
