"""Visiting pages from disk with Chromium, as a reader opens them."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import make

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CHROMIUM = make.browser()
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

COLOURS = ("color-contrast", "link-in-text-block")  # axe's rules that another theme may break


def visit(browser: Browser, address: str, size=DESKTOP, theme="light", requests=None) -> Page:
    page = browser.new_page(viewport=size, color_scheme=theme, reduced_motion="reduce")
    if requests is not None:
        page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    return page


def uri(site, name: str) -> str:
    return (site / name).resolve().as_uri()


def serious(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """Serious and critical findings of axe-core, by all rules or some, with an element of each."""
    options: dict = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    return [
        f"{item['id']}: {item['nodes'][0]['html'][:150]}"
        for item in Axe().run(page, options=options).response["violations"]
        if item["impact"] in ("serious", "critical")
    ]


def focused(page: Page, property: str) -> str:
    return page.evaluate(f"document.activeElement.{property}") or ""
