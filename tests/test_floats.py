"""The PDFs' pages: no figure inside of a listing or a list, none half empty, none that poppler
minds."""

import json
import re
import shutil

import pypdf
import pytest
import typst

import pdfs
from publish.project import ROOT, Project
from publish.render import without_suspects

PAGES = Project(ROOT).pages
# Where each listing, list and figure begins and ends, as the laid-out page tells it.
SPOTS = """
#let spot(kind) = context [#metadata(
  (kind: kind, page: here().page(), y: here().position().y / 1pt))<spot>]
#show raw.where(block: true): it => { spot("begin"); it; spot("end") }
#show list: it => { spot("begin"); it; spot("end") }
#show enum: it => { spot("begin"); it; spot("end") }
#show figure.caption: it => { it; if it.kind == "quarto-float-fig" { spot("figure") } }
"""


def parted(source: str, folder, root=None) -> list[tuple[int, int]]:
    """(page where it begins, page of the figure) of each listing or list with a figure inside."""
    start = source.index("\n  doc,\n)\n", source.index("#show: doc => article(")) + 10
    file = folder / "marked.typ"
    file.write_text(source[:start] + SPOTS + source[start:], encoding="utf-8")
    spots = json.loads(typst.query(str(file), "<spot>", field="value", root=str(root or folder)))
    places = [(spot["kind"], (spot["page"], spot["y"])) for spot in spots]
    figures = [place for kind, place in places if kind == "figure"]
    found, open_ = [], []
    for kind, place in places:
        if kind == "begin":
            open_.append(place)
        elif kind == "end":
            begin = open_.pop()
            found += [(begin[0], figure[0]) for figure in figures if begin < figure < place]
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if page != "report.qmd"])
def test_no_figure_lies_inside_of_a_listing_or_a_list(site, project, tmp_path, page):
    work = project.cache / "typst" / page.removesuffix(".qmd")
    (source,) = work.rglob("page.typ")
    copy = tmp_path / source.parent.relative_to(work)
    shutil.copytree(work, tmp_path, dirs_exist_ok=True)
    assert parted(source.read_text("utf-8"), copy, tmp_path) == []


def test_a_figure_inside_of_a_listing_would_be_found(tmp_path):
    template = (ROOT / "theme/typst/typst-template.typ").read_text("utf-8")
    code = "```python\n" + "x = 1\n" * 70 + "```\n"
    figure = (
        '#figure(rect(height: 12cm), caption: [A], kind: "quarto-float-fig", supplement: "F")\n'
    )
    article = "#show: doc => article(\n  columns: 1,\n  doc,\n)\n"
    floating = "#[#show figure: set figure(placement: auto)\n" + figure + "]\n"
    text = "#lorem(420)\n\n"
    assert parted(template + article + text + figure + code, tmp_path) == []
    assert parted(template + article + text + floating + code, tmp_path) == [(1, 2)]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_of_a_pdf_is_more_than_half_empty_but_the_last(site, page):
    file = (site / page).with_suffix(".pdf")
    for heights in pdfs.heights(file)[:-1]:
        top, low = 842, 70  # points: A4, above its number
        assert (top - min(y for y in heights if y > low)) / (top - low) > 0.5


@pytest.mark.parametrize("page", PAGES)
def test_a_pdf_does_not_say_what_poppler_takes_for_an_error(site, page):
    file = (site / page).with_suffix(".pdf")
    assert b"/Suspects" not in file.read_bytes()
    assert pypdf.PdfReader(file, strict=True).root_object["/MarkInfo"] == {"/Marked": True}


def test_the_word_that_is_taken_out_leaves_every_other_at_its_place():
    document = b"<</Marked true/Suspects false>> /Suspects true"
    found = without_suspects(document)
    assert len(found) == len(document)
    assert re.sub(rb"\s+", b" ", found) == b"<</Marked true >> /Suspects true"
    assert without_suspects(found) == found
