"""Visiting pages from disk with Chromium, as a reader opens them."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import make

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CHROMIUM = make.browser()
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

COLOURS = ("color-contrast", "link-in-text-block")  # axe's rules that another theme may break


def visit(page: Page, address: str, size=DESKTOP, theme="light") -> Page:
    """Go to an address in a page that has been somewhere else before, as if it were a new one."""
    dress(page, size, theme)
    page.goto("about:blank")  # from there, an address with another fragment is a visit too
    page.goto(address)
    return page


def dress(page: Page, size=DESKTOP, theme="light") -> None:
    page.set_viewport_size(size)
    page.emulate_media(media="screen", color_scheme=theme, reduced_motion="reduce")
    page.mouse.move(0, 0)


def uri(site, name: str) -> str:
    return (site / name).resolve().as_uri()


def serious(
    page: Page, rules: tuple[str, ...] = (), without: tuple[str, ...] = (), within: str = ""
) -> list[str]:
    """Serious and critical findings of axe-core, by all rules or some, with an element of each."""
    # Without preloading: a page from disk may not fetch its own style sheets.
    options: dict = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    if without:
        options["rules"] = {rule: {"enabled": False} for rule in without}
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:200]}"
        for item in Axe().run(page, within or None, options).response["violations"]
        if item["impact"] in ("serious", "critical")
    ]


NAMED = ("empty-table-header", "landmark-unique")  # whose findings axe calls minor or moderate


def named(page: Page) -> list[str]:
    """Headers of tables without a text, and parts of the page that bear the same name."""
    options = {"preload": False, "runOnly": {"type": "rule", "values": NAMED}}
    found = Axe().run(page, None, options).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in found]


def focused(page: Page, property: str) -> str:
    return page.evaluate(f"document.activeElement.{property}") or ""
