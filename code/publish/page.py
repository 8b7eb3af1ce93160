"""Read a page and check that it keeps to what both engines understand.

A page is a Quarto Markdown file: YAML front matter, prose, and ``{python}`` cells with ``#|``
options. jupytext splits it; everything outside the portable subset is refused with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import jupytext
import yaml

from publish.project import ROOT, PublishError, read_text

CELL_OPTIONS = {
    "label", "fig-cap", "fig-alt", "tbl-cap", "echo", "eval", "output", "warning",
    "code-fold", "code-summary",
}  # fmt: skip
FRONT_MATTER = {
    "title", "subtitle", "description", "jupyter", "toc", "format", "number-sections", "colab",
}  # fmt: skip
DIV_CLASSES = {
    "callout-note", "callout-tip", "callout-warning", "callout-important", "content-visible",
    "full-width", "wide", "floating", "glossary", "abstract", "answer", "findings", "doors",
    "pieces",
}  # fmt: skip
# The same pattern as Quarto's Jupyter engine.
INLINE = re.compile(r"(?P<before>^|[^`])`\{python\}[ \t](?P<code>[^`]+)`", re.MULTILINE)
UNFINISHED = re.compile(r"(?<!`)`\{python\}")
LABEL = re.compile(r"(fig|tbl|eq|sec)-[a-z0-9-]+")

_REFUSED = [
    (re.compile(r"\{\{<"), "shortcodes are not portable; write the text itself"),
    (re.compile(r"^(```+|~~~+)\s*\{=\w+\}"), "raw blocks are not portable; use Markdown"),
    (re.compile(r"`\{=\w+\}"), "raw inlines are not portable; use Markdown"),
    (re.compile(r"</?[a-zA-Z][^<>@:]*>|<!--"), "raw HTML is not portable; use Markdown"),
    (re.compile(r"^(```+|~~~+)\s*\{(?!python\b)\w+"), "only {python} cells are executed"),
    (re.compile(r"^(```+|~~~+)\s*\{python[^}]+\}"), "cell options go into #| lines"),
    # Quarto runs some of these and shows others as text, and not the same ones in each version.
    (
        re.compile(r"^(?!```+\{python\}\s*$)(\s|>|[-*+]\s|\d+[.)]\s)*(```+|~~~+)\s*\{\s*python\b"),
        "a cell starts with ```{python} at the beginning of a line",
    ),
    (re.compile(r"^#\s"), "the title is the only first-level heading; start at ##"),
]


class PageError(PublishError):
    """A mistake in a page, with the place where it stands."""

    def __init__(self, page: str, line: int, message: str):
        super().__init__(page, line, message)  # as given, so that it can cross processes

    def __str__(self) -> str:
        page, line, message = self.args
        return f"{page}:{line}: {message}"


@dataclass
class Cell:
    """A piece of a page: prose (``kind == "markdown"``) or code, with its first line's number."""

    kind: str
    source: str
    line: int
    options: dict = field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.options.get("label", "")

    @cached_property
    def code(self) -> str:
        """The source without its ``#|`` lines."""
        lines = self.source.splitlines()
        return "\n".join(line for line in lines if not line.startswith("#|")).strip("\n")

    @cached_property
    def inline(self) -> list[str]:
        """Expressions of the inline code in prose."""
        return [match["code"].strip() for match in INLINE.finditer(self.source)]


@dataclass
class Page:
    """One ``.qmd`` file, read and checked; ``path`` is relative to the project."""

    path: str
    metadata: dict
    cells: list[Cell]

    @property
    def stem(self) -> str:
        return self.path.removesuffix(".qmd")

    def line_of(self, text: str) -> int:
        """The line where a text stands first, in prose before code; 1 if nowhere."""
        for cell in sorted(self.cells, key=lambda cell: cell.kind == "code"):
            found = re.search(re.escape(text) + r"(?![\w-])", cell.source)
            if found:
                return cell.line + cell.source.count("\n", 0, found.start())
        return 1

    @property
    def depth(self) -> int:
        return self.path.count("/")


def read(path: str, root: Path) -> Page:
    """Read and check one page; raises :class:`PageError` for anything that is not portable."""
    text = read_text(root / path, path)
    metadata, body_start = _front_matter(path, text)
    body = text[body_start:]
    first_line = text.count("\n", 0, body_start) + 1
    cells, position = [], 0
    for raw in jupytext.reads(body, fmt="Rmd").cells:
        source = raw.source.strip("\n")
        position = body.index(source, position)
        line = first_line + body.count("\n", 0, position)
        position += len(source)
        if raw.cell_type == "code":
            cells.append(Cell("code", source, line, _options(path, line, source)))
        elif source:
            cells.append(Cell("markdown", source, line))
    _check_prose(path, first_line, body)
    _check_labels(path, cells)
    return Page(path, metadata, cells)


