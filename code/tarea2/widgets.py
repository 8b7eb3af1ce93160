"""Data of the interactive pieces in ``theme/widgets``, from the package, its results and models.

A page calls one function per piece, as inline code in the Div that encloses the piece's figure:
what it returns is Markdown that ``theme/filters/widgets.lua`` puts into the element as JSON.
Weights are too large for that and travel as scripts, whose names hold the hash of their content:
a page that asks for other weights than those beside it shows its figure and says so.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor, no_grad

from tarea2 import datasets, models, paths, questions, records
from tarea2.datasets import Split, composition, number_words
from tarea2.evaluation import predict
from tarea2.plots import explorer, labels, scenes
from tarea2.studies import segmentation
from tarea2.studies.skips import scores_with_cuts


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


def _bytes(values: np.ndarray | Tensor) -> str:
    """Whole numbers up to 255 as base64, a byte each."""
    return _encoded(np.asarray(values).astype(np.uint8))


def _pixels(grey: np.ndarray | Tensor) -> str:
    """Grey values from 0 to 1 as base64, a byte each."""
    return _bytes(np.rint(np.clip(np.asarray(grey), 0, 1) * 255))


def _floats(values: np.ndarray | Tensor) -> str:
    """Numbers as base64, in ``float32``."""
    return _encoded(np.asarray(values).astype("<f4"))


def _encoded(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()


DIFFER_AMONG = 1000  # digits among which one is looked for that two networks name differently
CUT_OVER = 100  # scenes over which a cut skip is measured

# Pieces -----------------------------------------------------------------------------------------


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


def aliasing(frequency: float) -> Data:
    """A wave of ``frequency`` cycles per pixel, made smaller and larger again."""
    return data(scripts=["plot"], frequency=frequency)


def checkerboard(kernel: int, stride: int) -> Data:
    """Overlaps of a transposed convolution."""
    return data(kernel=kernel, stride=stride)


def digit(split: Split, place: int) -> Data:
    """Move a digit of a split in MNIST's form: first one on which the two networks differ, then
    ``place`` and the first of each class."""
    kinds = {
        "convolucional": ("mnist-notebook", "digitNet"),
        "conectada": ("mnist-dense", "perceptron"),
    }
    one, two = (
        predict(models.load_model(model)[0], split.x[:DIFFER_AMONG])[0].argmax(1)
        for model, _ in kinds.values()
    )
    first = [int((split.y == k).nonzero()[0]) for k in range(10)]
    chosen = list(dict.fromkeys([*(one != two).nonzero().flatten().tolist()[:1], place, *first]))
    mean, sd = datasets.MNIST_MEAN, datasets.MNIST_SD
    return data(
        scripts=["networks", "plot", "pad"],
        files=[network(model)[0] for model, _ in kinds.values()],
        networks=[
            {"label": label, "script": network(model)[0], "kind": kind}
            for label, (model, kind) in kinds.items()
        ],
        examples={
            "first": 0, "count": len(chosen), "images": _pixels(split.x[chosen] * sd + mean),
            "labels": split.y[chosen].tolist(),
        },
        mean=mean,
        sd=sd,
    )  # fmt: skip


def receptive_field(scene: Tensor, place: tuple[int, int]) -> Data:
    """The receptive field of a pixel ``place`` of a scene ``(1, H, W)``, beside measured networks.

    The reference is the example; each network of the study comes with its weights and mean score.
    """
    example = asdict(segmentation.REFERENCE) | {"row": place[0], "column": place[1]}
    specs = [spec for spec, _ in segmentation.networks().values()]
    rows = [
        {"label": row["label"], "parameters": row["parameters"], "miou": row["miou"],
         "spec": asdict(spec) if isinstance(spec, models.EncoderDecoderSpec) else None}
        for row, spec in zip(explorer.table().to_dict("records"), specs, strict=True)
    ]  # fmt: skip
    return data(scene=_pixels(scene), size=scene.shape[-1], example=example, networks=rows)


def scene(split: Split, count: int = 8) -> Data:
    """Segment a scene: the first scenes with their masks, a digit of each kind, two networks."""
    digits = datasets.digits().test
    first = [int((digits.y == k).nonzero()[0]) for k in range(10)]
    ink = composition.smooth(digits.x[first, 0].numpy().astype(np.float64))
    stored = {"línea base": "segmentation-baseline", "mejor red": "segmentation"}
    return data(
        scripts=["networks", "pad"],
        files=[network(model)[0] for model in stored.values()],
        networks=[{"label": label, "script": network(model)[0]} for label, model in stored.items()],
        scenes={
            "count": count, "images": _pixels(split.x[:count]), "masks": _bytes(split.y[:count]),
        },
        glyphs=_pixels(ink),
        colours=scenes.COLOURS,
    )  # fmt: skip


def two_answers(x: Tensor) -> dict[str, Tensor]:
    """Masks ``(n, H, W)`` that the stored baseline and best network give to scenes, by label."""
    stored = {"línea base": "segmentation-baseline", "mejor red": "segmentation"}
    return {
        label: predict(models.load_model(model)[0], x)[0].argmax(1)
        for label, model in stored.items()
    }


def wipe(split: Split) -> Data:
    """A curtain between two answers to the scenes of a split; no network travels with the page."""
    return data(
        scenes={
            "count": len(split.x), "images": _pixels(split.x), "masks": _bytes(split.y),
        },
        answers=[
            {"label": label, "masks": _bytes(masks)}
            for label, masks in two_answers(split.x).items()
        ],
        colours=scenes.COLOURS,
    )  # fmt: skip


def unet(split: Split, count: int = 4) -> Data:
    """The best network from inside, on the first scenes of a split.

    Looked at first is the digit's pixel nearest to the middle. What a cut skip takes away is also
    given over :data:`CUT_OVER` scenes.
    """
    script, many = network("segmentation")[0], slice(CUT_OVER)
    model, _ = models.load_model("segmentation")
    ink = (split.y[0] > 0).nonzero()
    middle = torch.tensor(split.y[0].shape) / 2
    example = ink[((ink - middle) ** 2).sum(1).argmin()]
    return data(
        scripts=["networks", "plot", "pad", "unet-views", "unet-workshop", "unet-skips"],
        files=[script], script=script, example=example.tolist(), colours=scenes.COLOURS,
        scenes={
            "count": count, "images": _pixels(split.x[:count]), "masks": _bytes(split.y[:count]),
        },
        over={
            "count": CUT_OVER,
            "scores": scores_with_cuts(model, split.x[many], split.y[many]),
        },
    )  # fmt: skip


def photograph() -> Data:
    """Segment a photograph of the reader's; one under a free licence stands there first."""
    script = network("camvid")[0]
    example = Image.fromarray(load_sample_image("china.jpg"))
    example.thumbnail((480, 480))
    jpeg = io.BytesIO()
    example.save(jpeg, format="JPEG", quality=80)
    return data(
        scripts=["networks", "plot"], files=[script], script=script,
        classes=[
            {"name": labels.STREET_CLASSES[name], "colour": colour}
            for name, colour in datasets.CAMVID_CLASSES.items()
        ],
        example={
            "address": f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}",
            "credit": "Fotografía de danielbuechele, CC BY 2.0, de scikit-learn",
        },
    )  # fmt: skip


