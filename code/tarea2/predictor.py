"""A network that gives each pixel of a picture a class: the project's own, or one of a user's."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch.nn import functional as F

from tarea2.datasets import DataError, as_input
from tarea2.datasets.images.label_map import LabelMap
from tarea2.datasets.images.preprocessing import (
    LARGEST_SIDE,
    SIZE_DIVISOR,
    Preprocessing,
    padded,
)
from tarea2.datasets.images.reading import Picture
from tarea2.evaluation import forward
from tarea2.models import Network
from tarea2.paths import replacing
from tarea2.records import ResultError
from tarea2.tiling import scores_in_tiles

MADE_BY = "tarea2 predict"


@dataclass(frozen=True)
class Predictor:
    """A network in evaluation mode, how pictures are prepared for it, and what its classes mean.

    divisor: height and width are padded to a multiple of it, so that tiles begin where the network
    halves. tiled: whether it was trained on parts of images, and so may be given a large one in
    tiles.
    """

    model: Network
    preprocessing: Preprocessing
    label_map: LabelMap
    divisor: int = SIZE_DIVISOR
    tiled: bool = False

    @classmethod
    def from_card(cls, model: Network, card: dict[str, Any]) -> Predictor:
        """As the card of a stored model says.

        Raises ResultError where it lacks what a picture is read or a mask is drawn by.
        """
        try:
            data = card["data"]
            preprocessing = Preprocessing.from_description(data["preparation"])
            label_map = LabelMap.from_description(data["legend"])
        except (KeyError, TypeError) as error:
            fault = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be read ({error})"
            raise ResultError(
                f"the card of {card.get('model', 'this model')} {fault}, of what says how pictures "
                "are read and masks drawn: expected a network that was trained on images and masks "
                "of files; train it again"
            ) from None
        return cls(
            model, preprocessing, label_map, max(SIZE_DIVISOR, model.divisor),
            tiled=data.get("crop") is not None,
        )  # fmt: skip

    def fitted_to(self, picture: Picture) -> Predictor:
        """The same for a picture of another shape than those that the network learnt from.

        The picture's shorter side is brought to their shorter side, and nothing is cut off.
        """
        side, (height, width) = min(self.preprocessing.size or (1, 1)), picture.size
        longer = round(side * max(height, width) / min(height, width))
        size = (side, longer) if height < width else (longer, side)
        return replace(self, preprocessing=replace(self.preprocessing, size=size), divisor=1)

    def classes(self, picture: Picture) -> np.ndarray:
        """The class of each pixel, ``(H, W)`` of 8 bits, at the picture's own size."""
        return self.classes_and_probabilities(picture)[0]

    @torch.inference_mode()
    def classes_and_probabilities(self, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """The class of each pixel and its probability, ``(H, W)`` at the picture's own size.

        Beyond :data:`LARGEST_SIDE` pixels a side those of the nearest pixel are taken, since all
        classes' scores would not fit into memory. A network that was trained on parts of images
        is given more than that in tiles.

        Raises DataError where another network would be given more than that.
        """
        x = self.preprocessing.image(picture)
        height, width = x.shape[1:]
        if max(height, width) > LARGEST_SIDE:
            if self.tiled:
                return self._in_tiles(x)
            raise DataError(
                f"{picture.name} is {width}×{height}, at most {LARGEST_SIDE} pixels a side are "
                "taken; reduce it, or train with --size or --crop"
            )
        batch = as_input(torch.from_numpy(padded(x, self.divisor).copy()))[None, None]
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

    def _in_tiles(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classes and probabilities ``(H, W)`` of an image ``(C, H, W)``, a band at a time."""
        height, width = x.shape[1:]
        label = np.zeros((height, width), np.uint8)
        probability = np.zeros((height, width), np.float32)
        upright = height >= width  # bands run along the shorter side, of which less is kept
        image = padded(x, self.divisor)

        def network(part: np.ndarray) -> torch.Tensor:
            standing = part if upright else part.transpose(0, 2, 1)
            batch = as_input(torch.from_numpy(np.ascontiguousarray(standing)))[None, None]
            scores = forward(self.model, batch)[0, 0]  # (K, h, w)
            return scores if upright else scores.transpose(1, 2)

        bands = scores_in_tiles(network, image if upright else image.transpose(0, 2, 1))
        for rows, scores in bands:
            best, found = scores.softmax(0).max(0)
            for whole, part in ((label, found), (probability, best)):
                turned = part.numpy() if upright else part.numpy().T
                target = whole[rows] if upright else whole[:, rows]
                target[...] = turned[: target.shape[0], : target.shape[1]]
        return label, probability

    def write(self, classes: np.ndarray, path: Path) -> None:
        """Write classes ``(H, W)`` as a PNG in the values or colours of the masks."""
        write_png(self.label_map.draw(classes), path)


def write_png(picture: Image.Image, path: Path) -> None:
    """A PNG that appears whole or not at all, and says in itself that it was predicted."""
    content, told = io.BytesIO(), PngImagePlugin.PngInfo()
    told.add_text("Software", MADE_BY)
    picture.save(content, format="PNG", pnginfo=told)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def was_predicted(path: Path) -> bool:
    """Whether a file is a PNG that :func:`write_png` wrote."""
    if path.suffix.lower() != ".png":
        return False
    try:
        with Image.open(path, formats=["PNG"]) as opened:
            return opened.info.get("Software") == MADE_BY
    except Exception:  # whatever a damaged file makes of the reader: it is none of ours
        return False
