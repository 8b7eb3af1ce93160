"""What the built-in renderer's HTML pages share: navigation, style sheets, scripts."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

import pypandoc
from bs4 import BeautifulSoup

from publish.files import write_atomically
from publish.page import Page
from publish.project import Project

CARD = "site/card.png"


def titles(pages: list[Page]) -> dict[str, str]:
    """Each page's title as HTML, by its path; pandoc reads them all at once."""
    text = "\n\n".join(f"# {page.metadata['title']} {{-}}" for page in pages)
    written = pypandoc.convert_text(text, "html", "markdown", verify_format=False)
    soup = BeautifulSoup(written, "html.parser")
    headings = [heading.decode_contents() for heading in soup.find_all("h1")]
    return {page.path: title for page, title in zip(pages, headings, strict=True)}


def navigation(page: Page, titles: dict[str, str], project: Project) -> dict:
    """Template variables for one page: sidebar, neighbours, the way back to the root."""
    named = titles | {path: escape(text) for path, text in project.menu_texts.items()}
    sections = [
        {
            "section": escape(section or ""),
            "pages": [
                {"title": named[path], "href": _href(path), "active": path == page.path}
                for path in pages
            ],
        }
        for section, pages in project.navigation
    ]
    order = list(project.reading_order())
    place = order.index(page.path) if page.path in order else None
    neighbours = {}
    if place is not None:
        for name, index in (("previous", place - 1), ("next", place + 1)):
            if 0 <= index < len(order):
                neighbours[name] = {"title": named[order[index]], "href": _href(order[index])}
    return {
        "nav": sections,
        "root": "../" * page.depth,
        "stem": quote(Path(page.stem).name),
        "site-title": escape(project.config["website"]["title"]),
        "here": named[page.path],
        "card": escape(_card(page, project)),
        **neighbours,
    }


def _card(page: Page, project: Project) -> str:
    """Address of the picture that a link to the site gets elsewhere, whole once `site` is known."""
    site = project.config.get("site")
    return f"{str(site).rstrip('/')}/{CARD}" if site else "../" * page.depth + CARD


def assets(project: Project, folder: Path) -> None:
    """Copy style sheets, scripts and the pictures of the frame."""
    for path in sorted((project.root / "theme" / "site").iterdir()):
        if path.suffix in {".css", ".js", ".svg", ".png"}:
            write_atomically(folder / "site" / path.name, path.read_bytes())


def _href(path: str) -> str:
    return quote(path.removesuffix(".qmd") + ".html")
