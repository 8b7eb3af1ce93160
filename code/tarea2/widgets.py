"""Data of the interactive pieces in ``theme/widgets``, from the package, its results and models.

A page calls one function per piece, as inline code in the Div that encloses the piece's figure:
what it returns is Markdown that ``theme/filters/widgets.lua`` puts into the element as JSON.
Weights are too large for that and travel as scripts, whose names hold the hash of their content:
a page that asks for other weights than those beside it shows its figure and says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
from torch import Tensor

from tarea2 import experiments as catalogue
from tarea2 import datasets, number_words, questions, results
from tarea2 import scenes as composition
from tarea2.datasets import Split
from tarea2.models import EncoderDecoderSpec, NumberWriter
from tarea2.plots import segmentation as labels
from tarea2.studies import segmentation


class Data(str):
    """JSON for a piece; on a page it is inline code with the class ``tarea-data``."""

    def __repr__(self) -> str:
        return f"<datos de una pieza interactiva, {len(self)} caracteres>"

    def _repr_markdown_(self) -> str:
        return f"`{self}`{{.tarea-data}}"


def data(scripts: Sequence[str] = (), files: Sequence[str] = (), **content: Any) -> Data:
    """What a piece gets: ``scripts`` of ``theme/widgets`` it needs, data ``files``, its content."""
    whole = {"scripts": list(scripts), "files": list(files), **content}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=_plain)
    # Neither the end of the inline code nor that of the script element may stand in it.
    for letter in "`<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Data(text.replace("  ", " \\u0020"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def workshop(
    x: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Data:
    """The convolution workshop on one example: matrices, or a signal ``(n,)`` and its kernel.

    With matrices there are buttons for question 1 of the assignment.
    """
    x, kernel = np.asarray(x), np.asarray(kernel)
    rest = {"stride": stride, "padding": padding, "dilation": dilation}
    example = {"x": np.atleast_2d(x), "k": np.atleast_2d(kernel)} | rest
    one_a = {"x": questions.X, "k": questions.KERNEL_A, "stride": 2, "padding": 0, "dilation": 1}
    one_b = one_a | {"k": questions.KERNEL_B, "padding": 2}
    presets = [
        {"label": "Pregunta 1a", "state": one_a}, {"label": "Pregunta 1b", "state": one_b},
    ]  # fmt: skip
    return data(example=example, presets=presets if x.ndim == 2 else [], dimensions=x.ndim)


def receptive_field(scene: Tensor, place: tuple[int, int]) -> Data:
    """The receptive field of a pixel ``place`` of a scene ``(1, H, W)``, beside measured networks.

    The reference is the example; each network of the study comes with its weights and mean score.
    """
    runs = catalogue.load("segmentation")
    rows = []
    for name, (spec, _) in segmentation.networks().items():
        of = runs[runs["name"] == name]
        rows.append({
            "label": labels.LABELS[name], "parameters": int(of["parameters"].iloc[0]),
            "miou": float(of["test_miou"].mean()),
            "spec": asdict(spec) if isinstance(spec, EncoderDecoderSpec) else None,
        })  # fmt: skip
    example = asdict(segmentation.REFERENCE) | {"row": place[0], "column": place[1]}
    return data(scene=pixels(scene), size=scene.shape[-1], example=example, networks=rows)


def scene(split: Split, count: int = 12) -> Data:
    """Segment a scene: the first test scenes with their masks, a digit of each kind, two networks."""
    digits = datasets.digits().test
    first = [int((digits.y == k).nonzero()[0]) for k in range(10)]
    ink = composition.smooth(digits.x[first, 0].numpy().astype(np.float64))
    return data(
        scripts=["networks"],
        files=[network(name)[0] for name in ("segmentation-baseline", "segmentation")],
        networks=[
            {"label": "línea base", "script": network("segmentation-baseline")[0]},
            {"label": "mejor red", "script": network("segmentation")[0]},
        ],
        scenes={
            "count": count,
            "images": pixels(split.x[:count]),
            "masks": _bytes(split.y[:count].numpy()),
        },
        glyphs=pixels(ink),
        colours=labels.CLASSES.colors,
    )


def _bytes(values: np.ndarray) -> str:
    return base64.b64encode(values.astype(np.uint8).tobytes()).decode()


def pixels(grey: Tensor | np.ndarray) -> str:
    """Grey values from 0 to 1 as base64, a byte each."""
    values = np.clip(np.asarray(grey), 0, 1)
    return _bytes(np.rint(values * 255))


# Stored models that pieces run.
NETWORKS = (
    "segmentation", "segmentation-baseline", "mnist-notebook", "autoencoder-2", "numbers", "mnist1d",
)  # fmt: skip


@cache
def network(model: str) -> tuple[str, str]:
    """Name and text of the script with a stored model's spec and weights, in ``float32``."""
    built, card = results.load_model(model)
    tensors = {
        name: tensor.numpy()
        for name, tensor in built.state_dict().items()
        if tensor.is_floating_point()
    }
    weights = b"".join(array.astype("<f4").tobytes() for array in tensors.values())
    content: dict[str, Any] = {
        "spec": card["spec"],
        "shapes": {name: array.shape for name, array in tensors.items()},
        "weights": base64.b64encode(weights).decode(),
    }
    if isinstance(built, NumberWriter):
        content["extra"] = {
            "vocabulary": number_words.vocabulary(), "longest": number_words.longest(),
            "digits": number_words.DIGITS, "blank": number_words.BLANK,
            "start": number_words.START, "end": number_words.END,
        }  # fmt: skip
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    name = f"{model}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return name, f'tarea.receive("{name}",{text});\n'


def scripts() -> dict[str, str]:
    """Name and text of every data script, for the site to keep beside the pages."""
    return dict(network(model) for model in NETWORKS)
