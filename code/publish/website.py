"""What the built-in renderer's HTML pages share: navigation, style sheet, scripts, search index."""

from __future__ import annotations

import json
from pathlib import Path

from bs4 import BeautifulSoup

from publish.execute import write_atomically
from publish.page import Page
from publish.project import Project


def navigation(page: Page, titles: dict[str, str], project: Project) -> dict:
    """Template variables for one page: sidebar, neighbours, the way back to the root."""
    sections = [
        {
            "section": section or "",
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
        "stem": Path(page.stem).name,
        "site-title": project.config["website"]["title"],
        **neighbours,
    }


def assets(project: Project, folder: Path) -> None:
    """Copy style sheet and scripts."""
    for path in sorted((project.root / "theme" / "site").iterdir()):
        if path.suffix in {".css", ".js"}:
            write_atomically(folder / "site" / path.name, path.read_bytes())


def search_index(project: Project, folder: Path) -> None:
    """Write the sections of all pages as a script: a file opened from disk may not fetch JSON."""
    entries = []
    for path in project.reading_order():
        soup = BeautifulSoup((folder / _href(path)).read_text(encoding="utf-8"), "html.parser")
        main = soup.find("main")
        title = main.h1.get_text(" ", strip=True)
        current = {"href": _href(path), "page": title, "section": "", "text": ""}
        for math in main.find_all(["math", "nav", "svg"]):
            math.decompose()
        for element in main.find_all(["h2", "h3", "p", "li", "figcaption", "td", "th"]):
            text = " ".join(element.get_text(" ", strip=True).split())
            if element.name in {"h2", "h3"}:
                entries.append(current)
                anchor = element.get("id") or (element.parent.get("id") or "")
                current = {
                    "href": f"{_href(path)}#{anchor}", "page": title, "section": text, "text": "",
                }  # fmt: skip
            else:
                current["text"] += text + " "
        entries.append(current)
    script = "window.searchIndex = " + json.dumps(entries, ensure_ascii=False) + ";\n"
    write_atomically(folder / "site" / "search-index.js", script)


def _href(path: str) -> str:
    return path.removesuffix(".qmd") + ".html"
