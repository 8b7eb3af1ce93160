"""Turn an executed page into HTML, PDF and a notebook with pandoc and Typst."""

from __future__ import annotations

import base64
import datetime
import json
import mimetypes
import re
import shutil
from pathlib import Path
from urllib.parse import quote

import nbformat
import pypandoc
import typst
from babel.dates import format_date

from publish import outputs, resources
from publish.files import MADE, write_atomically
from publish.outputs import fenced
from publish.page import Page, PageError
from publish.project import Project, PublishError

FILTERS = Path(__file__).parent
SUSPECTS = b"/Suspects false"


def prose(notebook) -> str:
    """What pandoc reads links and pictures from: the text of a page and of its Markdown outputs."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.metadata.options.get("output", True):
            data = [output.get("data", {}) for output in cell.outputs]
            parts += [forms["text/markdown"] for forms in data if "text/markdown" in forms]
    return "\n\n".join(parts)


def html(
    page: Page, notebook, project: Project, folder: Path, site: dict,
    own: list[resources.Resource], template: str = "page.html",
) -> None:  # fmt: skip
    """Write ``folder/<page>.html``, its images and its own files.

    ``site`` holds the template's variables, such as the navigation.
    """
    target = folder / f"{page.stem}.html"
    images = folder / f"{page.stem}_files"
    shutil.rmtree(images, ignore_errors=True)
    markdown = assemble(
        page,
        notebook,
        "html",
        _image_writer(images, target.parent),
        defaults(page, project, "html"),
    )
    metadata = _metadata(page, project, "html")
    text = _pandoc(
        page, project, markdown, "html5", metadata,
        ["--mathml", "--template", str(project.root / "theme" / "site" / template)]
        + (["--toc", "--toc-depth=3"] if metadata.get("toc") else []),
        variables=site,
    )  # fmt: skip
    resources.copy(own, project, folder)
    write_atomically(target, text)


def pdf(
    page: Page, notebook, project: Project, folder: Path, own: list[resources.Resource]
) -> None:
    """Write ``folder/<page>.pdf``."""
    work = project.cache / "typst" / page.stem
    shutil.rmtree(work, ignore_errors=True)
    source = work / Path(page.path).with_name("page.typ")  # so that ../photo.png stays inside
    writer = _image_writer(source.parent / "page_files", source.parent)
    markdown = assemble(page, notebook, "typst", writer, defaults(page, project, "typst"))
    metadata = _metadata(page, project, "typst")
    text = _pandoc(
        page, project, markdown, "typst-citations", metadata,
        ["--template", str(project.root / "theme" / "typst" / "builtin.typ")],
    )  # fmt: skip
    write_atomically(source, text)
    resources.copy(own, project, work)
    try:
        document = typst.compile(str(source), root=str(work), timestamp=MADE)
    except typst.TypstError as error:
        raise PublishError(f"{page.path}: Typst refused the page: {error.message}") from None
    write_atomically(folder / f"{page.stem}.pdf", without_suspects(document))


def without_suspects(document: bytes) -> bytes:
    """A PDF of Typst's without ``/Suspects false``, as long as before so that its places stay.

    That is what a reader assumes anyway; poppler (22.12) takes the word alone for an error.
    """
    return document.replace(SUSPECTS, b" " * len(SUSPECTS), 1)


def tidy_pdf(path: Path) -> None:
    """The same for a PDF that Quarto has made, where it is."""
    if path.exists():
        write_atomically(path, without_suspects(path.read_bytes()))


def ipynb(
    page: Page, notebook, project: Project, folder: Path, own: list[resources.Resource]
) -> None:
    """Write ``folder/<page>.ipynb``: an executed notebook that reads well in Jupyter.

    References become text, captions stand under their figures, code is free of page options.
    """
    parts = []
    for index, cell in enumerate(notebook.cells):
        parts.append(cell.source if cell.cell_type == "markdown" else _marker(cell, index))
    metadata = _metadata(page, project, "ipynb")
    writer = "markdown-simple_tables-multiline_tables-grid_tables-fenced_divs-header_attributes"
    writer += "-bracketed_spans-raw_attribute-smart-citations-link_attributes-implicit_figures"
    text = _pandoc(page, project, "\n\n".join(parts), writer, metadata, ["--wrap=none"])

    header = f"# {metadata['title']}\n\n" + (
        f"*{metadata['subtitle']}*" if metadata.get("subtitle") else ""
    )
    result = nbformat.v4.new_notebook(metadata=_notebook_metadata())
    pieces = [header.strip()]
    for piece in re.split(r"(⟦\d+⟧)", text):
        mark = re.fullmatch(r"⟦(\d+)⟧", piece)
        if not mark:
            pieces.append(piece.strip())
            continue
        _flush(result, pieces)
        result.cells.append(_code_cell(notebook.cells[int(mark[1])]))
    _flush(result, pieces)
    for number, cell in enumerate(result.cells):
        cell["id"] = f"cell-{number}"  # random ids would make each build differ
        _attach(cell, own, project)
    nbformat.validate(result)
    write_atomically(folder / f"{page.stem}.ipynb", nbformat.writes(result) + "\n")


def assemble(
    page: Page, notebook, output_format: str, write_image: outputs.WriteImage, defaults: dict
) -> str:
    """Join an executed notebook's cells into one Markdown document for ``page.lua``.

    ``write_image(name, content)`` stores an image and returns how the page names it;
    ``defaults`` are the options that the page sets for all cells of this format.
    """
    parts = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        options = defaults | cell.metadata.options
        if options.get("echo", True) and cell.source:
            parts.append(code_block(cell.source, options))
        if not options.get("output", True):
            continue
        shown = []
        for number, output in enumerate(cell.outputs, 1):
            name = f"{outputs.file_stem(options, index)}-{number}"
            text = outputs.markdown(output, page, cell, name, output_format, write_image)
            if text:
                shown.append(text)
        if shown:
            parts.append(_float("\n\n".join(shown), options))
    return "\n\n".join(parts)


def _float(content: str, options: dict) -> str:
    caption = options.get("fig-cap") or options.get("tbl-cap")
    if not caption:
        return content
    return (
        f"::::: {{#{options['label']} .cell-float}}\n{content}\n\n"
        f"::: cell-caption\n{str(caption).strip()}\n:::\n:::::"
    )


def code_block(code: str, options: dict) -> str:
    attributes = ".python .cell-code"
    if options.get("code-fold"):
        attributes += f' code-fold="{str(options["code-fold"]).lower()}"'
    if "code-summary" in options:
        attributes += f' code-summary="{options["code-summary"]}"'
    return fenced(code, attributes)


def _image_writer(folder: Path, relative_to: Path) -> outputs.WriteImage:
    def write(name: str, content: bytes) -> str:
        write_atomically(folder / name, content)
        return quote((folder / name).relative_to(relative_to).as_posix())

    return write


def _marker(cell, index: int) -> str:
    return _float(f"⟦{index}⟧", cell.metadata.options)


def _code_cell(cell):
    options = cell.metadata.options
    shown = []
    for output in cell.outputs if options.get("output", True) else []:
        if outputs.hidden(output, options):
            continue
        output = nbformat.from_dict(dict(output))
        if "data" in output:
            output["data"] = {k: v for k, v in output["data"].items() if k != outputs.NARROW}
        markdown = output.get("data", {}).get("text/markdown")
        if markdown:  # Jupyter knows a listing's language by its name, not by attributes
            plain = re.sub(r"(?m)^(```+)\s*\{\.(\w+)[^}]*\}$", r"\1\2", markdown)
            output["data"] = dict(output["data"]) | {"text/markdown": plain}
        if "data" in output and "image/png" in output["data"]:
            # Jupyter shows pixels and vectors alike; one of them is enough in a download.
            output["data"] = {k: v for k, v in output["data"].items() if k != "image/svg+xml"}
            alt = str(options.get("fig-alt", "")).strip()
            output["metadata"] = {"image/png": {"alt": alt}} if alt else {}
        shown.append(output)
    metadata = {"tags": [options["label"]]} if options.get("label") else {}
    if not options.get("echo", True):
        metadata["jupyter"] = {"source_hidden": True}
    return nbformat.v4.new_code_cell(
        cell.source, outputs=shown, execution_count=cell.execution_count, metadata=metadata
    )


def _attach(cell, own: list[resources.Resource], project: Project) -> None:
    """Put the pictures that a prose cell shows into it: the notebook may be read elsewhere."""
    for resource in own if cell.cell_type == "markdown" else ():
        name = resources.attachment(resource.target)
        if f"](attachment:{name}" in cell.source:
            content = (project.root / resource.path).read_bytes()
            kind = mimetypes.guess_type(resource.path)[0] or "image/png"
            attached = {kind: base64.b64encode(content).decode()}
            cell["attachments"] = cell.get("attachments", {}) | {name: attached}


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


def defaults(page: Page, project: Project, output_format: str) -> dict:
    """Cell options that a page sets for all its cells in one format."""
    merged = project.metadata(page.metadata, output_format)
    return {key: merged[key] for key in ("echo", "code-fold", "code-summary") if key in merged}


def _metadata(page: Page, project: Project, output_format: str) -> dict:
    merged = project.metadata(page.metadata, output_format)
    keys = (
        "title", "subtitle", "description", "lang", "course", "toc",
        "columns", "fontsize", "margin", "papersize",
        "colab", "repository", "glossary", "site",
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
    metadata["page"] = page.path
    metadata["offset"] = "/".join([".."] * page.depth) or "."
    if output_format != "typst":  # there the template writes it
        metadata["reference-section-title"] = "Referencias"
    return metadata


def _pandoc(
    page: Page,
    project: Project,
    markdown: str,
    writer: str,
    metadata: dict,
    options: list[str],
    variables: dict | None = None,
) -> str:
    """Run pandoc. Metadata are Markdown, as in Quarto; variables and paths are taken literally.

    Here and elsewhere pypandoc is not to verify formats: it would start pandoc twice for that.
    """
    store = project.cache / "pandoc" / f"{page.stem}.{writer[:5]}"
    given, literal = store.with_suffix(".metadata.json"), store.with_suffix(".defaults.json")
    write_atomically(given, json.dumps(metadata, ensure_ascii=False))
    write_atomically(literal, json.dumps({"variables": variables or {}}, ensure_ascii=False))
    first = [name for name in project.filters if name in project.settings.first]
    rest = [name for name in project.filters if name not in first]
    filters = [project.root / name for name in (*first, FILTERS / "page.lua", *rest)]
    try:
        return pypandoc.convert_text(
            markdown,
            to=writer,
            format="markdown",
            extra_args=[
                f"--metadata-file={given}",
                f"--defaults={literal}",
                f"--bibliography={project.root / project.config['bibliography']}",
                *(f"--lua-filter={path}" for path in filters),
                "--fail-if-warnings",
                *options,
            ],
            verify_format=False,
        )
    except RuntimeError as error:
        raise _explained(page, str(error)) from None


def _explained(page: Page, message: str) -> PublishError:
    """pandoc's complaint as a sentence with the line that it is about, where it tells."""
    missing = re.search(r"unresolved reference @([\w-]+)|[Cc]itation (\S+) not found", message)
    if missing:
        name = missing[1] or missing[2]
        kind = "reference" if missing[1] else "citation"
        return PageError(page.path, page.line_of(f"@{name}"), f"unresolved {kind} @{name}")
    known = re.search(r"\[WARNING\] .*|repository: .*", message)
    return PublishError(f"{page.path}: {known[0] if known else message}")
