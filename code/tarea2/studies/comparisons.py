"""Networks of several seeds: differences with intervals, many at once, and two orders compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95  # of confidence, of every interval


@dataclass(frozen=True)
class Difference:
    """Second minus first: of the means, with a 95 % interval and a p-value (Welch 1947).

    Seeds are the sample, their spreads may differ. Says what other seeds would give, on the same
    data; the networks of equal seeds are not paired, since their weights have nothing in common.
    """

    mean: float
    low: float
    high: float
    p: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def welch(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> Difference:
    """Compare two networks by one value per seed each; raises ValueError for a single seed."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if min(a.size, b.size) < 2:
        raise ValueError(f"an interval needs two seeds or more, got {a.size} and {b.size}")
    found = stats.ttest_ind(b, a, equal_var=False)
    low, high = found.confidence_interval(LEVEL)
    return Difference(float(b.mean() - a.mean()), float(low), float(high), float(found.pvalue))


def contrast(parts: Sequence[tuple[float, Sequence[float] | np.ndarray]]) -> Difference:
    """A weighted sum of means, such as what two changes do together minus each on its own.

    ``parts`` are weights and values, one a seed; the degrees of freedom are Welch and
    Satterthwaite's. With weights 1 and -1 it is :func:`welch`, and like it raises ValueError for
    a single seed.
    """
    values = [(weight, np.asarray(each, dtype=float)) for weight, each in parts]
    if min(each.size for _, each in values) < 2:
        sizes = ", ".join(str(each.size) for _, each in values)
        raise ValueError(f"an interval needs two seeds or more of each network, got {sizes}")
    mean = sum(weight * each.mean() for weight, each in values)
    spreads = np.array([weight**2 * each.var(ddof=1) / each.size for weight, each in values])
    freedom = spreads.sum() ** 2 / sum(
        spread**2 / (each.size - 1) for spread, (_, each) in zip(spreads, values, strict=True)
    )
    error = float(np.sqrt(spreads.sum()))
    reach = stats.t.ppf((1 + LEVEL) / 2, freedom) * error
    p = 2 * stats.t.sf(abs(mean) / error, freedom)
    return Difference(float(mean), float(mean - reach), float(mean + reach), float(p))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """P-values adjusted for their number (Holm 1979), in the order given.

    The smallest is multiplied by how many there are, the next by one less, and so on; none
    becomes smaller than one before it, or larger than 1. NaN stands for no comparison, and stays.
    """
    p = np.asarray(p_values, dtype=float)
    if np.isnan(p).any():
        adjusted = p.copy()
        adjusted[~np.isnan(p)] = holm(p[~np.isnan(p)])
        return adjusted
    order = p.argsort()
    adjusted = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted[order.argsort()]


def against(table: pd.DataFrame, reference: str, names: Sequence[str], field: str) -> pd.DataFrame:
    """Compare some networks of a study with one of them.

    ``table`` has a row per run. Returns a row per name, in the order given, with the columns
    ``name``, ``difference``, ``low``, ``high``, ``p`` and ``holm``. Where either has a single seed
    there is a difference, and all else is NaN.
    """
    values = {name: rows[field].to_numpy() for name, rows in table.groupby("name")}

    def compared(name: str) -> Difference:
        first, second = values[reference], values[name]
        if min(len(first), len(second)) > 1:
            return welch(first, second)
        return Difference(float(second.mean() - first.mean()), np.nan, np.nan, np.nan)

    found = [compared(name) for name in names]
    return pd.DataFrame({
        "name": list(names),
        "difference": [d.mean for d in found],
        "low": [d.low for d in found],
        "high": [d.high for d in found],
        "p": [d.p for d in found],
        "holm": holm([d.p for d in found]),
    })  # fmt: skip


