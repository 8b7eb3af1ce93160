"""Pieces about segmentation: a scene, a U-Net from inside, a photograph, the study."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import asdict

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from tarea2 import datasets, models
from tarea2.datasets import Split, composition
from tarea2.evaluation import predict
from tarea2.plots import explorer, labels, scenes
from tarea2.studies import recipes, segmentation
from tarea2.studies import replay as trainings
from tarea2.studies.skips import scores_with_cuts
from tarea2.widgets.data_scripts import chart_library, network
from tarea2.widgets.payload import Data, data, encoded_bytes, encoded_pixels

CUT_OVER = 100  # scenes over which a cut skip is measured
MEASURED_OVER = 64  # scenes over which the gradient is measured
STORED = {"línea base": "segmentation-baseline", "mejor red": "segmentation"}


def receptive_field(scene: Tensor, place: tuple[int, int]) -> Data:
    """The receptive field of a pixel ``place`` of a scene ``(1, H, W)``, beside measured networks.

    The reference is the example; each network of the study comes with its weights and mean score.
    Of the stored networks the measured gradient comes too, from validation.
    """
    many = datasets.scenes("validation", MEASURED_OVER).x
    measured = []
    for label, name in STORED.items():
        model, _ = models.load_model(name)
        field = models.measured_field(model, many)
        levels = encoded_bytes(torch.round(255 * field / field.max()))
        measured.append({"label": label, "spec": asdict(model.spec), "gradient": levels})
    example = asdict(segmentation.REFERENCE) | {"row": place[0], "column": place[1]}
    specs = [spec for spec, _ in segmentation.networks().values()]
    rows = [
        {"label": row["label"], "parameters": row["parameters"], "miou": row["miou"],
         "spec": asdict(spec) if isinstance(spec, models.EncoderDecoderSpec) else None}
        for row, spec in zip(explorer.table().to_dict("records"), specs, strict=True)
    ]  # fmt: skip
    return data(
        scene=encoded_pixels(scene), size=scene.shape[-1], example=example, networks=rows,
        measured=measured, over=MEASURED_OVER,
    )  # fmt: skip


def scene(split: Split, count: int = 8) -> Data:
    """Segment a scene: the first scenes with their masks, a digit of each kind, two networks."""
    digits = datasets.digits().test
    first = [int((digits.y == k).nonzero()[0]) for k in range(10)]
    ink = composition.smooth(digits.x[first, 0].numpy().astype(np.float64))
    return data(
        scripts=["networks", "worker", "pad", "scene-composition", "scene-views"],
        files=[network(model)[0] for model in STORED.values()],
        networks=[{"label": label, "script": network(model)[0]} for label, model in STORED.items()],
        scenes={
            "count": count,
            "images": encoded_pixels(split.x[:count]),
            "masks": encoded_bytes(split.y[:count]),
        },
        glyphs=encoded_pixels(ink),
        colours=scenes.COLOURS,
    )  # fmt: skip


def two_answers(x: Tensor) -> dict[str, Tensor]:
    """Masks ``(n, H, W)`` that the stored baseline and best network give to scenes, by label."""
    return {
        label: predict(models.load_model(model)[0], x)[0].argmax(1)
        for label, model in STORED.items()
    }


def wipe(split: Split) -> Data:
    """A curtain between two answers to the scenes of a split; no network travels with the page."""
    return data(
        scenes={
            "count": len(split.x),
            "images": encoded_pixels(split.x),
            "masks": encoded_bytes(split.y),
        },
        answers=[
            {"label": label, "masks": encoded_bytes(masks)}
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
        scripts=["networks", "plot", "pad", "player", "unet-views", "unet-workshop", "unet-skips"],
        files=[script], script=script, example=example.tolist(), colours=scenes.COLOURS,
        scenes={
            "count": count,
            "images": encoded_pixels(split.x[:count]),
            "masks": encoded_bytes(split.y[:count]),
        },
        over={
            "count": CUT_OVER,
            "scores": scores_with_cuts(model, split.x[many], split.y[many]),
        },
    )  # fmt: skip


def replay() -> Data:
    """Some networks after each epoch of their training, on the scenes that were recorded."""
    recorded, split = trainings.load(), trainings.scenes()
    definitions = {definition.name: definition for definition in trainings.definitions()}
    return data(
        scripts=["plot", "player", "scene-composition", "scene-views"],
        networks=[
            {
                "label": labels.LABELS[recipes.network_of(name)],
                "rate": definitions[name].recipe.lr,
                "own": definitions[name].recipe.lr != segmentation.RECIPE.lr,
                **{part: found[part] for part in ("miou", "masks")},
            }
            for name, found in recorded["networks"].items()
        ],
        found=trainings.FOUND,
        scenes={
            "count": len(split), "images": encoded_pixels(split.x), "masks": encoded_bytes(split.y),
        },
        colours=scenes.COLOURS,
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


def study(chosen: list[str]) -> Data:
    """Explore the segmentation study; the networks ``chosen`` are the example."""
    return data(
        files=[chart_library()[0]],
        networks=json.loads(explorer.table().to_json(orient="records")),
        across=explorer.ACROSS, up=explorer.UP, chosen=chosen,
        wide=explorer.driven(520), narrow=explorer.driven(250),
    )  # fmt: skip


def explore(chosen: list[str]) -> explorer.Explorer:
    """The same chart for a notebook, and its picture for paper."""
    return explorer.Explorer(explorer.table(), chosen)
