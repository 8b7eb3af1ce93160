"""A network that gives each pixel of a picture a class: the project's own, or one of a user's."""

from __future__ import annotations

import io
from dataclasses import dataclass
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

MADE_BY = "tarea2 predict"


@dataclass(frozen=True)
class Predictor:
    """A network in evaluation mode, how pictures are prepared for it, and what its classes mean.

    divisor: height and width are padded to a multiple of it, as they were in training.
    """

    model: Network
    preprocessing: Preprocessing
    label_map: LabelMap
    divisor: int = SIZE_DIVISOR

    @classmethod
    def from_card(cls, model: Network, card: dict[str, Any]) -> Predictor:
        """As the card of a stored model says; KeyError where it names no classes."""
        data = card["data"]
        return cls(
            model, Preprocessing.from_description(data["preparation"]),
            LabelMap.from_description(data["legend"]),
        )  # fmt: skip

    def classes(self, picture: Picture) -> np.ndarray:
        """The class of each pixel, ``(H, W)`` of 8 bits, at the picture's own size."""
        return self.classes_and_probabilities(picture)[0]

    @torch.inference_mode()
    def classes_and_probabilities(self, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """The class of each pixel and its probability, ``(H, W)`` at the picture's own size.

        Beyond :data:`LARGEST_SIDE` pixels a side those of the nearest pixel are taken, since all
        classes' scores would not fit into memory.

        Raises DataError where the network would be given more than that.
        """
        x = self.preprocessing.image(picture)
        height, width = x.shape[1:]
        if max(height, width) > LARGEST_SIDE:
            raise DataError(
                f"{picture.name} is {width}×{height}, at most {LARGEST_SIDE} pixels a side are "
                "taken; reduce it, or train with --size"
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