def latent(z: Sequence[float]) -> Data:
    """Walk the plane of the autoencoder with two numbers, from a code ``z``."""
    model, _ = models.load_model("autoencoder-2")
    digits = datasets.digits()
    mean = digits.train.x.flatten(1).mean(0)
    centred = (digits.train.x.flatten(1) - mean).numpy()
    axes = np.linalg.svd(centred, full_matrices=False).Vh
    with no_grad():
        codes = {
            name: {"codes": _floats(model.encode(split.x)), "labels": _bytes(split.y)}
            for name, split in (("codes", digits.test), ("training", digits.train))
        }
    script = network("autoencoder-2")[0]
    return data(
        scripts=["networks"], files=[script], script=script, z=list(z),
        pca={"mean": _floats(mean), "axes": _floats(axes[:2])},
        colours=scenes.COLOURS[1:], **codes,
    )  # fmt: skip


def writer(number: int) -> Data:
    """The small number writer, step by step, with ``number`` as its example."""
    script = network("numbers-compact")[0]
    return data(scripts=["networks", "plot"], files=[script], script=script, number=number)


def signal(split: Split, place: int) -> Data:
    """Deform the signal ``place`` of a split of MNIST-1D; the first of each class follow it."""
    first = [int((split.y == k).nonzero()[0]) for k in range(10)]
    chosen = [place, *(k for k in first if k != place)]
    script = network("mnist1d")[0]
    return data(
        scripts=["networks", "plot"], files=[script], script=script,
        examples={"first": 0, "count": len(chosen), "signals": _floats(split.x[chosen])},
    )  # fmt: skip


