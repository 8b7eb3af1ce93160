"""Stored results: one JSON file per trained run, and measures that belong to a whole study.

A run says everything about itself: what was trained, how, on which data, with which versions,
and what came out. Besides the digest of every record (:mod:`tarea2.records`) it has a ``key``,
which covers network, spec, recipe and data and decides whether a run is still the one that is
asked for. What does not fit is refused, never silently used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from tarea2 import paths, records
from tarea2.paths import short
from tarea2.records import ResultError

# A study is called "experiment" in the files, whose digests cover that word.
FIELDS: records.Fields = {
    "experiment": str, "name": str, "network": str, "spec": dict, "recipe": dict, "seed": int,
    "data": dict, "history": dict, "metrics": dict, "parameters": int, "macs": int,
    "seconds": (int, float), "versions": dict, "threads": int, "key": str,
}  # fmt: skip
COLUMNS = (
    "name", "seed", "parameters", "macs", "seconds", "key", "spec", "recipe", "history", "metrics",
)  # fmt: skip


def key(network: str, spec: dict, recipe: dict, data: dict) -> str:
    """Hash of what a run depends on: network, spec, recipe and data."""
    return records.hash_of([network, spec, recipe, data])


def folder_of(study: str, store: Path | None = None) -> Path:
    """Where the runs of a study lie: in a ``store`` of one's own, or among the project's."""
    return (store / "results" if store else paths.RESULTS) / study


def path_of(study: str, name: str, seed: int, store: Path | None = None) -> Path:
    return folder_of(study, store) / f"{name}-seed{seed}.json"


def save(run: dict[str, Any], path: Path | None = None) -> Path:
    """Complete a run with its hashes, check it, and write it in one step."""
    run = json.loads(json.dumps(run))
    run["key"] = key(run["network"], run["spec"], run["recipe"], run["data"])
    path = path or path_of(run["experiment"], run["name"], run["seed"])
    records.write(path, run, FIELDS)
    return path


def read(path: Path) -> dict[str, Any]:
    """Read one run and check it; raises ResultError where it was altered or lacks something."""
    run = records.read(path, FIELDS)
    if run["key"] != key(run["network"], run["spec"], run["recipe"], run["data"]):
        raise ResultError(f"{short(path)}: field 'key' does not match spec, recipe and data")
    return run


def load(study: str, store: Path | None = None) -> pd.DataFrame:
    """Read all runs of a study: a tidy table, one row per run, sorted by name and seed.

    Columns are :data:`COLUMNS` and one for each scalar metric. Whether the runs are those of
    today's definitions is what :func:`tarea2.studies.load` checks besides.
    """
    folder = folder_of(study, store)
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ResultError(
            f"no results of {study!r} in {short(folder.parent)}; run `tarea2 train {study}`"
        )
    return table(map(read, files))


def table(runs: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Runs as :func:`load` gives them: a row each."""
    rows = []
    for run in runs:
        scalars = {k: v for k, v in run["metrics"].items() if isinstance(v, int | float)}
        rows.append({field: run[field] for field in COLUMNS} | scalars)
    found = pd.DataFrame(rows) if rows else pd.DataFrame(columns=list(COLUMNS))
    return found.sort_values(["name", "seed"]).reset_index(drop=True)


def save_measures(name: str, content: dict[str, Any]) -> Path:
    """Store measures that belong to a whole study, with the versions and a digest."""
    path = paths.RESULTS / "measures" / f"{name}.json"
    content = content | {"versions": records.versions()}
    records.write(path, content, {"versions": dict}, indent=1)
    return path


def load_measures(name: str) -> dict[str, Any]:
    """Read what :func:`save_measures` stored; raises ResultError if missing or altered."""
    return records.read(paths.RESULTS / "measures" / f"{name}.json", {"versions": dict})