def _front_matter(path: str, text: str) -> tuple[dict, int]:
    match = re.match(r"---\n(.*?)\n---[ \t]*\n", text, re.DOTALL)
    if not match:
        raise PageError(path, 1, "a page starts with YAML front matter between two --- lines")
    try:
        metadata = yaml.safe_load(match[1]) or {}
    except yaml.YAMLError as error:
        line = error.problem_mark.line + 2 if getattr(error, "problem_mark", None) else 1
        raise PageError(path, line, f"front matter is not valid YAML: {error.problem}") from None
    for key in metadata:
        if key not in FRONT_MATTER:
            raise PageError(path, 1, f"front matter has {key!r}; allowed: {_list(FRONT_MATTER)}")
    if not metadata.get("title"):
        raise PageError(path, 1, "front matter needs a title")
    return metadata, match.end()


def _options(path: str, line: int, source: str) -> dict:
    rows = []
    for row in source.splitlines():
        if not row.startswith("#|"):
            break
        rows.append(row[2:].removeprefix(" "))
    try:
        options = yaml.safe_load("\n".join(rows)) or {}
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", "") or error
        raise PageError(path, line, f"cell options are not valid YAML: {problem}") from None
    if not isinstance(options, dict):
        raise PageError(path, line, "cell options are written as `#| name: value`")
    for name in options:
        if name not in CELL_OPTIONS:
            raise PageError(path, line, f"cell option {name!r}; allowed: {_list(CELL_OPTIONS)}")
    label = options.get("label", "")
    if not isinstance(label, str):
        raise PageError(path, line, f"label: {label} is no name; write a word, such as fig-{label}")
    if label.startswith("fig-") and not (options.get("fig-cap") and options.get("fig-alt")):
        raise PageError(path, line, f"figure {label} needs fig-cap and fig-alt")
    if label.startswith("tbl-") and not options.get("tbl-cap"):
        raise PageError(path, line, f"table {label} needs tbl-cap")
    if options.get("fig-cap") and not label.startswith("fig-"):
        raise PageError(path, line, "a cell with fig-cap needs a label that starts with fig-")
    if options.get("tbl-cap") and not label.startswith("tbl-"):
        raise PageError(path, line, "a cell with tbl-cap needs a label that starts with tbl-")
    return options


def prose_lines(body: str) -> list[tuple[int, str]]:
    """(line index, text) of every line outside fenced code; fence lines themselves included."""
    lines, fence = [], ""
    for index, row in enumerate(body.splitlines()):
        mark = re.match(r"\s*(```+|~~~+)", row)
        if mark and not fence:
            fence = mark[1]
            lines.append((index, row))
        elif mark and row.strip() == fence[0] * len(row.strip()) and len(mark[1]) >= len(fence):
            fence = ""
        elif not fence:
            lines.append((index, row))
    return lines


def _check_prose(path: str, first_line: int, body: str) -> None:
    depth = 0
    for index, row in prose_lines(body):
        line = first_line + index
        # Code in backticks and mathematics may show anything.
        bare = re.sub(r"`\{=\w+\}", "RAW", re.sub(r"(?<!`)`[^`]+`(?!\{=)|\$[^$]+\$", "", row))
        bare = re.sub(r"\]\(<[^<>]*>", "](", bare)  # a target with spaces
        for pattern, reason in _REFUSED:
            if pattern.search(bare.replace("RAW", "`{=raw}")):
                raise PageError(path, line, f"{reason}: {row.strip()[:60]}")
        opened = re.match(r"\s*(:::+)\s*(\S.*)?$", row)
        if opened and opened[2]:
            depth += 1
            classes = re.findall(r"\.([\w-]+)", re.sub(r'"[^"]*"', "", opened[2]))
            name = re.search(r"#((?:fig|tbl)-[\w-]+)", opened[2])
            unknown = [item for item in classes if item not in DIV_CLASSES | _pieces()]
            if unknown or not (classes or name):
                allowed = _list(DIV_CLASSES | _pieces())
                raise PageError(path, line, f"Div {opened[2].strip()}; allowed: {allowed}")
        elif opened:
            depth -= 1
        if UNFINISHED.search(bare):
            raise PageError(path, line, f"inline code is not closed with `: {row.strip()[:60]}")
        if depth < 0:
            raise PageError(path, line, "::: closes a Div that was not opened")
    if depth:
        last = first_line + body.rstrip().count("\n")
        raise PageError(path, last, "a Div opened with ::: is not closed")


@cache
def _pieces() -> set[str]:
    """Classes of the interactive pieces, one for each script that defines an element."""
    scripts = (ROOT / "theme" / "widgets").glob("*.js")
    defined = [re.search(r'tarea\.define\("([\w-]+)"', path.read_text("utf-8")) for path in scripts]
    return {f"tarea-{found[1]}" for found in defined if found}


def _check_labels(path: str, cells: list[Cell]) -> None:
    seen: set[str] = set()
    for cell in cells:
        found = (
            [cell.label]
            if cell.kind == "code" and cell.label
            else re.findall(r"\{#([\w-]+)", cell.source)
            if cell.kind == "markdown"
            else []
        )
        for label in found:
            if label in seen:
                raise PageError(path, cell.line, f"label {label} is used twice")
            if re.match(r"(fig|tbl|eq|sec)-", label) and not LABEL.fullmatch(label):
                raise PageError(path, cell.line, f"label {label}: use a-z, 0-9 and hyphens")
            seen.add(label)


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))
