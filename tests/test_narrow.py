"""Figures on a phone: drawn a second time, put beside the first, and shown in its place."""

import importlib
import inspect
import pkgutil
import re

import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import print_figure
from matplotlib.figure import Figure

from browsing import PHONE, uri, visit
from conftest import write_page
from publish import execute, narrow, outputs, quarto_freeze, standalone
from publish.build import build
from publish.execution import Execution
from publish.page import read
from publish.project import Project
from tarea2 import pages, plots
from tarea2.plots import scenes, style
from tarea2.plots.narrow import also_narrow, make_legible
from test_publish import FIGURE, cell

WIDTHS = ('width="268.5pt"', 'width="358"')  # of Matplotlib's and of Vega's drawings
DRAWN = re.compile(r"\bscale\((0\.\d+) -0\.\d+\)")  # Matplotlib's outlines: 1 is 100 points
WRITTEN = re.compile(r'font-size="([\d.]+)px"')  # Vega's text


@also_narrow
def two_panels(width: float = style.PAGE) -> Figure:
    fig, axes = style.figure(1, 2, width, 2.0, stacks=True, sharey=True)
    for ax in axes:
        ax.plot([1, 2])
        ax.set_xlabel("una magnitud que tiene un nombre bastante largo y su unidad (cm)")
        ax.text(0, 1, "pequeño", fontsize=5)
        ax.tick_params(labelsize=6)
    axes[0].set_ylabel("lo que se mide en las dos partes de la figura")
    axes[0].set_yticks([1, 2], ["uno", "dos"], fontsize=5.5)
    plt.close(fig)
    return fig


def sizes(svg: str) -> list[float]:
    """Points of each text of a drawing."""
    found = [100 * float(size) for size in DRAWN.findall(svg)]
    return found + [0.75 * float(size) for size in WRITTEN.findall(svg)]


def test_a_figure_is_drawn_again_for_a_phone_and_is_itself_as_it_was():
    first, plain = two_panels(), two_panels.__wrapped__()
    options = {"bbox_inches": None, "metadata": {"Date": None}}
    with plt.rc_context({"svg.hashsalt": "test"}):
        assert print_figure(first, "svg", **options) == print_figure(plain, "svg", **options)
    svg = first._repr_narrow_svg_()
    assert WIDTHS[0] in svg
    assert min(sizes(svg)) >= style.SMALLEST - 0.01
    assert min(sizes(print_figure(first, "svg"))) < style.SMALLEST


def test_panels_stand_below_each_other_with_their_labels():
    fig = two_panels.__wrapped__(width=style.NARROW)
    make_legible(fig)
    fig.draw_without_rendering()
    upper, lower = (ax.get_position() for ax in fig.axes)
    assert upper.y0 > lower.y1
    assert upper.x0 == pytest.approx(lower.x0)
    assert all("lo que se mide" in ax.get_ylabel() for ax in fig.axes)
    for ax in fig.axes:
        assert "\n" in ax.get_xlabel()
        assert any(tick.label1.get_visible() for tick in ax.yaxis.get_major_ticks())
    inside = [text.get_window_extent() for ax in fig.axes for text in (ax.xaxis.label, *ax.texts)]
    assert all(0 <= box.x0 < box.x1 <= fig.bbox.width for box in inside)
    wide = two_panels()
    wide.draw_without_rendering()
    left, right = (ax.get_position() for ax in wide.axes)
    assert left.x1 < right.x0


def test_panels_that_share_columns_stay_together():
    fig, axes = style.figure(2, 2, style.NARROW, 3, stacks=True, sharex="col", squeeze=False)
    fig.draw_without_rendering()
    heights = [ax.get_position().y0 for ax in axes.T.flat]
    assert heights == sorted(heights, reverse=True)
    plt.close(fig)


def test_a_figure_that_fits_a_phone_is_not_drawn_again():
    @also_narrow
    def small(size: float, width: float = style.PAGE) -> Figure:
        fig, ax = style.figure(width=width)
        ax.set_title("título", fontsize=size)
        plt.close(fig)
        return fig

    assert small(8, width=3)._repr_narrow_svg_() is None
    assert WIDTHS[0] in small(5, width=3)._repr_narrow_svg_()
    assert WIDTHS[0] in small(8)._repr_narrow_svg_()


def test_what_cannot_be_made_narrow_is_refused():
    with pytest.raises(TypeError, match="fixed needs a parameter width"):

        @also_narrow
        def fixed() -> Figure:
            return Figure()


def test_every_function_that_draws_says_how_it_draws_for_a_phone():
    modules = [
        importlib.import_module(f"tarea2.plots.{found.name}")
        for found in pkgutil.iter_modules(plots.__path__)
    ]
    drawing = [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if function.__annotations__.get("return") in ("Figure", Figure)
    ]
    assert len(drawing) > 40
    missing = [f.__qualname__ for f in drawing if not hasattr(f, "__wrapped__")]
    assert missing == []


def test_the_source_of_a_decorated_function_begins_where_it_is_defined():
    for module, name in ((style, "figure"), (scenes, "predictions")):
        link = pages.source_link(getattr(module, name)).data
        file, line = re.search(r"code/tarea2/plots/(\w+)\.html#linea-(\d+)", link).groups()
        assert file == module.__name__.rpartition(".")[2]
        text = inspect.getsource(module).splitlines()[int(line) - 1]
        assert text.startswith(f"def {name}(")
    shown = pages.source(scenes.predictions).data
    assert "plots/scenes.py\n@also_narrow\ndef predictions(" in shown


