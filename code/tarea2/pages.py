"""What the pages need around the science: numbers, tables and source listings in Spanish.

Every number that a reader sees passes through :func:`number`, so that the decimal comma, the
minus sign and the thousands space are the same in prose, tables and figures.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

NARROW_SPACE = "\u202f"  # separates thousands; does not break
MINUS = "\u2212"
NO_BREAK_SPACE = "\u00a0"


class Text(str):
    """Text for a page. Plain strings reach Quarto as Python writes them, ``'\\u202f'`` and all."""

    def _repr_markdown_(self) -> str:
        return re.sub(r"([\\`*_\[\]#|$~^<@])", r"\\\1", self)


def setup() -> None:
    """Prepare a page: the figure style, and vector and pixel versions of each figure."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    from tarea2.plots import style

    style.use()
    # bbox_inches=None keeps a figure at the size it was drawn, so that text in it is as large in
    # print as the style says.
    # Without the date, the same figure is the same file.
    set_matplotlib_formats("svg", "png", bbox_inches=None, metadata={"Date": None})


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


def table(
    frame: pd.DataFrame,
    decimals: int | dict[str, int] | None = None,
    align: str | None = None,
) -> Markdown:
    """Turn a data frame into a Markdown table; the index is not shown.

    Parameters
    ----------
    frame: one row per line; strings are shown as they are, numbers through :func:`number`.
    decimals: for all numeric columns, or per column name.
    align: one letter ``l``, ``c`` or ``r`` per column; numbers go right by default.
    """
    per_column = decimals if isinstance(decimals, dict) else {}
    default = None if isinstance(decimals, dict) else decimals
    numeric = [pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]
    letters = align or "".join("r" if is_number else "l" for is_number in numeric)
    if len(letters) != frame.shape[1] or set(letters) - set("lcr"):
        raise ValueError(
            f"align must hold one of l, c, r for each of {frame.shape[1]} columns, got {letters!r}"
        )

    def cell(value: object, column: str) -> str:
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            places = per_column.get(column, default)
            whole = isinstance(value, (int, np.integer))
            return number(value, None if whole else places)
        return str(value).replace("|", r"\|")

    names = list(map(str, frame.columns))
    rows = [
        [cell(value, column) for value, column in zip(row, frame.columns, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    # Of a table wider than 72 characters pandoc gives each column the share of its dashes: as
    # much as its longest cell, or the longest word of its name.
    rules = []
    for place, (letter, name) in enumerate(zip(letters, names, strict=True)):
        width = max([len(row[place]) for row in rows] + [len(word) for word in name.split()])
        rules.append(":" * (letter != "r") + "-" * max(width, 3) + ":" * (letter != "l"))
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in [names, rules, *rows]))


def source(*objects: Callable | type, docstring: bool = False) -> Markdown:
    """Show the source of functions or classes of this package as highlighted code.

    The page prints what runs, so that it cannot drift away from the package. The docstring is
    left out unless asked for: the page around says the same in Spanish.
    """
    blocks = []
    for item in objects:
        code = textwrap.dedent(inspect.getsource(item)).rstrip()
        code = code if docstring else _without_docstring(code)
        code = code.replace("  # fmt: skip", "")  # a note to the formatter, not to the reader
        path = Path(inspect.getsourcefile(item) or "")
        where = "/".join(path.parts[path.parts.index("code") :]) if "code" in path.parts else path
        blocks.append(f"```python\n# {where}\n{code}\n```")
    return Markdown("\n\n".join(blocks))


def source_link(item: Callable | type) -> Markdown:
    """Link to the line of the site's source pages where a function or class of this package starts.

    For pages in the site's root.
    """
    path = Path(inspect.getsourcefile(item) or "")
    where = Path(*path.parts[path.parts.index("tarea2") :])
    line = inspect.getsourcelines(item)[1]
    address = f"code/{where.with_suffix('.html').as_posix()}#linea-{line}"
    return Markdown(f"[`{where.stem}.{item.__name__}`]({address})")


def _without_docstring(code: str) -> str:
    definition = ast.parse(code).body[0]
    if not (
        isinstance(definition, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(definition)
    ):
        return code
    first = definition.body[0]
    lines = code.splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])
