"""The command ``tarea2``: fetch data, train studies, check and use what is stored.

A mistake of the user ends in one sentence and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # commands import what they need: `tarea2 --help` should not wait for PyTorch
    from tarea2.studies import Study

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
    study: Annotated[str, typer.Argument(help="For example: notebooks, segmentation.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Train only this network; repeatable.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Only the first N seeds.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at the same time.")] = 1,
    force: Annotated[bool, typer.Option(help="Train even what is already stored.")] = False,
    images: Annotated[Path | None, typer.Option(help="segmentation: folder of images.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder of masks of equal names.")] = None,
    backend: Annotated[str, typer.Option(help="Where runs are trained: loky or dask.")] = "loky",
    address: Annotated[
        str | None, typer.Option(help="Scheduler of the Dask cluster, tcp://host:8786.")
    ] = None,
) -> None:
    """Train what a study lacks; an interrupted run goes on where it stopped."""
    from tarea2 import studies
    from tarea2.studies import running

    if (images is None) != (masks is None) or (images and study != "segmentation"):
        raise ValueError("--images and --masks belong together, and to the study segmentation")
    if backend not in ("loky", "dask") or (backend == "dask") != (address is not None):
        raise ValueError("--backend is loky, or dask together with --address")
    chosen = studies.own_images(images, masks) if images and masks else studies.find(study)
    try:
        with _cluster(address):
            trained = running.train(chosen, only, seeds, jobs, force, backend=backend)
    except KeyboardInterrupt:
        print("tarea2: stopped; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"{trained} runs trained; results are in data/results/{chosen.name}/")
    if images and masks:
        print(_ranking(chosen))


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Connect to a Dask cluster, if there is an address; everything of this block runs there."""
    if address is None:
        yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(
            "Dask is not installed; run `pip install dask distributed` in this environment"
        ) from None
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        yield


def _ranking(study: Study) -> str:
    """The networks of a study on own images, best on validation first."""
    from tarea2 import studies

    table = studies.load(study).groupby("name")[["validation_miou", "test_miou", "parameters"]]
    ranking = table.mean().sort_values("validation_miou", ascending=False).reset_index()
    return ranking.to_string(index=False, float_format=lambda value: f"{value:.3f}")


@app.command()
def measure() -> None:
    """Measure the segmentation study's costs in time and the ceiling of its score.

    Leave the machine alone meanwhile: times are compared with each other.
    """
    from tarea2 import results, studies
    from tarea2.studies import costs, segmentation

    path = costs.store(studies.find("segmentation"))
    results.save_measures("segmentation-ceilings", {"mean IoU": segmentation.ceilings()})
    print(f"measures are in {path.parent}")


@app.command()
def verify() -> None:
    """Check stored results and models on this machine; exit code 1 when something differs."""
    from tarea2.commands import verification

    rows = verification.verify()
    words = {True: "ok", False: "DIFFERS", None: "unchecked"}
    width = max(len(what) for what, _, _ in rows)
    for what, finding, holds in rows:
        print(f"{words[holds]:9}  {what:{width}}  {finding}")
    wrong = sum(holds is False for _, _, holds in rows)
    print(f"{len(rows)} checks, {wrong} differ" if wrong else f"{len(rows)} checks, none differs")
    if wrong:
        raise typer.Exit(1)


predict = typer.Typer(no_args_is_help=True)
app.add_typer(predict, name="predict", help="Use a stored model on a file.")


@predict.command("mnist1d")
def predict_signals(
    file: Annotated[Path, typer.Argument(help=".csv, a signal per line, or .npy.")],
) -> None:
    """Classify signals of 40 values."""
    from tarea2.commands import prediction

    table = prediction.classify_signals(file)
    table.index += 1
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))


@predict.command("segmentation")
def predict_mask(
    image: Annotated[Path, typer.Argument(help="An image with digits.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The mask to write, a .png.")],
) -> None:
    """Segment an image: a class per pixel, in the colours of the report."""
    from tarea2.commands import prediction

    table = prediction.segment_image(image, output)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    print(f"the mask is in {output}")


@predict.command("numbers")
def predict_words(
    numbers: Annotated[list[str], typer.Argument(help="Whole numbers from 0 to 99999.")],
) -> None:
    """Write numbers in Spanish words."""
    from tarea2.commands import prediction

    table = prediction.write_numbers(numbers)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def main() -> None:
    """Entry point of the command."""
    from tarea2.datasets import DataError
    from tarea2.records import ResultError

    try:
        app()
    except (DataError, ResultError, ValueError) as error:
        print(f"tarea2: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
