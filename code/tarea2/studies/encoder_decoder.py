"""The three losses of the encoder-decoder chapter, trained: codes of digits, names of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from tarea2 import datasets
from tarea2.datasets import Dataset, number_words
from tarea2.evaluation import Evaluation
from tarea2.models import AutoencoderSpec, NumberWriterSpec
from tarea2.studies.definition import Definition, rounded
from tarea2.training import Recipe

LATENTS = (2, 4, 8, 16, 32)
PAIRS = (500, 1000, 2000, 5000, 20_000)  # numbers to learn from
SEEN = 240_000  # pairs that each number writer sees, however often each of them
THREE = tuple(range(3))

RECONSTRUCTION = Recipe(epochs=200, batch_size=64, lr=5e-3, optimiser="adamw", schedule="one-cycle")


def _sequences(pairs: int) -> Recipe:
    return Recipe(
        epochs=SEEN // pairs, batch_size=125, lr=4e-3, optimiser="adamw", weight_decay=0.01,
        schedule="one-cycle",
    )  # fmt: skip


# Kinds of numbers whose names ask for something special; a number may be of several.
KINDS: dict[str, Callable[[int], bool]] = {
    "short": lambda n: n < 10_000,
    "un mil": lambda n: n // 1000 % 10 == 1 and n // 1000 not in (1, 11),
    "irregular hundreds": lambda n: n // 100 % 10 in (5, 7, 9),
    "a zero": lambda n: "0" in str(n),
    "none of these": lambda n: not any(is_so(n) for is_so in list(KINDS.values())[:-1]),
}


def _mistakes(
    model: Any, dataset: Dataset, evaluations: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """The test numbers that greedy decoding writes wrongly, and what beams make of them."""
    test = dataset.test
    written = number_words.decode_words(model.greedy(test.x))
    truth = number_words.decode_words(test.y)
    wrong = [i for i, (a, b) in enumerate(zip(written, truth, strict=True)) if a != b]
    beams = number_words.decode_words(model.beam(test.x[wrong])[0]) if wrong else []
    return {
        "greedy_error": rounded(len(wrong) / len(truth)),
        "beam_rescued": sum(b == truth[i] for b, i in zip(beams, wrong, strict=True)),
        "mistakes": [
            {"truth": truth[i], "greedy": written[i], "beam": b}
            for b, i in zip(beams[:40], wrong, strict=False)
        ],
    }


def _by_digits(
    model: Any, dataset: Dataset, evaluations: Mapping[str, Evaluation]
) -> dict[str, Any]:
    """Share of right names, as ``tarea2 predict numbers`` writes them, by number of digits.

    Of every number below 10,000, and of the longer ones in the test split.
    """
    numbers = [*range(number_words.SHORT), *map(number_words.number_of, dataset.test.x)]
    names = number_words.decode_words(model.beam(number_words.encode_numbers(numbers))[0])
    right: dict[int, list[bool]] = {}
    for n, name in zip(numbers, names, strict=True):
        right.setdefault(len(str(n)), []).append(name == number_words.words(n))
    return {
        "right_by_digits": {str(k): rounded(sum(v) / len(v)) for k, v in right.items()},
        "asked_by_digits": {str(k): len(v) for k, v in right.items()},
        "wrong": [
            {"number": n, "written": name}
            for n, name in zip(numbers, names, strict=True)
            if name != number_words.words(n)
        ][:40],
    }


FOR_USE = replace(_sequences(PAIRS[-1]), epochs=8)
DEFINITIONS = (
    *(
        Definition(
            f"autoencoder-{latent}", AutoencoderSpec(latent), RECONSTRUCTION, datasets.digits, THREE
        )
        for latent in LATENTS
    ),
    *(
        Definition(
            f"numbers-{pairs}", NumberWriterSpec(), _sequences(pairs),
            partial(datasets.numbers, pairs), THREE, eval_splits=("validation",), extra=_mistakes,
        )
        for pairs in PAIRS
    ),
    # What `tarea2 predict numbers` uses: it has seen every short number.
    Definition(
        "numbers-for-use", NumberWriterSpec(), FOR_USE, datasets.numbers_for_use, THREE,
        eval_splits=("validation",), extra=_by_digits,
    ),
    # A third of the weights and three times the steps: small enough to travel with a page.
    Definition(
        "numbers-compact", NumberWriterSpec(hidden=64), replace(FOR_USE, epochs=24),
        datasets.numbers_for_use, (0,), eval_splits=("validation",), extra=_mistakes,
    ),
)  # fmt: skip
STORED_MODELS: dict[str, tuple[str, ...]] = {
    "autoencoder-2": ("autoencoder-2",),
    "autoencoder-8": ("autoencoder-8",),
    "numbers": ("numbers-for-use",),
    "numbers-compact": ("numbers-compact",),
}
