"""Numbers as Spanish writes them.

Every number that a reader sees passes through :func:`number`, so that the decimal comma, the
minus sign and the thousands space are the same in prose, tables and figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np
from num2words import num2words

NARROW_SPACE = "\u202f"  # separates thousands; does not break
MINUS = "\u2212"
NO_BREAK_SPACE = "\u00a0"


class Text(str):
    """Text for a page. Plain strings reach Quarto as Python writes them, ``'\\u202f'`` and all."""

    def _repr_markdown_(self) -> str:
        return re.sub(r"([\\`*_\[\]#|$~^<@])", r"\\\1", self)


def number(value: float | np.number, decimals: int | None = None) -> Text:
    """Write a number as Spanish typography wants it.

    Parameters
    ----------
    value: a finite number; integers keep no decimals.
    decimals: digits after the comma. ``None`` gives the shortest exact form.

    Returns
    -------
    For example ``"0,79"``, ``"\u22122,5"`` or ``"21\u202f840"``. Numbers of four digits are not
    separated (RAE, *Ortografía*, VIII 2.2.1.1).
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, np.number)):
        raise TypeError(f"number() writes real numbers, got {value!r}")
    plain: Any = value.item() if isinstance(value, np.generic) else value
    if not np.isfinite(plain):
        return Text("n. d.")  # "no definido": IoU of a class that is absent, for instance
    if decimals is None:
        text = np.format_float_positional(plain, trim="-")  # never in scientific notation
    else:
        text = f"{plain:.{decimals}f}"
    sign = MINUS if text.startswith("-") and float(text) != 0 else ""
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", NARROW_SPACE)
    return Text(sign + whole + ("," + fraction if fraction else ""))


def in_words(value: int) -> Text:
    """Write a small whole number as a word: ``30`` becomes ``"treinta"``.

    Raises ValueError for more than thirty, which Spanish writes in figures, and for numbers that
    end in one, whose word depends on the noun.
    """
    if not 0 <= value <= 30 or value in (1, 21):
        raise ValueError(f"{value} is no number that a page writes as a word: use number()")
    return Text(num2words(value, lang="es"))


def percent(fraction: float, decimals: int = 1) -> Text:
    """Write a fraction (0 to 1) as a percentage: ``0.914`` becomes ``"91,4 %"``."""
    return Text(number(100 * fraction, decimals) + NO_BREAK_SPACE + "%")


def mean_sd(values: Iterable[float], decimals: int = 2) -> Text:
    """Write mean and sample standard deviation: ``"90,5 ± 0,4"``."""
    values = np.asarray(list(values), dtype=float)
    if values.size < 2:
        raise ValueError(f"mean_sd() needs at least two values, got {values.size}")
    spread = number(values.std(ddof=1), decimals)
    mean = number(values.mean(), decimals)
    return Text(f"{mean}{NO_BREAK_SPACE}±{NO_BREAK_SPACE}{spread}")


def with_interval(
    middle: float, low: float, high: float, decimals: int = 3, sign: Callable[[Text], str] = str
) -> Text:
    """Write a value and its interval: ``"0,004 (de −0,003 a 0,011)"``; ``sign`` may be signed."""
    ends = f"de {number(low, decimals)} a {number(high, decimals)}"
    return Text(f"{sign(number(middle, decimals))} ({ends})")


def percent_mean_sd(fractions: Iterable[float], decimals: int = 1) -> Text:
    """Write mean and sample standard deviation of fractions in per cent: ``"90,5 ± 0,4 %"``."""
    written = mean_sd((100 * fraction for fraction in fractions), decimals)
    return Text(written + NO_BREAK_SPACE + "%")


def signed(text: Text | str) -> Text:
    """Write a change with its sign: ``"0,05"`` becomes ``"+0,05"``."""
    return Text(text if text.startswith(MINUS) or not text.strip("0,") else "+" + text)
