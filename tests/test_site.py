"""The built pages, as a reader gets them: complete, resolved, described, linked."""

import base64
import re
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pypdf
import pytest
from bs4 import BeautifulSoup
from PIL import Image

import pdfs
from publish.page import read
from publish.project import ROOT, Project

PAGES = Project(ROOT).pages
LEFTOVER = re.compile(r"@(fig|tbl|eq|sec)-[a-z]|\{\{<|#\||\{#(fig|tbl|eq|sec)-|`\{python\}|:::|\?@")


@pytest.fixture(params=PAGES)
def page(request, site) -> Path:
    """One page's path without its ending."""
    return site / request.param.removesuffix(".qmd")


@cache
def soup_of(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def with_suffix(page: Path, suffix: str) -> Path:
    return page.with_name(f"{page.name}.{suffix}")


def pdf_text(page: Path) -> str:
    return "\n".join(pdfs.texts(with_suffix(page, "pdf")))


def test_every_page_has_its_three_forms(page):
    for suffix in ("html", "pdf", "ipynb"):
        assert with_suffix(page, suffix).stat().st_size > 1000


def test_nothing_unresolved_is_left(page):
    for text in (
        soup_of(with_suffix(page, "html")).main.get_text(),
        pdf_text(page),
        "\n".join(
            cell.source
            for cell in nbformat.read(with_suffix(page, "ipynb"), as_version=4).cells
            if cell.cell_type == "markdown"
        ),
    ):
        assert not LEFTOVER.findall(text)


def test_every_image_says_what_it_shows(page):
    for image in soup_of(with_suffix(page, "html")).find_all("img"):
        assert len(image.get("alt", "")) > 20, image
        assert (page.parent / unquote(image["src"])).exists()


def test_links_lead_somewhere(page, site):
    for link in soup_of(with_suffix(page, "html")).find_all(["a", "link", "script"]):
        address = urlsplit(link.get("href") or link.get("src") or "")
        if address.scheme or not (address.path or address.fragment):
            continue
        target = (page.parent / unquote(address.path)).resolve() if address.path else None
        target = target or with_suffix(page, "html")
        assert target.exists(), f"{page.name}: {address.geturl()}"
        assert site.resolve() in target.resolve().parents
        if address.fragment and target.suffix == ".html":
            assert soup_of(target).find(id=unquote(address.fragment)), address.geturl()


def test_links_of_notebooks_lead_somewhere(page):
    book = nbformat.read(with_suffix(page, "ipynb"), as_version=4)
    for cell in (cell for cell in book.cells if cell.cell_type == "markdown"):
        for target in re.findall(r"\]\(([^():#]+)\)", cell.source):
            assert (page.parent / target).exists(), target


def test_notebooks_hold_outputs_and_readable_images(page):
    book = nbformat.read(with_suffix(page, "ipynb"), as_version=4)
    nbformat.validate(book)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert not re.search(r"</?(span|div)\b|\[\^", prose)  # Jupyter shows footnotes as typed
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    run = [cell for cell in code if "instalar" not in cell.metadata.get("tags", [])]
    assert all(cell.execution_count for cell in run if "eval" not in cell.metadata)
    images = [
        output["data"]["image/png"]
        for cell in code
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    # The index's thumbnails are of the interactive pieces, which only HTML has.
    figures = soup_of(with_suffix(page, "html")).select("img:not(.nolightbox)")
    assert len(images) == len(figures)
    for content in images:
        picture = Image.open(BytesIO(base64.b64decode(content)))
        picture.verify()
        assert picture.width > 200


def test_pdf_is_spanish_text_with_the_same_captions_as_the_page(page):
    text = " ".join(pdf_text(page).split())
    assert re.search(r"\b(el|la|los|las|una?)\b", text)
    for caption in soup_of(with_suffix(page, "html")).find_all("figcaption"):
        # A label such as "Figura 3:" survives line breaks and hyphenation; long text may not.
        label = " ".join(caption.get_text().split())[:9].rstrip(": ")
        assert label in text.replace("\u00a0", " ")


SHADE = re.compile(rb"0\.96\d*\s+0\.96\d*\s+0\.97\d*\s+(?:rg|scn)")


def shaded(reader: pypdf.PdfReader) -> bool:
    """Whether some box of the colour behind code is drawn."""
    return any(SHADE.search(sheet.get_contents().get_data()) for sheet in reader.pages)


def last_page(path: Path) -> list[str]:
    """The lines of a PDF's last page, without its number."""
    lines = pdfs.texts(path)[-1].splitlines()
    return [line for line in lines if line.strip() and not re.fullmatch(r"\d+ / \d+", line.strip())]


def test_pdf_shades_its_code_and_ends_with_more_than_one_reference(page):
    reader = pypdf.PdfReader(with_suffix(page, "pdf"))
    code = soup_of(with_suffix(page, "html")).select("pre.sourceCode")
    code = [block for block in code if not block.find_parent("details")]  # which paper leaves out
    assert shaded(reader) == (bool(code) and page.name != "report")  # whose PDF shows no code
    assert len(last_page(with_suffix(page, "pdf"))) > 5


def test_sizes_and_spreads_stay_on_one_line(page):
    text = soup_of(with_suffix(page, "html")).main
    for part in text.select("pre, math"):
        part.decompose()
    assert not re.findall(r"\d [×±] \d|\d %", text.get_text())


def test_report_has_at_most_four_pages_in_two_columns(site):
    reader = pypdf.PdfReader(site / "report.pdf")
    assert 1 <= len(reader.pages) <= 4
    width, height = (float(side) / 72 * 25.4 for side in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (210, 297)
    lefts = []

    def visit(text, matrix, text_matrix, font, size):
        if text.strip():
            lefts.append(pypdf.mult(text_matrix, matrix)[4])

    reader.pages[0].extract_text(visitor_text=visit)
    middle = 105 / 25.4 * 72
    assert sum(left > middle for left in lefts) > 20  # a second column starts right of the middle


def test_every_figure_and_table_is_spoken_of(page):
    soup = soup_of(with_suffix(page, "html"))
    referred = {link["href"].lstrip("#") for link in soup.find_all("a", class_="quarto-xref")}
    floats = {item["id"] for item in soup.find_all("figure", id=re.compile("^(fig|tbl)-"))}
    assert floats <= referred


def test_the_picture_in_the_readme_is_the_study_of_today(site):
    def texts(path):  # Matplotlib writes each text as a comment beside its outlines
        return re.findall(r"<!-- (.+?) -->", path.read_text(encoding="utf-8"))

    (picture,) = re.findall(
        r"!\[[^]]{40,}\]\((data/results/.+?)\)", (ROOT / "README.md").read_text("utf-8")
    )
    shown = texts(ROOT / picture)
    assert "BasicUNet pequeña" in shown
    assert shown == texts(site / "report_files" / "fig-informe-arquitecturas-1.svg")


def test_headings_do_not_skip_a_level(page):
    soup = soup_of(with_suffix(page, "html"))
    levels = [int(tag.name[1]) for tag in soup.main.find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_page_reads_without_error_and_has_a_description():
    for path in PAGES:
        assert read(path, ROOT).metadata.get("description"), path


def test_every_page_is_in_the_sidebar(project):
    assert sorted(project.reading_order()) == sorted(PAGES)
