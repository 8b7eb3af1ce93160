"""The command ``tarea2``: fetch data, train studies, check and use what is stored.

A mistake of the user ends in one sentence and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tarea2.commands import images, train_runs
from tarea2.commands.renamed import renamed
from tarea2.commands.train_runs import Address, Backend, Force, Jobs, Only, Seeds

if TYPE_CHECKING:  # commands import what they need: `tarea2 --help` should not wait for PyTorch
    from pandas import DataFrame

    from tarea2.studies import Study

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def tarea2() -> None:
    """Data, training and results of the report on CNN and U-Nets."""


@app.command()
def data(
    name: Annotated[
        str | None,
        typer.Argument(
            help="mnist1d, digits, mnist or camvid; default: all, camvid only where it is."
        ),
    ] = None,
) -> None:
    """Fetch what is not here, and verify it: MNIST, or CamVid (for research only, 300 MB)."""
    from tarea2 import datasets

    known = {
        "mnist1d": datasets.mnist1d,
        "digits": datasets.digits,
        "mnist": datasets.mnist,
        "camvid": datasets.camvid,
    }
    if name is not None and name not in known:
        raise ValueError(f"no data set {name!r} to fetch; there are: {', '.join(known)}")
    if name == "camvid":
        datasets.fetch_camvid()
    chosen = [name] if name else [n for n in known if n != "camvid" or datasets.is_here(n)]
    for load in map(known.__getitem__, chosen):
        dataset = load()
        sizes = [len(split) for split in (dataset.train, dataset.validation, dataset.test)]
        print(
            f"{load.__name__:8} train {sizes[0]}, validation {sizes[1]}, test {sizes[2]}, "
            f"SHA-256 {dataset.sha256[:12]}"
        )


@app.command()
def train(
    study: Annotated[str, typer.Argument(help="For example: notebooks, segmentation.")],
    only: Only = None,
    seeds: Seeds = None,
    force: Force = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for results and models; default: the project's.",
            rich_help_panel=train_runs.RUNS,
        ),
    ] = None,
    jobs: Jobs = 1,
    backend: Backend = "loky",
    address: Address = None,
) -> None:
    """Train what a study lacks; an interrupted run goes on where it stopped.

    A network that cannot be trained is left out with a word; the exit code is 1 then.
    """
    from tarea2 import studies

    train_runs.check(backend, address, out)
    chosen = _placed(studies.find(study), only, seeds, force, out)
    train_runs.train(chosen, only, seeds, jobs, force, address)
    train_runs.end(chosen, only)


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


@app.command()
def measure() -> None:
    """Measure the segmentation studies' costs, what another idea of the edge scores, a convolution.

    Where CamVid is, what networks cost on it and its stored model sees too. Leave the machine alone
    meanwhile: times are compared with each other. Last, a few networks train once more to record
    what they see after each epoch, where that is not recorded yet.
    """
    from tarea2 import convolution_times, datasets, results
    from tarea2.studies import (
        camvid_analysis,
        costs,
        pretrained,
        published_models,
        replay,
        segmentation,
    )

    costs.store("segmentation-peers", published_models.COSTS)  # first: a library may be missing
    path = costs.store("segmentation", segmentation.DEFINITIONS)
    convolution_times.store()
    results.save_measures("segmentation-other-edges", {"mean IoU": segmentation.other_edges()})
    if datasets.camvid_is_here():
        costs.store("camvid-pretrained", pretrained.COSTS)
        camvid_analysis.store_examples()
    replay.store()
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
app.add_typer(predict, name="predict", help="Use a stored model of the project on a file.")


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


@predict.command("camvid")
def predict_photograph(
    image: Annotated[Path, typer.Argument(help="A photograph of a street.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The mask to write, a .png.")],
) -> None:
    """Segment a photograph of a street into CamVid's 11 classes, in their usual colours."""
    from tarea2.commands import prediction

    table = prediction.segment_photograph(image, output)
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


app.add_typer(images.app, name="images", help="Your own images: train, predict, report.")


def _remark(file: Path, table: DataFrame) -> None:
    """Say how a file was read; apart from the table, which another program may read."""
    for remark in table.attrs["remarks"]:
        print(f"tarea2: {file.name}: {remark}", file=sys.stderr)


def main() -> None:
    """Entry point of the command: whatever a user can cause ends in one sentence here."""
    from tarea2 import paths

    try:
        arguments = renamed(sys.argv[1:])
        if arguments:
            said = shlex.join(["tarea2", *arguments])
            print(f"tarea2: an older spelling of: {said}", file=sys.stderr)
        paths.require_own(Path.cwd())
        app(args=arguments)
    except BrokenPipeError:  # whoever read the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except MemoryError:
        _stop("not enough memory; a smaller file, or fewer --jobs, may fit")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}; check the path, its permissions and the disk")
    except Exception as error:
        from tarea2 import memory
        from tarea2.datasets import DataError
        from tarea2.records import ResultError

        if memory.ran_out(error):
            _stop(memory.TOLD)
        if not isinstance(error, DataError | ResultError | ValueError):
            raise
        _stop(str(error))


def _stop(sentence: str) -> NoReturn:
    print(f"tarea2: {' '.join(sentence.split())}", file=sys.stderr)
    raise SystemExit(1) from None


if __name__ == "__main__":
    main()
