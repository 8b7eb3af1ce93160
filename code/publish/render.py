"""Turn an executed page into HTML, PDF and a notebook with pandoc and Typst."""

from __future__ import annotations

import base64
import datetime
import json
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pypandoc
import typst
from babel.dates import format_date

from publish.execute import write_atomically
from publish.page import Page
from publish.project import Project, PublishError

PANDOC_MARKDOWN = "markdown-auto_identifiers+gfm_auto_identifiers"
FILTERS = Path(__file__).parent

# Which form of an output a format shows, best first.
PREFERENCE = {
    "html": ("text/markdown", "image/svg+xml", "image/png", "text/plain"),
    "typst": ("text/markdown", "image/svg+xml", "image/png", "text/plain"),
}
CODE_BLOCK = "block(fill: bgcolor, width: 100%, inset: 8pt, radius: 2pt, blocks)"
SUFFIX = {"image/svg+xml": "svg", "image/png": "png"}


def html(page: Page, notebook, project: Project, folder: Path, site: dict) -> None:
    """Write ``folder/<page>.html`` and its images; ``site`` holds navigation for the template."""
    target = folder / f"{page.stem}.html"
    images = folder / f"{page.stem}_files"
    defaults = _defaults(page, project, "html")
    markdown = assemble(notebook, "html", _image_writer(images, target.parent), defaults)
    metadata = _metadata(page, project, "html") | site
    text = _pandoc(
        page, project, markdown, "html5", metadata,
        ["--mathml", "--template", str(project.root / "theme" / "site" / "page.html")]
        + (["--toc", "--toc-depth=3"] if metadata.get("toc") else []),
    )  # fmt: skip
    # Links between pages are written to the sources; each format leads to its own kind.
    text = re.sub(r'(href="[^":]+)\.qmd([#"])', r"\1.html\2", text)
    write_atomically(target, text)


def pdf(page: Page, notebook, project: Project, folder: Path) -> None:
    """Write ``folder/<page>.pdf``."""
    work = project.cache / "typst" / page.stem.replace("/", "--")
    defaults = _defaults(page, project, "typst")
    markdown = assemble(notebook, "typst", _image_writer(work, work), defaults)
    metadata = _metadata(page, project, "typst")
    text = _pandoc(
        page, project, markdown, "typst-citations", metadata,
        ["--template", str(project.root / "theme" / "typst" / "builtin.typ")],
    )  # fmt: skip
    text = re.sub(r'(#link\("[^":]+)\.qmd(?:#[\w-]+)?"', r'\1.pdf"', text)
    # As Quarto does: a box as wide as the text around listings.
    text = text.replace("block(fill: bgcolor, blocks)", CODE_BLOCK)
    source = work / "page.typ"
    write_atomically(source, text)
    try:
        document = typst.compile(str(source), root=str(work))
    except typst.TypstError as error:
        raise PublishError(f"{page.path}: Typst refused the page: {error.message}") from None
    write_atomically(folder / f"{page.stem}.pdf", document)


def ipynb(page: Page, notebook, project: Project, folder: Path) -> None:
    """Write ``folder/<page>.ipynb``: an executed notebook that reads well in Jupyter.

    References become text, captions stand under their figures, code is free of page options.
    """
    parts = []
    for index, cell in enumerate(notebook.cells):
        parts.append(cell.source if cell.cell_type == "markdown" else _marker(cell, index))
    metadata = _metadata(page, project, "ipynb")
    writer = "markdown-simple_tables-multiline_tables-grid_tables-fenced_divs-header_attributes"
    writer += "-bracketed_spans-raw_attribute-smart-citations-link_attributes"
    text = _pandoc(page, project, "\n\n".join(parts), writer, metadata, ["--wrap=none"])

    text = re.sub(r"(\]\([^():]+)\.qmd(?:#[\w-]+)?\)", r"\1.ipynb)", text)
    header = f"# {metadata['title']}\n\n" + (
        f"*{metadata['subtitle']}*" if metadata.get("subtitle") else ""
    )
    result = nbformat.v4.new_notebook(metadata=_notebook_metadata())
    prose = [header.strip()]
    for piece in re.split(r"(⟦\d+⟧)", text):
        mark = re.fullmatch(r"⟦(\d+)⟧", piece)
        if not mark:
            prose.append(piece.strip())
            continue
        _flush(result, prose)
        result.cells.append(_code_cell(notebook.cells[int(mark[1])]))
    _flush(result, prose)
    for number, cell in enumerate(result.cells):
        cell["id"] = f"cell-{number}"  # random ids would make each build differ
    nbformat.validate(result)
    write_atomically(folder / f"{page.stem}.ipynb", nbformat.writes(result) + "\n")


def assemble(
    notebook, output_format: str, write_image: Callable[[str, str, str], str], defaults: dict
) -> str:
    """Join an executed notebook's cells into one Markdown document for ``page.lua``.

    ``write_image(name, mime, content)`` stores an image and returns how the page names it;
    ``defaults`` are the options that the page sets for all cells of this format.
    """
    parts = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        options = defaults | cell.metadata.options
        if options.get("echo", True) and cell.source:
            parts.append(_code_block(cell.source, options))
        if not options.get("output", True):
            continue
        outputs = []
        for number, output in enumerate(cell.outputs):
            name = f"{options.get('label') or f'cell-{index}'}-{number + 1}"
            text = _output(output, options, output_format, name, write_image)
            if text:
                outputs.append(text)
        if outputs:
            parts.append(_float("\n\n".join(outputs), options))
    return "\n\n".join(parts)


