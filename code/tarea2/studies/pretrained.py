"""What an encoder is worth that was trained on ImageNet: on CamVid, and with few photographs of it.

The same network starts from ImageNet's weights, with its encoder learning as fast as the decoder,
slower, or not at all, or from drawn ones; beside it the best of the small networks and the best
published one. All have the same recipe and epochs, and each trains at the rate that validation
prefers for it: one seed at those that :func:`next_rate` asks for, three at its own. ``parameters``
of a run are those that were trained, hence without a frozen encoder's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pandas as pd

from tarea2 import datasets
from tarea2.datasets import Dataset, Split
from tarea2.datasets.camvid_files import frames
from tarea2.evaluation import Evaluation
from tarea2.models import EfficientUnet, EfficientUnetSpec, EncoderDecoderSpec, Network, PeerSpec
from tarea2.studies import camvid
from tarea2.studies.definition import Definition, rounded
from tarea2.studies.recipes import at_rate, network_of
from tarea2.studies.segmentation import THREE, by_class_and_image

RECIPE = replace(camvid.LONG, epochs=24, precision="bfloat16")
NETWORKS: dict[str, EfficientUnetSpec | EncoderDecoderSpec | PeerSpec] = {
    "pretrained": EfficientUnetSpec(),
    "pretrained-slower": EfficientUnetSpec(encoder_rate=0.1),
    "frozen": EfficientUnetSpec(encoder_rate=0),
    "drawn": EfficientUnetSpec(weights="drawn"),
    camvid.CHOSEN: camvid.CANDIDATES[camvid.CHOSEN],
    camvid.CHOSEN_PUBLISHED: camvid.NAMED[camvid.CHOSEN_PUBLISHED],
}
FROM_IMAGENET = ("pretrained", "pretrained-slower", "frozen")
LADDER = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
RATES = (3e-3, 1e-2)  # that all are tried at
# Further ones that next_rate() asked for, and the rate that is best on validation with the first
# seed, at which a network has three.
FURTHER: dict[str, tuple[float, ...]] = {
    "pretrained": (3e-2,), "pretrained-slower": (3e-2, 1e-1), "frozen": (3e-2, 1e-1),
    "drawn": (3e-2,), camvid.CHOSEN: (3e-2,), camvid.CHOSEN_PUBLISHED: (3e-2, 1e-1),
}  # fmt: skip
OWN = {
    "pretrained": 1e-2, "pretrained-slower": 3e-2, "frozen": 3e-2, "drawn": 1e-2,
    camvid.CHOSEN: 1e-2, camvid.CHOSEN_PUBLISHED: 3e-2,
}  # fmt: skip
# What is aimed at on the test part from 120×160: mean IoU of three seeds, and gain over every
# network that starts from drawn weights.
AIMS = (0.58, 0.03)

# Few photographs: the networks that are compared, and how many they are trained on.
COMPARED = ("pretrained", "drawn", camvid.CHOSEN)
AMOUNTS = (10, 30, 100)  # and all, which the study above has


def next_rate(scores: Mapping[float, float]) -> float | None:
    """The rate of :data:`LADDER` to try next; None once the best one has a neighbour on each side.

    ``scores``: validation mIoU of the first seed at each rate that was tried. :data:`RATES` are
    tried in any case, the others for as long as the best one lies at an end.
    """
    for rate in RATES:
        if rate not in scores:
            return rate
    best = LADDER.index(max(scores, key=scores.__getitem__))
    for rate in LADDER[max(0, best - 1) : best + 2]:
        if rate not in scores:
            return rate
    return None


def with_first_filters(
    model: Network, dataset: Dataset, evaluations: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """Beside :func:`by_class_and_image`: an encoder's first kernels, ``(32, 3, 3, 3)``."""
    found = by_class_and_image(model, dataset, evaluations)
    if isinstance(model, EfficientUnet):
        kernels = model.encoder.state_dict()["stem.0.weight"]
        found["first_filters"] = [rounded(value) for value in kernels.flatten().tolist()]
    return found


def definition(name: str, rate: float, seeds: tuple[int, ...] = THREE) -> Definition:
    """A network on all photographs at a rate."""
    spec, recipe = NETWORKS[name], replace(RECIPE, lr=rate)
    (found,) = camvid.definitions({at_rate(name, rate): spec}, recipe, seeds)
    return replace(found, extra=with_first_filters)


DEFINITIONS = tuple(
    definition(name, rate, THREE if rate == own else THREE[:1])
    for name, own in OWN.items()
    for rate in sorted({*RATES, *FURTHER.get(name, ())})
)


def at_own_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of the first study at the network's own rate; ``name`` is the network's alone."""
    own = {at_rate(name, rate): name for name, rate in OWN.items()}
    found = runs[runs["name"].isin(own)]
    return found.assign(name=[own[name] for name in found["name"]])


def first_scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Validation mIoU of the first seed: a row for each network, a column for each rate."""
    first = runs[runs["seed"] == THREE[0]]
    rates = [recipe["lr"] for recipe in first["recipe"]]
    named = first.assign(network=[network_of(name) for name in first["name"]], rate=rates)
    return named.pivot(index="network", columns="rate", values="validation_miou")


def spread_order(videos: list[str]) -> list[int]:
    """Frames, of which the first so many are spread over their videos, however many they are.

    ``videos``: the video of each frame, in the order of time. Of each video there are as many as
    its share, evenly over its length: neighbours, which show nearly the same, come last.
    """
    found = []
    for video in dict.fromkeys(videos):
        members = [index for index, name in enumerate(videos) if name == video]
        # Numbers with their bits in reverse order halve every gap in turn (van der Corput 1935).
        bits = max(1, (len(members) - 1).bit_length())
        halving = sorted(range(len(members)), key=lambda place: f"{place:0{bits}b}"[::-1])
        found += [
            ((rank + 0.5) / len(members), members[place]) for rank, place in enumerate(halving)
        ]
    return [index for _, index in sorted(found)]


@cache
def some_photographs(amount: int) -> Dataset:
    """CamVid with so many of its training images; each amount holds all of the smaller ones."""
    whole = datasets.camvid()
    videos = [frame.name.partition("_")[0] for frame in frames() if frame.part == "train"]
    chosen = sorted(spread_order(videos)[:amount])
    train = Split(whole.train.x[chosen], whole.train.y[chosen])
    return replace(whole, name=f"camvid-{amount}", train=train)


def amount_definition(name: str, amount: int) -> Definition:
    """A network on so many photographs at its own rate, with about as many steps as on all."""
    recipe = replace(RECIPE, lr=OWN[name])
    all_of_them = sum(frame.part == "train" for frame in frames())
    steps, usual = (math.ceil(count / recipe.batch_size) for count in (amount, all_of_them))
    (found,) = camvid.definitions(
        {f"{name}-{amount}": NETWORKS[name]},
        replace(recipe, epochs=round(recipe.epochs * usual / steps)),
    )
    return replace(found, data=partial(some_photographs, amount))


AMOUNT_DEFINITIONS = tuple(
    amount_definition(name, amount) for amount in AMOUNTS for name in COMPARED
)

# All of them once, to measure what they cost in one go.
COSTS = camvid.definitions(NETWORKS, RECIPE, ())
