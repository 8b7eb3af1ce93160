"""One term for each thing, on every page: the glossary, its links, and the forms it discards."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from conftest import write_page
from publish.build import build
from publish.page import read
from publish.project import ROOT, Project

ENTRIES = json.loads((ROOT / "theme" / "glossary.json").read_text(encoding="utf-8"))
GLOSSARY = "chapters/13-glosario"
PAGES = [page for page in Project(ROOT).pages if page.removesuffix(".qmd") != GLOSSARY]
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]


def discarded(text: str) -> list[str]:
    """Every discarded form in a text, with the words around it."""
    return [
        f"{text[max(0, found.start() - 30) : found.end() + 20]!r}: say {entry['term']}"
        for entry in ENTRIES
        for pattern in entry.get("discarded", [])
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def shown(path: Path) -> str:
    """What a page says in prose, tables, captions, alternative texts and figures; no code."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").main
    for code in soup.find_all(["pre", "code", "math", "nav"]):
        code.decompose()
    for literature in soup.select("#refs, .references"):
        literature.decompose()  # titles of others' works
    texts = [soup.get_text(" ")]
    for image in soup.find_all("img"):
        texts.append(image["alt"])
        figure = path.parent / image["src"]
        if figure.suffix == ".svg":  # Matplotlib writes each text as a comment by its outlines
            texts += re.findall(r"<!-- (.+?) -->", figure.read_text(encoding="utf-8"))
    text = " ".join(" · ".join(texts).split())
    return text.replace("( ", "(")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_uses_a_discarded_form(site, page):
    assert discarded(shown(site / page.replace(".qmd", ".html"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "la conectada acierta menos", "con atajos concatenados", "los atajos", "la traspuesta",
        "el max-unpooling", "un kernel de tres", "con stride 2", "sin padding", "en el test",
        "del test", "sube 3 puntos", "achicar", "lo agranda", "una tasa constante",
        "max-pooling", "agrupación por máximo", "agrupar por máximo",
        "la desagrupación", "el atajo residual", "12 MMult", "millones (MM)", "redes de otros",
        "una red de otros", "las sorteadas", "otro sorteo", "las muestras de MNIST-1D barajadas",
    ],
)  # fmt: skip
def test_a_discarded_form_is_found(text):
    assert discarded(text)


@pytest.mark.parametrize(
    "text",
    [
        "una red densa (completamente conectada)", "las conexiones residuales", "la transpuesta",
        "el max unpooling", "el max pooling", "12 M MAC", "redes publicadas", "al azar",
        "la agrupación por media", "un núcleo (kernel)",
        "en el conjunto de prueba", "sube 3 puntos porcentuales", "seis puntos del gráfico",
        "tasa de aprendizaje constante",
    ],
)  # fmt: skip
def test_the_chosen_form_passes(text):
    assert discarded(text) == []


def test_entries_are_whole_and_in_order():
    assert [entry["id"] for entry in ENTRIES] == sorted({entry["id"] for entry in ENTRIES})
    forms = [form.lower() for entry in ENTRIES for form in entry["forms"]]
    assert len(forms) == len(set(forms))
    for entry in ENTRIES:
        assert re.fullmatch(r"[a-z0-9-]+", entry["id"])
        assert entry["definition"].endswith(".")
        assert discarded(entry["definition"]) == []


def links(path: Path) -> list[tuple[str, str]]:
    """(text, entry) of every link to the glossary, in the order of the page."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").main
    return [
        (" ".join(a.get_text().split()), a["href"].split("#")[1]) for a in soup.select("a.term")
    ]


@pytest.mark.parametrize("page", PAGES)
def test_a_term_links_once_from_each_page(site, page):
    found = links(site / page.replace(".qmd", ".html"))
    targets = [target for _, target in found]
    assert len(targets) == len(set(targets))
    forms = {entry["id"]: [form.lower() for form in entry["forms"]] for entry in ENTRIES}
    for text, target in found:
        assert text.lower() in forms[target]


def test_every_term_is_used_somewhere(site):
    texts = " ".join(shown(site / page.replace(".qmd", ".html")).lower() for page in PAGES)
    assert [e["term"] for e in ENTRIES if not any(f.lower() in texts for f in e["forms"])] == []


def test_the_glossary_holds_every_entry_in_all_three_forms(site):
    soup = BeautifulSoup((site / f"{GLOSSARY}.html").read_text(encoding="utf-8"), "html.parser")
    book = nbformat.read(site / f"{GLOSSARY}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells)
    for entry in ENTRIES:
        assert " ".join(soup.find(id=entry["id"]).get_text().split()) == entry["term"]
        assert f"**{entry['term']}**" in prose
    assert not soup.select("a.term")


def test_the_first_use_in_prose_is_linked_and_nothing_else(small_project):
    config = small_project.root / "_quarto.yml"
    config.write_text(
        config.read_text()
        + "glossary: glosario.html\nfilters: [theme/filters/glossary.lua]\n"
        + "publish: {first: [theme/filters/glossary.lua]}\n"
    )
    write_page(small_project.root, "::: {.glossary}\n:::\n", "glosario.qmd", "Glosario")
    write_page(
        small_project.root,
        "## El núcleo y la época\n\n`núcleo` y $núcleo$. Dos «núcleos»: el **núcleo**.\n\n"
        "- Una conexión\n  residual, una época.\n- [semilla](glosario.qmd) y *semilla*\n\n"
        "Nadie dice nada de Dice.\n",
    )
    build(Project(small_project.root), jobs=1, report=lambda line: None)
    assert links(small_project.output / "index.html") == [
        ("núcleos", "nucleo"),
        ("conexión residual", "conexion-residual"),
        ("época", "epoca"),
        ("semilla", "semilla"),
        ("Dice", "dice"),
    ]
    text = BeautifulSoup((small_project.output / "index.html").read_text(), "html.parser").main
    assert "Dos «núcleos»: el núcleo." in " ".join(text.get_text().split())
    cells = nbformat.read(small_project.output / "index.ipynb", as_version=4).cells
    assert "glosario.html" not in cells[0].source


@pytest.fixture(scope="module")
def titles() -> dict[str, str]:
    """Of the numbered chapters, by the names of their files."""
    numbered = [path for path in CHAPTERS if path[9:11].isdigit()]
    return {Path(path).stem: read(path, ROOT).metadata["title"] for path in numbered}


@pytest.mark.parametrize("page", [*CHAPTERS, "report.qmd"])
def test_chapters_are_cited_by_their_number(titles, page):
    source = read(page, ROOT)
    own = page[9:11]
    if own.isdigit():
        assert source.metadata["subtitle"].startswith(f"Capítulo {int(own)} · ")
    seen: set[int] = set()
    for cell in (cell for cell in source.cells if cell.kind == "markdown"):
        for text, stem, number in re.findall(
            r"\[([^]]+)\]\((?:\.\./|chapters/)?((\d\d)-[a-z0-9-]+)\.qmd", cell.source
        ):
            table = re.fullmatch(rf"{int(number)}, .+", text)  # a row of a list of chapters
            titled = text in (
                f"capítulo {int(number)}, «{titles[stem]}»",
                titles[stem],  # in a table whose caption says their numbers
            )
            part = text == f"«{titles[stem]}»" and (number == own or int(number) in seen)
            again = text == f"capítulo {int(number)}" and int(number) in seen
            assert table or titled or part or again, f"{page}: [{text}]({stem})"
            seen.add(int(number))
