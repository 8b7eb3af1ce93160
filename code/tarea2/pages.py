"""What the pages need around the science: the figure style, tables and source listings."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Sized
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from matplotlib_inline.backend_inline import set_matplotlib_formats

from tarea2.plots import style
from tarea2.studies.claims import Scores
from tarea2.studies.comparisons import welch
from tarea2.typography import Text, mean_sd, number, percent, percent_mean_sd, with_interval


def setup() -> None:
    """Prepare a page: one thread, the figure style, vector and pixel versions of each figure."""
    # Pages are built side by side and their batches are small: more threads would wait for each
    # other. With one, no sum depends on how many cores the machine has.
    torch.set_num_threads(1)
    style.use()
    # bbox_inches=None keeps a figure at the size it was drawn, so that text in it is as large in
    # print as the style says.
    # Without the date, the same figure is the same file.
    set_matplotlib_formats("svg", "png", bbox_inches=None, metadata={"Date": None})


def values(runs: pd.DataFrame, name: str, field: str) -> np.ndarray:
    """One value per seed of a network, in the order of the seeds."""
    found = runs.loc[runs["name"] == name, field]
    if found.empty:
        raise ValueError(f"no run of {name!r}; there are: {', '.join(sorted(set(runs['name'])))}")
    return found.to_numpy()


def scores(
    runs: pd.DataFrame, field: str, decimals: int = 3, percent: bool = False
) -> Callable[[str], Text]:
    """What quotes a network by name: mean and deviation of a field over its seeds."""
    write = percent_mean_sd if percent else mean_sd
    return lambda name: write(values(runs, name, field), decimals)


def mean(of: Scores, name: str, decimals: int = 3) -> Text:
    """Quote the mean of a network over its seeds."""
    return number(of.mean(name), decimals)


def quote(of: Scores, name: str, decimals: int = 3) -> Text:
    """Quote mean and deviation of a network over its seeds, or the score of a single one."""
    found = of.values[name]
    return mean_sd(found, decimals) if len(found) > 1 else number(found[0], decimals)


def mean_percent(of: Scores, name: str, decimals: int = 1) -> Text:
    """Quote the mean of a network over its seeds, for a field that is a fraction."""
    return percent(of.mean(name), decimals)


def difference(of: Scores, name: str, other: str, decimals: int = 3) -> Text:
    """Quote how much higher the mean of one network is than that of another."""
    return number(of.mean(name) - of.mean(other), decimals)


def gain(of: Scores, name: str, other: str, decimals: int = 3) -> Text:
    """Quote how much higher one network scores than another, with the interval over seeds."""
    found = welch(of.values[other], of.values[name])
    return with_interval(found.mean, found.low, found.high, decimals)


def ratio(of: Scores, name: str, other: str, decimals: int = 1) -> Text:
    """Quote how many times as high the mean of one network is as that of another."""
    return number(of.mean(name) / of.mean(other), decimals)


def count(things: Sized, write: Callable[[int], Text] = number) -> Text:
    """Quote how many there are, in figures or through :func:`typography.in_words`."""
    return write(len(things))


def listed(values: Iterable[object]) -> Text:
    """Write values one after another, with commas between."""
    return Text(", ".join(map(str, values)))


def matrix(values: np.ndarray) -> Markdown:
    """Typeset a matrix ``(rows, columns)`` of numbers or of formulas, inside of mathematics."""
    rows = [
        " & ".join(
            value if isinstance(value, str) else number(value).replace(",", "{,}") for value in row
        )
        for row in np.asarray(values, dtype=object)
    ]
    return Markdown(r"\begin{bmatrix} " + r" \\ ".join(rows) + r" \end{bmatrix}")


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
    for index, (letter, name) in enumerate(zip(letters, names, strict=True)):
        width = max([len(row[index]) for row in rows] + [len(word) for word in name.split()])
        rules.append(":" * (letter != "r") + "-" * max(width, 3) + ":" * (letter != "l"))
    return Markdown("\n".join("| " + " | ".join(line) + " |" for line in [names, rules, *rows]))


def source(*objects: Callable | type, docstring: bool = False, fold: str = "") -> Markdown:
    """Show the source of functions or classes of this package as highlighted code.

    The page prints what runs, so that it cannot drift away from the package. The docstring is
    left out unless asked for: the page around says the same in Spanish. With ``fold``, a few words
    that name it, the code is folded away on the screen and left out of the PDF.
    """
    language = "python"
    if fold:
        language = f'{{.python .cell-code code-fold="true" code-summary="{fold}"}}'
    blocks = []
    for item in map(inspect.unwrap, objects):
        code = textwrap.dedent(inspect.getsource(item)).rstrip()
        code = code if docstring else _without_docstring(code)
        code = code.replace("  # fmt: skip", "")  # a note to the formatter, not to the reader
        path = Path(inspect.getsourcefile(item) or "")
        where = "/".join(path.parts[path.parts.index("code") :]) if "code" in path.parts else path
        blocks.append(f"```{language}\n# {where}\n{code}\n```")
    return Markdown("\n\n".join(blocks))


def source_link(item: Callable | type) -> Markdown:
    """Link to the line of the site's source pages where a function or class of this package starts.

    For pages in the site's root.
    """
    item = inspect.unwrap(item)  # of its decorators
    path = Path(inspect.getsourcefile(item) or "")
    where = Path(*path.parts[path.parts.index("tarea2") :])
    lines, line = inspect.getsourcelines(item)
    line += next(n for n, text in enumerate(lines) if text.startswith(("def ", "class ")))
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
