"""Chapters teach: what one takes along first, exercises with computed answers last."""

import re

import nbformat
import pypdf
import pytest
from bs4 import BeautifulSoup

from conftest import project_in, write_page
from publish.build import build
from publish.page import Cell, read
from publish.project import ROOT, Project
from test_publish import cell

CHAPTERS = [
    path for path in Project(ROOT).pages
    if re.match(r"chapters/(0[1-79]|10)-", path) or path == "chapters/08-segmentacion.qmd"
]  # fmt: skip
TAKEAWAYS = '::: {.callout-tip title="Lo que te llevas"}\n'
ANSWER = "::: {.answer}"


def exercises(cells: list[Cell]) -> list[tuple[str, list[Cell]]]:
    """(question, cells of its answer) of each exercise, from a page's cells."""
    text, found, inside = "", [], False
    for part in cells:
        if part.kind == "code":
            if inside:
                found[-1][1].append(part)
            continue
        for piece in re.split(rf"(?m)^({re.escape(ANSWER)}|:::)$", part.source):
            if piece == ANSWER:
                found.append((text.strip().split("\n\n")[-1], []))
                inside, text = True, ""
            elif piece == ":::" and inside:
                inside, text = False, ""
            elif inside:
                found[-1][1].append(Cell("markdown", piece, part.line))
            else:
                text += piece
    return found


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_chapter_opens_with_what_one_takes_along(path):
    prose = [cell.source for cell in read(path, ROOT).cells if cell.kind == "markdown"]
    assert prose[0].startswith(TAKEAWAYS)
    points, _, rest = prose[0].removeprefix(TAKEAWAYS).partition("\n:::")
    assert 3 <= len(points.strip().splitlines()) <= 5
    assert all(point.startswith("- ") for point in points.strip().splitlines())
    assert rest.strip(), "an introduction follows"


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_chapter_ends_with_three_exercises_whose_answers_are_computed(path):
    cells = read(path, ROOT).cells
    headings = [
        line for part in cells if part.kind == "markdown"
        for line in part.source.splitlines() if line.startswith("## ")
    ]  # fmt: skip
    assert re.fullmatch(r"## Ejercicios \{#sec-[a-z0-9-]+-ejercicios\}", headings[-1])
    found = exercises(cells)
    assert len(found) == 3
    for number, (question, answer) in enumerate(found, 1):
        assert question.startswith(f"**Ejercicio {number}.** ")
        assert [part for part in answer if part.kind == "code" and part.code]
        words = "\n".join(part.source for part in answer if part.kind == "markdown").strip()
        printed = [part for part in answer if "print(" in part.source or "table(" in part.source]
        assert words
        assert "`{python} " in words or printed, "the answer quotes what was computed"


PAGE = """
## Ejercicios

**Ejercicio 1.** ¿Cuánto es seis por siete?

::: {.answer}
{product}
Es `{python} number(product)`.
:::

**Ejercicio 2.** ¿Y el doble?

::: {.answer}
El doble:

{double}
:::
"""


@pytest.fixture(scope="module")
def with_answers(tmp_path_factory):
    """The folder of a built page with two exercises."""
    project = project_in(tmp_path_factory.mktemp("answers"))
    config = project.root / "_quarto.yml"
    config.write_text(
        config.read_text()
        + "filters: [theme/filters/answers.lua]\npublish: {first: [theme/filters/answers.lua]}\n"
    )
    body = PAGE.replace(
        "{product}", cell("from tarea2.typography import number\nproduct = 6 * 7")
    ).replace("{double}", cell("print(2 * product)"))
    write_page(project.root, body)
    build(Project(project.root), jobs=1, report=lambda line: None)
    return project.output


def test_on_the_screen_answers_are_folded_away_under_their_exercise(with_answers):
    page = BeautifulSoup((with_answers / "index.html").read_text("utf-8"), "html.parser").main
    folded = page.select("details.answer")
    assert [details.summary.get_text() for details in folded] == ["Respuesta 1", "Respuesta 2"]
    assert not any(details.has_attr("open") for details in folded)
    assert "Es 42." in " ".join(folded[0].get_text().split())
    assert folded[1].select_one(".cell-output").get_text().strip() == "84"
    before = [details.find_previous_sibling("p").get_text()[:12] for details in folded]
    assert before == ["Ejercicio 1.", "Ejercicio 2."]
    assert "Respuestas" not in page.get_text()


def test_in_the_pdf_answers_stand_at_the_end(with_answers):
    sheets = pypdf.PdfReader(with_answers / "index.pdf").pages
    text = " ".join(" ".join(sheet.extract_text().split()) for sheet in sheets)
    places = [
        text.index(part)
        for part in ("Ejercicio 1.", "Ejercicio 2.", "Respuestas", "Respuesta 1.", "Es 42.",
                     "Respuesta 2. El doble:", "84")
    ]  # fmt: skip
    assert places == sorted(places)


def test_a_notebook_asks_first_and_answers_at_its_end(with_answers):
    cells = nbformat.read(with_answers / "index.ipynb", as_version=4).cells
    texts = [part.source for part in cells]
    asked = next(k for k, text in enumerate(texts) if "**Ejercicio 2.**" in text)
    assert "## Respuestas" in texts[asked]
    assert texts[asked + 1].endswith("product = 6 * 7")
    assert "Es 42." in texts[asked + 2]
    assert texts[asked + 3] == "print(2 * product)"
    assert cells[asked + 3].outputs[0].text.strip() == "84"


def test_the_formulas_lead_to_where_each_is_explained():
    text = "\n".join(
        part.source
        for part in read("chapters/14-formulario.qmd", ROOT).cells
        if part.kind == "markdown"
    )
    formulas = re.findall(r"(?ms)^\*\*.*?^\$\$.*?^\$\$$", text)
    assert len(formulas) == text.count("\n$$\n") / 2
    led = [
        re.findall(r"\]\(0([1-7])-[a-z0-9-]+\.qmd#sec-[a-z0-9-]+\)\.", each) for each in formulas
    ]
    assert all(len(numbers) == 1 for numbers in led)
    assert {numbers[0] for numbers in led} == set("1234567")
