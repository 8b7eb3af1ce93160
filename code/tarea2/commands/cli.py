"""The command ``tarea2``: fetch data, train studies, check and use what is stored.

A mistake of the user ends in one sentence and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:  # commands import what they need: `tarea2 --help` should not wait for PyTorch
    from pandas import DataFrame

    from tarea2.studies import Study
    from tarea2.studies.own import OwnStudy

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
    out: Annotated[
        Path | None, typer.Option(help="Folder for results and models; default data/own.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="segmentation: folder of images.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder of masks of equal names.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Own images: name of the study; default: with a digest.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Own images: exactly so many.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=10_000_000, help="Own images: so many steps at least."),
    ] = None,
    backend: Annotated[str, typer.Option(help="Where runs are trained: loky or dask.")] = "loky",
    address: Annotated[
        str | None, typer.Option(help="Scheduler of the Dask cluster, tcp://host:8786.")
    ] = None,
) -> None:
    """Train what a study lacks; an interrupted run goes on where it stopped.

    A network that cannot be trained is left out with a word; the exit code is 1 then.
    """
    from tarea2 import paths, studies
    from tarea2.studies import cluster, own, running

    if (images is None) != (masks is None) or (images and study != "segmentation"):
        raise ValueError("--images and --masks belong together, and to the study segmentation")
    if images is None and (name or epochs or steps):
        raise ValueError("--name, --epochs and --steps belong to own images: --images, --masks")
    if epochs and steps:
        raise ValueError("--epochs and --steps exclude each other")
    if backend not in ("loky", "dask") or (backend == "dask") != (address is not None):
        raise ValueError("--backend is loky, or dask together with --address")
    if out is not None and out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file, expected a folder")
    mine = own.prepare(images, masks, name, out, epochs, steps) if images and masks else None
    chosen = mine.study if mine else _placed(studies.find(study), only, seeds, force, out)
    try:
        if mine is not None:
            for change in mine.changes:
                print(change)
            _announce(chosen)
            if not force:
                running.missing(chosen, only, seeds)  # stops where runs are stale
            mine.remember()
        with cluster.connect(address) if address else nullcontext() as client:
            trained = running.train(chosen, only, seeds, jobs, force, client=client)
    except studies.Stale as error:
        if mine is None:
            raise
        raise ValueError(own.stale_advice(mine, error)) from None
    except KeyboardInterrupt:
        print("tarea2: stopped; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"{trained} runs trained; results are in {paths.short(chosen.folder).rstrip('/')}/")
    failed = running.failures(chosen, only)
    if mine is not None:
        print(_ranking(mine))
    for network, reason in failed.items():
        print(f"tarea2: {network} is left out: {reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _placed(
    study: Study, only: list[str] | None, seeds: int | None, force: bool, out: Path | None
) -> Study:
    """A study of the project with the folder that its runs are written to.

    That is the project's own; an installed package is never written into.
    """
    from dataclasses import replace

    from tarea2 import paths
    from tarea2.studies import running

    if out is None and paths.CHECKOUT is None and (force or running.missing(study, only, seeds)):
        out = paths.OWN
    return replace(study, store=out.resolve()) if out else study


def _announce(study: Study) -> None:
    """Say on which data a study of own images trains, and how; and what the data lack."""
    first = study.definitions[0]
    data, recipe = first.data(), first.recipe
    sizes = [len(split) for split in (data.train, data.validation, data.test)]
    steps = recipe.epochs * -(-sizes[0] // recipe.batch_size)
    print(
        f"{study.name}: {data.num_classes} classes, {sizes[0]} images train, {sizes[1]} validate, "
        f"{sizes[2]} test; {recipe.epochs} epochs of batches of {recipe.batch_size}: {steps} steps"
    )
    for split in ("train", "validation", "test"):
        absent = sorted(
            set(range(data.num_classes)) - set(getattr(data, split).y.unique().tolist())
        )
        if absent:
            print(
                f"{split} has no pixel of class {', '.join(map(str, absent))}: scores of it are "
                "undefined there, and it cannot be learnt where train lacks it"
            )


def _ranking(own: OwnStudy) -> str:
    """The networks of a study on own images, best on validation first, undefined scores last."""
    table, others = own.load()
    columns = ["validation_miou", "test_miou", "parameters"]
    if not len(table):
        return "no network was trained"
    grouped = table.groupby("name")
    ranking = grouped[columns].mean().assign(seeds=grouped.size())
    ranking = ranking.astype({"parameters": int})
    ranking = ranking.sort_values("validation_miou", ascending=False).reset_index()
    text = ranking.to_string(
        index=False, float_format=lambda value: f"{value:.3f}", na_rep="undefined"
    )
    if others:
        text += f"\nnot ranked, trained on other data or another recipe: {', '.join(others)}"
    return text


@app.command()
def measure() -> None:
    """Measure the segmentation study's costs, what another idea of the edge scores, a convolution.

    Leave the machine alone meanwhile: times are compared with each other.
    """
    from tarea2 import convolution_times, results, studies
    from tarea2.studies import costs, segmentation

    convolution_times.store()
    path = costs.store(studies.find("segmentation"))
    results.save_measures("segmentation-other-edges", {"mean IoU": segmentation.other_edges()})
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
    _remark(file, table)


@predict.command("segmentation")
def predict_mask(
    image: Annotated[Path, typer.Argument(help="An image with digits.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The mask to write, a .png.")],
    invert: Annotated[
        bool | None,
        typer.Option("--invert/--no-invert", help="Dark digits on a light ground: invert them."),
    ] = None,
) -> None:
    """Segment an image: a class per pixel, in the colours of the report."""
    from tarea2.commands import prediction

    table = prediction.segment_image(image, output, invert)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    print(f"the mask is in {output}")
    _remark(image, table)


@predict.command("numbers")
def predict_words(
    numbers: Annotated[list[str], typer.Argument(help="Whole numbers from 0 to 99999.")],
) -> None:
    """Write numbers in Spanish words."""
    from tarea2.commands import prediction

    table = prediction.write_numbers(numbers)
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))


def _remark(file: Path, table: DataFrame) -> None:
    """Say how a file was read; apart from the table, which another program may read."""
    for remark in table.attrs["remarks"]:
        print(f"tarea2: {file.name}: {remark}", file=sys.stderr)


def main() -> None:
    """Entry point of the command: whatever a user can cause ends in one sentence here."""
    try:
        app()
    except BrokenPipeError:  # whoever read the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except MemoryError:
        _stop("not enough memory; a smaller file, or fewer --jobs, may fit")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}; check the path, its permissions and the disk")
    except Exception as error:
        from tarea2.datasets import DataError
        from tarea2.records import ResultError

        if not isinstance(error, DataError | ResultError | ValueError):
            raise
        _stop(str(error))


def _stop(sentence: str) -> NoReturn:
    print(f"tarea2: {' '.join(sentence.split())}", file=sys.stderr)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()
