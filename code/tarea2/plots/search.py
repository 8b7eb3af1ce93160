"""Random networks, with the names that their fields and effects have on the page."""

from __future__ import annotations

import pandas as pd

from tarea2.plots.labels import GROUPS, LABELS
from tarea2.studies.effects import effects
from tarea2.typography import NO_BREAK_SPACE

# What one unit of a number means; choices have the names of the main study's factors.
UNITS = {
    "depth": "una reducción más", "width": "el doble de filtros",
    "growth": "crecimiento + 0,5", "convolutions": "una conv. más por nivel",
}  # fmt: skip
# Ways down and up, and what becomes of skip connections.
WAYS = {
    "max": "máximo", "mean": "media", "strided": f"paso{NO_BREAK_SPACE}2", "nearest": "vecino",
    "bilinear": "bilineal", "transposed": "transpuesta", "add": "suma", "concat": "concatena",
}  # fmt: skip


def labelled_effects(table: pd.DataFrame, field: str, covariance: str = "HC3") -> pd.DataFrame:
    """:func:`tarea2.studies.effects.effects` with the columns that figures of differences want.

    Columns besides: ``group``, ``label`` and ``seeds``, which is empty.
    """
    found = effects(table, field, covariance)
    return found.assign(
        group=[GROUPS[name.split("-")[0]] for name in found["name"]],
        label=[UNITS.get(name) or LABELS[name] for name in found["name"]],
        seeds=pd.Series([()] * len(found)),
    )
