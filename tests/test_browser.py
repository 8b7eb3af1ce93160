"""The site in a real browser: accessible, usable from the keyboard, nothing fetched from elsewhere.

Runs where Chromium is installed; pages are opened from disk, as a reader opens them.
"""

import re
from string import Template

import pytest

from browsing import COLOURS, PHONE, dress, focused, named, serious, uri, visit
from publish.project import ROOT, Project

PAGES = [path.removesuffix(".qmd") + ".html" for path in Project(ROOT).pages]
SOURCE = "code/tarea2/convolution.html"

# A page is opened once for all that is looked at: opening and axe cost more than looking.


@pytest.mark.parametrize("name", [*PAGES, SOURCE])
def test_a_page_is_accessible_in_both_sizes_and_themes_and_fetches_nothing_from_elsewhere(
    tab, requests, site, name
):
    page = visit(tab, uri(site, name))
    page.wait_for_load_state("networkidle")
    assert any(url.endswith(name) for url in requests)
    assert serious(page) == []
    assert named(page) == []
    assert page.evaluate(TABLES)["scroll"] == []
    dress(page, PHONE, "dark")
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    if name != SOURCE:
        # Colours are looked at in the large window, in both themes: no style sheet sets one by the
        # width, and what a phone alone shows, its menu, is the same on every page.
        assert serious(page, without=COLOURS) == []
        check_what_scrolls(page)
    dress(page, theme="dark")
    assert serious(page, COLOURS) == []
    # A blob is the page's own, such as the script of a worker.
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colours_of_a_phone_s_own_parts_are_accessible(tab, site, theme):
    page = visit(tab, uri(site, "index.html"), size=PHONE, theme=theme)
    assert serious(page) == []
    page.locator("button.menu").click()
    assert page.locator("#navegacion").is_visible()
    assert serious(page) == []


BY_WIDTH = re.compile(r"@media[^{]*width[^{]*\{((?:[^{}]|\{[^{}]*\})*)\}")
COLOURED = re.compile(r"(?<![\w-])(?:color|background(?:-color|-image)?|opacity|fill|stroke)\s*:")


def test_no_colour_depends_on_the_width():
    sheets = [(ROOT / "theme").joinpath(name) for name in ("site", "widgets")]
    texts = [path.read_text("utf-8") for folder in sheets for path in folder.glob("*.css")]
    blocks = [block for text in texts for block in BY_WIDTH.findall(text)]
    assert len(blocks) > 3
    assert not [block for block in blocks if COLOURED.search(block)]
    assert COLOURED.search("a { background: red; }")


def test_axe_would_find_something(tab, site):
    page = visit(tab, uri(site, "index.html"))
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any(text.startswith("button-name") for text in serious(page))
    page.evaluate("""document.querySelector('main').insertAdjacentHTML('beforeend',
        '<table><tr><th></th></tr></table><nav aria-label="a"></nav><nav aria-label="a"></nav>')""")
    assert [text.split(":")[0] for text in named(page)] == ["empty-table-header", "landmark-unique"]
    assert serious(page, COLOURS) == []
    page.evaluate("document.querySelector('main h1').style.color = '#999'")
    assert any(text.startswith("color-contrast") for text in serious(page, COLOURS))


def test_a_request_would_be_seen(tab, requests, site):
    page = visit(tab, uri(site, "index.html"))
    page.evaluate("fetch('http://localhost:9/').catch(() => 0)")
    assert "http://localhost:9/" in requests


WORDS = """() => {
  const broken = [];
  for (const cell of document.querySelectorAll("main td, main th")) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest("math, code")) continue;
      for (const word of node.data.matchAll(/\\S+/g)) {
        const range = document.createRange();
        range.setStart(node, word.index);
        range.setEnd(node, word.index + word[0].length);
        const boxes = [...range.getClientRects()].filter((box) => box.width);
        if (new Set(boxes.map((box) => Math.round(box.top))).size > 1) broken.push(word[0]);
      }
    }
  }
  return broken;
}"""
# Tables that scroll sideways, and cells whose text stands over the next.
TABLES = """() => {
  const found = { scroll: [], over: [] };
  for (const box of document.querySelectorAll(".table-scroll")) {
    if (box.scrollWidth > box.clientWidth + 1) found.scroll.push(box.textContent.slice(0, 40));
    for (const cell of box.querySelectorAll("td, th")) {
      const range = document.createRange();
      range.selectNodeContents(cell);
      const text = range.getBoundingClientRect(), room = cell.getBoundingClientRect();
      if (text.width && text.right > room.right + 1) found.over.push(cell.textContent);
    }
  }
  return found;
}"""
BOXES = ".table-scroll, .equation-body, a.lightbox, main pre"