def mean_interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean over seeds (Student's t); of a single seed it is that value."""
    v = np.asarray(values, dtype=float)
    if v.size < 2:
        return float(v[0]), float(v[0])
    reach = stats.t.ppf((1 + LEVEL) / 2, v.size - 1) * v.std(ddof=1) / np.sqrt(v.size)
    return float(v.mean() - reach), float(v.mean() + reach)


def pareto_front(means: pd.DataFrame, cost: str, score: str) -> pd.DataFrame:
    """The rows that no other one betters at as little of the cost, the cheapest first.

    A row is off the front if another one costs no more and scores higher, or costs less and scores
    as high.
    """
    costs, scores = means[cost], means[score]
    bettered = [
        bool((((costs <= c) & (scores > s)) | ((costs < c) & (scores >= s))).any())
        for c, s in zip(costs, scores, strict=True)
    ]
    return means[~np.array(bettered)].sort_values(cost)


@dataclass(frozen=True)
class Agreement:
    """How alike two studies order the same networks: Kendall's tau, 1 for alike, -1 for reversed.

    ``low`` and ``high``: its 95 % interval over seeds. ``p``: how often networks in random order
    would agree or disagree as much.
    """

    tau: float
    low: float
    high: float
    p: float


def kendall(
    first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray], draws: int = 5000,
    seed: int = 0,
) -> Agreement:  # fmt: skip
    """Compare two orders of networks by their mean scores (Kendall 1938).

    ``first`` and ``second`` hold one value per seed of each network; what only one of them has
    does not count. The interval draws the seeds of every network anew, with replacement, in both
    studies: it says what other seeds would give for the same networks, nothing of other networks.

    Raises ValueError for fewer than three networks in common.
    """
    names = [name for name in first if name in second]
    if len(names) < 3:
        raise ValueError(f"an order needs three networks or more, {len(names)} are in both studies")
    generator = np.random.default_rng(seed)

    def again(values: np.ndarray) -> np.ndarray:
        """Means of the drawn seeds, ``(draws,)``."""
        chosen = generator.integers(0, len(values), (draws, len(values)))
        return np.asarray(values)[chosen].mean(1)

    drawn = [np.stack([again(study[name]) for name in names], axis=1) for study in (first, second)]
    pairs = np.triu_indices(len(names), 1)
    # tau of each draw: of all pairs, those in the same order minus those in the other
    signs = [np.sign(means[:, pairs[0]] - means[:, pairs[1]]) for means in drawn]  # (draws, pairs)
    low, high = np.quantile((signs[0] * signs[1]).mean(1), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    means = [[float(np.mean(study[name])) for name in names] for study in (first, second)]
    found = stats.kendalltau(*means)
    return Agreement(float(found.statistic), float(low), float(high), float(found.pvalue))


def bootstrap_difference(
    first: np.ndarray, second: np.ndarray, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Difference in test mean IoU between two networks, with a 95 % interval over images.

    Both arguments are counts ``(seeds, images, K, 3)`` of the same images, as
    :func:`tarea2.metrics.class_counts` gives them. Images are drawn with replacement, the same
    for both and for all seeds.

    Returns
    -------
    Second minus first: on all images, and the 2.5 % and 97.5 % quantiles.
    """
    images = first.shape[1]
    draws = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), resamples)
    weights = np.concatenate([np.ones((1, images)), draws])  # (1 + R, images)

    def scores(counts: np.ndarray) -> np.ndarray:
        total = np.einsum("ri,sikc->rskc", weights, counts, optimize=True)  # (1 + R, S, K, 3)
        hit, false, missed = np.moveaxis(total[:, :, 1:], 3, 0)
        return (hit / (hit + false + missed)).mean((1, 2))

    difference = scores(second) - scores(first)
    low, high = np.quantile(difference[1:], (0.025, 0.975))
    return float(difference[0]), float(low), float(high)


def bootstrap_interval(
    counts: np.ndarray, first: int, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a network's mean IoU over images, drawn again with replacement.

    ``counts``: ``(seeds, images, K, 3)``; every seed sees the same images. A class that no drawn
    image holds does not count in that draw.
    """
    images = counts.shape[1]
    draws = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), resamples)
    total = np.einsum("ri,sikc->rskc", draws, counts[:, :, first:].astype(float), optimize=True)
    whole = total.sum(3)
    iou = np.divide(total[..., 0], whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    defined = iou[~np.isnan(iou).all(axis=(1, 2))]
    low, high = np.quantile(np.nanmean(defined, axis=(1, 2)), (0.025, 0.975))
    return float(low), float(high)
