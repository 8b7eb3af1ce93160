"""The index: what it says is the report's, its doors lead somewhere, and its picture is alive."""

import re

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from browsing import DESKTOP, PHONE, serious, uri, visit
from conftest import write_page
from publish.build import build
from publish.page import INLINE, read
from publish.project import ROOT, Project
from test_widgets_browser import CHAPTERS

PER_MINUTE = 250  # words that an adult reads in silence (Brysbaert, 2019: 238 in English)
NUMBER = re.compile(r"\d+,\d+")


@pytest.fixture(scope="module")
def index(site):
    return BeautifulSoup((site / "index.html").read_text("utf-8"), "html.parser")


def test_three_findings_of_one_number_each_are_those_of_the_report_s_abstract(index, site):
    report = BeautifulSoup((site / "report.html").read_text("utf-8"), "html.parser")
    abstract = set(NUMBER.findall(report.select_one(".abstract").get_text()))
    lines = [" ".join(line.get_text().split()) for line in index.select(".findings li")]
    assert len(lines) == 3
    for line in lines:
        (number,) = NUMBER.findall(line)
        assert line.startswith(number)
        assert number in abstract, line
        assert len(line) < 90, "one line"


def test_one_sentence_says_what_this_is(index):
    said = index.select_one(".title-block .description").get_text(strip=True)
    assert len(re.findall(r"[.!?](?:\s|$)", said)) == 1
    assert index.find("meta", attrs={"name": "description"})["content"] == said
    assert index.main.select_one("header").find_next_sibling().find_next("tarea-wipe") is not None


def test_three_doors_lead_to_the_report_the_pieces_and_the_chapters(index):
    doors = [door.a["href"] for door in index.select(".doors li")]
    assert doors[0] == "report.html"
    pieces, chapters = (index.find(id=door.removeprefix("#")) for door in doors[1:])
    assert pieces.find_next("div", class_="pieces").find_previous("h2") is pieces
    assert chapters.find_next("table").find_previous("h2") is chapters


def minutes(path: str) -> float:
    cells = read(path, ROOT).cells
    text = " ".join(cell.source for cell in cells if cell.kind == "markdown")
    return len(re.findall(r"\w+", INLINE.sub("x", text))) / PER_MINUTE


def test_the_minutes_of_the_report_and_of_each_chapter_are_those_of_their_words(index):
    told = {
        row.a["href"].replace(".html", ".qmd"): row.find_all("td")[-1].get_text(strip=True)
        for row in index.select("tbody tr")
    }
    door = index.select_one(".doors li").get_text()
    told["report.qmd"] = re.search(r"(\d+)\smin", door)[1]
    chapters = [page for page in Project(ROOT).pages if re.match(r"chapters/\d", page)]
    assert set(told) == {*chapters, "report.qmd"}
    off = {
        path: minutes(path)
        for path, text in told.items()
        if text and abs(int(text) - minutes(path)) > 1
    }
    assert off == {}
    spread = re.search(r"de\s(\d+)\sa\s(\d+)\smin", index.select_one(".doors").get_text())
    numbers = [int(text) for path, text in told.items() if text and path != "report.qmd"]
    assert tuple(map(int, spread.groups())) == (min(numbers), max(numbers))


def test_each_piece_has_its_thumbnail(index):
    cards = index.select(".pieces li")
    shown = {card.a["href"].partition("#")[2]: card.img["src"] for card in cards}
    assert set(shown) == set(CHAPTERS) - {"cortina"}
    for name, source in shown.items():
        assert source == f"theme/thumbnails/{name}.png"
        with Image.open(ROOT / source) as picture:
            assert picture.size == (300, 200)
        assert (ROOT / source).stat().st_size < 20_000


def test_a_link_to_the_site_gets_title_words_and_picture(small_project):
    config = small_project.root / "_quarto.yml"
    config.write_text(config.read_text() + "author: Ana Pérez\ndate: 2026-02-03\n")
    page = small_project.root / "index.qmd"
    page.write_text(page.read_text().replace("jupyter:", "description: Dos palabras\njupyter:"))

    def told() -> dict[str, str]:
        build(Project(small_project.root), jobs=1, report=lambda line: None, forms=["html"])
        text = (small_project.output / "index.html").read_text("utf-8")
        soup = BeautifulSoup(text, "html.parser")
        assert "Ana Pérez" in soup.select_one("header .author").get_text()
        assert "3 de febrero de 2026" in soup.select_one("header .date").get_text()
        icon = soup.find("link", rel="icon")["href"]
        assert (small_project.output / icon).read_text().startswith("<svg")
        return {each["property"]: each["content"] for each in soup.select("meta[property]")}

    found = told()
    assert found["og:title"] == "Portada"
    assert found["og:description"] == "Dos palabras"
    with Image.open(small_project.output / found["og:image"]) as picture:
        assert picture.size == (1200, 630)
    config.write_text(config.read_text() + "site: https://ana.example/tarea/\n")
    assert told()["og:image"] == "https://ana.example/tarea/site/card.png"


def test_both_engines_are_told_of_the_same_icon_and_picture(project):
    website = project.config["website"]
    for key in ("favicon", "image"):
        assert (ROOT / website[key]).stat().st_size < 100_000
        assert website[key].startswith("theme/site/")
    assert website["open-graph"] is True


def test_descriptions_are_plain_text():
    for path in Project(ROOT).pages:  # they stand in an attribute of the page's head
        assert not re.search(r"[*_`<\"]", read(path, ROOT).metadata["description"]), path


def test_a_title_with_quotation_marks_leaves_the_head_whole(small_project):
    write_page(small_project.root, "Hola.\n", title="Uno & «dos»")
    build(small_project, jobs=1, report=lambda line: None, forms=["html"])
    text = (small_project.output / "index.html").read_text("utf-8")
    soup = BeautifulSoup(text, "html.parser")
    assert soup.find("meta", property="og:title")["content"] == "Uno & «dos»"


@pytest.mark.parametrize(("size", "theme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_a_curtain_shows_one_answer_on_each_side(tab, site, size, theme):
    page = visit(tab, uri(site, "index.html"), size, theme)
    page.wait_for_selector("#cortina[live]")
    colour = """x => { const canvas = document.querySelector(".tarea-curtain");
        return [...canvas.getContext("2d").getImageData(0, 0, 48, 48).data].join(); }"""
    share = page.locator("#cortina-share")
    pictures = {}
    for key in ("Home", "End"):
        share.press(key)
        pictures[key] = page.evaluate(colour)
    assert pictures["Home"] != pictures["End"]
    curtain = page.locator(".tarea-curtain")
    curtain.scroll_into_view_if_needed()
    box = curtain.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.up()
    assert share.input_value() == "25"
    mixed = page.evaluate(colour)
    assert mixed not in pictures.values()
    edge = page.evaluate(
        """() => { const view = document.querySelector(".tarea-curtain").parentElement;
        return parseFloat(getComputedStyle(view, "::after").left); }"""
    )
    assert edge == pytest.approx(box["width"] / 4, abs=2)
    assert serious(page, within="tarea-wipe") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_the_index_weighs_less_than_a_megabyte(tab, requests, site):
    page = visit(tab, uri(site, "index.html"))
    page.wait_for_load_state("networkidle")
    files = {url.partition("#")[0].partition("?")[0] for url in requests if url.startswith("file:")}
    weight = sum((site / url.split("/.build/site/")[1]).stat().st_size for url in files)
    assert len(files) > 10
    assert weight < 1_000_000
