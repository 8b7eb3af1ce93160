"""Five networks of the main study with their forward pass in bfloat16: is anything lost by it?

Each at its own learning rate and with seeds of which runs in float32 are stored in
:mod:`tarea2.studies.recipes`; nothing else differs. Between them they have no, batch and
instance normalisation, plain and separable blocks, and the way down by maxima and by strides.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from tarea2.studies import recipes
from tarea2.studies.comparisons import mean_interval
from tarea2.studies.segmentation import THREE

PRECISION = "bfloat16"
# The names that the float32 runs have: the rate at which each network is measured.
COMPARED = (
    "baseline-lr-0.01", "reference-lr-0.03", "block-separable-lr-0.1", "wide-slow-lr-0.1",
    "monai-basicunet-lr-0.01",
)  # fmt: skip
IN_FLOAT32 = {d.name: d for d in recipes.DEFINITIONS if d.name in COMPARED}
DEFINITIONS = tuple(
    replace(
        IN_FLOAT32[name],
        recipe=replace(IN_FLOAT32[name].recipe, precision=PRECISION),
        seeds=THREE,
    )
    for name in COMPARED
)


def pairs(single: pd.DataFrame, half: pd.DataFrame, field: str = "validation_miou") -> pd.DataFrame:
    """A row per network, in the order of :data:`COMPARED`, of what its seeds have on average.

    ``single``, ``half``: runs of :mod:`tarea2.studies.recipes` and of this study. Columns:
    ``name``, that of the network alone; ``float32`` and ``bfloat16``, means of ``field``;
    ``difference``, second minus first, of equal seeds; ``low`` and ``high``, its 95 % interval.
    """
    both = half.merge(single, on=["name", "seed"], suffixes=("_half", "_single"))
    after, before = both[f"{field}_half"], both[f"{field}_single"]
    both = both.assign(float32=before, bfloat16=after, difference=after - before)
    rows = []
    for name in COMPARED:
        of = both[both["name"] == name]
        low, high = mean_interval(of["difference"].to_numpy())
        means = of[["float32", "bfloat16", "difference"]].mean()
        rows.append({"name": recipes.network_of(name), **means, "low": low, "high": high})
    return pd.DataFrame(rows)


def interval(found: pd.DataFrame) -> tuple[float, float]:
    """95 % interval of the mean difference over networks, from what :func:`pairs` gives."""
    return mean_interval(found["difference"].to_numpy())
