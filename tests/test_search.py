"""Finding one's way: the menu, the search box, and the definition of a term where it stands."""

import json
import re

import pytest
from bs4 import BeautifulSoup

from browsing import DESKTOP, PHONE, serious, uri, visit
from publish import search
from publish.page import read
from publish.project import ROOT, Project
from test_terms import ENTRIES
from test_widgets_browser import CHAPTERS


@pytest.fixture(scope="module")
def entries(site):
    script = (site / "site" / "search-index.js").read_text("utf-8")
    return json.loads(script.removeprefix("window.searchIndex = ").rstrip(";\n"))


# The menu -----------------------------------------------------------------------------------------


def test_the_menu_numbers_the_chapters_and_calls_the_report_so(project):
    texts = project.menu_texts
    assert texts["report.qmd"] == "Informe"
    chapters = [path for path in project.pages if re.match(r"chapters/\d", path)]
    assert [texts[path].split(" · ")[0] for path in chapters] == [
        str(int(path[9:11])) for path in chapters
    ]
    order = list(project.reading_order())
    solutions = [order.index(path) for path in order if "soluciones" in path]
    assert min(solutions) > max(order.index(path) for path in chapters)


def test_neighbours_and_menu_call_a_page_the_same(site, project):
    soup = BeautifulSoup((site / "chapters/14-formulario.html").read_text("utf-8"), "html.parser")
    menu = {link["href"]: link.get_text() for link in soup.select("nav.sidebar li a")}
    assert list(menu.values())[:2] == ["Inicio", "Informe"]
    assert soup.select_one("[rel=prev]").get_text() == "← 13 · Glosario"
    assert soup.select_one("[aria-current=page]").get_text() == "14 · Formulario"


def test_the_bar_of_a_phone_names_the_page(tab, site):
    page = visit(tab, uri(site, "chapters/08-segmentacion-factores.html"), PHONE)
    here = page.locator(".top .here")
    assert here.inner_text() == "8 · Qué aporta cada factor"
    box = here.bounding_box()
    assert box["x"] + box["width"] <= PHONE["width"]
    assert not page.locator(".brand").is_visible()
    page = visit(tab, uri(site, "chapters/08-segmentacion-factores.html"), DESKTOP)
    assert page.locator(".brand").is_visible()
    assert not page.locator(".top .here").is_visible()


def test_the_menu_scrolls_to_the_page_one_is_on_and_nothing_else_moves(tab, site):
    page = visit(tab, uri(site, "chapters/13-glosario.html"), {"width": 1280, "height": 500})
    menu, entry = (page.locator(s).bounding_box() for s in ("nav.sidebar", "[aria-current=page]"))
    assert menu["y"] <= entry["y"] <= menu["y"] + menu["height"] - entry["height"]
    assert page.locator("nav.sidebar").evaluate("e => e.scrollTop") > 0
    assert page.evaluate("scrollY") == 0
    box = page.locator("#buscar").bounding_box()
    assert menu["y"] <= box["y"] < entry["y"]
    page = visit(tab, uri(site, "index.html"))
    assert page.locator("nav.sidebar").evaluate("e => e.scrollTop") == 0


# What is found ------------------------------------------------------------------------------------


def test_there_is_an_entry_for_each_term_and_each_piece(entries):
    terms = [entry for entry in entries if entry["kind"] == "term"]
    assert [entry["section"] for entry in terms] == [entry["term"] for entry in ENTRIES]
    assert all(entry["text"].endswith(".") for entry in terms)
    pieces = {entry["href"].partition("#")[2] for entry in entries if entry["kind"] == "piece"}
    assert pieces == set(CHAPTERS)
    assert all(entry["section"] for entry in entries if entry["kind"] == "piece")
    assert [entry["kind"] for entry in entries] == sorted(
        (entry["kind"] for entry in entries), key=["term", "piece", "section"].index
    )


def test_a_page_loads_the_index_when_the_box_gets_the_focus_and_not_before(tab, requests, site):
    page = visit(tab, uri(site, "report.html"))
    page.wait_for_load_state("networkidle")
    assert not [url for url in requests if "search-index" in url]
    page.locator("#buscar").focus()
    page.wait_for_function("window.searchIndex !== undefined")
    page.locator("#buscar").fill("lote")
    page.locator("#resultados a").first.wait_for()
    assert len([url for url in requests if "search-index" in url]) == 1


FOUND = {
    "receptive field": "campo receptivo", "skip connections": "conexión de salto",
    "overfitting": "sobreajuste", "sobreajuste": "sobreajuste", "núcleos": "núcleo",
    "kernels": "núcleo", "conexiones residuales": "conexión residual", "SEMILLAS": "semilla",
    "u-net por dentro": "La U-Net por dentro", "cortina": "Corre la cortina",
    "learning rates": "tasa de aprendizaje", "campos receptivos": "campo receptivo",
}  # fmt: skip