def check_what_scrolls(page) -> None:
    """Tables, figures and equations are whole, or scroll and say so."""
    assert page.evaluate(TABLES)["over"] == []
    assert page.evaluate(WORDS) == []
    for number in page.locator(".equation-number").all():
        box = number.bounding_box()
        assert 0 <= box["x"] <= PHONE["width"] - box["width"]
    wide = [box for box in page.locator(BOXES).all() if box.is_visible() and overflow(box) > 1]
    for box in wide:
        assert box.get_attribute("data-more") == "right"
        assert box.evaluate("e => getComputedStyle(e).maskImage") != "none"
        assert box.evaluate("e => e.tabIndex") == 0
    for table in page.locator(".table-scroll").all():
        if table.is_visible() and overflow(table) > 1:
            check_first_column(table)
    for image in page.locator("a.lightbox img").all():  # letters keep their size
        shown, own = image.evaluate("e => [e.width, e.naturalWidth]")
        assert abs(shown - own) < 2


def overflow(box) -> int:
    return box.evaluate("e => e.scrollWidth - e.clientWidth")


def check_first_column(table) -> None:
    """Scrolling a table to its end leaves the first column where it was, and the mark turns."""
    first = table.locator("tr > :first-child").first
    before = first.bounding_box()["x"]
    table.evaluate("e => { e.scrollLeft = 1e4; }")
    table.page.wait_for_function("e => e.dataset.more === 'left'", arg=table.element_handle())
    assert abs(first.bounding_box()["x"] - before) < 2


def test_the_copy_button_covers_no_code(tab, site):
    page = visit(tab, uri(site, "chapters/03-convolucion-2d.html"))
    blocks = [block for block in page.locator("div.sourceCode").all() if block.is_visible()]
    assert len(blocks) > 5
    for block in blocks:
        block.hover()
        button = block.locator("button.copy").bounding_box()
        line = block.locator("code").evaluate("e => e.getClientRects()[0].top")
        assert button["y"] + button["height"] <= line + 1


