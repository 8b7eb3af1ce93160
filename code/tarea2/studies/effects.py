"""What each field of random networks changes in their score, the others being equal.

A linear model by least squares, a term for each number or choice. Networks that fail scatter more
than those that learn, and the intervals allow for that: HC3 of MacKinnon and White (1985).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd
from statsmodels.regression.linear_model import OLS

from tarea2.studies.comparisons import LEVEL, holm

Fields = Mapping[str, Any]  # of a spec, as runs store it
# Term -> what a network has of it: levels, doublings, halves or layers for numbers; for choices,
# whether it is this one instead of the reference's.
TERMS: dict[str, Callable[[Fields], float]] = {
    "depth": lambda spec: spec["depth"],
    "width": lambda spec: math.log2(spec["width"]),
    "growth": lambda spec: 2 * spec["growth"],
    "convolutions": lambda spec: spec["convolutions"],
    "kernel-5": lambda spec: spec["kernel"] == 5,
    "dilation-2": lambda spec: spec["dilation"] == 2,
    "block-residual": lambda spec: spec["block"] == "residual",
    "norm-group": lambda spec: spec["norm"] == "group",
    "down-mean": lambda spec: spec["down"] == "mean",
    "down-strided": lambda spec: spec["down"] == "strided",
    "up-bilinear": lambda spec: spec["up"] == "bilinear",
    "up-transposed": lambda spec: spec["up"] == "transposed",
    "skip-add": lambda spec: spec["skip"] == "add",
}


def design(specs: Sequence[Fields]) -> pd.DataFrame:
    """A row for each network, a column for each term, each with mean 0."""
    columns = pd.DataFrame({
        name: [float(value(spec)) for spec in specs] for name, value in TERMS.items()
    })  # fmt: skip
    return columns - columns.mean()


def _fit(columns: pd.DataFrame, scores: pd.Series, covariance: str = "HC3") -> Any:
    model = OLS(scores.to_numpy(), columns.assign(constant=1.0))
    return model.fit(cov_type=covariance, use_t=True)


def effects(table: pd.DataFrame, field: str, covariance: str = "HC3") -> pd.DataFrame:
    """What one unit of each term changes in a score, the other terms being equal.

    ``table``: runs with the columns ``spec`` and ``field``, a row per network. ``covariance``:
    "nonrobust" for the classical intervals, of networks that all scatter alike. Returns a row per
    term with the columns ``name``, ``difference``, ``low`` and ``high`` (a 95 % interval), ``p``
    and ``holm`` (adjusted for the number of terms).
    """
    fitted = _fit(design(table["spec"].tolist()), table[field], covariance)
    intervals = fitted.conf_int(1 - LEVEL).loc[list(TERMS)]
    p = fitted.pvalues[list(TERMS)].to_numpy()
    return pd.DataFrame({
        "name": list(TERMS),
        "difference": fitted.params[list(TERMS)].to_numpy(),
        "low": intervals[0].to_numpy(),
        "high": intervals[1].to_numpy(),
        "p": p,
        "holm": holm(p),
    })  # fmt: skip


def interactions(table: pd.DataFrame, field: str) -> pd.DataFrame:
    """Whether a term changes the score more, or less, with more of another one.

    Each pair of terms of different fields joins the model on its own, as a product. Returns a row
    per pair with the columns ``first``, ``second``, ``difference``, ``p`` and ``holm`` (adjusted
    for the number of pairs).
    """
    terms = design(table["spec"].tolist())
    rows = []
    for first, second in combinations(TERMS, 2):
        if first.split("-")[0] != second.split("-")[0]:  # two choices of a field never meet
            fitted = _fit(terms.assign(both=terms[first] * terms[second]), table[field])
            rows.append((first, second, fitted.params["both"], fitted.pvalues["both"]))
    found = pd.DataFrame(rows, columns=["first", "second", "difference", "p"])
    return found.assign(holm=holm(found["p"].to_numpy()))


def explained(table: pd.DataFrame, field: str) -> float:
    """Share of the scores' variance that the terms explain, adjusted for their number."""
    return float(_fit(design(table["spec"].tolist()), table[field]).rsquared_adj)
