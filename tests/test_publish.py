"""The built-in renderer: what it refuses, what it reports, what it leaves in place."""

import json
from collections import Counter

import nbformat
import pytest
from bs4 import BeautifulSoup

from conftest import write_page
from publish import execution
from publish.build import build
from publish.page import PageError, read
from publish.project import PublishError


def quiet_build(project, **options):
    return build(project, jobs=1, report=lambda line: None, **options)


def cell(code, *options):
    lines = [f"#| {option}" for option in options]
    return "\n".join(["```{python}", *lines, code, "```", ""])


FIGURE = ("label: fig-a", 'fig-cap: "Cap."', 'fig-alt: "Alt."')


@pytest.mark.parametrize(
    ("body", "line", "reason"),
    [
        ("uno\n\n{{< video x >}}\n", 8, "shortcodes"),
        ("<div>no</div>\n", 6, "raw HTML"),
        ("uno <br> dos\n", 6, "raw HTML"),
        ("```{=html}\n<b>\n```\n", 6, "raw blocks"),
        ("a `b`{=typst} c\n", 6, "raw inlines"),
        ("```{r}\n1\n```\n", 6, "only {python} cells"),
        ("```{python echo=FALSE}\n1\n```\n", 6, "cell options go into"),
        ("# Título\n", 6, "first-level heading"),
        ("::: {.panel-tabset}\n:::\n", 6, "Div"),
        ("::: {.callout-note}\nhola\n", 7, "not closed"),
        ("hola\n\n:::\n", 8, "not opened"),
        (cell("1", "layout-ncol: 2"), 7, "cell option 'layout-ncol'"),
        (cell("1", "label: fig-a"), 7, "needs fig-cap and fig-alt"),
        (cell("1", "label: tbl-a"), 7, "needs tbl-cap"),
        (cell("1", 'fig-cap: "x"'), 7, "label that starts with fig-"),
        (cell("1", "label: [a"), 7, "not valid YAML"),
        (cell("1", *FIGURE) + "\n" + cell("1", *FIGURE), 14, "used twice"),
        (cell("1", "label: fig-a_b", 'fig-cap: "x"', 'fig-alt: "x"'), 7, "a-z, 0-9"),
    ],
)
def test_what_is_not_portable_is_refused_with_its_line(small_project, body, line, reason):
    write_page(small_project.root, body)
    with pytest.raises(PageError) as error:
        read("index.qmd", small_project.root)
    assert str(error.value).startswith(f"index.qmd:{line}:")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    "body",
    [
        "si `<div>` y `{{< x >}}` están en código, pasan\n",
        "```python\n# no es un título\n<b>\n```\n",
        "$a < b$ y $c > d$, 3 < 4\n",
        "Enlace <https://example.org>.\n",
        '::: {.callout-tip title="Un .título"}\nhola\n:::\n',
        '::: {.content-visible when-format="html"}\nhola\n:::\n',
    ],
)
def test_what_is_portable_passes(small_project, body):
    write_page(small_project.root, body)
    assert read("index.qmd", small_project.root).cells


def test_front_matter_is_checked(small_project):
    page = small_project.root / "index.qmd"
    page.write_text("Hola\n")
    with pytest.raises(PageError, match="front matter between"):
        read("index.qmd", small_project.root)
    page.write_text("---\ntitle: x\nengine: knitr\n---\n")
    with pytest.raises(PageError, match="'engine'; allowed"):
        read("index.qmd", small_project.root)
    page.write_text("---\njupyter: python3\n---\n")
    with pytest.raises(PageError, match="needs a title"):
        read("index.qmd", small_project.root)


def test_a_cell_that_raises_names_page_line_and_label_and_keeps_the_last_site(small_project):
    quiet_build(small_project, forms=["html"])
    before = (small_project.output / "index.html").read_bytes()
    write_page(
        small_project.root, "Nuevo.\n\n" + cell("x = 1\nraise KeyError('no')", "label: mala")
    )
    with pytest.raises(PublishError) as error:
        quiet_build(small_project, forms=["html"])
    assert str(error.value) == "index.qmd:11: cell mala raised KeyError: 'no'"
    assert (small_project.output / "index.html").read_bytes() == before


