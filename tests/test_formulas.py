"""Formulas for those who hear a PDF: each has an alternative text, and the whole is PDF/UA-1."""

import re

import pypdf
import pytest
import typst

from conftest import write_page
from publish.files import MADE
from publish.project import Project
from test_publish import quiet_build
from test_site import PAGES

FILTER = "filters: [{path: theme/filters/formulas.lua, at: post-quarto}]\n"
FORMULAS = {
    "x^2": "$x^2$(a)",  # what follows is no argument of it
    r"\operatorname{softmax}(z)_i = \frac{e^{z_i}}{\sum_j e^{z_j}}": None,
    r'\text{dice "sí"}': None,
    "y_1": "**$y_1$**",
    "w": "[$w$](https://example.org)",
}


@pytest.fixture
def formulas(small_project):
    config = small_project.root / "_quarto.yml"
    config.write_text(config.read_text() + FILTER)
    inline = [shown or f"${source}$" for source, shown in FORMULAS.items()]
    body = "## Título\n\nTexto " + ", ".join(inline) + ".\n\n$$ a = b + c $$\n\n"
    body += "$$ d =\n e $$ {#eq-d}\n\nVer @eq-d.\n"
    write_page(small_project.root, body)
    project = Project(small_project.root)
    assert quiet_build(project, forms=["pdf"]) == ["index.qmd"]
    return project


def alternatives(path) -> list[str]:
    """The alternative texts of a PDF's formulas, in their order."""
    reader, found = pypdf.PdfReader(path), []

    def look(element):
        element = element.get_object()
        if isinstance(element, pypdf.generic.ArrayObject):
            for each in element:
                look(each)
        elif isinstance(element, pypdf.generic.DictionaryObject):
            if element.get("/S") == "/Formula":
                found.append(str(element.get("/Alt", "")))
            if "/K" in element:
                look(element["/K"])

    look(reader.trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


def source_of(project, page):
    (source,) = (project.cache / "typst" / page.removesuffix(".qmd")).rglob("page.typ")
    return source


def refused(project, page) -> str:
    """Why a page's PDF is not PDF/UA-1; empty if it is."""
    root = project.cache / "typst" / page.removesuffix(".qmd")
    try:
        typst.compile(
            str(source_of(project, page)), root=str(root), timestamp=MADE, pdf_standards=["ua-1"]
        )
    except typst.TypstError as error:
        return error.message
    return ""


def test_every_formula_has_its_source_as_alternative_text(formulas):
    found = alternatives(formulas.output / "index.pdf")
    assert [text for text in found if text] == [*FORMULAS, "a = b + c", "d = e"]
    assert refused(formulas, "index.qmd") == ""


def test_a_formula_without_it_would_be_seen(formulas):
    source = source_of(formulas, "index.qmd")
    text = source.read_text()
    source.write_text(text.replace('alt: "a = b + c", ', ""))
    assert source.read_text() != text
    assert "missing alt text" in refused(formulas, "index.qmd")


def test_formulas_look_as_they_did(formulas):
    """The alternative text moves nothing: the same letters at the same places."""
    before = letters(formulas.output / "index.pdf")
    config = formulas.root / "_quarto.yml"
    config.write_text(config.read_text().replace(FILTER, ""))
    plain = Project(formulas.root)
    assert quiet_build(plain, forms=["pdf"]) == ["index.qmd"]
    assert letters(plain.output / "index.pdf") == before
    assert not any(alternatives(plain.output / "index.pdf"))


def letters(path) -> list[tuple]:
    found = []

    def visit(text, _, matrix, *others):
        found.append((text, *(round(value, 2) for value in matrix)))

    for page in pypdf.PdfReader(path).pages:
        page.extract_text(visitor_text=visit)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_report_and_chapters_are_pdf_ua(site, project, page):
    assert refused(project, page) == ""
    text = source_of(project, page).read_text(encoding="utf-8")
    assert len(re.findall(r"#math\.equation\(", text)) == len(
        re.findall(r"#math\.equation\((?:block: true, )?alt: ", text)
    )
