"""The command ``tarea2``: fetch data, train studies, check and use what is stored.

A mistake of the user ends in one sentence and a non-zero exit code, never in a traceback.
"""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:  # commands import what they need: `tarea2 --help` should not wait for PyTorch
    from pandas import DataFrame

    from tarea2.own.study import OwnStudy
    from tarea2.studies import Study


class Engine(StrEnum):
    """What makes the pages of a report."""

    BUILTIN = "builtin"
    QUARTO = "quarto"


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def tarea2() -> None:
    """Data, training and results of the report on CNN and U-Nets."""


@app.command()
def data(
    name: Annotated[
        str | None, typer.Argument(help="mnist1d, digits, mnist or camvid; default: all but it.")
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Own images: say what would be done, and stop.")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out images without a mask.")
    ] = False,
    values: Annotated[
        str | None, typer.Option(help="Values of the masks' classes, as 0,255; others: nearest.")
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="Mask value, '#rrggbb' or name that does not count; repeatable."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Mask values from here on are class 1, others 0.")
    ] = None,
    colours: Annotated[
        Path | None, typer.Option(help="File of lines 'r g b name' for masks in colour.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Bring all images to HxW pixels (height x width).")
    ] = None,
    crop: Annotated[
        int | None, typer.Option(help="Train on random squares of N pixels a side.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Images whose names share what it finds stay together.")
    ] = None,
    class_weights: Annotated[str, typer.Option(help="In the loss: none or inverse-log.")] = "none",
    augment: Annotated[
        str | None, typer.Option(help="At random while training: flip,scale,colour.")
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
    from tarea2.datasets import Reading
    from tarea2.datasets.images.label_inference import MaskOptions, parse_ignored, parse_values
    from tarea2.datasets.images.preprocessing import parse_size
    from tarea2.own import study as own
    from tarea2.studies import cluster, running
    from tarea2.training import CLASS_WEIGHTS

    if class_weights not in ("none", *CLASS_WEIGHTS):
        raise ValueError(
            f"--class-weights {class_weights!r}, expected none or {', '.join(CLASS_WEIGHTS)}"
        )
    if (images is None) != (masks is None) or (images and study != "segmentation"):
        raise ValueError("--images and --masks belong together, and to the study segmentation")
    told = (
        name, epochs, steps, dry_run, allow_missing, values, ignore, threshold is not None,
        colours, size, crop, group, class_weights != "none", augment,
    )  # fmt: skip
    if images is None and any(told):
        raise ValueError(
            "--name, --epochs, --steps and what is said of masks, sizes and splits belong to own "
            "images: --images, --masks"
        )
    if epochs and steps:
        raise ValueError("--epochs and --steps exclude each other")
    if backend not in ("loky", "dask") or (backend == "dask") != (address is not None):
        raise ValueError("--backend is loky, or dask together with --address")
    if out is not None and out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file, expected a folder")
    mine = None
    if images and masks:
        options = MaskOptions(
            parse_values(values), parse_ignored(ignore or []), threshold,
            colours.resolve() if colours else None,
        )  # fmt: skip
        mine = own.prepare(
            images, masks, name, out,
            Reading(options, parse_size(size), crop, group, allow_missing),
            own.Training(epochs, steps, class_weights, _augmentations(augment)),
        )  # fmt: skip
    chosen = mine.study if mine else _placed(studies.find(study), only, seeds, force, out)
    try:
        if mine is not None:
            for change in mine.changes:
                print(change)
            _announce(mine)
            if dry_run:
                return
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
        if mine.model.exists():
            model = shlex.quote(paths.short(mine.model))
            use = f"tarea2 predict --model {model} IMAGES -o OUT"
            print(f"the best network is {model}; to use it: {use}")
            store = shlex.quote(paths.short(mine.model.parents[1]))
            print(f"all of it as a page: tarea2 report {store} --name {shlex.quote(chosen.name)}")
        for line in own.too_short(mine):
            print(f"tarea2: {line}", file=sys.stderr)
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


def _announce(mine: OwnStudy) -> None:
    """Say what was decided about own images, and how the study trains on them."""
    first = mine.study.definitions[0]
    data, recipe = first.data(), first.recipe
    for line in mine.content["data"]["decided"]:
        print(line)
    sizes = [len(split) for split in (data.train, data.validation, data.test)]
    steps = recipe.epochs * -(-sizes[0] // recipe.batch_size)
    weights = "" if recipe.class_weights == "none" else f"; class weights {recipe.class_weights}"
    changed = f"; augmented by {', '.join(recipe.augment)}" if recipe.augment else ""
    print(
        f"{mine.study.name}: {data.num_classes} classes, {sizes[0]} images train, {sizes[1]} "
        f"validate, {sizes[2]} test; {recipe.epochs} epochs of batches of {recipe.batch_size}: "
        f"{steps} steps{weights}{changed}"
    )


def _augmentations(text: str | None) -> tuple[str, ...]:
    """``flip,scale`` as names; raises ValueError for one that there is not."""
    from tarea2.augmentation import AUGMENTATIONS

    names = tuple(part.strip() for part in text.split(",")) if text else ()
    for name in names:
        if name not in AUGMENTATIONS:
            raise ValueError(f"--augment {name!r}, expected some of {', '.join(AUGMENTATIONS)}")
    return names


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
    """Measure the segmentation studies' costs, what another idea of the edge scores, a convolution.

    Where CamVid is, what its stored model sees in some frames too. Leave the machine alone
    meanwhile: times are compared with each other.
    """
    from tarea2 import convolution_times, datasets, results
    from tarea2.studies import costs, peers, segmentation, streets

    costs.store("segmentation-peers", peers.COSTS)  # first: a library may be missing
    path = costs.store("segmentation", segmentation.DEFINITIONS)
    convolution_times.store()
    results.save_measures("segmentation-other-edges", {"mean IoU": segmentation.other_edges()})
    if datasets.camvid_is_here():
        streets.store_examples()
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


class _WithModel(TyperGroup):
    """`tarea2 predict --model FILE …` is short for `tarea2 predict images --model FILE …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and args[0] in self.commands
        if not named and any(arg.split("=")[0] in ("--model", "-m") for arg in args):
            args = ["images", *args]
        return super().parse_args(ctx, args)


predict = typer.Typer(no_args_is_help=True, cls=_WithModel)
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


@predict.command("images")
def predict_images(
    source: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    model: Annotated[
        Path, typer.Option("--model", "-m", help="Network trained on own images, .safetensors.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the masks.")],
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write pictures with the mask laid over.")
    ] = False,
) -> None:
    """Segment own images with a network trained on own images (the word images may be left out).

    Masks have the values or colours of those that it learnt from. An image that fails costs only
    itself; the exit code is 1 then.
    """
    from tarea2.own.prediction import segment_files

    written, failed = segment_files(
        model, source, out, overlay, lambda line: print(f"tarea2: {line}", file=sys.stderr)
    )
    print(f"{written} masks are in {out}; {len(failed)} images failed")
    for line in failed:
        print(f"tarea2: {line}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(help="Of a study on own images: that of train --out, or data/own.")
    ],
    name: Annotated[
        str | None, typer.Option(help="The study, where the folder holds several.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the pages; FOLDER/reports.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What makes the pages; Quarto has to be installed.")
    ] = Engine.BUILTIN,
) -> None:
    """Write the page of a study on own images: HTML in one file, and PDF.

    Ranking, costs, effects, scores of each class, best and worst predictions.
    """
    from tarea2.own.report import report as make_page

    written = make_page(
        folder, name, out, lambda line: print(f"tarea2: {line}", file=sys.stderr), engine.value
    )
    print(f"the report is in {' and '.join(map(str, written))}")


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
