"""What makes both engines show the same, as far as it can be seen without Quarto.

``test_quarto.py`` compares the two sites where Quarto is installed. What it reads off a page is
tested here on the built-in renderer's pages, so that it cannot rot in between.
"""

import ast
import re
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from conftest import write_page
from publish import engines, serve
from publish.__main__ import Form, _first, main
from publish.engines import Engine, find_quarto
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
    captions, tables, images = [], 0, []
    for cell in page.cells:
        if cell.options.get("fig-alt"):
            images.append(" ".join(cell.options["fig-alt"].split()))
        images += re.findall(r"!\[(.+?)\]\(", cell.source) if cell.kind == "markdown" else []
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
    assert found.images == images
    numbers = [text.split()[0] for text in found.headings[1:]]
    if page.metadata.get("number-sections", True):
        assert all(re.fullmatch(r"\d+(\.\d+)*", number) for number in numbers)
    assert found.headings[0] == page.metadata["title"]


def test_both_engines_run_the_same_filters(project):
    filters = [
        item if isinstance(item, str) else item["path"] for item in project.config["filters"]
    ]
    found = sorted((ROOT / "theme" / "filters").glob("*.lua"))  # what the built-in renderer runs
    assert sorted(filters) == [path.relative_to(ROOT).as_posix() for path in found]


def test_both_engines_share_style_sheet_title_block_fonts_and_width(project):
    html = project.config["format"]["html"]
    template = (ROOT / "theme/site/page.html").read_text("utf-8")
    assert html["css"] == "theme/site/content.css"
    assert "site/content.css" in template
    assert html["template-partials"] == ["theme/site/title-block.html"]
    assert "$title-block.html()$" in template
    content = (ROOT / "theme/site/content.css").read_text("utf-8")
    sans = re.search(r"--sans: (.+?);", content)[1]
    for name in ("site.scss", "site-dark.scss"):
        theme = (ROOT / "theme/quarto" / name).read_text("utf-8")
        assert re.search(r"\$font-family-sans-serif: (.+?);", theme)[1] == sans
        colours = dict(re.findall(r"\$([\w-]+): (#\w+);", theme))
        values = content.split("body.quarto-dark" if "dark" in name else ":root")[1]
        for variable, key in (("page", "body-bg"), ("text", "body-color"), ("link", "link-color"),
                              ("link", "sidebar-hl"), ("soft", "sidebar-fg")):  # fmt: skip
            assert colours[key] == re.search(rf"--{variable}: (#\w+);", values)[1]
    column = re.search(r"16rem minmax\(0, (\d+)rem\)", (ROOT / "theme/site/site.css").read_text())
    assert html["grid"]["body-width"] == f"{16 * int(column[1])}px"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_sets_nothing_that_the_format_of_the_project_overrules(project, path):
    # Quarto prefers the project's `format: html: toc: true` to a page's `toc: false`.
    own = read(path, ROOT).metadata
    for form in project.config["format"].values():
        assert not set(own) & set(form if isinstance(form, dict) else {})


def test_the_report_has_a_table_of_contents(project, site):
    assert project.metadata(read("report.qmd", ROOT).metadata, "html")["toc"] is True
    soup = BeautifulSoup((site / "report.html").read_text("utf-8"), "html.parser")
    assert len(soup.select(".toc a")) > 5


CLOCKS = {"perf_counter", "process_time", "monotonic", "time_ns", "timeit", "now", "latency"}


def clocks(code: str) -> set[str]:
    """Names in some code that measure time, however they are called."""
    names: set[str | None] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name for name in names if name in CLOCKS}


@pytest.mark.parametrize("path", PAGES)
def test_no_page_measures_time_while_it_is_made(path):
    page = read(path, ROOT)
    code = [cell.source for cell in page.cells if cell.kind == "code"]
    assert not [found for found in map(clocks, code) if found]
    assert not any(re.search(r"^\s*[%!]", line) for cell in code for line in cell.splitlines())


@pytest.mark.parametrize(
    "code",
    ["time.perf_counter()", "from timeit import repeat\nrepeat('x')", "metrics.latency(model, x)"],
)
def test_a_clock_would_be_seen(code):
    assert clocks(code)
    assert not clocks("times = convolution_times.load()")


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


