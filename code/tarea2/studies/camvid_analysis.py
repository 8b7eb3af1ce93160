"""What stored CamVid runs say of single frames and videos, and what may be shown of them.

CamVid's photographs are no part of the project. What the stored model sees in a few of them is:
:func:`store_examples` keeps it among the measures.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch.nn import functional as F

from tarea2 import datasets, metrics, results
from tarea2.datasets import IGNORED, Photograph
from tarea2.datasets.camvid_files import frames
from tarea2.datasets.images.reading import Picture
from tarea2.evaluation import predict_masks
from tarea2.models import load_model
from tarea2.predictor import Predictor

SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)  # from the frame that scores best to the one that scores worst


def names_of(part: str) -> list[str]:
    """Names of the frames of a part of the data, in their order: video, then number."""
    return [frame.name for frame in frames() if frame.part == part]


def videos(part: str) -> dict[str, int]:
    """How many frames each video gives to a part of the data."""
    names = [name.split("_")[0] for name in names_of(part)]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def by_video(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Mean IoU of each test video, ``(seeds,)``, from counts ``(seeds, 233, K, 3)``.

    A class that a video does not hold counts there only if it was predicted.
    """
    of = np.array([name.split("_")[0] for name in names_of("test")])
    # The frames of a video, taken for one large image.
    images = {str(video): counts[:, of == video].sum(1) for video in dict.fromkeys(of)}
    return {video: metrics.mean_iou_per_image(image, 0) for video, image in images.items()}


def chosen_frames(counts: np.ndarray) -> list[int]:
    """Places of the frames at :data:`SHARES` of the order by score; counts ``(233, K, 3)``."""
    order = np.argsort(metrics.mean_iou_per_image(counts, 0), kind="stable")
    return [int(order[round(share * (len(order) - 1))]) for share in SHARES]


def store_examples() -> None:
    """Store what the model ``camvid`` sees in :func:`chosen_frames`, as small pictures.

    Needs CamVid; raises DataError without it.
    """
    _, card = load_model("camvid")
    run = results.read(results.path_of("camvid-best", card["run"], card["seed"]))
    counts = np.array(run["metrics"]["test_counts"])
    indices, scores = chosen_frames(counts), metrics.mean_iou_per_image(counts, 0)
    found, moved = [], []
    _, truths = photographs([names_of("test")[index] for index in indices])
    for index, truth in zip(indices, truths, strict=True):
        content, seen = io.BytesIO(), prediction(index)
        Image.fromarray(seen).save(content, format="PNG", optimize=True)
        found.append(base64.b64encode(content.getvalue()).decode())
        moved.append(displacement(seen, truth))
    results.save_measures(
        "camvid-examples",
        {
            "run": run["name"], "seed": run["seed"], "weights": card["weights"],
            "frames": [names_of("test")[index] for index in indices],
            "scores": [float(scores[index]) for index in indices], "predictions": found,
            "displacements": moved, "reduced masks": reduced_masks(),
        },
    )  # fmt: skip


def prediction(index: int) -> np.ndarray:
    """Classes ``(360, 480)`` of 8 bits that the stored model sees in a test frame."""
    model, _ = load_model("camvid")
    test = datasets.camvid().test
    assert test.full_size_masks is not None
    few = datasets.Split(
        test.x[index : index + 1], test.y[index : index + 1], test.full_size_masks.chosen([index])
    )
    ((_, scores),) = predict_masks(model, few)
    return scores.argmax(0).numpy().astype(np.uint8)


def seen_in(photograph: Photograph) -> tuple[np.ndarray, np.ndarray]:
    """What the stored model sees in any photograph: class and its probability, ``(H, W)``."""
    picture = Picture(photograph.name, photograph.values)
    predictor = Predictor.from_card(*load_model("camvid")).fitted_to(picture)
    return predictor.classes_and_probabilities(picture)


def displacement(found: np.ndarray, truth: np.ndarray) -> tuple[int, float, float]:
    """How far a mask has to be moved sideways to fit a prediction best, both ``(H, W)``.

    Returns the pixels to the right, by which share of the pixels both agree where the mask lies,
    and by which after moving it; up to a quarter of the width is tried.
    """
    width = truth.shape[1]

    def agreement(right: int) -> float:
        there = truth[:, max(0, -right) : width - max(0, right)]
        seen = found[:, max(0, right) : width + min(0, right)]
        counted = there != IGNORED
        return float((seen == there)[counted].mean())

    tried = {right: agreement(right) for right in range(-(width // 4), width // 4 + 1, 2)}
    best = max(tried, key=lambda right: (tried[right], -abs(right)))
    return best, tried[0], tried[best]


def stored_predictions(measures: dict[str, Any]) -> list[np.ndarray]:
    """The pictures that :func:`store_examples` kept, ``(360, 480)`` each."""
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
        for text in measures["predictions"]
    ]


def reduced_masks() -> float:
    """Mean IoU of the true test masks after reduction to 120×160 and back.

    They are enlarged as scores are, bilinearly: what a network would reach that is right in each
    pixel that it sees. No ceiling, since scores between 0 and 1 may place an edge more finely.
    """
    test = datasets.camvid().test
    assert test.full_size_masks is not None
    confusion = np.zeros((len(datasets.CAMVID_CLASSES),) * 2, dtype=np.int64)
    for index, small in enumerate(test.y):
        truth = test.full_size_masks[index].long()
        known = small.masked_fill(small == IGNORED, 0).long()
        ones = F.one_hot(known, len(confusion)).movedim(2, 0)[None].float()
        ones *= small != IGNORED  # what is void says nothing about its neighbours
        found = F.interpolate(ones, truth.shape, mode="bilinear", align_corners=False)[0].argmax(0)
        counted = truth != IGNORED
        confusion += metrics.confusion_matrix(truth[counted], found[counted], len(confusion))
    return metrics.mean_iou(confusion, background=False)


def photographs(names: Sequence[str]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Test frames ``(120, 160, 3)`` and their masks ``(360, 480)``; none where CamVid is not here.

    Masks hold IGNORED where they are void.
    """
    if not datasets.camvid_is_here():
        return [], []
    test = datasets.camvid().test
    assert test.full_size_masks is not None
    indices = [names_of("test").index(name) for name in names]
    images = [test.x[index].numpy().transpose(1, 2, 0) for index in indices]
    return images, [test.full_size_masks[index].numpy() for index in indices]
