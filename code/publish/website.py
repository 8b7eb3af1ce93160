"""What the built-in renderer's HTML pages share: navigation, style sheet, scripts, search index."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from urllib.parse import quote

import pypandoc
from bs4 import BeautifulSoup

from publish.files import digest, file_digest, read_json, write_atomically
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
    sections = [
        {
            "section": escape(section or ""),
            "pages": [
                {"title": titles[path], "href": _href(path), "active": path == page.path}
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
                neighbours[name] = {"title": titles[order[index]], "href": _href(order[index])}
    return {
        "nav": sections,
        "root": "../" * page.depth,
        "stem": quote(Path(page.stem).name),
        "site-title": escape(project.config["website"]["title"]),
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


def search_index(project: Project, folder: Path) -> None:
    """Write the sections of all pages as a script: a file opened from disk may not fetch JSON."""
    entries = []
    for path in project.reading_order():
        page = (folder / path).with_suffix(".html")
        store = (project.cache / "search" / path).with_suffix(".json")
        made = digest(file_digest(page), file_digest(Path(__file__)))
        known = read_json(store)
        if not isinstance(known, dict) or known.get("made_from") != made:
            known = {"made_from": made, "sections": _sections(path, page.read_text("utf-8"))}
            write_atomically(store, json.dumps(known, ensure_ascii=False))
        entries += known["sections"]
    script = "window.searchIndex = " + json.dumps(entries, ensure_ascii=False) + ";\n"
    write_atomically(folder / "site" / "search-index.js", script)


def _sections(path: str, text: str) -> list[dict[str, str]]:
    """The sections of a page: where they are, their titles and their text."""
    main = BeautifulSoup(text, "html.parser").find("main")
    title = main.h1.get_text(" ", strip=True)
    found = [{"href": _href(path), "page": title, "section": "", "text": ""}]
    for math in main.find_all(["math", "nav", "svg"]):
        math.decompose()
    for element in main.find_all(["h2", "h3", "p", "li", "figcaption", "td", "th"]):
        text = " ".join(element.get_text(" ", strip=True).split())
        if element.name in {"h2", "h3"}:
            anchor = element.get("id") or (element.parent.get("id") or "")
            href = f"{_href(path)}#{anchor}"
            found.append({"href": href, "page": title, "section": text, "text": ""})
        else:
            found[-1]["text"] += text + " "
    return found


def _href(path: str) -> str:
    return quote(path.removesuffix(".qmd") + ".html")