def test_inline_code_that_raises_or_gives_no_text_is_reported(small_project):
    write_page(small_project.root, "a\nb `{python} 1/0`\n")
    with pytest.raises(PublishError, match=r"index.qmd:7: inline code 1/0 raised ZeroDivision"):
        quiet_build(small_project)
    write_page(small_project.root, "a `{python} 1.5`\n")
    with pytest.raises(
        PublishError, match=r"index.qmd:6: inline code 1.5 gives 1.5; pages show text"
    ):
        quiet_build(small_project)


@pytest.mark.parametrize(
    ("body", "reason"),
    [("Ver @fig-nada.\n", "unresolved reference @fig-nada"), ("Según @nadie2020.\n", "nadie2020")],
)
def test_references_without_target_are_refused(small_project, body, reason):
    write_page(small_project.root, body)
    with pytest.raises(PublishError, match=f"index.qmd:6: .*{reason}"):
        quiet_build(small_project)


def test_only_changed_pages_are_made_again(small_project):
    write_page(small_project.root, "Otra.\n", "otra.qmd", "Otra")
    assert quiet_build(small_project) == ["index.qmd", "otra.qmd"]
    assert quiet_build(small_project) == []
    write_page(small_project.root, "Otra, cambiada.\n", "otra.qmd", "Otra")
    assert quiet_build(small_project) == ["otra.qmd"]
    (small_project.cache / "site" / "index.pdf").unlink()
    assert quiet_build(small_project) == ["index.qmd"]


def test_only_the_forms_that_are_asked_for_are_made(small_project):
    page = small_project.output / "index.html"
    assert quiet_build(small_project, forms=["html"]) == ["index.qmd"]
    assert [path.name for path in small_project.output.glob("index*.*")] == ["index.html"]
    assert quiet_build(small_project, forms=["html"]) == []
    assert quiet_build(small_project) == ["index.qmd"]
    write_page(small_project.root, "Otro texto.\n")
    before = page.read_bytes()
    for form in ("pdf", "ipynb"):
        assert quiet_build(small_project, forms=[form]) == ["index.qmd"]
    assert quiet_build(small_project, forms=["pdf", "ipynb"]) == []
    assert page.read_bytes() == before
    assert quiet_build(small_project) == ["index.qmd"]  # its HTML was behind
    assert "Otro texto." in page.read_text()
    assert quiet_build(small_project) == []


def test_a_build_reads_what_is_stored_and_what_was_used_once(small_project, monkeypatch):
    (small_project.root / "datos.csv").write_text("uno")
    code = cell("print(open('datos.csv').read())")
    for name in ("index.qmd", "otra.qmd"):
        write_page(small_project.root, code, name, name)
    quiet_build(small_project, forms=["html"])
    read_files: Counter = Counter()

    def counted(function):
        def count(path):
            read_files[path.name] += 1
            return function(path)

        return count

    monkeypatch.setattr(execution, "read_json", counted(execution.read_json))
    monkeypatch.setattr(execution, "file_digest", counted(execution.file_digest))
    write_page(small_project.root, "Otro texto.\n\n" + code, "otra.qmd", "otra.qmd")
    assert quiet_build(small_project, forms=["html"]) == ["otra.qmd"]
    assert {"index.json", "otra.json", "datos.csv"} <= set(read_files)
    assert set(read_files.values()) == {1}


def test_a_page_reverted_after_a_broken_build_is_still_published(small_project):
    write_page(small_project.root, "Otra.\n", "otra.qmd", "Otra")
    quiet_build(small_project, forms=["html"])
    write_page(small_project.root, "Hola, de nuevo.\n")
    write_page(small_project.root, cell("1/0"), "otra.qmd", "Otra")
    with pytest.raises(PublishError):
        quiet_build(small_project, forms=["html"])
    write_page(small_project.root, "Otra.\n", "otra.qmd", "Otra")
    quiet_build(small_project, forms=["html"])
    assert "de nuevo" in (small_project.output / "index.html").read_text()


