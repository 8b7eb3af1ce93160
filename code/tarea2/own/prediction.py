"""Use a network that was trained on own images: masks as they were drawn, at the image's size."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from tarea2.datasets import DataError, as_input
from tarea2.datasets.images import reading
from tarea2.datasets.images.label_map import LabelMap
from tarea2.datasets.images.preprocessing import SIZE_DIVISOR, Preprocessing, padded
from tarea2.models import Network, load_model
from tarea2.paths import replacing
from tarea2.records import ResultError
from tarea2.training import forward

LARGEST_SIDE = 2048  # pixels that a network is given at once
INK = 0.5  # of the class's colour in an overlay


@dataclass(frozen=True)
class Segmenter:
    """A stored network with its preprocessing and its label map."""

    model: Network
    preprocessing: Preprocessing
    label_map: LabelMap
    multiple: int = SIZE_DIVISOR  # of which height and width are made one, as they were in training

    def classes(self, picture: reading.Picture) -> np.ndarray:
        """The class of each pixel, ``(H, W)`` of 8 bits, at the picture's own size."""
        return self.classes_and_probabilities(picture)[0]

    @torch.inference_mode()
    def classes_and_probabilities(self, picture: reading.Picture) -> tuple[np.ndarray, np.ndarray]:
        """The class of each pixel and its probability, ``(H, W)`` at the picture's own size.

        Beyond :data:`LARGEST_SIDE` pixels a side those of the nearest pixel are taken, since all
        classes' scores would not fit into memory.
        """
        x = self.preprocessing.image(picture)
        height, width = x.shape[1:]
        if max(height, width) > LARGEST_SIDE:
            raise DataError(
                f"{picture.name} is {width}×{height}, at most {LARGEST_SIDE} pixels a side are "
                "taken; reduce it, or train with --size"
            )
        batch = as_input(torch.from_numpy(padded(x, self.multiple).copy()))[None, None]
        scores = forward(self.model, batch)[0][..., :height, :width]  # (1, K, H, W)
        share = min(1, LARGEST_SIDE / max(picture.size))
        size = tuple(max(1, round(side * share)) for side in picture.size)
        if (height, width) != size:
            scores = F.interpolate(scores, size, mode="bilinear", align_corners=False)
        label = scores.argmax(1, keepdim=True)  # (1, 1, H, W)
        probability = scores.softmax(1).gather(1, label)
        if size != picture.size:
            probability, label = (
                F.interpolate(part.float(), picture.size, mode="nearest-exact")
                for part in (probability, label)
            )
        return label[0, 0].numpy().astype(np.uint8), probability[0, 0].numpy()


def load_segmenter(path: Path) -> Segmenter:
    """A network that `tarea2 train segmentation --images …` stored, from its file or its card.

    Raises ResultError where files are missing, altered, or of a network that has no label map.
    """
    if path.suffix not in (".safetensors", ".json") or path.parent.name != "models":
        raise ResultError(
            f"{path} is no stored model; expected the .safetensors file in the folder models that "
            "`tarea2 train segmentation --images` names"
        )
    model, card = load_model(path.stem, path.resolve().parent.parent)
    data: dict[str, Any] = card["data"]
    if "legend" not in data or "preparation" not in data:
        raise ResultError(
            f"{path.name} was not trained on own images: it has no label map; `tarea2 predict "
            "segmentation` uses the project's own"
        )
    return Segmenter(
        model, Preprocessing.from_description(data["preparation"]),
        LabelMap.from_description(data["legend"]),
    )  # fmt: skip


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
    segmenter = load_segmenter(model)
    files, root = _sources(source)
    if out.exists() and not out.is_dir():
        raise DataError(f"-o {out} is a file, expected a folder for the masks")
    targets = _targets(files, root, out)
    failed, written = [], 0
    for path, target in zip(files, targets, strict=True):
        try:
            picture = reading.read(path)
            classes = segmenter.classes(picture)
        except DataError as error:
            failed.append(str(error))
            continue
        except MemoryError:
            failed.append(f"{path.name} needs more memory than there is; reduce it")
            continue
        write_picture(segmenter.label_map.draw(classes), target)
        if overlay:
            write_picture(_laid_over(segmenter, picture, classes),
                   target.with_name(f"{target.stem}-overlay.png"))  # fmt: skip
        written += 1
        for remark in picture.remarks:
            report(f"{path.name}: {remark}")
    return written, failed


def _sources(source: Path) -> tuple[list[Path], Path]:
    """The images that are meant, and the folder below which they lie."""
    if not source.exists():
        raise DataError(f"{source} is neither an image nor a folder")
    if not source.is_dir():
        return [source], source.parent
    files = [
        path
        for path in sorted(source.rglob("*"))
        if path.suffix.lower() in reading.SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
        and path.is_file()
    ]
    if not files:
        raise DataError(f"{source} holds no picture, such as PNG, JPEG or TIFF")
    return files, source


def _targets(files: list[Path], root: Path, out: Path) -> list[Path]:
    """Where each mask goes: as its image lies below its folder; refused where two would meet."""
    targets: dict[Path, Path] = {}
    for path in files:
        target = out / path.relative_to(root).with_suffix(".png")
        if target in targets:
            raise DataError(
                f"{path.name} and {targets[target].name} would both become {target.name}; rename "
                "one"
            )
        if target.exists() and any(target.samefile(other) for other in files if other.exists()):
            raise DataError(f"{target} is one of the images themselves; give another folder to -o")
        targets[target] = path
    return list(targets)


def _laid_over(segmenter: Segmenter, picture: reading.Picture, classes: np.ndarray) -> Image.Image:
    """The picture with the classes' colours over it; background stays as it is."""
    whole = Preprocessing(True, segmenter.preprocessing.scale).image(picture).transpose(1, 2, 0)
    ink = np.full(classes.shape, INK, dtype=np.float32)
    if segmenter.label_map.background:
        ink[classes == 0] = 0
    laid = whole * (1 - ink[..., None]) + segmenter.label_map.coloured(classes) * ink[..., None]
    return Image.fromarray(np.rint(laid).astype(np.uint8))


def write_picture(picture: Image.Image, path: Path) -> None:
    """A PNG that appears whole or not at all."""
    content = io.BytesIO()
    picture.save(content, format="PNG")
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
