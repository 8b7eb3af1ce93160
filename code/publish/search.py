"""What a reader can find: the terms of the glossary, the interactive pieces, the pages' sections.

The built-in site reads it from a script that the first touch of the search box loads, since a file
opened from disk may not fetch JSON. Quarto writes an index of its own; terms and pieces are added.
"""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

from bs4 import BeautifulSoup

from publish.files import digest, file_digest, read_json, write_atomically
from publish.project import Project

Entry = dict[str, str]  # kind (term, piece or section), href, page, section, text; words of a term
OURS = "publish-"  # how names of what is added to Quarto's index begin


def write(project: Project, folder: Path) -> None:
    """Write ``site/search-index.js``: definitions first, then pieces, then sections."""
    found = {"term": _terms(project, folder), "piece": [], "section": []}
    for path in project.reading_order():
        for entry in _of_page(project, folder, path):
            found[entry["kind"]].append(entry)
    entries = [entry for kind in found.values() for entry in kind]
    script = "window.searchIndex = " + json.dumps(entries, ensure_ascii=False) + ";\n"
    write_atomically(folder / "site" / "search-index.js", script)


def add_to_quarto(project: Project, folder: Path) -> None:
    """Put terms and pieces before the sections in the ``search.json`` of a site made by Quarto."""
    index = folder / "search.json"
    known = read_json(index)
    if not isinstance(known, list):
        return
    ours = _terms(project, folder)
    for path in project.reading_order():
        if _html(folder, path).exists():
            ours += [e for e in _of_page(project, folder, path) if e["kind"] == "piece"]
    added = [
        {
            "objectID": f"{OURS}{entry['kind']}-{entry['href']}",
            "href": unquote(entry["href"]),
            "title": " · ".join(filter(None, (entry["section"], entry.get("words")))),
            "section": "",
            "text": entry["text"] or entry["page"],
            "crumbs": [entry["page"]],
        }
        for entry in ours
    ]
    theirs = [item for item in known if not str(item.get("objectID", "")).startswith(OURS)]
    write_atomically(index, json.dumps(added + theirs, ensure_ascii=False, indent=2))


def _html(folder: Path, path: str) -> Path:
    return (folder / path).with_suffix(".html")


def _href(path: str) -> str:
    return quote(path.removesuffix(".qmd") + ".html")


def _terms(project: Project, folder: Path) -> list[Entry]:
    """One entry per term, with the words by which it is also called; its text is the definition."""
    page = project.config.get("glossary")
    if not page or not (folder / page).exists():
        return []
    soup = BeautifulSoup((folder / page).read_text("utf-8"), "html.parser").find("main")
    for note in soup.find_all("annotation"):  # the LaTeX of a formula, beside what is shown
        note.decompose()
    title = _text(soup.h1)
    found = []
    for entry in json.loads((project.root / "theme" / "glossary.json").read_text("utf-8")):
        line = _text(soup.find(id=entry["id"]).find_parent("p"))
        others = [entry.get("english", ""), *entry["forms"]]
        found.append({
            "kind": "term", "href": f"{quote(page)}#{entry['id']}", "page": title,
            "section": entry["term"],
            "words": ", ".join(dict.fromkeys(w for w in others if w and w != entry["term"])),
            "text": line.partition(". ")[2],
        })  # fmt: skip
    return found


def _of_page(project: Project, folder: Path, path: str) -> list[Entry]:
    """Pieces and sections of a page, read anew where it has changed."""
    page = _html(folder, path)
    store = (project.cache / "search" / path).with_suffix(".json")
    made = digest(file_digest(page), file_digest(Path(__file__)))
    known = read_json(store)
    if not isinstance(known, dict) or known.get("made_from") != made:
        entries = _read(path, page.read_text("utf-8"), _piece_titles(project))
        known = {"made_from": made, "entries": entries}
        write_atomically(store, json.dumps(known, ensure_ascii=False))
    return known["entries"]


def _read(path: str, text: str, titles: dict[str, str]) -> list[Entry]:
    main = BeautifulSoup(text, "html.parser").find("main")
    title = _text(main.h1)
    of_page = {"kind": "section", "href": _href(path), "page": title, "section": "", "text": ""}
    found = [of_page]
    for piece in main.find_all(re.compile("^tarea-"), id=True):
        name = titles.get(piece.name.removeprefix("tarea-"), "")
        place = {"kind": "piece", "href": f"{_href(path)}#{piece['id']}"}
        found.insert(0, place | {"page": title, "section": name, "text": ""})
    for math in main.find_all(["math", "nav", "svg", "script"]):
        math.decompose()
    for element in main.find_all(["h2", "h3", "p", "li", "figcaption", "td", "th"]):
        words = _text(element)
        if element.name in {"h2", "h3"}:
            anchor = element.get("id") or (element.parent.get("id") or "")
            found.append(of_page | {"href": f"{_href(path)}#{anchor}", "section": words})
        else:
            found[-1] = found[-1] | {"text": found[-1]["text"] + words + " "}
    return found


def _piece_titles(project: Project) -> dict[str, str]:
    """The title over each piece, by the name that its script defines."""
    found = {}
    for script in sorted((project.root / "theme" / "widgets").glob("*.js")):
        code = script.read_text("utf-8")
        name = re.search(r'tarea\.define\("([\w-]+)"', code)
        title = re.search(r'static title = "(.+?)";', code)
        if name and title:
            found[name[1]] = title[1]
    return found


def _text(element) -> str:
    return " ".join(unescape(element.get_text(" ", strip=True)).split())
