"""The two sites beside each other, and Quarto's in a browser. Runs where Quarto is installed."""

import http.server
import re
import shutil
import threading
from functools import partial

import pypdf
import pytest
from bs4 import BeautifulSoup

import pdfs
from browsing import PHONE, serious, uri, visit
from publish.project import ROOT
from test_engines import PAGES, outline
from test_site import last_page, shaded

if not shutil.which("quarto"):
    pytest.skip("Quarto is not installed on this machine", allow_module_level=True)

NAMES = [path.removesuffix(".qmd") + ".html" for path in PAGES]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("part", ["headings", "captions", "references", "tables", "images"])
def test_both_engines_show_the_same(site, quarto_site, path, part):
    name = path.removesuffix(".qmd") + ".html"
    ours, theirs = getattr(outline(site / name), part), getattr(outline(quarto_site / name), part)
    assert theirs == ours


def flat(outline) -> list:
    """A PDF's bookmarks, which Typst makes from the headings, without their nesting."""
    return [
        item for entry in outline for item in (flat(entry) if isinstance(entry, list) else [entry])
    ]


@pytest.mark.parametrize("path", PAGES)
def test_both_engines_make_pdfs_of_the_same_text(site, quarto_site, path):
    def content(folder):
        file = folder / (path.removesuffix(".qmd") + ".pdf")
        headings.append([entry.title for entry in flat(pypdf.PdfReader(file).outline)])
        text = " ".join(pdfs.texts(file))
        return re.findall(
            r"(?:Figura|Tabla|Ecuación|Sección)\s\d+(?:\.\d+)*", text.replace("\u00a0", " ")
        )

    headings: list[list[str]] = []
    assert sorted(content(quarto_site)) == sorted(content(site))
    assert headings[0] == headings[1]
    assert bool(headings[0]) == ("\n## " in (ROOT / path).read_text(encoding="utf-8"))


def test_the_report_of_quarto_has_at_most_four_pages(quarto_site):
    assert len(pypdf.PdfReader(quarto_site / "report.pdf").pages) <= 4


@pytest.mark.parametrize("path", PAGES)
def test_both_engines_hand_out_the_same_notebook(site, quarto_site, path):
    name = path.removesuffix(".qmd") + ".ipynb"
    assert (quarto_site / name).read_bytes() == (site / name).read_bytes()


@pytest.mark.parametrize("path", PAGES)
def test_pdfs_have_nearly_as_many_pages_and_shade_their_code(site, quarto_site, path):
    name = path.removesuffix(".qmd") + ".pdf"
    ours, theirs = (pypdf.PdfReader(folder / name) for folder in (site, quarto_site))
    assert abs(len(ours.pages) - len(theirs.pages)) <= 1
    assert shaded(ours) == shaded(theirs)
    last = last_page(quarto_site / name)
    references = re.findall(r"\. (?:19|20)\d\d\. ", " ".join(last))
    assert len(last) > 5 or len(references) > 1  # no page for a single reference


@pytest.mark.parametrize("name", NAMES)
def test_title_blocks_and_links_to_other_forms_are_the_same(site, quarto_site, name):
    def words(folder):
        soup = BeautifulSoup((folder / name).read_text("utf-8"), "html.parser")
        links = soup.select(".formats a, .quarto-alternate-formats a")
        head = soup.select_one("header.title-block").get_text(" ", strip=True)
        return (
            head.split(),
            [link.get_text(strip=True) for link in links],
            bool(soup.select("#TOC, .toc")),
        )

    assert words(quarto_site) == words(site)


@pytest.fixture(scope="module")
def address(quarto_site):
    """The site behind a server on this machine, as the last line of ``make report`` says."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(quarto_site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_quarto_is_as_accessible_and_as_quiet(tab, requests, quarto_site, name, theme):
    page = visit(tab, uri(quarto_site, name), theme=theme)
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert serious(page) == []
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_figure_of_quarto_enlarges(tab, address):
    page = visit(tab, address + "report.html")
    small = page.locator("#fig-informe-arquitecturas img").bounding_box()["width"]
    page.locator("#fig-informe-arquitecturas a.lightbox").click()
    large = page.locator(".glightbox-container .gslide.current img")
    large.wait_for()
    page.wait_for_timeout(600)  # it grows
    assert large.bounding_box()["width"] > 1.3 * small


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_quartos_menu_shows_the_page_one_is_on(tab, address, theme):
    page = visit(tab, address + "report.html", theme=theme)
    style = "e => [getComputedStyle(e).color, getComputedStyle(e).fontWeight]"
    links = page.locator("#quarto-sidebar .sidebar-link:visible")
    active = page.locator("#quarto-sidebar .sidebar-link.active").evaluate(style)
    others = [link.evaluate(style) for link in links.all()]
    assert others.count(active) == 1


@pytest.mark.parametrize("name", NAMES)
def test_quartos_titles_are_whole_on_a_phone(tab, address, name):
    page = visit(tab, address + name, size=PHONE)
    titles = page.locator(".quarto-page-breadcrumbs, .breadcrumb-item, .nav-page")
    cut = titles.evaluate_all(
        "found => found.filter(e => e.scrollWidth > e.clientWidth + 1 "
        "|| e.getBoundingClientRect().right > innerWidth).map(e => e.textContent)"
    )
    assert cut == []