def test_a_page_that_is_removed_leaves_the_site(small_project):
    write_page(small_project.root, "Otra.\n", "otra.qmd", "Otra")
    quiet_build(small_project)
    assert (small_project.output / "otra.pdf").exists()
    (small_project.root / "otra.qmd").unlink()
    quiet_build(type(small_project)(small_project.root))
    assert not list(small_project.output.glob("otra*"))


def test_the_constructs_of_the_portable_subset_come_out(small_project):
    plot = (
        "from matplotlib import pyplot as plt\n"
        "from tarea2 import pages\npages.setup()\n"
        "fig, ax = plt.subplots(); plt.close(fig)\nfig"
    )
    write_page(
        small_project.root,
        "## Uno {#sec-uno}\n\nVale `{python} '3,5 *x*'`; ver @fig-a, @tbl-a, @eq-a y @sec-uno.\n\n"
        + cell(plot, "label: fig-a", 'fig-cap: "Cap *uno*."', 'fig-alt: "Ejes \\"vacíos\\"."')
        + "\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n: Pies {#tbl-a}\n\n$$ a = b $$ {#eq-a}\n\n"
        + '::: {.callout-warning title="Ojo"}\nCuidado.\n:::\n\n'
        + '::: {.content-visible when-format="typst"}\nSolo papel.\n:::\n\n'
        + cell("print('visto')", "echo: false")
        + cell("import warnings; warnings.warn('ru' + 'ido')", "warning: false")
        + cell("raise SystemError", "eval: false")
        + cell("'oculto'", "output: false", "code-fold: true", 'code-summary: "Abrir"'),
    )
    quiet_build(small_project)
    soup = BeautifulSoup((small_project.output / "index.html").read_text(), "html.parser")
    text = " ".join(soup.main.get_text().split())
    assert "Vale 3,5 *x*; ver Figura 1, Tabla 1, Ecuación 1 y Sección 1." in text.replace(
        "\u00a0", " "
    )
    assert soup.find("img")["alt"] == 'Ejes "vacíos".'
    assert soup.find(id="fig-a").figcaption.get_text(" ", strip=True).startswith("Figura")
    assert soup.find(class_="callout-warning").find(class_="callout-title").text.strip() == "Ojo"
    assert soup.find("summary").text.strip() == "Abrir"
    assert soup.main.get_text().count("oculto") == 1  # the code, not its output
    for gone in ("Solo papel", "print(", "ruido", "#|"):
        assert gone not in soup.main.get_text()
    assert "raise SystemError" in soup.main.get_text()

    book = nbformat.read(small_project.output / "index.ipynb", as_version=4)
    prose = "\n".join(c.source for c in book.cells if c.cell_type == "markdown")
    for piece in ("Figura 1", "Tabla 1: Pies", "**Ojo**", "qquad (1)"):
        assert piece in prose.replace("\u00a0", " ")
    outputs = [o for c in book.cells if c.cell_type == "code" for o in c.outputs]
    picture = next(output for output in outputs if "data" in output)
    assert set(picture["data"]) >= {"image/png"}
    assert "image/svg+xml" not in picture["data"]
    assert not any("#|" in c.source for c in book.cells)


def test_two_builds_of_a_notebook_are_the_same_bytes(small_project):
    write_page(small_project.root, "Hola.\n\n" + cell("1 + 1"))
    quiet_build(small_project, forms=["ipynb"])
    first = (small_project.output / "index.ipynb").read_bytes()
    quiet_build(small_project, force=True, forms=["ipynb"])
    assert (small_project.output / "index.ipynb").read_bytes() == first


