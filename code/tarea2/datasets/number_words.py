"""Whole numbers and their names in Spanish, as sequences of tokens.

``num2words`` makes the pairs. It writes "veintiuno mil"; before "mil" the numeral is shortened,
"veintiún mil" and "treinta y un mil" (RAE, *Ortografía*, VIII 2.1), and that is put right here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tarea2.datasets.split import SPLIT_SEED, Dataset, Split

LARGEST = 99_999
DIGITS = len(str(LARGEST))
BLANK = 10  # stands where a number has no digit
PAD, START, END = 0, 1, 2
SHORT = 10_000  # below it a number has fewer digits than the longest
LONG = 20_000  # so many of the longest numbers stand there
REPEATED = 6  # how often a number of one to three digits stands in the data for use


@cache
def words(number: int) -> str:
    """The name of a number from 0 to 99,999: ``words(21_000)`` is ``"veintiún mil"``."""
    from num2words import num2words

    if not 0 <= number <= LARGEST:
        raise ValueError(f"number is {number}, expected 0 to {LARGEST}")
    text = num2words(number, lang="es")
    return re.sub(r"\bveintiuno mil\b", "veintiún mil", re.sub(r"\by uno mil\b", "y un mil", text))


@cache
def vocabulary() -> tuple[str, ...]:
    """All tokens: padding, start, end, and each word that a name can hold, in order."""
    pieces = [*range(100), *range(100, 1000, 100), 101, 1000, 21_000, 31_000]
    found = {word for number in pieces for word in words(number).split()}
    return ("", "<", ">", *sorted(found))


@cache
def longest() -> int:
    """Tokens of the longest name, start and end included."""
    # Hundreds, tens, "y" and units twice, and "mil" between them; 99,999 has them all.
    return len(words(LARGEST).split()) + 2


def parse(text: str) -> int:
    """The number in a text; raises ValueError with what is wrong with it."""
    clean = text.strip()
    if re.fullmatch(r"-\d+", clean):
        raise ValueError(f"{clean} is negative; expected a whole number from 0 to {LARGEST}")
    if not re.fullmatch(r"[0-9]+", clean):
        raise ValueError(f"{text!r} is not a whole number in digits, 0 to {LARGEST}")
    if len(clean.lstrip("0")) > DIGITS:
        raise ValueError(f"{clean} has more than {DIGITS} digits; expected 0 to {LARGEST}")
    return int(clean)


def encode_numbers(numbers: Sequence[int]) -> Tensor:
    """Digits of numbers ``(n, 5)``, blanks in front."""
    rows = [[BLANK] * (DIGITS - len(str(n))) + [int(c) for c in str(n)] for n in numbers]
    return torch.tensor(rows)


def number_of(digits: Tensor) -> int:
    """The number that a row of :func:`encode_numbers` stands for."""
    return int("".join(str(int(d)) for d in digits if d != BLANK))


def encode_words(texts: Sequence[str]) -> Tensor:
    """Tokens of names ``(n, longest)``: start, words, end, padding."""
    index = {word: i for i, word in enumerate(vocabulary())}
    rows = []
    for text in texts:
        tokens = [START, *(index[word] for word in text.split()), END]
        rows.append(tokens + [PAD] * (longest() - len(tokens)))
    return torch.tensor(rows)


def decode_words(tokens: Tensor) -> list[str]:
    """The names that rows of tokens ``(n, T)`` spell, up to the first end."""
    found = []
    for row in tokens.tolist():
        end = row.index(END) if END in row else len(row)
        found.append(" ".join(vocabulary()[t] for t in row[:end] if t not in (PAD, START)))
    return found


@cache
def numbers(train: int = 20_000, validation: int = 2_000, test: int = 5_000) -> Dataset:
    """Whole numbers below 100,000 and their names in Spanish, drawn at random, none twice.

    ``x`` holds digits ``(n, 5)``, ``y`` the tokens of the name ``(n, T)``.
    """
    order = np.random.default_rng(SPLIT_SEED).permutation(LARGEST + 1)
    ends = np.cumsum([validation, test, train])  # the first two are the same for any ``train``
    held_out, exam, kept = map(_pairs, np.split(order[: ends[-1]], ends[:-1]))
    return Dataset("numbers", len(vocabulary()), kept, held_out, exam)


@cache
def numbers_for_use(train: int = LONG, validation: int = 2_000, test: int = 20_000) -> Dataset:
    """What a number writer for everyday use learns from: every short number, many long ones.

    Of 100,000 numbers only 1,000 have fewer than four digits, and these are the ones that people
    ask for. All numbers below 10,000 train, those below 1,000 :data:`REPEATED` times; of the
    longer ones ``train``, and validation and test are other long ones. Form as in
    :func:`numbers`.
    """
    order = SHORT + np.random.default_rng(SPLIT_SEED).permutation(LARGEST + 1 - SHORT)
    ends = np.cumsum([validation, test, train])
    held_out, exam, long = np.split(order[: ends[-1]], ends[:-1])
    often = np.tile(np.arange(1000), REPEATED - 1)
    kept = np.concatenate([np.arange(SHORT), often, long])
    return Dataset(
        "numbers-for-use", len(vocabulary()), _pairs(kept), _pairs(held_out), _pairs(exam)
    )


def _pairs(chosen: np.ndarray) -> Split:
    names = [words(int(n)) for n in chosen]
    return Split(encode_numbers(chosen.tolist()), encode_words(names))