@pytest.mark.parametrize("theme", ["", "quarto-dark"])
def test_what_quarto_writes_gets_the_same_looks(tab, tmp_path, theme):
    frame = (ROOT / "theme/quarto/frame.scss").read_text("utf-8")
    frame = re.sub(r"^//.*$|^/\*--.*--\*/$", "", frame, flags=re.MULTILINE)  # the rest is CSS
    file = tmp_path / "page.html"
    quarto = Template((ROOT / "tests/quarto_page.html").read_text("utf-8"))
    words = {"root": ROOT.as_uri(), "theme": theme, "frame": frame, "long": "inseparable" * 6}
    file.write_text(quarto.substitute(words), encoding="utf-8")
    page = visit(tab, file.as_uri(), size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(WORDS) == []
    for selector in (".table-scroll", ".equation-body", "main pre"):
        assert page.locator(selector).get_attribute("data-more") == "right"
    check_first_column(page.locator(".table-scroll"))
    number = page.locator(".equation-number").bounding_box()
    assert number["x"] + number["width"] <= PHONE["width"]
    button, line = (page.locator(s).bounding_box() for s in (".code-copy-button", "main pre code"))
    assert button["y"] + button["height"] <= line["y"] + 1
    enlarged = page.locator(".gslide-image img").bounding_box()["width"]
    assert enlarged == pytest.approx(0.94 * PHONE["width"], abs=2)
    assert serious(page) == []
    style = "e => [getComputedStyle(e).color, getComputedStyle(e).fontWeight]"
    other, active = (link.evaluate(style) for link in page.locator(".sidebar-link").all())
    assert active != other
    assert (
        page.evaluate("getComputedStyle(document.querySelector('figcaption')).textAlign") == "left"
    )


def test_a_table_that_is_too_wide_takes_the_margin_and_then_scrolls(tab, site):
    row = "".join(f"<td>{'largo' * 9} {k}</td>" for k in range(2))
    text = (site / "index.html").read_text("utf-8")
    table = f'<div class="table-scroll"><table><tr>{row}</tr></table></div>'
    file = site / "otra.html"
    file.write_text(text.replace("<p>La tarea", table + "<p>La tarea"), encoding="utf-8")
    page = visit(tab, file.as_uri())
    box = page.locator(".table-scroll").first
    assert "wide" in box.get_attribute("class")
    assert box.bounding_box()["width"] > page.locator("main").bounding_box()["width"] + 200
    page.evaluate("""document.querySelector(".table-scroll td").textContent = "x".repeat(300)""")
    assert len(page.evaluate(TABLES)["scroll"]) == 1
    page.evaluate("""document.querySelector(".table-scroll td").style.maxWidth = "2rem" """)
    assert page.evaluate(TABLES)["over"] == ["x" * 300]
    file.unlink()


def test_the_report_shows_all_its_code_at_one_press(tab, site):
    page = visit(tab, uri(site, "report.html"))
    code = page.locator("main details.code-fold")
    assert code.count() > 8
    assert not code.first.is_visible()
    button = page.get_by_role("button", name="Ver el código")
    button.focus()
    page.keyboard.press("Enter")
    assert all(fold.locator("pre").first.is_visible() for fold in code.all())
    page.get_by_role("button", name="Ocultar el código").click()
    assert not code.first.is_visible()


def test_figures_of_both_columns_take_the_margin_of_the_report(tab, site):
    page = visit(tab, uri(site, "report.html"))
    main = page.locator("main").bounding_box()["width"]
    wide = [box.bounding_box()["width"] for box in page.locator("main div.wide").all()]
    assert len(wide) > 1
    assert all(main + 200 < width <= 1100 for width in wide)
    dress(page, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_mathematics_is_drawn_by_the_browser_alone(tab, site):
    page = visit(tab, uri(site, "report.html"))
    sizes = page.evaluate(
        "[...document.querySelectorAll('math')].map(e => e.getBoundingClientRect().width)"
    )
    assert len(sizes) > 20
    assert min(sizes) > 3


def test_the_keyboard_skips_to_the_content_and_changes_the_theme(tab, site):
    page = visit(tab, uri(site, "report.html"))
    page.keyboard.press("Tab")
    assert focused(page, "textContent") == "Saltar al contenido"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page, "className") == "theme"
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_the_keyboard_searches(tab, site):
    page = visit(tab, uri(site, "index.html"))
    page.keyboard.press("/")
    page.keyboard.type("dilatacion")
    page.locator("#resultados a").first.wait_for()  # the index is loaded now
    page.keyboard.press("ArrowDown")
    assert ".html" in focused(page, "href")
    page.keyboard.press("Enter")
    page.wait_for_url("**/chapters/*.html*")


def test_the_keyboard_opens_and_closes_a_figure(tab, site):
    page = visit(tab, uri(site, "report.html"))
    link = page.locator("#fig-informe-arquitecturas a.lightbox")
    link.focus()
    page.keyboard.press("Enter")
    large = page.locator("dialog img")
    assert large.bounding_box()["width"] > 1.1 * link.bounding_box()["width"]
    assert len(large.get_attribute("alt")) > 20
    page.keyboard.press("Escape")
    assert page.locator("dialog").get_attribute("open") is None
    assert "lightbox" in focused(page, "className")


def test_a_figure_opens_no_smaller_on_a_phone(tab, site):
    page = visit(tab, uri(site, "report.html"), size=PHONE)
    image = page.locator("#fig-informe-arquitecturas img")
    before = image.bounding_box()["width"]
    image.click(position={"x": 20, "y": 20})
    assert page.locator("dialog img").bounding_box()["width"] >= before
    assert page.locator("dialog").evaluate("e => getComputedStyle(e).overflowX") == "auto"


def test_the_menu_of_a_phone_opens_from_the_keyboard(tab, site):
    page = visit(tab, uri(site, "index.html"), size=PHONE)
    assert not page.locator("#navegacion").is_visible()
    page.locator("button.menu").focus()
    page.keyboard.press("Enter")
    assert page.locator("#navegacion").is_visible()
    assert page.locator("button.menu").get_attribute("aria-expanded") == "true"


def test_a_figure_links_to_the_line_that_draws_it(tab, site):
    page = visit(tab, uri(site, "report.html"))
    page.get_by_role("link", name="segmentation.ranking").click()
    page.wait_for_url("**/code/tarea2/plots/segmentation.html*")
    line = page.evaluate("decodeURIComponent(location.hash.slice(1))")
    text = page.evaluate(f"document.getElementById('{line}').parentElement.textContent")
    lines = text.splitlines()
    assert any("def ranking(" in row for row in lines)
    number = int(line.removeprefix("linea-"))
    source = (ROOT / "code/tarea2/plots/segmentation.py").read_text().splitlines()
    assert source[number - 1].startswith("def ranking(")
