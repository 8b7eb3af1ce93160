"""What an encoder is worth that was trained on ImageNet: on CamVid, and with few photographs of it.

The same network starts from ImageNet's weights, with its encoder learning as fast as the decoder,
slower, or not at all, or from drawn ones; beside it the best of the small networks and the best
published one. All have the same recipe and epochs, and each trains at the rate that validation
prefers for it: one seed at all of :data:`RATES`, three at its own. ``parameters`` of a run are
those that were trained, hence without a frozen encoder's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache, partial

from tarea2 import datasets
from tarea2.datasets import Dataset, Split
from tarea2.datasets.camvid_files import frames
from tarea2.models import EfficientUnetSpec, EncoderDecoderSpec, PeerSpec
from tarea2.studies import camvid
from tarea2.studies.definition import Definition
from tarea2.studies.recipes import at_rate
from tarea2.studies.segmentation import THREE

RECIPE = replace(camvid.LONG, epochs=24)
RATES = (1e-3, 3e-3, 1e-2)
# Network -> its spec and the rate that it has three seeds at: that of a first trial, to be another
# one where validation, with the first seed, prefers that.
NETWORKS: dict[str, tuple[EfficientUnetSpec | EncoderDecoderSpec | PeerSpec, float]] = {
    "pretrained": (EfficientUnetSpec(), 3e-3),
    "pretrained-slower": (EfficientUnetSpec(encoder_rate=0.1), 3e-3),
    "frozen": (EfficientUnetSpec(encoder_rate=0), 3e-3),
    "drawn": (EfficientUnetSpec(weights="drawn"), 3e-3),
    camvid.CHOSEN: (camvid.CANDIDATES[camvid.CHOSEN], camvid.LONG.lr),
    camvid.CHOSEN_PUBLISHED: (camvid.NAMED[camvid.CHOSEN_PUBLISHED], camvid.LONG.lr),
}
# What is aimed at on the test part from 120×160: mean IoU of three seeds, and gain over every
# network that starts from drawn weights.
AIMS = (0.58, 0.03)

# Few photographs: the networks that are compared, and how many they are trained on.
COMPARED = ("pretrained", "drawn", camvid.CHOSEN)
AMOUNTS = (10, 30, 100)  # and all, which the study above has


def _at(name: str, rate: float, seeds: tuple[int, ...]) -> Definition:
    spec, recipe = NETWORKS[name][0], replace(RECIPE, lr=rate)
    (definition,) = camvid.definitions({at_rate(name, rate): spec}, recipe, seeds)
    return definition


DEFINITIONS = tuple(
    _at(name, rate, THREE if rate == own else THREE[:1])
    for name, (_, own) in NETWORKS.items()
    for rate in RATES
)


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
    """A network on so many photographs at its own rate, with as many steps as on all of them."""
    recipe = replace(RECIPE, lr=NETWORKS[name][1])
    all_of_them = sum(frame.part == "train" for frame in frames())
    steps, usual = (math.ceil(count / recipe.batch_size) for count in (amount, all_of_them))
    (definition,) = camvid.definitions(
        {f"{name}-{amount}": NETWORKS[name][0]},
        replace(recipe, epochs=round(recipe.epochs * usual / steps)),
    )
    return replace(definition, data=partial(some_photographs, amount))


AMOUNT_DEFINITIONS = tuple(
    amount_definition(name, amount) for amount in AMOUNTS for name in COMPARED
)

# All of them once, to measure what they cost in one go.
COSTS = camvid.definitions({name: spec for name, (spec, _) in NETWORKS.items()}, RECIPE, ())
