"""The report as a document: what its PDF says about itself, and what it says alone."""

import re
from pathlib import Path

import pypdf
import pytest

import pdfs
from conftest import write_page
from publish.build import build
from publish.page import read
from publish.project import ROOT, Project, PublishError

REFERENCES = re.findall(r"@\w+\{(\w+),(.*?)\n\}", (ROOT / "references.bib").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def reader(site) -> pypdf.PdfReader:
    return pypdf.PdfReader(site / "report.pdf")


def places(sheet: pypdf.PageObject) -> dict[str, float]:
    """Height on the page, in points, of each line of text."""
    found = {}

    def visit(text, matrix, text_matrix, font, size):
        if text.strip():
            found[text.strip()] = pypdf.mult(text_matrix, matrix)[5]

    sheet.extract_text(visitor_text=visit)
    return found


def targets(path: Path) -> set[str]:
    """Addresses that a PDF links to; ways within it left out."""
    sheets = pypdf.PdfReader(path).pages
    notes = [note.get_object() for sheet in sheets for note in sheet.get("/Annots", [])]
    return {note["/A"]["/URI"] for note in notes if "/URI" in note.get("/A", {})}


@pytest.mark.parametrize("page", Project(ROOT).pages)
def test_a_pdf_says_what_it_is(site, project, page):
    reader = pypdf.PdfReader((site / page).with_suffix(".pdf"))
    assert reader.metadata.title == read(page, ROOT).metadata["title"]
    assert reader.metadata.author is None or project.config.get("author")
    assert reader.root_object["/Lang"] == "es"
    assert reader.root_object["/MarkInfo"]["/Marked"]
    assert reader.root_object["/StructTreeRoot"]["/K"]


def test_the_author_is_in_the_pdf_and_above_its_text_once_set(small_project):
    config = small_project.root / "_quarto.yml"
    config.write_text(config.read_text() + "author: [Ana Pérez, Luis Gil]\ndate: 2026-02-03\n")
    build(Project(small_project.root), jobs=1, report=lambda line: None)
    reader = pypdf.PdfReader(small_project.output / "index.pdf")
    assert reader.metadata.author == "Ana Pérez, Luis Gil"
    text = " ".join(reader.pages[0].extract_text().split())
    assert "Ana Pérez · Luis Gil 3 de febrero de 2026" in text


def test_the_pages_are_not_dated_unless_asked(site, project):
    assert "date" not in project.config
    assert not re.search(r"\d de [a-z]+ de 20\d\d", pdfs.texts(site / "report.pdf")[0])
    assert 'class="date"' not in (site / "report.html").read_text(encoding="utf-8")


def test_every_reference_has_an_identifier():
    assert [key for key, entry in REFERENCES if not re.search(r"\b(doi|url) *=", entry)] == []


def test_identifiers_are_printed_as_they_are(site):
    text = "".join("".join(pdfs.texts(site / "report.pdf")).split())
    cited = {
        key for cell in read("report.qmd", ROOT).cells if cell.kind == "markdown"
        for key in re.findall(r"@([a-z]+\d{4})\b", cell.source)
    }  # fmt: skip
    assert len(cited) > 10
    for key, entry in REFERENCES:
        name = re.search(r"\bdoi *= *\{(.+?)\}", entry) or re.search(r"\burl *= *\{(.+?)\}", entry)
        assert (name[1] in text) == (key in cited), key


def test_nothing_stands_before_the_introduction_but_the_title_and_a_short_abstract(reader):
    sheet = places(reader.pages[0])
    assert sheet["Introducción"] > sheet["Tabla"]  # the caption; a reference is not bold
    lines = reader.pages[0].extract_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("Resumen."))
    assert lines.index("1 Introducción") - first <= 4


def test_all_that_the_report_links_to_is_elsewhere(site):
    """A PDF is sent around alone."""
    for page in Project(ROOT).pages:
        for target in targets((site / page).with_suffix(".pdf")):
            assert re.match(r"https?://", target), f"{page}: {target}"


def linked(root: Path, site: str) -> tuple[set[str], set[str]]:
    config = root / "_quarto.yml"
    text = config.read_text().replace('render: ["*.qmd"]', 'render: ["*.qmd", "b/*.qmd"]')
    config.write_text(text + f"filters: [theme/filters/links.lua]\n{site}")
    (root / "b").mkdir(exist_ok=True)
    write_page(root, "[La otra](b/dos.qmd#sec-dos) y [fuera](https://example.org/x).\n")
    write_page(root, "## Dos {#sec-dos}\n\n[Una](../index.qmd), [tres](tres.qmd).\n", "b/dos.qmd")
    write_page(root, "Nada.\n", "b/tres.qmd")
    project = Project(root)
    build(project, jobs=1, report=lambda line: None)
    return targets(project.output / "index.pdf"), targets(project.output / "b" / "dos.pdf")


def test_a_pdf_links_to_the_site_where_it_is_known(small_project):
    first, second = linked(small_project.root, "site: https://ana.example/tarea/\n")
    assert first == {"https://ana.example/tarea/b/dos.html#sec-dos", "https://example.org/x"}
    assert second == {
        "https://ana.example/tarea/index.html", "https://ana.example/tarea/b/tres.html",
    }  # fmt: skip


def test_a_pdf_has_no_links_to_pages_of_an_unknown_site(small_project):
    first, second = linked(small_project.root, "")
    assert (first, second) == ({"https://example.org/x"}, set())
    text = pypdf.PdfReader(small_project.output / "index.pdf").pages[0].extract_text()
    assert "La otra y fuera." in text


def test_an_address_that_is_none_is_refused(small_project):
    with pytest.raises(PublishError, match="site: expected an address such as"):
        linked(small_project.root, "site: ana.example\n")


@pytest.mark.parametrize("when", ["html", "ipynb"])
def test_an_abstract_stands_in_the_title_or_where_it_is(small_project, when):
    config = small_project.root / "_quarto.yml"
    names = "[theme/filters/abstract.lua]"
    config.write_text(config.read_text() + f"filters: {names}\npublish: {{first: {names}}}\n")
    cell = "```{python}\nfrom IPython.display import Markdown as M\nx = 3\n```\n\n"
    write_page(
        small_project.root, cell + "::: {.abstract}\nSon `{python} M(str(x))`.\n:::\n\n## Uno\n"
    )
    build(Project(small_project.root), jobs=1, report=lambda line: None)
    text = (small_project.output / f"index.{when}").read_text(encoding="utf-8")
    wanted = {
        "html": "<strong>Resumen.</strong> Son 3.",
        "ipynb": "**Resumen.** Son 3.",
    }
    assert text.count(wanted[when]) == 1
    if when == "html":
        assert text.index(wanted[when]) < text.index("import")


@pytest.mark.parametrize("page", Project(ROOT).pages)
def test_no_page_ends_half_empty(site, page):
    """The last one may, and the one before: the literature is not divided."""
    file = (site / page).with_suffix(".pdf")
    sheets = zip(pypdf.PdfReader(file).pages, pdfs.heights(file), strict=True)
    for sheet, heights in list(sheets)[:-2]:
        low, high = 70, float(sheet.mediabox.top)  # above its number
        lowest = min(height for height in heights if height > low)
        assert (high - lowest) / (high - low) > 0.7