def test_the_last_line_of_a_build_with_quarto_says_how_to_open_it(monkeypatch, capsys, tmp_path):
    (tmp_path / "index.html").write_text("hola")
    monkeypatch.setattr(Project, "output", tmp_path)
    monkeypatch.setattr(engines, "find_quarto", lambda project: ("quarto", "Quarto 1.10.18"))
    monkeypatch.setattr(engines, "build_with_quarto", lambda *arguments, **options: [])
    main(Engine.QUARTO, None, False, 1)
    assert "make serve" in capsys.readouterr().out.splitlines()[-1]
    monkeypatch.setattr("publish.__main__.build", lambda *arguments, **options: [])
    main(Engine.BUILTIN, None, False, 1)
    assert capsys.readouterr().out.splitlines()[-1].endswith("index.html")


@pytest.fixture
def quarto_of(small_project, monkeypatch):
    """Builds of a small project of two pages by a Quarto of some version, which only pretends."""
    write_page(small_project.root, "Hola.\n", "otra.qmd", "Otra")
    project = Project(small_project.root)
    site = project.cache / "quarto" / "_output"

    def pretend(program, work, pages):
        for name in [page.path for page in pages] or project.pages:
            for suffix in (".html", ".pdf"):
                file = (site / name).with_suffix(suffix)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"<main><h1>{program}</h1></main>")

    monkeypatch.setattr(engines, "_copy_sources", lambda project, work: None)
    monkeypatch.setattr(engines, "_checked", lambda program: (program, f"Quarto {program}"))
    monkeypatch.setattr(engines, "render_with_quarto", pretend)

    def build(version, only=None):
        said = []
        made = engines.build_with_quarto(
            version, Project(small_project.root), only, report=said.append, jobs=1
        )
        return made, said

    return project, build


def test_another_version_of_quarto_makes_every_page_anew(quarto_of):
    project, build = quarto_of
    assert build("1.10.18")[0] == ["index.qmd", "otra.qmd"]
    assert build("1.10.18")[0] == []
    assert build("1.11.0")[0] == ["index.qmd", "otra.qmd"]
    assert "1.11.0" in (project.output / "otra.html").read_text()


def test_one_page_of_a_clean_clone_is_not_said_to_be_in_a_site_that_is_not_there(quarto_of):
    project, build = quarto_of
    made, said = build("1.10.18", ["otra.qmd"])
    assert made == ["otra.qmd"]
    assert said[-1].endswith("index.qmd was never made; otra.qmd is in .build/quarto/_output")
    assert not project.output.exists()
    assert _first(project, True, made, "html") == project.cache / "quarto/_output/otra.html"
    assert _first(project, True, [], "html") is None
    build("1.10.18")
    assert _first(project, True, made, "html") == project.output / "index.html"


def test_one_form_is_made_by_the_built_in_renderer(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(engines, "find_quarto", lambda project: ("quarto", "Quarto 1.10.18"))
    monkeypatch.setattr(
        "publish.__main__.build", lambda *arguments, forms: asked.append(list(forms)) or []
    )
    main(to=[Form.pdf])
    main(Engine.BUILTIN, to=[Form.html, Form.ipynb])
    main(Engine.BUILTIN)
    assert asked == [["pdf"], ["html", "ipynb"], ["html", "pdf", "ipynb"]]
    assert "(chosen with --to)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(Engine.QUARTO, to=[Form.html])
    assert "--to goes with the built-in renderer" in capsys.readouterr().err
    assert len(asked) == 3


def test_the_site_is_served_to_this_machine_only_also_when_the_port_is_taken(tmp_path):
    (tmp_path / "index.html").write_text("hola")
    with serve.server(tmp_path, 0) as first, serve.server(tmp_path, first.server_port) as second:
        assert first.server_port != second.server_port
        for found in (first, second):
            threading.Thread(target=found.serve_forever, daemon=True).start()
            host, port = found.server_address
            assert host == "127.0.0.1"
            with urllib.request.urlopen(f"http://{host}:{port}/index.html") as answer:
                assert answer.read() == b"hola"
            found.shutdown()


def test_without_a_site_serving_says_what_to_do(tmp_path, monkeypatch, capsys):
    (tmp_path / "_quarto.yml").write_text("project: {output-dir: _output}\n")
    monkeypatch.setattr(serve, "Project", lambda: Project(tmp_path))
    assert serve.main() == 1
    assert "run `make report` first" in capsys.readouterr().err
