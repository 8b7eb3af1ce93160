"""Random networks under one limit of multiplications: interactions, and one better than ours?

Each field is drawn on its own, so that effects can be told apart; what costs more than the best
combination, or much less, or has more parameters than the combinations may, is drawn again. One
seed and half the epochs say what each field does; the best few then train as the combination did.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pandas as pd

from tarea2 import datasets
from tarea2.models import EncoderDecoderSpec
from tarea2.studies.definition import Definition
from tarea2.studies.recipes import at_rate
from tarea2.studies.segmentation import COMBINATIONS, LIMIT, RECIPE, THREE
from tarea2.training import Recipe

COUNT, SEED = 40, 2026
# Half the main study's epochs, at a rate with which half of them are enough to get far: a network
# that learns slowly would lose for that reason with the main study's rate.
SHORT = replace(RECIPE, epochs=6, lr=3e-2)
CHOICES: dict[str, tuple] = {
    "depth": (1, 2, 3),
    "width": tuple(range(8, 33, 4)),  # multiples of 4, for normalisation by groups
    "growth": (1.0, 1.5, 2.0),
    "convolutions": (1, 2, 3),
    "kernel": (3, 5),
    "dilation": (1, 2),
    "block": ("plain", "residual"),
    "norm": ("batch", "group"),
    "down": ("max", "mean", "strided"),
    "up": ("nearest", "bilinear", "transposed"),
    "skip": ("add", "concat"),
}


def costs(spec: EncoderDecoderSpec, size: int = datasets.SCENE_SIZE) -> tuple[int, int]:
    """Parameters and multiplications of a plain or residual network, without building it.

    Each convolution has ``k² C_in C_out`` weights and multiplies by each of them at every
    position; a transposed one at every position of its input.
    """
    weights = work = 0

    def convolve(before: int, after: int, kernel: int, side: int, bias: bool) -> None:
        nonlocal weights, work
        count = kernel**2 * before * after
        weights += count + (after if bias else 0)
        work += count * side**2

    def block(before: int, after: int, count: int, side: int) -> None:
        nonlocal weights
        for a, b in pairwise([before] + [after] * count):
            convolve(a, b, spec.kernel, side, bias=spec.norm == "none")
            weights += 0 if spec.norm == "none" else 2 * b
        if spec.block == "residual" and before != after:
            convolve(before, after, 1, side, bias=True)

    widths, side = (spec.inputs, *spec.channels), size
    for before, after in pairwise(widths[:-1]):
        block(before, after, spec.convolutions, side)
        side //= 2
        if spec.down == "strided":
            convolve(after, after, 2, side, bias=True)
    block(widths[-2], widths[-1], spec.bottom or spec.convolutions, side)
    for deep, shallow in pairwise(reversed(spec.channels)):
        if spec.up == "transposed":
            convolve(deep, shallow, 2, side, bias=False)
            weights += shallow
        else:
            convolve(deep, shallow, 1, side, bias=True)
        side *= 2
        joined = shallow * (2 if spec.skip == "concat" else 1)
        block(joined, shallow, spec.convolutions, side)
    convolve(spec.channels[0], spec.classes, 1, side, bias=True)
    return weights, work


def drawn(count: int = COUNT, seed: int = SEED) -> tuple[EncoderDecoderSpec, ...]:
    """So many different networks that keep to the limits; a seed gives the same ones everywhere."""
    most = max(costs(spec)[1] for spec in COMBINATIONS.values())
    generator = random.Random(seed)
    found: dict[EncoderDecoderSpec, None] = {}
    while len(found) < count:
        fields = {name: generator.choice(values) for name, values in CHOICES.items()}
        try:
            spec = EncoderDecoderSpec(**fields)
        except ValueError:  # channels that make no groups
            continue
        weights, work = costs(spec)
        if weights <= LIMIT and most / 2 <= work <= most:
            found[spec] = None
    return tuple(found)


NETWORKS = {f"random-{k:02d}": spec for k, spec in enumerate(drawn())}
# The combination to surpass, with the search's recipe too.
RIVAL = "wide-slow"
# The best on validation of those with no more parameters than the rival, and the rate of each that
# was the better one on validation with the first seed. They train for as long as the rival did.
MEASURED = {"random-10": 3e-2, "random-14": 1e-1, "random-16": 1e-1, "random-02": 3e-2}
RATES = (3e-2, 1e-1)  # the two that were best for the rival


def finalists(table: pd.DataFrame) -> tuple[str, ...]:
    """The best random networks on validation, of no more parameters than the rival.

    ``table`` holds the runs of the search.
    """
    most = costs(COMBINATIONS[RIVAL])[0]
    short = table[table["name"].isin(NETWORKS) & (table["parameters"] <= most)]
    return tuple(short.nlargest(len(MEASURED), "validation_miou")["name"])


def better_rates(table: pd.DataFrame) -> dict[str, float]:
    """The rate of each finalist that is better on validation with the first seed."""
    first = table[table["seed"] == THREE[0]].set_index("name")["validation_miou"]
    return {
        name: max(RATES, key=lambda rate: first[at_rate(name, rate)]) for name in finalists(table)
    }


def at_better_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Runs of each finalist at its better rate; ``name`` is the network's alone."""
    networks = {at_rate(name, rate): name for name, rate in better_rates(table).items()}
    found = table[table["name"].isin(networks)]
    return found.assign(name=[networks[name] for name in found["name"]])


def _definition(name: str, spec: EncoderDecoderSpec, recipe: Recipe, seeds: tuple) -> Definition:
    return Definition(name, spec, recipe, datasets.digit_scenes, seeds, eval_splits=("validation",))


DEFINITIONS = (
    *(_definition(name, spec, SHORT, THREE[:1]) for name, spec in NETWORKS.items()),
    _definition(RIVAL, COMBINATIONS[RIVAL], SHORT, THREE),
    *(
        _definition(
            at_rate(name, rate), NETWORKS[name], replace(RECIPE, lr=rate),
            THREE if rate == measured else THREE[:1],
        )
        for name, measured in MEASURED.items()
        for rate in RATES
    ),
)  # fmt: skip
