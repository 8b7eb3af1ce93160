"""Weights and the chart library, which travel as scripts beside the pages.

A script's name holds the hash of its content: a page that asks for other weights than those beside
it shows its figure and says so.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tarea2 import models, paths
from tarea2.datasets import number_words
from tarea2.widgets.payload import encoded, encoded_floats

# Stored models that pieces run.
NETWORKS = (
    "segmentation", "segmentation-baseline", "mnist-notebook", "mnist-dense", "autoencoder-2",
    "numbers-compact", "mnist1d", "camvid",
)  # fmt: skip
# Those whose weights travel in 16 bits, for their size: a few pixels in a hundred thousand change.
HALF = {"camvid", "segmentation"}


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
        content |= {"half": True, "weights": encoded(weights.astype("<f2"))}
    else:
        content["weights"] = encoded_floats(weights)
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
def chart_library() -> tuple[str, str]:
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
    return dict([*(network(model) for model in NETWORKS), chart_library()])


def write(folder: Path) -> None:
    """Write the data scripts into a folder."""
    for name, text in scripts().items():
        with paths.replacing(folder / f"{name}.js") as temporary:
            temporary.write_text(text, encoding="utf-8")
