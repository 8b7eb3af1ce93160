"""Give Quarto the cells as they came out, so that it executes nothing by itself.

Quarto's freezer holds what an engine made of a page: ``_freeze/<page>/execute-results/<form>.json``
with the Markdown and a hash of the page, and the pictures beside it. With ``freeze: auto`` a render
of the project takes it where the hash is that of the page. The files are written anew before each
render from executions that are current (:mod:`publish.execute`), so that they are never stale,
whatever changed: the page, the package, data or versions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import quote

from publish import execute, outputs, render
from publish.files import write_atomically
from publish.page import Page
from publish.project import Project, PublishError, read_text

# Quarto's format -> the name of its frozen result, and the kind of output that it shows.
FORMS = {"html": ("html", "html"), "typst": ("typ", "typst"), "ipynb": ("ipynb", "typst")}


def execute_all(
    pages: list[Page], project: Project, force: bool = False, jobs: int = 2
) -> dict[str, execute.Execution]:
    """Execute the pages side by side, each once; the errors of all of them in one report."""
    made, errors = {}, []
    with (
        execute.forkserver(execute.waiting(pages, project, force), project) as forkserver,
        ThreadPoolExecutor(max(1, min(jobs, len(pages)))) as pool,
    ):
        tasks = {pool.submit(execute.run, page, project, force, forkserver): page for page in pages}
        for task in as_completed(tasks):
            try:
                made[tasks[task].path] = task.result()
            except PublishError as error:
                errors.append(str(error))
    if errors:
        raise PublishError("\n".join(sorted(errors)))
    return made


def write(
    pages: Iterable[Page], executions: dict[str, execute.Execution], project: Project, root: Path
) -> None:
    """Write the frozen results of pages below ``root``, where Quarto renders them."""
    for page in pages:
        folder = root / "_freeze" / page.stem
        shutil.rmtree(folder, ignore_errors=True)
        # Quarto hashes the text as it reads it: without a byte order mark, with plain line ends.
        text = read_text(project.root / page.path, page.path)
        for form, (name, _) in FORMS.items():
            result = {
                "engine": "jupyter",
                "markdown": _front_matter(text) + body(page, executions, project, form, folder),
                "supporting": [f"{Path(page.stem).name}_files"],
                "filters": [],
                "includes": {},
            }
            frozen = {"hash": hashlib.md5(text.encode()).hexdigest(), "result": result}
            path = folder / "execute-results" / f"{name}.json"
            write_atomically(path, json.dumps(frozen, ensure_ascii=False, indent=2))


def body(
    page: Page,
    executions: dict[str, execute.Execution],
    project: Project,
    form: str,
    folder: Path,
) -> str:
    """A page in the Markdown that Quarto's Jupyter engine writes; pictures go to ``folder``."""
    shown = FORMS[form][1]
    defaults = render.defaults(page, project, form)

    def save(name: str, content: bytes) -> str:
        write_atomically(folder / f"figure-{form}" / name, content)
        return quote(f"{Path(page.stem).name}_files/figure-{form}/{name}")

    parts = []
    for index, cell in enumerate(executions[page.path].notebook.cells):
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
    table = f" tbl-cap={_quoted(options['tbl-cap'])}" if options.get("tbl-cap") else ""
    return f"::::: {{{name}.cell{table}}}\n" + "\n\n".join(blocks) + "\n:::::"


def _classes(output) -> str:
    if output.output_type == "stream":
        return f".cell-output .cell-output-{output.name}"
    markdown = " .cell-output-markdown" if "text/markdown" in output.get("data", {}) else ""
    return ".cell-output .cell-output-display" + markdown


def _quoted(text: object) -> str:
    return '"' + str(text).strip().replace("\\", "\\\\").replace('"', '\\"') + '"'


def _front_matter(text: str) -> str:
    return text[: text.index("\n---", 3) + 4].rstrip() + "\n\n"