def _output(output, options: dict, output_format: str, name: str, write_image) -> str:
    if _hidden(output, options):
        return ""
    if output.output_type == "stream":
        return _fenced(_plain(output.text), ".cell-output")
    data = output.get("data", {})
    for mime in PREFERENCE[output_format]:
        if mime not in data:
            continue
        if mime == "text/markdown":
            return data[mime]
        if mime == "text/plain":
            return _fenced(_plain(data[mime]), ".cell-output")
        source = write_image(f"{name}.{SUFFIX[mime]}", mime, data[mime])
        alt = str(options.get("fig-alt", "")).strip().replace("\\", "\\\\").replace('"', '\\"')
        return f'![]({source}){{alt="{alt}"}}'
    return ""


def _hidden(output, options: dict) -> bool:
    warning = output.output_type == "stream" and output.name == "stderr"
    return warning and not options.get("warning", True)


def _float(content: str, options: dict) -> str:
    caption = options.get("fig-cap") or options.get("tbl-cap")
    if not caption:
        return content
    return (
        f"::::: {{#{options['label']} .cell-float}}\n{content}\n\n"
        f"::: cell-caption\n{str(caption).strip()}\n:::\n:::::"
    )


def _code_block(code: str, options: dict) -> str:
    attributes = ".python .cell-code"
    if options.get("code-fold"):
        attributes += f' code-fold="{str(options["code-fold"]).lower()}"'
    if "code-summary" in options:
        attributes += f' code-summary="{options["code-summary"]}"'
    return _fenced(code, attributes)


def _fenced(text: str, attributes: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence} {{{attributes}}}\n{text.rstrip()}\n{fence}"


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _image_writer(folder: Path, relative_to: Path) -> Callable[[str, str, str], str]:
    def write(name: str, mime: str, content: str) -> str:
        data = content if mime == "image/svg+xml" else base64.b64decode(content)
        write_atomically(folder / name, data)
        return (folder / name).relative_to(relative_to).as_posix()

    return write


def _marker(cell, index: int) -> str:
    return _float(f"⟦{index}⟧", cell.metadata.options)


def _code_cell(cell):
    options = cell.metadata.options
    outputs = []
    for output in cell.outputs if options.get("output", True) else []:
        if _hidden(output, options):
            continue
        output = nbformat.from_dict(dict(output))
        if "data" in output and "image/png" in output["data"]:
            # Jupyter shows pixels and vectors alike; one of them is enough in a download.
            output["data"] = {k: v for k, v in output["data"].items() if k != "image/svg+xml"}
            alt = str(options.get("fig-alt", "")).strip()
            output["metadata"] = {"image/png": {"alt": alt}} if alt else {}
        outputs.append(output)
    metadata = {"tags": [options["label"]]} if options.get("label") else {}
    if not options.get("echo", True):
        metadata["jupyter"] = {"source_hidden": True}
    return nbformat.v4.new_code_cell(
        cell.source, outputs=outputs, execution_count=cell.execution_count, metadata=metadata
    )


def _flush(notebook, prose: list[str]) -> None:
    text = "\n\n".join(piece for piece in prose if piece)
    if text:
        notebook.cells.append(nbformat.v4.new_markdown_cell(text))
    prose.clear()


def _notebook_metadata() -> dict:
    return {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }


def _defaults(page: Page, project: Project, output_format: str) -> dict:
    """Cell options that a page sets for all its cells in one format."""
    merged = project.metadata(page.metadata, output_format)
    return {key: merged[key] for key in ("echo", "code-fold", "code-summary") if key in merged}


def _metadata(page: Page, project: Project, output_format: str) -> dict:
    merged = project.metadata(page.metadata, output_format)
    keys = (
        "title", "subtitle", "description", "abstract", "lang", "course", "toc",
        "columns", "fontsize", "margin", "papersize",
    )  # fmt: skip
    metadata = {key: merged[key] for key in keys if merged.get(key) is not None}
    authors = merged.get("author") or []
    authors = [authors] if isinstance(authors, (str, dict)) else authors
    names = [a["name"] if isinstance(a, dict) else str(a) for a in authors]
    metadata["by-author"] = [{"name": {"literal": name}} for name in names]
    date = merged.get("date")
    if isinstance(date, datetime.date):
        metadata["date"] = format_date(date, "long", locale=merged.get("lang", "es"))
    if isinstance(metadata.get("columns"), int):
        metadata["columns"] = str(metadata["columns"])
    if merged.get("number-sections"):
        metadata["section-numbering"] = "1.1"
    metadata["link-citations"] = True
    if output_format != "typst":  # there the template writes it
        metadata["reference-section-title"] = "Referencias"
    metadata["bibliography"] = str(project.root / merged["bibliography"])
    return metadata


def _pandoc(
    page: Page, project: Project, markdown: str, writer: str, metadata: dict, options: list[str]
) -> str:
    store = project.cache / "metadata" / f"{page.stem.replace('/', '--')}-{writer[:5]}.json"
    write_atomically(store, json.dumps(metadata, ensure_ascii=False))
    try:
        return pypandoc.convert_text(
            markdown,
            to=writer,
            format="markdown",
            extra_args=[
                f"--metadata-file={store}",
                f"--lua-filter={FILTERS / 'page.lua'}",
                f"--lua-filter={project.root / 'theme' / 'filters' / 'full-width.lua'}",
                "--fail-if-warnings",
                *options,
            ],
        )
    except RuntimeError as error:
        known = re.search(
            r"unresolved reference .*|citation \S+ not found|\[WARNING\] .*", str(error)
        )
        raise PublishError(f"{page.path}: {known[0] if known else error}") from None
