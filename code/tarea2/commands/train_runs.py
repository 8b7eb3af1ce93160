"""What commands that train have in common: some options, and how training goes, stops and ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # a command imports what it needs: its help should not wait for PyTorch
    from tarea2.studies import Study

RUNS, MACHINES = "Which runs", "Where they are trained"

Only = Annotated[
    list[str] | None,
    typer.Option(help="Train only this network; repeatable.", rich_help_panel=RUNS),
]
Seeds = Annotated[
    int | None, typer.Option(min=1, help="Only the first N seeds.", rich_help_panel=RUNS)
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Train even what is already stored.", rich_help_panel=RUNS),
]
Jobs = Annotated[
    int, typer.Option(min=1, help="Processes at the same time.", rich_help_panel=MACHINES)
]
Backend = Annotated[
    str, typer.Option(help="This machine, loky, or a cluster, dask.", rich_help_panel=MACHINES)
]
Address = Annotated[
    str | None,
    typer.Option(help="Of the Dask scheduler, tcp://host:8786.", rich_help_panel=MACHINES),
]


def check(backend: str, address: str | None, out: Path | None) -> None:
    """Raise ValueError for options that do not fit together, before anything is read."""
    if backend not in ("loky", "dask") or (backend == "dask") != (address is not None):
        raise ValueError("--backend is loky, or dask together with --address")
    if out is not None and out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file, expected a folder")


@contextmanager
def stoppable() -> Iterator[None]:
    """Say in one sentence that the user interrupted, and end with code 130."""
    try:
        yield
    except KeyboardInterrupt:
        print("tarea2: stopped; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None


def train(
    study: Study, only: list[str] | None, seeds: int | None, jobs: int, force: bool,
    address: str | None,
) -> None:  # fmt: skip
    """Train what is missing, say how many runs that were, and where they lie.

    Raises typer.Exit with code 130 where the user interrupts; else what :func:`running.train` and
    :func:`cluster.connect` raise.
    """
    from tarea2 import paths
    from tarea2.studies import cluster, running

    with stoppable(), cluster.connect(address) if address else nullcontext() as client:
        trained = running.train(study, only, seeds, jobs, force, client=client)
    print(f"{trained} runs trained; results are in {paths.short(study.folder).rstrip('/')}/")


def end(study: Study, only: list[str] | None) -> None:
    """Say which networks could not be trained; the exit code is 1 where there are such."""
    from tarea2.studies import running

    failed = running.failures(study, only)
    for network, reason in failed.items():
        print(f"tarea2: {network} is left out: {reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)
