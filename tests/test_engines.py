"""Both engines must show the same: headings, captions, numbers, references, tables.

The comparison itself runs where Quarto is installed. What it reads off a page is tested on the
built-in renderer's pages everywhere, so that it cannot rot in between.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from publish.engines import find_quarto
from publish.page import read
from publish.project import ROOT, Project

PAGES = Project(ROOT).pages


@dataclass
class Outline:
    """What a reader can compare between two forms of a page."""

    headings: list[str]
    captions: list[str]
    references: list[str]
    tables: list[list[list[str]]]
    images: list[str]
    code: list[str]


def words(element) -> str:
    """Text without mathematics, whose form is each engine's own, with plain spaces."""
    for math in element.find_all("math"):
        math.replace_with("·")
    text = " ".join(element.get_text().replace("\u00a0", " ").split())
    return re.sub(r"\s+([.,;:)])", r"\1", text)


def cells(table) -> list[list[str]]:
    return [[words(c) for c in row.find_all(["th", "td"])] for row in table.find_all("tr")]


def outline(path: Path) -> Outline:
    main = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").main
    # Quarto's copies of a page's parts: buttons, navigation, its own title block and lists. Its
    # literature and notes have headings of their own.
    for extra in main.select("button, nav, .quarto-title-meta, .quarto-title-breadcrumbs, script"):
        extra.decompose()
    headings = [words(tag) for tag in main.find_all(["h1", "h2", "h3"])]
    code = [
        block.get_text().strip() for block in main.select("pre.sourceCode, div.sourceCode > pre")
    ]
    return Outline(
        headings=[text for text in headings if text not in ("Referencias", "Notas", "")],
        captions=[words(tag) for tag in main.find_all("figcaption")],
        references=[words(tag) for tag in main.select("a.quarto-xref")],
        tables=[cells(table) for table in main.find_all("table")],
        images=[image.get("alt", "") for image in main.find_all("img")],
        code=list(dict.fromkeys(code)),
    )


@pytest.mark.parametrize("path", PAGES)
def test_the_outline_of_a_page_follows_its_source(site, path):
    page = read(path, ROOT)
    found = outline(site / f"{page.stem}.html")
    captions, tables = [], 0
    for cell in page.cells:
        written = re.findall(r"^: (.+) \{#tbl-", cell.source, re.MULTILINE)  # below a typed table
        of_cell = [cell.options[key] for key in ("fig-cap", "tbl-cap") if key in cell.options]
        captions += of_cell + written
        tables += len(written) + ("tbl-cap" in cell.options)
    assert len(found.captions) == len(captions)
    counts = {"Figura": 0, "Tabla": 0}
    for shown, written in zip(found.captions, captions, strict=True):
        kind = shown.split()[0]
        counts[kind] += 1
        assert shown.startswith(f"{kind} {counts[kind]}: ")
        first = re.sub(r"[*`$«]", "", written).split()[0].rstrip(".,;:")
        assert shown.split(": ", 1)[1].replace("«", "").startswith(first)
    assert counts["Tabla"] == tables
    assert found.images == [
        " ".join(c.options["fig-alt"].split()) for c in page.cells if c.options.get("fig-alt")
    ]
    numbers = [text.split()[0] for text in found.headings[1:]]
    if page.metadata.get("number-sections", True):
        assert all(re.fullmatch(r"\d+(\.\d+)*", number) for number in numbers)
    assert found.headings[0] == page.metadata["title"]


def test_which_engine_is_used_is_said_and_a_failed_download_is_remembered(tmp_path, monkeypatch):
    project = Project(tmp_path)
    calls = []
    monkeypatch.setattr("publish.engines._on_path", lambda: None)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: calls.append(a))
    assert find_quarto(project) == (None, "quarto-cli==1.10.19 could not be downloaded")
    program, reason = find_quarto(project)
    assert program is None
    assert "remove .build/no-quarto to try again" in reason
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("answer", "found"),
    [("1.10.18", True), ("1.11.0", True), ("2.0", True), ("1.9.36", False), ("what", False)],
)
def test_only_a_quarto_that_is_new_enough_is_used(tmp_path, monkeypatch, answer, found):
    program = tmp_path / "quarto"
    program.write_text(f"#!{sys.executable}\nprint({answer!r})\n")
    program.chmod(0o755)
    monkeypatch.setattr("publish.engines._on_path", lambda: str(program))
    path, reason = find_quarto(Project(tmp_path))
    assert (path == str(program)) == found
    assert reason
