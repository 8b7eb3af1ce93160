"""Sentences of a page that compare, checked on the stored runs when the page is built.

A page writes the words that claim something through :func:`holds`, together with what must be
true for them. Where it no longer is, the build stops and names the page, the line and the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from tarea2.studies.comparisons import welch
from tarea2.typography import Text


class ClaimError(Exception):
    """A page claims what the stored runs do not show."""


@dataclass(frozen=True)
class Fact:
    """Something that is true or not of stored runs, and the numbers behind it."""

    true: bool
    numbers: str

    def __bool__(self) -> bool:
        return self.true


def holds(words: str, *conditions: Fact | bool | np.bool_) -> Text:
    """Give the words of a claim for the page, after checking all that must be true for them.

    Raises
    ------
    ClaimError: a condition is false; the message has the words, and the numbers of a Fact.
    """
    if not conditions:
        raise ValueError(f"nothing is checked for {words!r}: give the condition that it rests on")
    for index, condition in enumerate(conditions, start=1):
        if not condition:
            shown = condition.numbers if isinstance(condition, Fact) else f"condition {index}"
            raise ClaimError(
                f"the stored runs no longer show {words!r}: {shown} is false; rewrite the "
                "sentence, or look into the runs"
            )
    return Text(words)


class Scores:
    """One field of a study's runs, network by network, to state facts about.

    Where a method takes names, one name is as good as a sequence of them.
    """

    def __init__(self, table: pd.DataFrame, field: str):
        """``table`` has a row per run with the columns ``name`` and ``field``."""
        self.field = field
        self.values = {str(name): rows[field].to_numpy() for name, rows in table.groupby("name")}

    def mean(self, name: str) -> float:
        if name not in self.values:
            raise ValueError(f"no run of {name!r}; there are: {', '.join(self.values)}")
        return float(self.values[name].mean())

    def above(
        self, higher: str | Sequence[str], lower: str | Sequence[str], by: float = 0.0
    ) -> Fact:
        """Each of the first has a higher mean than each of the second, by more than ``by``."""
        low = min(_each(higher), key=self.mean)
        high = max(_each(lower), key=self.mean)
        shown = f"{self._named(low)} > {self._named(high)}" + (f" + {by:g}" if by else "")
        return Fact(self.mean(low) > self.mean(high) + by, shown)

    def ascending(self, *names: str) -> Fact:
        """The means of the networks grow in the order given."""
        means = [self.mean(name) for name in names]
        rising = all(a < b for a, b in pairwise(means))
        return Fact(rising, " < ".join(map(self._named, names)))

    def best(self, name: str, among: Sequence[str] | None = None) -> Fact:
        """No other network, or none of some, has a higher mean."""
        top = max(among or self.values, key=self.mean)
        shown = f"{self._named(name)} >= {self._named(top)}"
        return Fact(self.mean(name) >= self.mean(top), shown)

    def within(self, names: Sequence[str], spread: float) -> Fact:
        """The means of some networks lie no further apart than ``spread``."""
        low, high = min(names, key=self.mean), max(names, key=self.mean)
        shown = f"{self._named(high)} - {self._named(low)} <= {spread:g}"
        return Fact(self.mean(high) - self.mean(low) <= spread, shown)

    def apart(self, first: str, second: str) -> Fact:
        """The 95 % interval of the difference between two networks leaves zero out."""
        found = welch(self.values[first], self.values[second])
        shown = f"interval of {second} - {first}, {found.low:.4g} to {found.high:.4g}, without 0"
        return Fact(found.clear, shown)

    def surpasses(self, higher: str, lower: str | Sequence[str]) -> Fact:
        """The first has the higher mean, and the interval of each difference leaves zero out."""
        gains = {name: welch(self.values[name], self.values[higher]) for name in _each(lower)}
        least = min(gains, key=lambda name: gains[name].low)
        found = gains[least]
        shown = f"interval of {higher} - {least}, {found.low:.4g} to {found.high:.4g}, above 0"
        return Fact(found.low > 0, shown)

    def alike(self, first: str, second: str) -> Fact:
        """The 95 % interval of the difference holds zero: seeds do not tell the networks apart."""
        found = welch(self.values[first], self.values[second])
        shown = f"interval of {second} - {first}, {found.low:.4g} to {found.high:.4g}, with 0"
        return Fact(not found.clear, shown)

    def _named(self, name: str) -> str:
        return f"{name} ({self.field} {self.mean(name):.4g})"


def _each(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names
