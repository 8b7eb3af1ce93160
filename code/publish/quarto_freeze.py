"""Give Quarto the cells as they came out, so that it executes nothing by itself.

Quarto's freezer holds what an engine made of a page: ``_freeze/<page>/execute-results/<form>.json``
with the Markdown and a hash of the page, and the pictures beside it. With ``freeze: auto`` a render
of the project takes it where the hash is that of the page. The files are written anew before each
render from executions that are current (:mod:`publish.execution`), so that they are never stale,
whatever changed: the page, the package, data or versions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from publish import outputs, render
from publish.execution import Execution
from publish.files import write_atomically
from publish.page import Page
from publish.project import read_text

# Quarto's format -> the name of its frozen result, and the kind of output that it shows.
FORMS = {"html": ("html", "html"), "typst": ("typ", "typst"), "ipynb": ("ipynb", "typst")}


def write(executions: Iterable[Execution], root: Path) -> None:
    """Write the frozen results of executed pages below ``root``, where Quarto renders them."""
    for execution in executions:
        page, project = execution.page, execution.project
        folder = root / "_freeze" / page.stem
        shutil.rmtree(folder, ignore_errors=True)
        # Quarto hashes the text as it reads it: without a byte order mark, with plain line ends.
        text = read_text(project.root / page.path, page.path)
        for form, (name, _) in FORMS.items():
            result = {
                "engine": "jupyter",
                "markdown": _front_matter(text) + body(execution, form, folder),
                "supporting": [f"{Path(page.stem).name}_files"],
                "filters": [],
                "includes": {},
            }
            frozen = {"hash": hashlib.md5(text.encode()).hexdigest(), "result": result}
            path = folder / "execute-results" / f"{name}.json"
            write_atomically(path, json.dumps(frozen, ensure_ascii=False, indent=2))


def body(execution: Execution, form: str, folder: Path) -> str:
    """A page in the Markdown that Quarto's Jupyter engine writes; pictures go to ``folder``."""
    page, shown = execution.page, FORMS[form][1]
    defaults = render.defaults(page, execution.project, form)

    def save(name: str, content: bytes) -> str:
        write_atomically(folder / f"figure-{form}" / name, content)
        return quote(f"{Path(page.stem).name}_files/figure-{form}/{name}")

    parts = []
    for index, cell in enumerate(execution.notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts.append(_cell(page, cell, index, defaults | cell.metadata.options, shown, save))
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(
    page: Page, cell, index: int, options: dict, shown: str, write: outputs.WriteImage
) -> str:
    label, caption = str(options.get("label", "")), options.get("fig-cap")
    blocks = []
    if options.get("echo", True) and cell.source:
        blocks.append(render.code_block(cell.source, options))
    found = []
    for number, output in enumerate(cell.outputs if options.get("output", True) else [], 1):
        name = f"{outputs.file_stem(options, index)}-output-{number}"
        text = outputs.markdown(output, page, cell, name, shown, write)
        if text:
            found.append((_classes(output), text))
    if caption and len(found) == 1 and found[0][1].startswith("![]("):
        # As Quarto writes it: the label is the picture's.
        classes, text = found[0]
        source, _, attributes = text.removeprefix("![](").partition(")")
        attributes = attributes.strip("{}").replace("alt=", "fig-alt=", 1)
        picture = f"![{str(caption).strip()}]({source}){{#{label} {attributes}}}"
        found, caption = [(classes, picture)], None
    blocks += [f"::: {{{classes}}}\n{text}\n:::" for classes, text in found]
    if not blocks:
        return ""
    if caption:
        blocks = [f":::: {{#{label}}}\n" + "\n\n".join([*blocks, str(caption).strip()]) + "\n::::"]
    name = "" if not label else f"#{label} " if label.startswith("tbl-") else f"#cell-{label} "
    table = f" tbl-cap={outputs.quoted(options['tbl-cap'])}" if options.get("tbl-cap") else ""
    return f"::::: {{{name}.cell{table}}}\n" + "\n\n".join(blocks) + "\n:::::"


def _classes(output) -> str:
    if output.output_type == "stream":
        return f".cell-output .cell-output-{output.name}"
    markdown = " .cell-output-markdown" if "text/markdown" in output.get("data", {}) else ""
    return ".cell-output .cell-output-display" + markdown


def _front_matter(text: str) -> str:
    return text[: text.index("\n---", 3) + 4].rstrip() + "\n\n"
