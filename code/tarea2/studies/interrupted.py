"""Trainings that take long: signs of life, and what an interrupted one has left."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tarea2 import checkpoints
from tarea2.studies.definition import Definition, Study

MINUTE = 60.0  # seconds between two signs of life


class Unfinished(ValueError):
    """A training that was interrupted, and that another one would overwrite."""


def checkpoint(study: Study, definition: Definition, seeds: Sequence[int]) -> Path:
    """The file that a network's training with some seeds goes on from."""
    return study.checkpoints / f"{definition.name}-{'-'.join(map(str, seeds))}.checkpoint"


def refuse_losses(study: Study, tasks: Sequence[tuple[Definition, tuple[int, ...]]]) -> None:
    """Raise :class:`Unfinished` where a task would overwrite what another one has trained."""
    found = []
    for definition, seeds in tasks:
        path = checkpoint(study, definition, seeds)
        if path.exists():
            training = checkpoints.training(
                definition.spec, definition.data(), definition.recipe, seeds,
                definition.eval_splits,
            )  # fmt: skip
            if lost := checkpoints.lost(path, training):
                found.append(f"{definition.name}, seed {', '.join(map(str, seeds))}: {lost}")
    if found:
        raise Unfinished(
            f"interrupted trainings would be lost ({'; '.join(found)}): the options that they were "
            "begun with go on from there, another --out keeps them, --force trains anew"
        )


@dataclass
class Life:
    """How many runs are done."""

    done: int = 0


@contextmanager
def sign_of_life(runs: int, report: Callable[[str], None] | None) -> Iterator[Life]:
    """Say each minute that training goes on, where no bar shows it: output may go to a file.

    ``report`` says a line; None for silence. Whoever trains counts the runs that are done.
    """
    life, ended, start = Life(), threading.Event(), time.monotonic()

    def tell() -> None:
        assert report is not None
        while not ended.wait(MINUTE):
            minutes = (time.monotonic() - start) / 60
            with suppress(OSError):  # whoever trains will hear of a full disk or a closed pipe
                report(f"still training: {life.done} of {runs} runs done, {minutes:.0f} min")

    if report is None or sys.stderr.isatty():
        yield life
        return
    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield life
    finally:
        ended.set()
        thread.join()
