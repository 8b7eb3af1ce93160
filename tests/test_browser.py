"""The site in a real browser: accessible, usable from the keyboard, nothing fetched from elsewhere.

Runs where Chromium is installed; pages are opened from disk, as a reader opens them.
"""

import pytest

from browsing import CHROMIUM, PHONE, focused, serious, uri, visit
from publish.project import ROOT, Project

PAGES = [path.removesuffix(".qmd") + ".html" for path in Project(ROOT).pages]
SOURCE = "code/tarea2/convolution.html"

if not CHROMIUM:
    pytest.skip(
        "Chromium is not installed; install the system's package `chromium`",
        allow_module_level=True,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, SOURCE])
def test_axe_finds_nothing_serious(browser, site, name, theme):
    page = visit(browser, uri(site, name), theme=theme)
    assert serious(page) == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_on_a_phone(browser, site, name):
    page = visit(browser, uri(site, name), size=PHONE)
    assert serious(page) == []
    page.close()


def test_axe_would_find_something(browser, site):
    page = visit(browser, uri(site, "index.html"))
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any(text.startswith("button-name") for text in serious(page))
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_request_leaves_the_machine(browser, site, name):
    requests: list[str] = []
    page = visit(browser, uri(site, name), requests=requests)
    page.wait_for_load_state("networkidle")
    assert any(url.endswith(name) for url in requests)
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_a_request_would_be_seen(browser, site):
    requests: list[str] = []
    page = visit(browser, uri(site, "index.html"), requests=requests)
    page.evaluate("fetch('http://localhost:9/').catch(() => 0)")
    assert "http://localhost:9/" in requests
    page.close()


@pytest.mark.parametrize("name", [*PAGES, SOURCE])
def test_nothing_is_wider_than_a_phone(browser, site, name):
    page = visit(browser, uri(site, name), size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()


def test_mathematics_is_drawn_by_the_browser_alone(browser, site):
    page = visit(browser, uri(site, "report.html"))
    sizes = page.evaluate(
        "[...document.querySelectorAll('math')].map(e => e.getBoundingClientRect().width)"
    )
    assert len(sizes) > 20
    assert min(sizes) > 3
    page.close()


def test_the_keyboard_skips_to_the_content_and_changes_the_theme(browser, site):
    page = visit(browser, uri(site, "report.html"))
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
    page.close()


def test_the_keyboard_searches(browser, site):
    page = visit(browser, uri(site, "index.html"))
    page.keyboard.press("/")
    page.keyboard.type("dilatacion")
    page.keyboard.press("ArrowDown")
    assert ".html" in focused(page, "href")
    page.keyboard.press("Enter")
    page.wait_for_url("**/chapters/*.html*")
    page.close()


def test_the_keyboard_opens_and_closes_a_figure(browser, site):
    page = visit(browser, uri(site, "report.html"))
    link = page.locator("#fig-informe-arquitecturas a.lightbox")
    link.focus()
    page.keyboard.press("Enter")
    large = page.locator("dialog img")
    assert large.bounding_box()["width"] > 1.1 * link.bounding_box()["width"]
    assert len(large.get_attribute("alt")) > 20
    page.keyboard.press("Escape")
    assert page.locator("dialog").get_attribute("open") is None
    assert "lightbox" in focused(page, "className")
    page.close()


def test_the_menu_of_a_phone_opens_from_the_keyboard(browser, site):
    page = visit(browser, uri(site, "index.html"), size=PHONE)
    assert not page.locator("#navegacion").is_visible()
    page.locator("button.menu").focus()
    page.keyboard.press("Enter")
    assert page.locator("#navegacion").is_visible()
    assert page.locator("button.menu").get_attribute("aria-expanded") == "true"
    page.close()


def test_a_figure_links_to_the_line_that_draws_it(browser, site):
    page = visit(browser, uri(site, "report.html"))
    page.get_by_role("link", name="segmentation.ranking").click()
    page.wait_for_url("**/code/tarea2/plots/segmentation.html*")
    line = page.evaluate("decodeURIComponent(location.hash.slice(1))")
    text = page.evaluate(f"document.getElementById('{line}').parentElement.textContent")
    lines = text.splitlines()
    assert any(row.strip().endswith("def ranking(") for row in lines)
    number = int(line.removeprefix("linea-"))
    source = (ROOT / "code/tarea2/plots/segmentation.py").read_text().splitlines()
    assert source[number - 1].startswith("def ranking(")
    page.close()
