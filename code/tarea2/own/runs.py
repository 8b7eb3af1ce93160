"""Which stored runs are those of a study on own images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tarea2 import results


def recipe_of(content: dict[str, Any], network: str) -> dict[str, Any]:
    """The recipe of a network in a study: that of all, but for a learning rate of its own."""
    own = content.get("own_rates", {}).get(network)
    return content["recipe"] | ({"lr": own["lr"]} if own else {})


def read_runs(
    name: str, store: Path | None, content: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The runs that a study ranks, and the networks that have only other ones.

    Only runs of one data set and one recipe, but for the rate of a pretrained encoder's network,
    can be compared: those of the study's record, its ``content``. It says both without the images.

    Raises ResultError where a run was altered.
    """
    current: list[dict[str, Any]] = []
    others = set()
    for path in sorted(results.folder_of(name, store).glob("*.json")):
        run = results.read(path)
        if (run["data"], run["recipe"]) == (content["data"], recipe_of(content, run["name"])):
            current.append(run)
        else:
            others.add(run["name"])
    return current, sorted(others - {run["name"] for run in current})
