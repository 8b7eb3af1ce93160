"""Where things lie: the folders of data, and files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RAW = ROOT / "data" / "raw"  # downloads
RESULTS = ROOT / "data" / "results"  # one JSON per run
MODELS = ROOT / "data" / "models"  # weights, each with a card
CHECKPOINTS = ROOT / "data" / "runs"  # trainings that were interrupted, weights that wait
DATA_DIR = "TAREA2_DATA_DIR"  # environment variable: where data lies that is already there


def short(path: Path) -> str:
    """A path as messages show it: from the project's root on, where it lies there."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of ``path`` when the block ends well.

    No reader ever sees half of a file, and nothing is left behind when the block fails.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
