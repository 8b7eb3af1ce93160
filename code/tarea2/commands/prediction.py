"""Use a stored model on a file: signals, an image, or numbers to write in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from tarea2.datasets import DataError, number_words
from tarea2.datasets.folders import read_image, to_values
from tarea2.models import load_best
from tarea2.paths import replacing
from tarea2.training import predict

LARGEST_FILE = 100 * 2**20  # bytes
LARGEST_SIDE = 2048  # pixels
# Background and ten digits, as the figures of the report have them: red, green, blue.
COLOURS = (
    (28, 28, 28), (1, 115, 178), (222, 143, 5), (2, 158, 115), (213, 94, 0), (204, 120, 188),
    (202, 145, 97), (251, 175, 228), (148, 148, 148), (236, 225, 51), (86, 180, 233),
)  # fmt: skip


def classify_signals(path: Path) -> pd.DataFrame:
    """Classify the signals of a file with the stored model ``mnist1d``.

    Parameters
    ----------
    path: ``.csv``, a signal per line without a header, or ``.npy``, an array ``(n, 40)`` or
        ``(40,)``.

    Returns
    -------
    Per signal: ``class`` and ``probability``.

    Raises
    ------
    DataError: a file that cannot be read or is too large, a wrong length, values that are no
        finite numbers.
    """
    model = load_best("mnist1d")
    spec: Any = model.spec
    signals = _read_signals(path, spec.length)
    scores = predict(model, torch.from_numpy(signals).float())[0]
    probability, label = scores.softmax(1).max(1)
    return pd.DataFrame({"class": label.numpy(), "probability": probability.numpy()})


def _read_signals(path: Path, length: int) -> np.ndarray:
    _check_file(path)
    try:
        if path.suffix == ".npy":
            values = np.load(path, allow_pickle=False)
        elif path.suffix == ".csv":
            values = pd.read_csv(path, header=None).to_numpy()
        else:
            raise DataError(f"{path.name} ends in {path.suffix!r}, expected .csv or .npy")
    except (OSError, ValueError, EOFError, pd.errors.ParserError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path.name} cannot be read as numbers ({reason})") from None
    if values.dtype.kind not in "fiu":
        raise DataError(f"{path.name} holds something that is no number; a CSV has no header")
    values = np.atleast_2d(values).astype(float)
    if values.ndim != 2 or values.shape[1] != length or not len(values):
        raise DataError(
            f"{path.name} holds an array of shape {values.shape}, expected one signal of {length} "
            "values per line"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(1))
    if len(bad):
        raise DataError(f"{path.name}: signal {bad[0] + 1} holds NaN or infinity")
    return values


def segment_image(path: Path, output: Path) -> pd.DataFrame:
    """Segment an image with the stored model ``segmentation`` and write the mask as a PNG.

    The PNG has a palette: its values are the classes, 0 for background and 1 + digit, and its
    colours those of the report.

    Returns
    -------
    Per class that was found: ``class``, ``pixels`` and the mean ``probability`` there.

    Raises
    ------
    DataError: a file that cannot be read or is too large, an image that is too small, an output
        that is not a ``.png``.
    """
    if output.suffix.lower() != ".png":
        raise DataError(f"{output.name} ends in {output.suffix!r}, expected .png")
    if not output.resolve().parent.is_dir():
        raise DataError(f"{output} cannot be written: its folder does not exist")
    _check_file(path)
    model = load_best("segmentation")
    picture = read_image(path)
    spec: Any = model.spec
    smallest = 2**spec.depth
    if min(picture.size) < smallest or max(picture.size) > LARGEST_SIDE:
        raise DataError(
            f"{path.name} is {picture.width}×{picture.height}; both sides must be {smallest} to "
            f"{LARGEST_SIDE} pixels"
        )
    x = torch.from_numpy(to_values(picture, colours=False))[None]  # (1, 1, H, W)
    probability, mask = predict(model, x)[0, 0].softmax(0).max(0)  # (H, W) each
    drawn = Image.fromarray(mask.numpy().astype(np.uint8), mode="P")
    drawn.putpalette([value for colour in COLOURS for value in colour])
    with replacing(output) as temporary:
        drawn.save(temporary, format="PNG")
    rows = [
        {
            "class": "background" if label == 0 else f"digit {label - 1}",
            "pixels": int((mask == label).sum()),
            "probability": float(probability[mask == label].mean()),
        }
        for label in mask.unique().tolist()
    ]
    return pd.DataFrame(rows)


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


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise DataError(
            f"{path.name} has {size / 2**20:.0f} MB; at most {LARGEST_FILE / 2**20:.0f} MB are read"
        )
