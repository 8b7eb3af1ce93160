"""The networks of notebooks 10.2 and 10.5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from tarea2 import datasets
from tarea2.datasets import Dataset
from tarea2.evaluation import Evaluation, predict
from tarea2.models import DigitNetSpec, Network, PerceptronSpec, SignalNetSpec
from tarea2.studies.definition import Definition, rounded
from tarea2.training import Recipe

# The recipes of the two notebooks that train.
NOTEBOOK_10_2 = Recipe(100, 100, 0.05, momentum=0.9, schedule="step", init="notebook")
NOTEBOOK_10_5 = Recipe(3, 64, 0.01, momentum=0.5, init="notebook")

SHIFTS = range(7)  # pixels
HARDEST = 12


def shifted_and_hardest(
    model: Network, dataset: Dataset, evaluations: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """Accuracy on test digits shifted to the right, and the digits that it finds hardest."""
    scores = evaluations["test"].scores
    assert scores is not None
    target = dataset.test.y
    background = dataset.test.x.min()
    shifted = {}
    for pixels in SHIFTS:
        x = torch.full_like(dataset.test.x, float(background))
        x[..., pixels:] = dataset.test.x[..., : x.shape[-1] - pixels]
        found = predict(model, x)[0].argmax(1)
        shifted[str(pixels)] = rounded((found == target).float().mean().item())
    probabilities = scores.log_softmax(1).exp()
    of_truth = probabilities[torch.arange(len(target)), target]
    hardest = of_truth.argsort()[:HARDEST]
    return {
        "shift_accuracy": shifted,
        "hardest": [
            {
                "index": int(i),
                "label": int(target[i]),
                "prediction": int(probabilities[i].argmax()),
                "probability": rounded(of_truth[i].item()),
                "probability_predicted": rounded(probabilities[i].max().item()),
            }
            for i in hardest
        ],
    }


def whole_mnist1d() -> Dataset:
    """MNIST-1D with nothing held out, as notebook 10.2 trains on it."""
    return datasets.mnist1d(validation=0)


_TEN, _FIVE = tuple(range(10)), tuple(range(5))
_HE = replace(NOTEBOOK_10_2, init="he")
_ALL = ("train", "validation", "test")  # notebook 10.5 prints test accuracy after each epoch

DEFINITIONS = (
    *(
        Definition(name, spec, recipe, data, _TEN, together=True)
        for name, spec, recipe, data in (
            ("mnist1d-cnn", SignalNetSpec(), NOTEBOOK_10_2, datasets.mnist1d),
            ("mnist1d-cnn-he", SignalNetSpec(), _HE, datasets.mnist1d),
            ("mnist1d-mlp", PerceptronSpec(), NOTEBOOK_10_2, datasets.mnist1d),
            # As the notebook does: all 4,000 signals train, nothing is held out.
            ("mnist1d-cnn-whole", SignalNetSpec(), NOTEBOOK_10_2, whole_mnist1d),
            ("mnist1d-mlp-whole", PerceptronSpec(), NOTEBOOK_10_2, whole_mnist1d),
        )
    ),
    *(
        Definition(name, spec, NOTEBOOK_10_5, datasets.mnist, _FIVE, _ALL, shifted_and_hardest)
        for name, spec in (
            ("mnist-cnn", DigitNetSpec()),
            # 21,851 parameters, the nearest to the convolutional network's 21,840.
            ("mnist-mlp", PerceptronSpec((784, 27, 17, 10))),
        )
    ),
)
# Of which networks the seed that is best on validation is stored, under which name.
STORED_MODELS: dict[str, tuple[str, ...]] = {
    "mnist1d-notebook": ("mnist1d-cnn",),
    "mnist-notebook": ("mnist-cnn",),
    "mnist-dense": ("mnist-mlp",),
}
