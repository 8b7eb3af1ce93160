"""Use a network that was trained on own images: masks as they were drawn, at the image's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tarea2 import memory
from tarea2.datasets import DataError
from tarea2.datasets.images.matching import match
from tarea2.datasets.images.picture import Picture
from tarea2.datasets.images.picture_files import (
    PictureFile,
    below,
    parted,
    shown,
)
from tarea2.datasets.images.preprocessing import Preprocessing
from tarea2.datasets.images.reading import read
from tarea2.models import load_model_files
from tarea2.predictor import Predictor, was_predicted, write_png
from tarea2.records import ResultError

INK = 0.5  # of the class's colour in an overlay


def load_predictor(path: Path) -> Predictor:
    """A network that `tarea2 images train` stored, from its file or its card, or a copy of both.

    Of a link the card may lie beside the link or beside the file that it leads to. Raises
    ResultError where files are missing, altered, or of a network that has no label map; they are
    named as ``path`` names them.
    """
    if path.suffix not in (".safetensors", ".json"):
        raise ResultError(
            f"{path} is no stored model; expected the .safetensors file that `tarea2 images train` "
            "names"
        )
    target, card_path = path.with_suffix(".safetensors"), path.with_suffix(".json")
    if not card_path.exists() and target.is_symlink():
        card_path = target.resolve().with_suffix(".json")
    if not target.exists() and card_path.is_symlink():
        target = card_path.resolve().with_suffix(".safetensors")
    if target.exists() and not card_path.exists():
        raise ResultError(
            f"{card_path} is missing: a model is two files, {target.name} and its card; copy both"
        )
    model, card = load_model_files(target, card_path)
    if "legend" not in card["data"] or "preparation" not in card["data"]:
        raise ResultError(
            f"{path.name} was not trained on own images: it has no label map; `tarea2 predict "
            "segmentation` uses the project's own"
        )
    return Predictor.from_card(model, card)


def segment_files(
    model: Path, source: Path, out: Path, overlay: bool = False,
    report: Callable[[str], None] = print,
) -> tuple[int, list[str]]:  # fmt: skip
    """Segment an image, or all below a folder, and write a mask ``.png`` for each.

    Masks have the values or colours of those that the network learnt from. ``overlay`` writes
    pictures with the mask laid over besides, as ``NAME-overlay.png``.

    Returns
    -------
    How many masks were written, and a sentence for each image that failed.
    """
    predictor = load_predictor(model)
    if out.exists() and not out.is_dir():
        raise DataError(f"-o {out} is a file, expected a folder for the masks")
    files, others, root = _sources(source, out, report)
    targets = _targets(files, others, root, out, overlay)
    failed, written = [], 0
    for path, target in zip(files, targets, strict=True):
        try:
            picture = _within_scale(read(path), predictor.preprocessing)
            classes = predictor.classes(picture)
        except DataError as error:
            failed.append(str(error))
            continue
        except (MemoryError, RuntimeError) as error:
            if not memory.ran_out(error):
                raise
            failed.append(f"{path.name} needs more memory than there is; reduce it")
            continue
        predictor.write(classes, target)
        if overlay:
            laid = _laid_over(predictor, picture, classes)
            write_png(laid, _overlay(target))
        written += 1
        for remark in picture.remarks:
            report(f"{path.name}: {remark}")
    return written, failed


def _within_scale(picture: Picture, preprocessing: Preprocessing) -> Picture:
    """A picture whose values the network can tell apart, with a remark where some are cut off.

    Raises DataError for more than 8 bits where the network learnt from images of 8.
    """
    values, white = picture.values, preprocessing.scale
    largest = float(values.max()) if values.size else 0.0
    if values.dtype == np.uint8 or largest <= white:
        return picture
    if white == 1:
        raise DataError(
            f"{picture.name} holds values to {largest:g}, more than 8 bits, and the network learnt "
            "from images of 8 bits; convert it as those were"
        )
    told = f"values to {largest:g} are cut off at {white:g}, which was white in training"
    return replace(picture, remarks=(*picture.remarks, told))


def _sources(
    source: Path, out: Path, report: Callable[[str], None]
) -> tuple[list[Path], list[Path], Path]:
    """The images that are meant, the masks beside them, and the folder below which they lie.

    Masks, and what was predicted before, are left out of a folder, and that is told.
    """
    if not source.exists():
        raise DataError(f"{source} is neither an image nor a folder")
    if not source.is_dir():
        return [source], [], source.parent
    files = below(source, "images", [])
    inner = out.resolve()
    within = inner != source.resolve() and inner.is_relative_to(source.resolve())
    made = [
        file
        for file in files
        if (within and file.path.resolve().is_relative_to(inner)) or was_predicted(file.path)
    ]
    files = [file for file in files if file not in set(made)]
    masks = _masks(files)
    images = [file.path for file in files if file not in set(masks)]
    for left, what in ((made, "predicted before"), (masks, "masks by their names or folders")):
        if left:
            names = shown([file.name for file in left])
            report(f"left out, as {what}: {len(left)}: {names}")
    if not images:
        raise DataError(f"{source} holds no image besides what was predicted before")
    return images, [file.path for file in masks], source


def _masks(files: list[PictureFile]) -> list[PictureFile]:
    """Masks among the pictures of a folder: in a folder of masks, or beside the image of each."""
    images, drawn = parted(files)
    if not images:  # a folder of pictures that are all called like masks is one of images
        return []
    found = {file for group in match(images, drawn)[0].values() for file in group}
    return [file for file in drawn if file in found or file.in_mask_folder]


def _overlay(mask: Path) -> Path:
    """Where the picture goes that the mask is laid over."""
    return mask.with_name(f"{mask.stem}-overlay.png")


def _targets(
    files: list[Path], masks: list[Path], root: Path, out: Path, overlay: bool
) -> list[Path]:
    """Where each mask goes: as its image lies below its folder; refused where two would meet."""
    targets: dict[Path, Path] = {}
    for path in files:
        target = out / path.relative_to(root).with_suffix(".png")
        if target in targets:
            raise DataError(
                f"{path.name} and {targets[target].name} would both become {target.name}; rename "
                "one"
            )
        if target.exists():
            for others, what in ((files, "images themselves"), (masks, "masks beside them")):
                if any(target.samefile(other) for other in others if other.exists()):
                    raise DataError(f"{target} is one of the {what}; give another folder to -o")
        targets[target] = path
    for target, path in targets.items() if overlay else ():
        other = targets.get(_overlay(target))
        if other is not None:
            raise DataError(
                f"the mask of {other.name} and the overlay of {path.name} would both become "
                f"{_overlay(target).name}; rename one, or leave out --overlay"
            )
    return list(targets)


def _laid_over(predictor: Predictor, picture: Picture, classes: np.ndarray) -> Image.Image:
    """The picture with the classes' colours over it; background stays as it is."""
    whole = Preprocessing(True, predictor.preprocessing.scale).image(picture).transpose(1, 2, 0)
    ink = np.full(classes.shape, INK, dtype=np.float32)
    if predictor.label_map.background:
        ink[classes == 0] = 0
    laid = whole * (1 - ink[..., None]) + predictor.label_map.coloured(classes) * ink[..., None]
    return Image.fromarray(np.rint(laid).astype(np.uint8))