@pytest.mark.parametrize("words", FOUND)
def test_a_term_or_piece_is_the_first_that_is_found(tab, site, words):
    page = visit(tab, uri(site, "chapters/13-glosario.html"))
    page.locator("#buscar").fill(words)
    first = page.locator("#resultados a").first
    first.wait_for()
    assert first.locator("strong").inner_text() == FOUND[words]
    assert first.locator(".kind").count() == 1
    assert serious(page, within="#navegacion") == []
    target = page.evaluate("document.querySelector('#resultados a').href")
    name, _, anchor = target.partition("#")
    assert f'id="{anchor}"' in (site / name.split("/site/")[1]).read_text("utf-8")


def test_what_is_nowhere_is_said_and_so_is_a_missing_index(tab, site):
    page = visit(tab, uri(site, "index.html"))
    page.locator("#buscar").fill("xyzzy")
    page.get_by_text("No se han encontrado resultados").wait_for()
    tab.route("**/search-index.js", lambda route: route.abort())
    page = visit(tab, uri(site, "index.html"))
    page.locator("#buscar").fill("lote")
    page.get_by_text("No se puede leer el índice").wait_for()
    tab.unroute("**/search-index.js")


def test_terms_and_pieces_stand_first_in_the_index_of_quarto(site, project, tmp_path):
    for name in (
        "chapters/13-glosario.html", "chapters/08-segmentacion.html", "index.html",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((site / name).read_bytes())
    theirs = {"objectID": "report.html", "href": "report.html", "title": "x", "text": "y"}
    index = tmp_path / "search.json"
    index.write_text(json.dumps([theirs]))
    for _ in range(2):  # a second build adds nothing twice
        search.add_to_quarto(project, tmp_path)
        found = json.loads(index.read_text("utf-8"))
        assert len(found) == len(ENTRIES) + 2 + 1
        assert found[-1] == theirs
        (term,) = [item for item in found if item["href"].endswith("#campo-receptivo")]
        assert "receptive field" in term["title"]
        assert len({item["objectID"] for item in found}) == len(found)


def test_a_site_without_an_index_of_quarto_is_left_alone(project, tmp_path):
    search.add_to_quarto(project, tmp_path)
    assert list(tmp_path.iterdir()) == []


# Definitions --------------------------------------------------------------------------------------


def definition(page) -> str:
    return page.evaluate(
        "(e => e.hidden ? '' : e.textContent)(document.getElementById('term-tip'))"
    )


def test_a_definition_is_that_of_the_glossary(site):
    soup = BeautifulSoup((site / "report.html").read_text("utf-8"), "html.parser")
    of = {entry["id"]: entry["definition"].replace("*", "") for entry in ENTRIES}
    found = soup.select("a.term")
    assert len(found) > 5
    for link in found:
        shown, written = link["data-definition"], of[link["href"].partition("#")[2]]
        assert shown == written if "$" not in written else shown[:20] == written[:20]
        assert not re.search(r"[$\\*_]", shown), "mathematics is written out"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_definition_comes_on_hover_and_focus_and_goes_on_escape(tab, site, theme):
    page = visit(tab, uri(site, "report.html"), theme=theme)
    term = page.locator("main a.term").first
    term.scroll_into_view_if_needed()
    term.hover()
    page.locator("#term-tip").wait_for()
    assert definition(page) == term.get_attribute("data-definition")
    assert serious(page, within="#term-tip") == []
    page.locator("#term-tip").hover()  # it can be read with the mouse on it
    page.wait_for_timeout(400)
    assert definition(page)
    page.keyboard.press("Escape")
    assert definition(page) == ""
    page.mouse.move(0, 0)
    page.keyboard.press("Tab")
    term.focus()
    assert definition(page) == term.get_attribute("data-definition")
    assert term.get_attribute("aria-describedby") == "term-tip"
    term.evaluate("e => e.blur()")
    assert definition(page) == ""


def test_the_first_tap_shows_the_definition_and_the_second_follows_the_link(browser, site):
    page = browser.new_page(viewport=PHONE, has_touch=True)
    page.goto(uri(site, "report.html"))
    term = page.locator("main a.term").last
    term.scroll_into_view_if_needed()
    term.tap()
    assert definition(page) == term.get_attribute("data-definition")
    assert page.url.endswith("report.html")
    box = page.locator("#term-tip").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    page.touchscreen.tap(PHONE["width"] - 4, 400)
    assert definition(page) == ""
    term.tap()
    term.tap()
    page.wait_for_url("**/13-glosario.html#*")
    page.close()


def test_each_page_has_a_name_in_the_menu_that_is_short(project):
    for path in Project(ROOT).pages:
        name = project.menu_texts.get(path) or read(path, ROOT).metadata["title"]
        assert len(name) <= 45, name
