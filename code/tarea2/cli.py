"""The command ``tarea2``: fetch data, train experiments.

A mistake of the user ends in one sentence and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def tarea2() -> None:
    """Data, training and results of the report on CNN and U-Nets."""


@app.command()
def data() -> None:
    """Fetch MNIST if it is not here, and verify every data set."""
    from tarea2 import datasets

    for load in (datasets.mnist1d, datasets.digits, datasets.mnist):
        dataset = load()
        sizes = [len(split) for split in (dataset.train, dataset.validation, dataset.test)]
        print(
            f"{load.__name__:8} train {sizes[0]}, validation {sizes[1]}, test {sizes[2]}, "
            f"SHA-256 {dataset.sha256[:12]}"
        )


@app.command()
def train(
    experiment: Annotated[str, typer.Argument(help="For example: notebooks.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Train only this network; repeatable.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Only the first N seeds.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at the same time.")] = 1,
    force: Annotated[bool, typer.Option(help="Train even what is already stored.")] = False,
) -> None:
    """Train what an experiment lacks; an interrupted run goes on where it stopped."""
    from tarea2 import experiments

    try:
        trained = experiments.train(experiment, only, seeds, jobs, force)
    except KeyboardInterrupt:
        print("tarea2: stopped; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"{trained} runs trained; results are in data/results/{experiment}/")


def main() -> None:
    """Entry point of the command."""
    from tarea2.datasets import DataError
    from tarea2.results import ResultError

    try:
        app()
    except (DataError, ResultError, ValueError) as error:
        print(f"tarea2: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