def study(chosen: list[str]) -> Data:
    """Explore the segmentation study; the networks ``chosen`` are the example."""
    return data(
        files=[_vega()[0]],
        networks=json.loads(explorer.table().to_json(orient="records")),
        across=explorer.ACROSS, up=explorer.UP, chosen=chosen,
        wide=explorer.driven(520), narrow=explorer.driven(250),
    )  # fmt: skip


def explore(chosen: list[str]) -> explorer.Explorer:
    """The same chart for a notebook, and its picture for paper."""
    return explorer.Explorer(explorer.table(), chosen)


# Scripts beside the pages -------------------------------------------------------------------------

# Stored models that pieces run.
NETWORKS = (
    "segmentation", "segmentation-baseline", "mnist-notebook", "mnist-dense", "autoencoder-2",
    "numbers-compact", "mnist1d", "camvid",
)  # fmt: skip
HALF = {"camvid"}  # those whose weights travel in 16 bits, for their size


@cache
def network(model: str) -> tuple[str, str]:
    """Name and text of the script with a stored model's spec and weights: ``float32``, or HALF."""
    built, card = models.load_model(model)
    tensors = {
        name: tensor.numpy()
        for name, tensor in built.state_dict().items()
        if tensor.is_floating_point()
    }
    content: dict[str, Any] = {
        "spec": card["spec"],
        "shapes": {name: array.shape for name, array in tensors.items()},
    }
    weights = np.concatenate([array.ravel() for array in tensors.values()])
    if model in HALF:
        content |= {"half": True, "weights": _encoded(weights.astype("<f2"))}
    else:
        content["weights"] = _floats(weights)
    if isinstance(built, models.NumberWriter):
        content["extra"] = {
            "vocabulary": number_words.vocabulary(), "longest": number_words.longest(),
            "digits": number_words.DIGITS, "blank": number_words.BLANK,
            "start": number_words.START, "end": number_words.END,
        }  # fmt: skip
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    name = f"{model}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return name, f'tarea.receive("{name}",{text});\n'


@cache
def _vega() -> tuple[str, str]:
    """Name and text of the chart library, bundled from what ``vl-convert-python`` brings along."""
    import inspect

    import vl_convert
    from altair.utils.html import spec_to_html

    # The bundler knows its own copies of the library by the address that Altair writes into pages.
    home = inspect.signature(spec_to_html).parameters["base_url"].default
    version = vl_convert.get_vega_version()
    bundle = vl_convert.javascript_bundle(
        f'import * as all from "{home}/vega@{version}/+esm"; window.vega = all;'
    )
    return f"vega-{version}", f"(() => {{{bundle}}})();\n"


def scripts() -> dict[str, str]:
    """Name and text of every data script, for the site to keep beside the pages."""
    return dict([*(network(model) for model in NETWORKS), _vega()])


def main(folder: str) -> None:
    """Write the data scripts into a folder; the builder of the site calls this as a program."""
    for name, text in scripts().items():
        with paths.replacing(Path(folder) / f"{name}.js") as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except records.ResultError as error:
        raise SystemExit(str(error)) from None
