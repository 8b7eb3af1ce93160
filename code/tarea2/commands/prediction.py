"""Use a stored model on a file: signals, an image, or numbers to write in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from tarea2.commands.signal_files import read_signals
from tarea2.datasets import DataError, number_words
from tarea2.datasets.images.label_map import CLASS_COLOURS, LabelClass, LabelMap
from tarea2.datasets.images.preprocessing import LARGEST_SIDE, Preprocessing
from tarea2.datasets.images.reading import Picture, composed, full_scale, inverted, read
from tarea2.evaluation import predict
from tarea2.models import load_best, load_model
from tarea2.predictor import Predictor

LIGHT_GROUND = 0.5  # median grey from which a picture is light; no training scene reaches it
# Lowest and highest value of MNIST-1D's training signals, and their least standard deviation; a
# test holds them to the data, which take seconds to generate.
SIGNAL_VALUES, SIGNAL_SPREAD = (-5.479, 4.534), 0.513
# The PNG of a digit scene: values are the classes, colours those of the report.
DIGITS = LabelMap(
    "palette",
    tuple(
        LabelClass("background" if label == 0 else f"digit {label - 1}", label, colour)
        for label, colour in enumerate(CLASS_COLOURS)
    ),
    background=True,
)


def classify_signals(path: Path) -> pd.DataFrame:
    """Classify the signals of a file with the stored model ``mnist1d``.

    Parameters
    ----------
    path: a signal of 40 values per line, as :func:`tarea2.commands.signal_files.read_signals`
        reads it, or ``.npy``, an array ``(n, 40)`` or ``(40,)``.

    Returns
    -------
    Per signal: ``class`` and ``probability``; ``attrs["remarks"]`` says how the file was read, and
    which signals are unlike all that the network learnt from.

    Raises
    ------
    DataError: a file that cannot be read or is too large, a wrong length, values that are no
        finite numbers.
    """
    model = load_best("mnist1d")
    spec: Any = model.spec
    found = read_signals(path, spec.length)
    scores = predict(model, torch.from_numpy(found.values).float())[0]
    probability, label = scores.softmax(1).max(1)
    table = pd.DataFrame({"class": label.numpy(), "probability": probability.numpy()})
    table.attrs["remarks"] = (*found.remarks, *_unlike_training(found.values))
    return table


def _unlike_training(values: np.ndarray) -> list[str]:
    """Say which signals lie far outside the training signals, in their values or their spread."""
    (low, high), room = SIGNAL_VALUES, (SIGNAL_VALUES[1] - SIGNAL_VALUES[0]) / 4
    beyond = ((values < low - room) | (values > high + room)).any(1)
    flat = ~beyond & (values.std(1) < SIGNAL_SPREAD / 2)
    remarks = []
    for which, what in (
        (beyond, f"values far outside those of the training signals, {low:.1f} to {high:.1f}"),
        (flat, f"a spread far below {SIGNAL_SPREAD:.2f}, the least of the training signals"),
    ):
        if which.any():
            numbers = (np.flatnonzero(which) + 1).tolist()
            shown = ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
            remarks.append(f"signal {shown}: {what}; the class says little")
    return remarks


def segment_image(path: Path, output: Path, invert: bool | None = None) -> pd.DataFrame:
    """Segment an image with the stored model ``segmentation`` and write the mask as a PNG.

    The network knows light digits on a dark ground. ``invert`` makes dark ones on light so, or
    False takes the image as it is; without it, an image with a light ground is refused. The PNG
    has a palette: its values are the classes, 0 for background and 1 + digit, and its colours
    those of the report.

    Returns
    -------
    Per class that was found: ``class``, ``pixels`` and the mean ``probability`` there;
    ``attrs["remarks"]`` says how the image was read.

    Raises
    ------
    DataError: a file that cannot be read or is too large, an image that is too small or light, an
        output that is not a ``.png``, is a folder or the image itself.
    """
    picture = _opened(path, output)
    model = load_best("segmentation")
    spec: Any = model.spec
    smallest, (height, width) = 2**spec.depth, picture.size
    if min(height, width) < smallest or max(height, width) > LARGEST_SIDE:
        raise DataError(
            f"{path.name} is {width}×{height}; both sides must be {smallest} to "
            f"{LARGEST_SIDE} pixels"
        )
    scale = full_scale([picture])
    deep = picture.values.dtype != np.uint8 and scale != 1
    remarks = [f"more than 8 bits: divided by {scale:.0f}"] if deep else []
    picture = replace(picture, remarks=(*picture.remarks, *remarks))
    if invert:
        picture = inverted(picture, scale)
    preprocessing = Preprocessing(scale=scale)
    ground = float(np.median(preprocessing.image(picture))) / 255
    if ground > LIGHT_GROUND and invert is None:
        raise DataError(
            f"{path.name} has a light ground (median grey {ground:.2f}), and the network knows "
            "light digits on a dark one; add --invert, or --no-invert to take it as it is"
        )
    if ground > LIGHT_GROUND:
        light = f"its ground is light (median grey {ground:.2f}): the mask says little"
        picture = replace(picture, remarks=(*picture.remarks, light))
    return _written(Predictor(model, preprocessing, DIGITS, divisor=1), picture, output, "pixels")


def segment_photograph(path: Path, output: Path) -> pd.DataFrame:
    """Segment a photograph of a street with the stored model ``camvid``, and write the mask.

    Its shorter side is brought to 120 pixels, as the network's training images had it, and the
    scores are enlarged again. The PNG has a palette: its values are CamVid's classes, 0 to 10.

    Returns
    -------
    Per class that was found: ``class``, ``share`` of the pixels and the mean ``probability``
    there; ``attrs["remarks"]`` says how the image was read.

    Raises
    ------
    DataError: a file that cannot be read or is too large, an output that is not a ``.png``, is a
        folder or the image itself. ResultError: the model is not stored yet.
    """
    picture = _opened(path, output)
    predictor = Predictor.from_card(*load_model("camvid")).fitted_to(picture)
    if not picture.coloured:
        grey = "it has no colours, and the network learnt from photographs in colour"
        picture = replace(picture, remarks=(*picture.remarks, grey))
    return _written(predictor, picture, output, "share")


def _opened(path: Path, output: Path) -> Picture:
    """The picture without transparent parts, once the output is known to be one to write."""
    _check_output(path, output)
    return composed(read(path))


def _written(predictor: Predictor, picture: Picture, output: Path, amount: str) -> pd.DataFrame:
    """Write the mask of a picture; a row for each class found, with its ``pixels`` or ``share``."""
    mask, probability = predictor.classes_and_probabilities(picture)
    predictor.write(mask, output)
    table = pd.DataFrame(
        {
            "class": predictor.label_map.entries[label].name,
            "pixels": int((mask == label).sum()),
            "share": float((mask == label).mean()),
            "probability": float(probability[mask == label].mean()),
        }
        for label in np.unique(mask).tolist()
    )[["class", amount, "probability"]]
    table.attrs["remarks"] = picture.remarks
    return table


def _check_output(path: Path, output: Path) -> None:
    """Refuse an output that cannot become a PNG, before anything is computed."""
    if output.is_dir():
        raise DataError(f"{output} is a folder, expected a file to write, such as mask.png")
    if output.suffix.lower() != ".png":
        raise DataError(f"{output.name} ends in {output.suffix!r}, expected .png")
    if not output.resolve().parent.is_dir():
        raise DataError(f"{output} cannot be written: its folder does not exist")
    if path.exists() and output.exists() and output.samefile(path):
        raise DataError(f"{output} is the image itself; the mask needs another name")


def write_numbers(texts: list[str]) -> pd.DataFrame:
    """Write numbers in Spanish words with the stored model ``numbers``.

    Returns ``number``, ``words`` and ``probability``, that of the whole name; raises ValueError
    for a text that is no number from 0 to 99,999.
    """
    numbers = [number_words.parse(text) for text in texts]
    model: Any = load_best("numbers")
    tokens, log_likelihood = model.beam(number_words.encode_numbers(numbers))
    names = number_words.decode_words(tokens)
    return pd.DataFrame(
        {"number": numbers, "words": names, "probability": log_likelihood.exp().numpy()}
    )