def test_a_search_entry_stands_for_every_section(small_project):
    write_page(small_project.root, "Entrada.\n\n## Equivarianza\n\nTexto buscado.\n")
    quiet_build(small_project, forms=["html"])
    script = (small_project.output / "site" / "search-index.js").read_text()
    entries = json.loads(script.removeprefix("window.searchIndex = ").rstrip(";\n"))
    found = [entry for entry in entries if "buscado" in entry["text"]]
    assert [(e["href"], e["page"]) for e in found] == [("index.html#equivarianza", "Portada")]
    assert {entry["kind"] for entry in entries} == {"section"}


def test_a_missing_page_in_the_configuration_is_named(small_project):
    config = small_project.root / "_quarto.yml"
    config.write_text(config.read_text().replace("contents: [index.qmd]", "contents: [no.qmd]"))
    with pytest.raises(PublishError, match=r"the sidebar names no\.qmd"):
        quiet_build(small_project)


def test_links_lead_to_the_same_kind_and_code_stays_as_it_is(small_project):
    shown = ["[x](otra.qmd)", '#link("otra.qmd")', 'href="otra.qmd#a"']
    body = "Ver [la otra](otra.qmd#fin).\n\n```text\n" + "\n".join(shown) + "\n```\n"
    body += "\nTambién `](otra.qmd)` y <https://example.org/otra.qmd>.\n"
    write_page(small_project.root, body)
    write_page(small_project.root, "Hola.\n\n## Fin\n", "otra.qmd", "Otra")
    config = small_project.root / "_quarto.yml"
    config.write_text(config.read_text() + "filters: [theme/filters/links.lua]\n")
    project = type(small_project)(small_project.root)
    quiet_build(project)
    main = BeautifulSoup((project.output / "index.html").read_text(), "html.parser").main
    links = [a["href"] for a in main.find_all("a") if a.parent.name == "p"]
    assert links == ["otra.html#fin", "https://example.org/otra.qmd"]
    assert main.find("pre").get_text().splitlines() == shown
    book = nbformat.read(project.output / "index.ipynb", as_version=4).cells[0].source
    assert "[la otra](otra.ipynb)" in book
    assert all(line in book for line in [*shown, "`](otra.qmd)`", "example.org/otra.qmd"])
    typst = (project.cache / "typst" / "index" / "page.typ").read_text()
    assert "Ver la otra." in typst  # a PDF travels alone, and no address of the site is set
    assert all(line in typst for line in shown)


def test_a_file_of_the_site_that_was_lost_comes_back(small_project):
    quiet_build(small_project)
    good = {p: p.read_bytes() for p in small_project.output.rglob("*") if p.is_file()}
    mine = small_project.output / "mio.txt"
    mine.write_text("x")
    for path in good:
        path.unlink()
        assert quiet_build(small_project) == []
        assert {p: p.read_bytes() for p in good} == good
    mine.write_text("x")
    assert quiet_build(small_project) == []
    assert mine.exists()  # no difference by itself
    assert quiet_build(small_project, force=True) == ["index.qmd"]


def test_force_reaches_the_published_site(small_project):
    write_page(small_project.root, cell("import time; print(time.time_ns())"))
    quiet_build(small_project, forms=["html"])
    first = (small_project.output / "index.html").read_text()
    quiet_build(small_project, forms=["html"])
    assert (small_project.output / "index.html").read_text() == first
    quiet_build(small_project, force=True, forms=["html"])
    assert (small_project.output / "index.html").read_text() != first


@pytest.mark.parametrize("damage", ["", "{", "null", '{"index.qmd": 3}'])
def test_cut_files_of_the_cache_are_made_anew(small_project, damage):
    quiet_build(small_project, forms=["html"])
    good = (small_project.output / "index.html").read_bytes()
    for path in small_project.cache.rglob("*.json"):
        path.write_text(damage)
    quiet_build(small_project, forms=["html"])
    assert (small_project.output / "index.html").read_bytes() == good