class Both:
    """Something that has a drawing for phones, or none."""

    def __init__(self, narrow: str | None):
        self.narrow = narrow

    def _repr_svg_(self) -> str:
        return "<svg>ancho</svg>"

    def _repr_narrow_svg_(self) -> str | None:
        return self.narrow


def test_only_a_shell_that_asks_gets_the_second_drawing():
    shell = InteractiveShell.instance()
    try:
        format = shell.display_formatter.format
        assert outputs.NARROW not in format(Both("<svg>estrecho</svg>"))[0]
        narrow.start(outputs.NARROW)
        found = format(Both("<svg>estrecho</svg>"))[0]
        assert found["image/svg+xml"] == "<svg>ancho</svg>"
        assert found[outputs.NARROW] == "<svg>estrecho</svg>"
        assert outputs.NARROW not in format(Both(None))[0]
        assert outputs.NARROW not in format("text")[0]
    finally:
        InteractiveShell.clear_instance()


DRAWING = """from tarea2 import pages
from tarea2.plots import style
from tarea2.plots.narrow import also_narrow
pages.setup()


@also_narrow
def draw(width=style.PAGE):
    fig, ax = style.figure(width=width)
    ax.set_title("pequeño", fontsize=5)
    style.plt.close(fig)
    return fig


draw()"""


def test_html_has_two_drawings_and_pdf_and_notebook_one(small_project):
    write_page(small_project.root, "Ver @fig-a.\n\n" + cell(DRAWING, *FIGURE))
    config = small_project.root / "_quarto.yml"
    config.write_text(config.read_text() + "filters: [theme/filters/narrow.lua]\n")
    small_project = Project(small_project.root)
    build(small_project, jobs=1, report=lambda line: None)
    soup = BeautifulSoup((small_project.output / "index.html").read_text(), "html.parser")
    (picture,) = soup.select("figure#fig-a a.lightbox > picture")
    source, image = picture.find_all(True)
    assert (source.name, image.name) == ("source", "img")
    assert source["media"] == "screen and (max-width: 575.98px)"
    assert (source["srcset"], image["src"]) == (
        "index_files/fig-a-1-narrow.svg", "index_files/fig-a-1.svg",
    )  # fmt: skip
    assert image["alt"] == "Alt."
    assert picture.parent["href"] == image["src"]
    folder = small_project.output / "index_files"
    assert sorted(path.name for path in folder.iterdir()) == ["fig-a-1-narrow.svg", "fig-a-1.svg"]
    svg = (folder / "fig-a-1-narrow.svg").read_text()
    assert WIDTHS[0] in svg
    assert min(sizes(svg)) >= style.SMALLEST - 0.01
    assert set(image.attrs) <= {"src", "alt", "class"}
    made = small_project.cache / "typst" / "index" / "page_files"
    assert [path.name for path in made.iterdir()] == ["fig-a-1.svg"]
    book = nbformat.read(small_project.output / "index.ipynb", as_version=4)
    kinds = [set(o.data) for c in book.cells if c.cell_type == "code" for o in c.outputs]
    assert kinds == [{"image/png", "text/plain"}]

    # Quarto is handed the same.
    execution = Execution(read("index.qmd", small_project.root), small_project)
    execute.run(execution)
    frozen = small_project.root / "frozen"
    for form, narrower in (("html", True), ("typst", False), ("ipynb", False)):
        text = quarto_freeze.body(execution, form, frozen)
        name = f"figure-{form}/fig-a-output-1"
        assert (frozen / f"{name}.svg").exists()
        assert (frozen / f"{name}-narrow.svg").exists() == narrower
        assert (f'narrow="index_files/{name}-narrow.svg"' in text) == narrower

    # A page in one file carries both.
    one = standalone._in_one_file(
        small_project.output / "index.html", small_project.root / "theme" / "site"
    )
    found = BeautifulSoup(one, "html.parser").picture
    assert found.source["srcset"].startswith("data:image/svg+xml;base64,")
    assert found.source["srcset"] != found.img["src"]


def test_the_drawings_for_phones_are_as_wide_as_these_and_can_be_read(site):
    drawings = sorted(site.rglob("*-narrow.svg"))
    assert len(drawings) > 60
    for path in drawings:
        svg = path.read_text("utf-8")
        assert any(width in svg[:2000] for width in WIDTHS), path
        assert min(sizes(svg)) >= style.SMALLEST - 0.01, path


SHOWN = "[...document.querySelectorAll('main picture img')].map(e => e.currentSrc)"
DRAWINGS = """[...document.querySelectorAll('main picture')].map(e => [
  new URL(e.querySelector('source').srcset, location).href, e.querySelector('img').src])"""
LARGE = {"width": 1280, "height": 900}


@pytest.mark.parametrize("size", [PHONE, LARGE])
def test_a_phone_loads_the_narrow_drawings_and_a_screen_the_wide_ones(tab, requests, site, size):
    page = visit(tab, uri(site, "report.html"), size=size)
    page.wait_for_load_state("networkidle")
    narrow, wide = zip(*page.evaluate(DRAWINGS), strict=True)
    assert len(narrow) > 3
    wanted, other = (narrow, wide) if size is PHONE else (wide, narrow)
    assert tuple(page.evaluate(SHOWN)) == wanted
    assert set(wanted) <= set(requests)
    assert not set(other) & set(requests)
    if size is PHONE:
        images = page.locator("main picture img")
        for shown, own in images.evaluate_all("all => all.map(e => [e.width, e.naturalWidth])"):
            assert shown == own == 358


def test_paper_shows_the_wide_drawings(tab, site):
    page = visit(tab, uri(site, "report.html"), size=PHONE)
    page.emulate_media(media="print")
    page.wait_for_function(f"{SHOWN}.every(name => name.endsWith('-1.svg'))")
