"""Every interactive piece as a reader uses it: mouse, keyboard, touch, print, no script, bad input.

Pages are opened from disk. What pieces show is compared with the package.
"""

import base64
import json
import re
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mnist1d.data import get_templates
from PIL import Image
from playwright.sync_api import Page, expect
from sklearn.datasets import load_sample_image

from browsing import DESKTOP, PHONE, dress, focused, serious, uri, visit
from pieces import sent_model
from tarea2 import convolution, datasets, metrics, models, questions, resampling, widgets
from tarea2.datasets import number_words
from tarea2.datasets.images.reading import Picture
from tarea2.evaluation import predict
from tarea2.models import EncoderDecoderSpec
from tarea2.plots import explorer, labels
from tarea2.plots import scenes as draw_scenes
from tarea2.predictor import Predictor
from tarea2.studies import replay
from tarea2.studies.skips import cut_skip
from tarea2.typography import number

SMALL = {"width": 360, "height": 740}
CHAPTERS = {
    "taller": "06-preguntas-cnn", "campo": "08-segmentacion-factores",
    "explorador": "08-segmentacion-factores", "escena": "08-segmentacion-error", "digito": "05-mnist", "rayas": "04-remuestreo",
    "damero": "04-remuestreo", "codigos": "07-encoder-decoder", "escritor": "07-encoder-decoder",
    "senal": "10-experimento-final", "unet": "08-segmentacion", "foto": "09-escenas-de-calle",
    "cortina": "../index",
    "repeticion": "08-segmentacion-receta",
}  # fmt: skip
PIECES = list(CHAPTERS)
# A control of each piece, what a reader types or chooses there, and what a broken link would say.
CHANGES = {
    "taller": ("stride", "2"), "campo": ("depth", "3"), "explorador": ("across", "macs"),
    "escena": ("clutter", "3"), "digito": ("right", "2"), "rayas": ("phase", "0.5"),
    "damero": ("kernel", "4"), "codigos": ("first", "1"), "escritor": ("number", "777"),
    "senal": ("shift", "5"), "unet": ("scene", "2"), "foto": ("opacity", "0.3"),
    "cortina": ("share", "25"), "repeticion": ("epoch", "5"),
}  # fmt: skip


def address_of(site, name: str, rest: str = "") -> str:
    return uri(site, f"chapters/{CHAPTERS.get(name, name)}.html") + rest


def live(page: Page, name: str) -> Page:
    """The page, once its piece is live."""
    page.locator(f"#{name}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{name}[live]")
    return page


BEGIN = """([name, element, theme]) => {
  history.replaceState(null, "", location.href.split("#")[0]);
  document.documentElement.dataset.theme = theme;
  document.activeElement.blur();
  scrollTo(0, 0);
  document.getElementById(name).outerHTML = element;
}"""


@pytest.fixture(scope="module")
def chapters(browser, site):
    """Each chapter's page, opened once, and the errors of its console."""
    opened: dict[str, tuple[Page, list[str]]] = {}

    def chapter(name: str) -> tuple[Page, list[str]]:
        if name not in opened:
            page, errors = browser.new_page(), []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda line: line.type == "error" and errors.append(line.text))
            visit(page, address_of(site, name))
            opened[name] = page, errors
        return opened[name]

    yield chapter
    for page, _ in opened.values():
        page.close()


@pytest.fixture
def piece(chapters, site):
    """Begin pieces anew, and fail at the end of the test if the console held an error.

    A piece's element is put back as it stands in the file, so that a new object of its class begins
    in it: that takes a tenth of opening the page.
    """
    seen: list[list[str]] = []

    def begin(name: str, size=DESKTOP, theme="light", query="") -> Page:
        page, errors = chapters(CHAPTERS.get(name, name))
        assert errors == []  # of opening the page, or of what a piece before it left running
        seen.append(errors)
        dress(page, size, theme)
        if query:
            visit(page, address_of(site, name, f"#{name}?{query}"), size, theme)
        else:
            text = (site / f"chapters/{CHAPTERS.get(name, name)}.html").read_text("utf-8")
            element = re.search(rf'<(tarea-[a-z-]+) id="{name}".*?</\1>', text, re.DOTALL)[0]
            page.evaluate(BEGIN, [name, element, theme])
        return live(page, name)

    yield begin
    told = [error for errors in seen for error in errors]
    for errors in seen:
        errors.clear()  # the next test answers for its own
    assert told == []


def state(page: Page, name: str) -> dict:
    """What a piece's link would say, by control."""
    return page.evaluate(
        f"""() => {{ const piece = document.getElementById("{name}");
        return Object.fromEntries(Object.entries(piece.controls).map(
          ([key, control]) => [key, control.write(piece.state[key])])); }}"""
    )


def put(page: Page, name: str, control: str, value: str) -> None:
    """Give a control a value as a reader would: typing, choosing, or arrow keys on a slider."""
    box = page.locator(f"#{name}-{control}")
    kind = box.evaluate("e => e.localName === 'select' ? 'select' : e.type")
    if kind == "select":
        # By its place: Playwright takes a label for a value, and one may be another one's value.
        place = box.evaluate("(e, v) => [...e.options].findIndex((o) => o.value === v)", value)
        box.select_option(index=place)
    elif kind == "fieldset":
        box.locator(f"input[value='{value}']").check()
    elif kind == "checkbox":
        box.set_checked(value == "1")
    elif kind == "range":
        box.evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }",
            value,
        )
    else:
        box.fill(value)


def reveal(page: Page, name: str) -> None:
    """Ask to see without a prediction, where a piece waits for one."""
    for button in page.locator(f"#{name} .tarea-live form button", has_text="Ver sin").all():
        if button.is_visible():
            button.click()


def message(page: Page, name: str, control: str):
    return page.locator(f"#{name}-{control}-message")


# Every piece ------------------------------------------------------------------------------------


@pytest.fixture
def errors(tab):
    """What the page's console says is wrong."""
    seen: list[str] = []

    def see(error) -> None:
        seen.append(str(error))

    def hear(line) -> None:
        if line.type in ("error", "warning"):
            seen.append(line.text)

    tab.on("pageerror", see)
    tab.on("console", hear)
    yield seen
    tab.remove_listener("pageerror", see)
    tab.remove_listener("console", hear)


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_opens_from_disk_without_errors_or_requests(tab, errors, requests, site, name):
    page = live(visit(tab, address_of(site, name)), name)
    reveal(page, name)
    page.wait_for_timeout(200)
    assert errors == []
    # A worker's script is an object in the page's own memory.
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.locator(f"#{name} .tarea-live").is_visible()
    assert not page.locator(f"#{name} .tarea-figure").is_visible()


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_piece_in_use(piece, name, theme):
    page = piece(name, theme=theme, size=SMALL if theme == "dark" else DESKTOP)
    reveal(page, name)
    assert serious(page, within=f"#{name}") == []


@pytest.mark.parametrize("name", PIECES)
def test_print_shows_the_figure(piece, name):
    page = piece(name)
    page.emulate_media(media="print")
    assert page.locator(f"#{name} .tarea-figure img").first.is_visible()
    assert not page.locator(f"#{name} .tarea-live").is_visible()


def test_without_scripts_the_figure_stands_there(browser, site):
    page = browser.new_page(java_script_enabled=False)
    for name in PIECES:
        page.goto(address_of(site, name))
        assert page.locator(f"#{name} figure img").first.is_visible()
        assert page.locator(f"#{name} figcaption").first.is_visible()
        assert page.locator(f"#{name} .tarea-live").count() == 0
    page.close()


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_fits_a_small_phone_and_a_finger(piece, name):
    page = piece(name, size=SMALL)
    reveal(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
    small = page.evaluate(
        f"""() => [...document.querySelectorAll("#{name} .tarea-live :is(button, input, select, summary)")]
        .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([text]) => text)"""
    )
    assert small == []


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_fits_a_window_at_twice_the_size(piece, name):
    # 200 % zoom of a 1280 px window leaves 640 px.
    page = piece(name, size={"width": 640, "height": 450})
    reveal(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 640


@pytest.mark.parametrize("name", PIECES)
def test_the_keyboard_reaches_every_control(piece, name):
    page = piece(name)
    reveal(page, name)
    wanted = page.evaluate(
        f"""() => {{ const all = [...document.querySelectorAll(
          "#{name} .tarea-live :is(button, input, select, summary, canvas[tabindex])")];
        // Of a group of radio buttons the chosen one is the tab stop.
        const seen = all.filter((e) => e.tabIndex >= 0 && e.checkVisibility() && (e.type !== "radio" || e.checked));
        window.reached = new Set();
        for (const e of seen) e.addEventListener("focus", () => window.reached.add(e));
        seen[0].focus();
        return seen.length; }}"""
    )
    for _ in range(wanted + 12):
        page.keyboard.press("Tab")
    assert page.evaluate("window.reached.size") >= wanted
    assert wanted >= 5


@pytest.mark.parametrize("name", PIECES)
def test_reset_returns_to_the_pages_example(piece, name):
    page = piece(name)
    before = state(page, name)
    control, value = CHANGES[name]
    put(page, name, control, value)
    assert state(page, name)[control] == value
    page.locator(f"#{name} .tarea-tools button", has_text="Volver al ejemplo").click()
    assert state(page, name) == before


@pytest.mark.parametrize("name", PIECES)
def test_a_copied_link_shows_the_same_state(piece, tab, name):
    page = piece(name)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    control, value = CHANGES[name]
    put(page, name, control, value)
    page.locator(f"#{name} .tarea-tools button", has_text="Copiar el enlace").click()
    expect(page.locator(f"#{name} .tarea-news")).to_contain_text("nlace")
    address = page.evaluate(f"document.getElementById('{name}').address()")
    assert f"#{name}?" in address
    other = visit(tab, address)
    other.wait_for_selector(f"#{name}[live]")
    assert state(other, name) == state(page, name)
    assert state(other, name)[control] == value


@pytest.mark.parametrize("name", PIECES)
def test_a_link_edited_by_hand_is_refused_in_a_sentence(piece, name):
    control, value = CHANGES[name]
    page = piece(name)
    example = state(page, name)
    page = piece(name, query=f"{control}=%3Cscript%3E&nada=1")
    expect(page.locator(f"#{name} .tarea-news")).to_contain_text("no valen")
    assert message(page, name, control).text_content().endswith(".")
    assert state(page, name) == example
    put(page, name, control, value)  # and it goes on working
    assert state(page, name)[control] == value
    assert message(page, name, control).text_content() == ""


@pytest.mark.parametrize("name", PIECES)
def test_a_broken_percent_sign_in_the_address_breaks_nothing(tab, errors, site, name):
    live(visit(tab, address_of(site, name, f"#{name}?%E0%A4%A=1&x=%")), name)
    assert errors == []


@pytest.mark.parametrize("name", PIECES)
def test_the_figure_opens_by_button_and_by_reference(piece, name):
    page = piece(name)
    figure = page.locator(f"#{name} .tarea-figure")
    button = page.locator(f"#{name} .tarea-tools button", has_text="figura fija")
    button.click()
    assert figure.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert not figure.is_visible()
    label = figure.locator("figure[id]").first.get_attribute("id")
    page.evaluate(f"location.hash = '#{label}'")
    expect(figure).to_be_visible()


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_carries_the_caption_of_its_figure(piece, name):
    page = piece(name)
    caption = page.locator(f"#{name} figcaption").first.text_content().strip()
    assert caption.startswith("Figura")
    shown = page.locator(f"#{name} .tarea-live > .tarea-soft")
    assert shown.text_content() == caption
    reveal(page, name)
    assert shown.is_visible()


@pytest.mark.parametrize(
    "name", ["rayas", "codigos", "senal", "campo", "damero", "escena", "repeticion"]
)
def test_an_answer_is_hidden_and_a_link_can_open_it(piece, name):
    page = piece(name)
    # A view keeps its frame, and what it holds is hidden.
    hidden = ".tarea-answer:not(.tarea-view), .tarea-view.tarea-answer > *"
    answers = page.locator(f"#{name} .tarea-live").locator(hidden)
    assert answers.count() > 1
    assert not any(answer.is_visible() for answer in answers.all())
    height = page.locator(f"#{name}").bounding_box()["height"]
    reveal(page, name)
    for answer in answers.all():
        expect(answer).to_be_visible()  # what a worker calculates comes a moment later
    after = page.locator(f"#{name}").bounding_box()["height"]
    assert abs(after - height) < 60  # the box keeps its height
    control, value = CHANGES[name]
    page = piece(name, query=f"{control}={value}&ver")
    for answer in answers.all():
        expect(answer).to_be_visible()
    expect(page.locator(f"#{name} .tarea-news")).to_have_text("Estado del enlace.")


@pytest.mark.parametrize("name", PIECES)
def test_back_undoes_what_was_changed(piece, name):
    page = piece(name)
    before = state(page, name)
    control, value = CHANGES[name]
    put(page, name, control, value)
    page.wait_for_function("name => history.state?.last?.startsWith(name + ' ')", arg=name)
    address = page.url
    page.evaluate("history.back()")
    expect(page.locator(f"#{name} .tarea-news")).to_have_text("Un paso atrás o adelante.")
    assert state(page, name) == before
    assert page.url == address
    page.evaluate("history.forward()")
    page.wait_for_function(
        "([name, control, value]) => { const piece = document.getElementById(name);"
        " return piece.controls[control].write(piece.state[control]) === value; }",
        arg=[name, control, value],
    )


def test_moves_of_one_control_are_undone_together(piece):
    page = piece("escena")
    for name, value in (("clutter", "1"), ("clutter", "2"), ("noise", "0.1")):
        put(page, "escena", name, value)
        page.wait_for_timeout(900)  # longer than what counts as one move
    found = []
    for _ in range(2):
        page.evaluate("history.back()")
        page.wait_for_timeout(200)
        found.append((state(page, "escena")["clutter"], state(page, "escena")["noise"]))
    assert found == [("2", "0"), ("0", "0")]


def test_what_is_said_is_told_once_the_reader_stops(piece):
    page = piece("senal")
    reveal(page, "senal")
    says = page.locator("#senal .tarea-says")
    expect(says).to_have_attribute("aria-busy", "false")
    put(page, "senal", "shift", "3")
    expect(says).to_have_attribute("aria-busy", "true")
    expect(says).to_have_attribute("aria-busy", "false")


def test_a_piece_whose_weights_are_missing_shows_its_figure_and_says_so(tab, site):
    source = (site / "chapters" / "05-mnist.html").read_text("utf-8")
    folder = site / "chapters"
    broken = folder / "roto.html"
    broken.write_text(re.sub(r"mnist-notebook-[0-9a-f]{12}", "mnist-notebook-000000000000", source))
    try:
        page = visit(tab, broken.as_uri())
        page.locator("#digito").scroll_into_view_if_needed()
        fault = page.locator("#digito .tarea-fault")
        expect(fault).to_contain_text("volver a construir el sitio")
        assert page.locator("#digito figure img").first.is_visible()
    finally:
        broken.unlink()


def sizes(site, page_name: str) -> int:
    """Bytes that pieces add to a page: scripts, style, data in the page and beside it."""
    text = (site / "chapters" / f"{page_name}.html").read_text("utf-8")
    total, files = 0, set()  # what two pieces need is fetched once
    for inline in re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL):
        total += len(inline.encode())
        files |= set(json.loads(inline)["files"])
    total += sum((site / "widgets" / "data" / f"{name}.js").stat().st_size for name in files)
    for name in set(re.findall(r'"\.\./widgets/([\w.-]+)"', text)):
        total += (site / "widgets" / name).stat().st_size
    return total


@pytest.mark.parametrize(
    "page_name", sorted({*CHAPTERS.values(), "01-convolucion-1d", "03-convolucion-2d"})
)
def test_pieces_stay_within_their_budget(site, page_name):
    limits = {
        "08-segmentacion": 1_000_000, "08-segmentacion-factores": 1_500_000,
        "08-segmentacion-error": 1_000_000, "09-escenas-de-calle": 1_000_000,
    }  # fmt: skip
    limit = limits.get(page_name, 500_000)
    assert 20_000 < sizes(site, page_name) < limit


def test_pages_without_pieces_load_nothing(site):
    for page_name in ("02-mnist-1d", "11-reflexiones"):
        assert "widgets/" not in (site / "chapters" / f"{page_name}.html").read_text("utf-8")


# Convolution workshop -----------------------------------------------------------------------------


def matrix_text(rows: np.ndarray) -> str:
    return ";".join("_".join(f"{value:g}" for value in row) for row in rows)


def output_of(page: Page, name: str = "taller") -> list[list[str]]:
    return page.evaluate(
        f"""() => {{ const piece = document.getElementById("{name}");
        const cells = [...piece.outputGrid.children].map((cell) => cell.textContent);
        return Array.from({{ length: piece.height }}, (_, i) => cells.slice(i * piece.width, (i + 1) * piece.width)); }}"""
    )


def written(values: np.ndarray) -> list[list[str]]:
    return [
        [number(round(float(v), 4)) if v % 1 else number(int(v)) for v in row] for row in values
    ]


def test_the_workshop_answers_question_one(piece):
    page = piece("taller")
    put(page, "taller", "ask", "0")
    page.get_by_role("button", name="Pregunta 1a").click()
    assert output_of(page) == written(questions.convolve(questions.X, questions.KERNEL_A, 2))
    page.get_by_role("button", name="Pregunta 1b").click()
    expected = questions.convolve(questions.X, questions.KERNEL_B, 2, 2)
    assert output_of(page) == written(expected)
    put(page, "taller", "strict", "1")
    assert output_of(page) == written(-expected)


def test_the_workshop_shows_what_the_package_computes(piece):
    page = piece("taller")
    put(page, "taller", "ask", "0")
    generator = np.random.default_rng(20)

    def whole(low, high):
        return int(generator.integers(low, high + 1))

    tried = 0
    while tried < 60:
        x = generator.integers(-9, 10, (whole(1, 8), whole(1, 8)))
        k = generator.integers(-3, 4, (whole(1, 3), whole(1, 3)))
        stride, padding, dilation, strict = whole(1, 5), whole(0, 5), whole(1, 3), whole(0, 1)
        kernel = k[::-1, ::-1] if strict else k
        try:
            expected = convolution.conv2d(
                x[None, None], kernel[None, None], stride, padding, dilation
            )[0, 0]
        except ValueError:
            continue
        tried += 1
        texts = {
            "x": matrix_text(x),
            "k": matrix_text(k),
            "stride": str(stride),
            "padding": str(padding),
            "dilation": str(dilation),
            "strict": str(strict),
        }
        assert page.evaluate("(texts) => document.getElementById('taller').attempt(texts)", texts)
        assert output_of(page) == written(expected)
        # Marks: inputs that no window reaches, and outputs that see only padding.
        ones = np.ones(k.shape)[None, None]
        inside = convolution.conv2d(np.ones(x.shape)[None, None], ones, stride, padding, dilation)
        seen = convolution.conv2d_gradients(
            x[None, None], ones, np.ones_like(inside), stride, padding, dilation
        )[0][0, 0]
        marks = page.evaluate("""() => { const piece = document.getElementById("taller"), { x } = piece.state;
          return [x.map((row, r) => row.map((_, c) => piece.cell(r, c).classList.contains("tarea-unseen"))),
            [...piece.outputGrid.children].map((cell) => cell.classList.contains("tarea-only-zeros"))]; }""")
        assert marks[0] == (seen == 0).tolist()
        assert marks[1] == (inside[0, 0] == 0).ravel().tolist()


def test_the_workshop_of_a_signal_shows_what_the_package_computes(tab, site):
    page = live(visit(tab, uri(site, "chapters/01-convolucion-1d.html")), "taller")
    put(page, "taller", "ask", "0")
    generator = np.random.default_rng(21)

    def whole(low, high):
        return int(generator.integers(low, high + 1))

    for _ in range(30):
        x, k = generator.integers(-9, 10, whole(5, 12)), generator.integers(-3, 4, whole(1, 3))
        stride, padding, dilation = whole(1, 4), whole(0, 4), whole(1, 2)
        expected = convolution.conv1d(x, k, stride, dilation, padding)
        texts = {"x": matrix_text(x[None]), "k": matrix_text(k[None]), "stride": str(stride),
                 "padding": str(padding), "dilation": str(dilation)}  # fmt: skip
        assert page.evaluate("(texts) => document.getElementById('taller').attempt(texts)", texts)
        assert output_of(page) == written(expected[None])


def test_the_workshop_hides_the_output_until_its_size_is_predicted(piece):
    page = piece("taller")
    assert not page.locator("#taller .tarea-grid[role=group]").is_visible()
    page.locator("#taller-guess-rows").fill("3")
    page.locator("#taller-guess-columns").press_sequentially("dos")
    assert (
        page.locator("#taller-guess-columns").input_value() == ""
    )  # a number field takes no letters
    page.get_by_role("button", name="Comprobar").first.click()
    assert "número" in page.locator("#taller form .tarea-message").text_content()
    page.locator("#taller-guess-columns").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator("#taller .tarea-says")).to_have_text(re.compile("Has dicho 3 × 2 .* 2 × 2"))
    assert page.locator("#taller .tarea-grid[role=group]").is_visible()
    put(page, "taller", "padding", "1")  # another size, another question
    assert not page.locator("#taller .tarea-grid[role=group]").is_visible()
    page.locator("#taller-guess-rows").fill("3")
    page.locator("#taller-guess-columns").fill("3")
    page.keyboard.press("Enter")
    expect(page.locator("#taller .tarea-says")).to_contain_text("Sí: la salida tiene 3 × 3")


@pytest.fixture(scope="module")
def touch(browser):
    """A page that fingers touch."""
    page = browser.new_page(has_touch=True)
    yield page
    page.close()


@pytest.mark.parametrize("way", ["mouse", "keyboard", "touch"])
def test_an_output_cell_explains_its_window(piece, touch, site, way):
    page = (
        live(visit(touch, address_of(site, "taller"), SMALL), "taller")
        if way == "touch"
        else piece("taller")
    )
    put(page, "taller", "ask", "0")
    page.get_by_role("button", name="Pregunta 1a").click()
    cells = page.locator("#taller .tarea-grid[role=group] button")
    if way == "mouse":
        cells.nth(3).hover()
    elif way == "touch":
        cells.nth(3).tap()
    else:
        cells.nth(0).focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
    expect(page.locator("#taller .tarea-says")).to_have_text(
        "Salida (1, 1): 1·7 + 0·1 + 0·3 + 1·4 = 11"
    )
    assert page.locator("#taller .tarea-window").count() == 4


def test_windows_are_walked_and_a_cell_lights_the_outputs_it_reaches(piece):
    page = piece("taller")
    walk = page.get_by_role("button", name="Siguiente ventana")
    assert not walk.is_visible()  # the size of the output is asked first
    put(page, "taller", "ask", "0")
    page.get_by_role("button", name="Pregunta 1a").click()
    outputs = page.locator("#taller .tarea-grid[role=group] button")
    last = outputs.count()
    for count in range(last + 1):
        walk.click()
        row, column = divmod(count % last, 2)
        expect(page.locator("#taller .tarea-says")).to_contain_text(f"Salida ({row}, {column}):")
    weight = np.ones(questions.KERNEL_A.shape)[None, None]
    one = np.zeros(questions.X.shape)
    one[1, 2] = 1
    reached = convolution.conv2d(one[None, None], weight, 2)[0, 0] > 0
    page.get_by_label("X, fila 2, columna 3").focus()
    lit = outputs.evaluate_all("cells => cells.map((cell) => cell.classList.contains('tarea-fed'))")
    assert lit == reached.ravel().tolist()
    assert any(lit)
    page.locator("#taller-stride").focus()
    assert page.locator("#taller .tarea-fed").count() == 0


def test_each_matrix_is_one_stop_of_the_tab_key(piece):
    page = piece("taller")
    for matrix, corner in (("X", "X, fila 1, columna 1"), ("K", "K, fila 1, columna 1")):
        cells = page.locator(f"#taller input[aria-label^='{matrix}, fila']")
        assert cells.count() >= 4
        assert cells.evaluate_all("all => all.filter((e) => e.tabIndex === 0).length") == 1
        page.get_by_label(corner).focus()
        for key, label in (
            ("ArrowDown", "fila 2, columna 1"), ("ArrowRight", "fila 2, columna 2"),
            ("ArrowUp", "fila 1, columna 2"), ("ArrowLeft", "fila 1, columna 1"),
            ("ArrowLeft", "fila 1, columna 1"),
        ):  # fmt: skip
            page.keyboard.press(key)
            assert focused(page, "ariaLabel") == f"{matrix}, {label}"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        assert not focused(page, "ariaLabel").startswith(f"{matrix}, fila")
        page.keyboard.press("Shift+Tab")  # back to the value that was left
        assert focused(page, "ariaLabel") == f"{matrix}, fila 2, columna 1"
    page.keyboard.type("12")
    page.keyboard.press("ArrowLeft")  # in a text that is typed, the arrow moves in it
    assert focused(page, "ariaLabel") == "K, fila 2, columna 1"
    assert focused(page, "value") == "12"


@pytest.mark.parametrize(
    ("control", "value", "sentence"),
    [
        ("stride", "", "Aquí va un número entero"), ("stride", "0", "0 no vale"),
        ("stride", "99999999999", "no vale"), ("stride", "1.5", "no vale"),
        ("padding", "-1", "no vale"), ("columns", "0", "no vale"), ("columns", "40", "no vale"),
        ("columns", "", "Aquí va"), ("dilation", "5", None), ("rows", "1", "núcleo abarca"),
    ],
)  # fmt: skip
def test_bad_input_in_the_workshop_keeps_the_last_result(piece, control, value, sentence):
    page = piece("taller")
    put(page, "taller", "ask", "0")
    before = output_of(page)
    put(page, "taller", control, value)
    if sentence is None:  # fits exactly: no complaint
        assert message(page, "taller", control).text_content() == ""
        return
    expect(message(page, "taller", control)).to_contain_text(sentence)
    assert output_of(page) == before


def test_a_bad_cell_is_named_and_keeps_the_last_result(piece):
    page = piece("taller")
    put(page, "taller", "ask", "0")
    before = output_of(page)
    cell = page.get_by_label("X, fila 1, columna 2")
    for text in ("", "siete", "1e9", "--2"):
        cell.fill(text)
        assert page.locator("#taller .tarea-message", has_text="Fila 1, columna 2").is_visible()
        assert output_of(page) == before
    cell.fill("2,5")
    assert not page.locator("#taller .tarea-message", has_text="Fila 1, columna 2").is_visible()
    assert page.evaluate("document.getElementById('taller').state.x[0][1]") == 2.5


def test_a_refused_kernel_is_taken_when_there_is_room_for_it(piece):
    page = piece("taller")
    put(page, "taller", "ask", "0")
    put(page, "taller", "kernelRows", "3")
    put(page, "taller", "kernelColumns", "3")
    put(page, "taller", "dilation", "3")
    expect(message(page, "taller", "dilation")).to_contain_text("abarca 7 celdas")
    assert state(page, "taller")["dilation"] == "1"
    put(page, "taller", "padding", "1")
    assert message(page, "taller", "dilation").text_content() == ""
    assert state(page, "taller")["dilation"] == "3"


# Receptive field -----------------------------------------------------------------------------------


def test_field_and_costs_are_the_packages(piece):
    page = piece("campo")
    generator = np.random.default_rng(22)

    def pick(*values):
        return values[int(generator.integers(len(values)))]

    specs = [
        {"depth": pick(1, 2, 3), "convolutions": pick(1, 2, 3), "kernel": pick(1, 3, 5),
         "dilation": pick(1, 2, 3), "width": pick(2, 5, 12), "down": pick("max", "mean", "strided")}
        for _ in range(40)
    ]  # fmt: skip
    answers = page.evaluate(
        "(specs) => specs.map((spec) => [tarea.outputField(spec), tarea.encoderDecoderCost(spec, 48)])",
        [spec | {"up": "nearest", "bottom": None} for spec in specs],
    )
    for options, (field, cost) in zip(specs, answers, strict=True):
        spec = models.EncoderDecoderSpec(**options)
        model = models.build(spec)
        assert field == explorer.longest_field(spec)
        assert cost["weights"] == metrics.count_parameters(model)
        assert cost["multiplications"] == metrics.count_macs(model, torch.zeros(1, 1, 48, 48))


def test_the_receptive_field_follows_pixel_and_network(piece):
    page = piece("campo")
    assert not page.locator("#campo .tarea-says").is_visible()
    page.locator("#campo-prediction").fill("40")
    page.keyboard.press("Enter")
    expect(page.locator("#campo .tarea-reply")).to_contain_text("No: es 44.")
    expect(page.locator("#campo .tarea-says")).to_contain_text("44 × 44")
    expect(page.locator("#campo tbody")).to_contain_text("referencia")
    page.locator("#campo canvas[role=img]").click(position={"x": 3, "y": 3})
    assert (state(page, "campo")["row"], state(page, "campo")["column"]) == ("0", "0")
    page.locator("#campo-row").focus()
    page.keyboard.press("ArrowRight")
    assert state(page, "campo")["row"] == "1"
    put(page, "campo", "dilation", "4")
    expect(page.locator("#campo .tarea-says")).to_contain_text("61\u202f823 pesos")  # the same
    put(page, "campo", "width", "7")
    put(page, "campo", "depth", "9")
    expect(message(page, "campo", "depth")).to_contain_text("entre 1 y 4")
    assert state(page, "campo")["depth"] == "2"


def test_the_cone_ends_where_the_package_says(piece):
    page = piece("campo")
    specs = [
        EncoderDecoderSpec(depth=depth, convolutions=convolutions, kernel=kernel, dilation=dilation)
        for depth in (1, 2, 3)
        for convolutions in (1, 3)
        for kernel, dilation in ((3, 1), (5, 2), (1, 1))
    ]
    cases = [[asdict(spec), pixel] for spec in specs for pixel in (0, 13, 22)]
    cones = page.evaluate("(cases) => cases.map(([spec, p]) => tarea.cone(spec, p))", cases)
    for (spec, pixel), cone in zip(cases, cones, strict=True):
        assert cone[0] == {"level": 0, "range": [pixel, pixel]}
        assert cone[-1]["range"] == list(models.input_range(EncoderDecoderSpec(**spec), pixel))
        assert cone[-1]["level"] == 0
        assert max(step["level"] for step in cone) == spec["depth"]
    reveal(page, "campo")
    put(page, "campo", "depth", "3")
    put(page, "campo", "column", "20")
    steps = page.evaluate(
        "() => { const p = document.getElementById('campo'); return tarea.cone(p.spec, 20); }"
    )
    lit = page.locator("#campo .tarea-cone-in").count()
    assert lit == sum(
        max(0, min(48 // 2 ** step["level"] - 1, last) - max(0, first) + 1)
        for step in steps
        for first, last in [step["range"]]
    )


def test_the_measured_gradient_lies_over_the_range_that_is_possible(piece):
    page = piece("campo")
    reveal(page, "campo")
    scenes = datasets.scenes("validation", 64).x
    for place, name in enumerate(("segmentation-baseline", "segmentation")):
        model, _ = models.load_model(name)
        field = models.measured_field(model, scenes)
        put(page, "campo", "gradient", f"n{place}")
        shown = page.evaluate(
            "(place) => Array.from(document.getElementById('campo').measured[place].map)", place
        )
        levels = torch.round(255 * field / field.max())
        np.testing.assert_allclose(np.reshape(shown, (48, 48)), levels, atol=1)
        rows, columns = np.indices((48, 48)) - 24
        reach = np.maximum(abs(rows), abs(columns))
        side = next(
            2 * k + 1 for k in range(25) if levels.numpy()[reach <= k].sum() >= 0.9 * levels.sum()
        )
        assert state(page, "campo")["convolutions"] == str(model.spec.convolutions)
        said = page.locator("#campo .tarea-says").text_content()
        found = int(re.search(r"cuadrado de (\d+) píxeles", said)[1])
        assert abs(found - side) <= 2
        theory = int(re.search(r"Campo teórico: (\d+)", said)[1])
        assert found < theory
    put(page, "campo", "gradient", "none")
    assert "gradiente" not in page.locator("#campo .tarea-says").text_content()


# Study explorer ------------------------------------------------------------------------------------


def test_rank_correlation_is_pandas(piece):
    page = piece("explorador")
    generator = np.random.default_rng(23)
    cases = [
        generator.integers(0, 6, (2, int(generator.integers(4, 30)))).astype(float).tolist()
        for _ in range(200)
    ]
    answers = page.evaluate("(cases) => cases.map(([a, b]) => tarea.spearman(a, b))", cases)
    for (a, b), answer in zip(cases, answers, strict=True):
        expected = pd.Series(a).corr(pd.Series(b), "spearman")
        assert (
            (answer is None or np.isnan(answer))
            if np.isnan(expected)
            else answer == pytest.approx(expected)
        )


def test_the_explorer_tells_correlations_curves_and_specs(piece):
    page = piece("explorador")
    reveal(page, "explorador")
    table = explorer.table()
    whole = number(table["parameters"].corr(table["miou"], "spearman"), 2)
    expect(page.locator("#explorador .tarea-says")).to_contain_text(
        f"Correlación de rangos: {whole}"
    )
    page.locator("#explorador summary").click()
    page.get_by_role("button", name=labels.KINDS["published"][2]).click()
    rest = table[table["kind"] != labels.KINDS["published"][2]]
    without = number(rest["parameters"].corr(rest["miou"], "spearman"), 2)
    expect(page.locator("#explorador .tarea-says")).to_contain_text(f"sin las elegidas, {without}")
    expect(page.locator("#explorador tbody")).to_contain_text("MONAI BasicUNet")
    put(page, "explorador", "across", "field")
    known = table[table["field"].notna()]
    by_field = number(known["field"].corr(known["miou"], "spearman"), 2)
    expect(page.locator("#explorador .tarea-says")).to_contain_text(f"rangos: {by_field}")
    page.get_by_role("button", name="ninguna").click()
    expect(page.locator("#explorador tbody")).to_contain_text("Ninguna red elegida")
    page.get_by_label("línea base", exact=True).check()
    assert state(page, "explorador")["chosen"] == "baseline"
    points = page.locator("#explorador .tarea-chart .mark-symbol path[aria-roledescription=point]")
    before = state(page, "explorador")["chosen"]
    points.last.click(force=True)
    expect(page.locator("#explorador tbody tr")).not_to_have_count(0)
    assert state(page, "explorador")["chosen"] != before


def test_two_networks_are_compared_before_the_chart_is_seen(piece):
    page = piece("explorador")
    chart = page.locator("#explorador .tarea-chart svg").first
    assert not chart.is_visible()
    table = explorer.table().set_index("label")
    for pair in ("1", "2", "7"):
        put(page, "explorador", "pair", pair)
        for measure in ("miou", "where"):
            put(page, "explorador", "up", measure)
            question = page.locator("#explorador .tarea-prediction label").text_content()
            rivals = page.evaluate(
                "document.getElementById('explorador').pair().map(({ label }) => label)"
            )
            assert rivals[0] != rivals[1]
            assert question.endswith(f", «{rivals[0]}» o «{rivals[1]}»?")
            one, two = table[measure][rivals[0]], table[measure][rivals[1]]
            page.locator("#explorador-prediction").select_option("one" if one >= two else "two")
            page.locator("#explorador form button", has_text="Comprobar").click()
            best = rivals[0] if one >= two else rivals[1]
            expect(page.locator("#explorador .tarea-reply")).to_have_text(f"Sí: {best}.")
    assert chart.is_visible()


def test_points_have_names_and_a_logarithmic_axis(piece):
    page = piece("explorador")
    reveal(page, "explorador")
    names = page.locator("#explorador .tarea-chart .mark-text.role-mark text")
    chosen = [labels.LABELS["baseline"], labels.LABELS["wide-slow"]]
    expect(names).to_have_count(2)
    assert sorted(names.all_text_contents()) == sorted(chosen)
    points = page.locator("#explorador .tarea-chart .mark-symbol path[aria-roledescription=point]")
    points.first.scroll_into_view_if_needed()
    points.nth(5).hover(force=True)
    expect(names).to_have_count(3)
    # As far from each other as their logarithms: three networks lie on one line.
    table = explorer.table()
    page.mouse.move(0, 0)
    places = sorted(
        box["x"] + box["width"] / 2
        for box in (point.bounding_box() for point in points.all()[: len(explorer.table())])
    )
    logs = np.sort(np.log(table["parameters"]))
    expected = (logs - logs[0]) / (logs[-1] - logs[0])
    found = (np.array(places) - places[0]) / (places[-1] - places[0])
    np.testing.assert_allclose(found, expected, atol=0.03)


# Segment your scene --------------------------------------------------------------------------------


def scene_scores(page: Page) -> list[str]:
    page.wait_for_function("document.getElementById('escena').pending == null")  # a frame later
    return re.findall(r"mIoU (\d,\d+)", page.locator("#escena .tarea-says").text_content())


def test_the_scene_shows_what_the_networks_say(piece):
    page = piece("escena")
    test = datasets.scenes("test", 8)
    for place in (0, 3):
        put(page, "escena", "scene", str(place))
        expected = []
        for name in ("segmentation-baseline", "segmentation"):
            found = predict(sent_model(name), test.x[place : place + 1])[0].argmax(1)
            matrix = metrics.confusion_matrix(test.y[place : place + 1], found, 11)
            expected.append(number(float(np.nanmean(metrics.iou(matrix)[1:])), 2))
        assert scene_scores(page) == expected


def test_cutting_the_skips_changes_the_best_network_only(piece):
    page = piece("escena")
    baseline, best = scene_scores(page)
    page.locator("#escena-skips").focus()
    page.keyboard.press("Space")
    after = scene_scores(page)
    assert after[0] == baseline
    assert after[1] < best


def test_only_a_network_whose_input_changed_is_asked(piece):
    page = piece("escena")
    scene_scores(page)
    page.evaluate("""() => { window.asked = []; for (const network of document.getElementById("escena").networks) {
      const ask = network.ask; network.ask = (question) => { window.asked.push(network.label); ask(question); }; } }""")
    for control, value, expected in (
        ("height", "18", []), ("digit", "5", []), ("tool", "draw", []), ("wipe", "20", []),
        ("errors", "0", []), ("skips", "0", ["mejor red"]), ("noise", "0.1", ["línea base", "mejor red"]),
    ):  # fmt: skip
        page.evaluate("window.asked.length = 0")
        reveal(page, "escena")
        put(page, "escena", control, value)
        scene_scores(page)
        assert page.evaluate("window.asked") == expected, control


def test_one_cursor_reads_all_pictures(piece):
    page = piece("escena")
    reveal(page, "escena")
    scene_scores(page)
    test, place = datasets.scenes("test", 8), 0
    expected, ious = [], []
    for name in ("segmentation-baseline", "segmentation"):
        scores = predict(sent_model(name), test.x[place : place + 1])[0]
        expected.append(scores.softmax(1)[0, :, 30, 10])
        matrix = metrics.confusion_matrix(test.y[place : place + 1], scores.argmax(1), 11)
        ious.append(metrics.iou(matrix))
    for view in ("verdad", "mejor red", "errores"):
        box = page.locator("#escena .tarea-five .tarea-view", has_text=view).first.locator("canvas")
        area = box.bounding_box()
        page.mouse.move(0, 0)
        page.mouse.move(
            area["x"] + area["width"] * 10.5 / 48, area["y"] + area["height"] * 30.5 / 48
        )
        expect(page.locator("#escena .tarea-classes thead")).to_contain_text("(30, 10)")
    crosses = page.locator("#escena .tarea-cross")
    assert crosses.count() == 6
    assert len({cross.get_attribute("d") for cross in crosses.all()}) == 1
    rows = page.locator("#escena .tarea-classes tbody tr").all()
    for k, row in enumerate(rows):
        shown = row.locator("td").all_text_contents()
        assert shown[:2] == [number(float(shares[k]), 2) for shares in expected]
        assert shown[2:] == ["" if np.isnan(v[k]) else number(float(v[k]), 2) for v in ious]
    assert len(rows) == 11


def test_the_curtain_shows_any_two_pictures(piece):
    page = piece("escena")
    reveal(page, "escena")
    scene_scores(page)
    put(page, "escena", "left", "truth")
    put(page, "escena", "right", "errors")
    frame = page.locator("#escena .tarea-curtain .tarea-frame")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    assert abs(int(state(page, "escena")["wipe"]) - 75) <= 1
    under, over = (
        canvas.evaluate("e => Array.from(e.getContext('2d').getImageData(0, 0, 48, 48).data)")
        for canvas in frame.locator("canvas").all()
    )
    shown = page.evaluate(
        """() => ["truth", "errors"].map((name) => Array.from(document.getElementById("escena").frames[name].box
          .querySelector("canvas").getContext("2d").getImageData(0, 0, 48, 48).data))"""
    )
    assert [over, under] == shown


def test_where_the_best_network_is_wrong_is_asked_first(piece):
    page = piece("escena")
    scene_scores(page)
    assert not page.locator("#escena .tarea-five-best canvas").is_visible()
    assert page.locator("#escena .tarea-five-truth canvas").is_visible()
    test = datasets.scenes("test", 8)
    found = predict(sent_model("segmentation"), test.x[:1])[0].argmax(1)
    near, elsewhere = metrics.boundary_counts(test.y[:1], found, torch.ones_like(found).bool())
    assert near[0] > elsewhere[0]
    page.locator("#escena-prediction").select_option("edge")
    page.get_by_role("button", name="Comprobar").click()
    expect(page.locator("#escena .tarea-reply")).to_have_text("Sí: en el contorno de los dígitos.")
    assert page.locator("#escena .tarea-five-best canvas").is_visible()
    put(page, "escena", "noise", "0.1")
    expect(page.locator("#escena .tarea-reply")).to_have_text("")


def test_tools_are_chosen_with_the_arrows(piece):
    page = piece("escena")
    page.locator("#escena-tool input:checked").focus()
    page.keyboard.press("ArrowRight")
    assert state(page, "escena")["tool"] == "move"


def test_a_scene_is_edited_with_the_mouse(piece):
    page = piece("escena")
    put(page, "escena", "scene", "empty")
    pad = page.locator("#escena canvas.tarea-pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()

    def at(row, column):
        return (
            box["x"] + (column + 0.5) * box["width"] / 48,
            box["y"] + (row + 0.5) * box["height"] / 48,
        )

    page.mouse.click(*at(20, 20))
    assert state(page, "escena")["placed"] == "3_20_20_17"
    put(page, "escena", "tool", "move")
    page.mouse.move(*at(20, 20))
    page.mouse.down()
    page.mouse.move(*at(30, 26), steps=4)
    page.mouse.up()
    assert state(page, "escena")["placed"] == "3_30_26_17"
    truth = page.evaluate("Array.from(document.getElementById('escena').compose().truth)")
    assert set(truth) == {0, 4}
    put(page, "escena", "tool", "draw")
    page.mouse.move(*at(5, 5))
    page.mouse.down()
    page.mouse.move(*at(5, 12), steps=6)
    page.mouse.up()
    truth = page.evaluate("Array.from(document.getElementById('escena').compose().truth)")
    assert truth[5 * 48 + 8] == 255
    put(page, "escena", "tool", "erase")
    page.mouse.click(*at(30, 26))
    truth = page.evaluate("Array.from(document.getElementById('escena').compose().truth)")
    assert truth[30 * 48 + 26] == 0
    page.get_by_role("button", name="Quitar lo añadido").click()
    assert state(page, "escena")["placed"] == ""
    page.get_by_role("button", name="Otra escena").click()
    assert state(page, "escena")["scene"] == "0"


def test_a_scene_is_edited_with_the_keyboard_alone(piece):
    page = piece("escena")
    page.locator("#escena canvas.tarea-pad").focus()
    for key in ("ArrowDown", "Shift+ArrowRight", " "):
        page.keyboard.press(key)
    assert state(page, "escena")["placed"] == "3_25_28_17"
    put(page, "escena", "tool", "move")
    page.locator("#escena canvas.tarea-pad").focus()
    for key in (" ", "ArrowUp", "ArrowUp", " ", "ArrowUp"):
        page.keyboard.press(key)
    assert state(page, "escena")["placed"] == "3_23_28_17"  # let go before the last step


def test_a_scene_is_edited_with_a_finger(touch, site):
    page = live(visit(touch, address_of(site, "escena"), SMALL), "escena")
    page.locator("#escena canvas.tarea-pad").tap()
    assert state(page, "escena")["placed"].startswith("3_2")


# Six trainings ------------------------------------------------------------------------------------


def watched(page: Page) -> None:
    page.wait_for_function("document.getElementById('repeticion').ready")


def test_a_training_shows_what_was_recorded(piece):
    page = piece("repeticion")
    reveal(page, "repeticion")
    watched(page)
    put(page, "repeticion", "epoch", "4")
    put(page, "repeticion", "scene", "3")
    colours = np.array([
        [int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in draw_scenes.COLOURS
    ])  # fmt: skip
    stored, truth = replay.load()["networks"], replay.scenes().y.numpy()
    cards = page.locator("#repeticion .tarea-training").all()
    assert len(cards) == len(replay.RUNS)
    for card, kept in zip(cards, stored.values(), strict=True):
        masks = replay.unpacked(kept["masks"])
        shown = card.locator("canvas").first.evaluate(
            "e => Array.from(e.getContext('2d').getImageData(0, 0, 48, 48).data)"
        )
        np.testing.assert_array_equal(
            np.array(shown).reshape(48, 48, 4)[..., :3], colours[masks[4, 3]]
        )
        where = replay.where_after_epochs(masks, truth)
        expect(card).to_contain_text(f"mIoU {number(kept['miou'][4], 2)}")
        expect(card).to_contain_text(f"dónde {number(float(where[4]), 2)}")
    finds = page.evaluate(
        "() => document.getElementById('repeticion').networks.map(({ finds }) => finds)"
    )
    assert finds == [
        replay.epoch_that_finds(replay.unpacked(kept["masks"]), truth) for kept in stored.values()
    ]


def test_one_scrubber_moves_curve_masks_and_sentence(piece):
    page = piece("repeticion")
    reveal(page, "repeticion")
    watched(page)
    seen = set()
    for epoch in (0, 1, 12):
        put(page, "repeticion", "epoch", str(epoch))
        mark = page.locator("#repeticion .tarea-replay-top path[stroke-dasharray='5 3']").last
        texts = page.locator("#repeticion .tarea-training").all_text_contents()
        seen.add(
            (
                mark.get_attribute("d"),
                *texts,
                page.locator("#repeticion .tarea-says").text_content(),
            )
        )
    assert len(seen) == 3
    page.locator("#repeticion-epoch").focus()
    page.keyboard.press("ArrowLeft")
    assert state(page, "repeticion")["epoch"] == "11"
    page.locator("#repeticion").get_by_role("button", name="Siguiente").click()
    assert state(page, "repeticion")["epoch"] == "12"
    box = page.locator("#repeticion .tarea-replay-top svg").last.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 30)
    assert 4 <= int(state(page, "repeticion")["epoch"]) <= 7


def test_who_asks_for_less_motion_walks_through_a_training(piece):
    page = piece("repeticion")
    watched(page)
    play = page.locator("#repeticion").get_by_role("button", name="Reproducir")
    expect(play).not_to_be_visible()
    page.emulate_media(reduced_motion="no-preference")
    put(page, "repeticion", "epoch", "11")
    play.click()
    page.wait_for_function("document.getElementById('repeticion').playing === null")
    assert state(page, "repeticion")["epoch"] == "12"  # it ends there


def test_which_of_two_trainings_finds_digits_first_is_asked(piece):
    page = piece("repeticion")
    watched(page)
    assert not page.locator("#repeticion .tarea-training canvas").first.is_visible()
    stored, truth = replay.load()["networks"], replay.scenes().y.numpy()
    small, reference = (
        replay.epoch_that_finds(replay.unpacked(stored[name]["masks"]), truth)
        for name in ("width-8-lr-0.1", "reference")
    )
    assert small < reference
    page.locator("#repeticion-prediction").select_option("before")
    page.locator("#repeticion").get_by_role("button", name="Comprobar").click()
    expect(page.locator("#repeticion .tarea-reply")).to_have_text("Sí: antes.")
    assert page.locator("#repeticion .tarea-training canvas").first.is_visible()


# Move the digit ------------------------------------------------------------------------------------


def test_the_digit_moves_and_both_networks_answer(piece):
    page = piece("digito")
    put(page, "digito", "right", "3")
    put(page, "digito", "down", "-2")
    seen = torch.tensor(
        page.evaluate("""() => { const piece = document.getElementById("digito"), { image, right, down } = piece.state;
          return Array.from({ length: 784 }, (_, k) => { const i = Math.floor(k / 28) - down, j = k % 28 - right;
            return i >= 0 && j >= 0 && i < 28 && j < 28 ? image[i * 28 + j] : 0; }); }""")
    ).reshape(1, 1, 28, 28)  # fmt: skip
    x = (seen - datasets.MNIST_MEAN) / datasets.MNIST_SD
    shown = page.locator("#digito .tarea-bars").all_text_contents()
    for name, text in zip(("mnist-notebook", "mnist-dense"), shown, strict=True):
        model, _ = models.load_model(name)
        with torch.no_grad():
            scores = model(x) if name == "mnist-notebook" else model(x[None])[0]
        best = scores.softmax(1)[0]
        percent = number(100 * float(best.max()), 1)
        assert f"{int(best.argmax())}{percent}\u00a0%" in text


def test_a_digit_is_dragged_drawn_and_predicted(piece):
    page = piece("digito")
    pad = page.locator("#digito canvas.tarea-pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60 + 3 * box["width"] / 28, box["y"] + 60, steps=3)
    page.mouse.up()
    assert state(page, "digito")["right"] == "3"
    check = page.locator("#digito form button", has_text="Comprobar")
    check.click()  # no answer is chosen beforehand
    expect(page.locator("#digito .tarea-reply")).to_have_text("Elige antes una respuesta.")
    page.locator("#digito-prediction").select_option("one")
    check.click()
    expect(page.locator("#digito .tarea-reply")).to_have_text(re.compile("^(Sí|No)"))
    page.get_by_role("button", name="Vaciar").click()
    pad.focus()
    page.keyboard.press(" ")
    assert "f" in state(page, "digito")["image"]


def test_a_digit_is_taken_from_the_strip_and_the_first_one_divides_the_networks(piece):
    page = piece("digito")
    best = page.locator("#digito .tarea-bars .tarea-best:nth-child(3n+1)")
    first = best.all_text_contents()
    assert len(first) == 2
    assert first[0] != first[1]
    before = state(page, "digito")["image"]
    strip = page.get_by_role("group", name="Dígitos de prueba").get_by_role("button")
    names = strip.evaluate_all("buttons => buttons.map((button) => button.ariaLabel)")
    assert {name[3] for name in names} == set("0123456789")
    assert "de dos maneras" in names[0]
    strip.last.click()
    assert state(page, "digito")["image"] != before
    strip.first.click()
    assert state(page, "digito")["image"] == before


# Aliasing and chequerboard ---------------------------------------------------------------------------


def test_aliases_are_where_the_packages_operations_put_them(piece):
    page = piece("rayas")
    reveal(page, "rayas")
    n = np.arange(200)
    names = {
        "downsample": resampling.downsample,
        "meanPool": resampling.mean_pool,
        "maxPool": resampling.max_pool,
    }
    ticks = page.locator("#rayas svg[aria-label='La onda de vuelta a su tamaño'] text")
    assert {"−2", "2"} <= set(ticks.all_text_contents())  # as far as an error goes
    for frequency, phase, down, up in (
        (0.45, 0, "downsample", "duplicate"),
        (0.1, 0.25, "meanPool", "bilinear"),
        (0.4, 0.1, "maxPool", "duplicate"),
        (0.3, 0, "meanPool", "duplicate"),
    ):
        for control, value in (
            ("frequency", frequency),
            ("phase", phase),
            ("down", down),
            ("up", up),
        ):
            put(page, "rayas", control, str(value))
        wave = np.tile(np.cos(2 * np.pi * (frequency * n + phase)), (2, 1))
        small = names[down](wave)
        larger = (
            resampling.duplicate(small[[0, 0]])
            if up == "duplicate"
            else resampling.bilinear(small[[0, 0]], False)
        )
        error = number(float(np.sqrt(((larger[0] - wave[0]) ** 2).mean())), 2)
        row = small[0] - small[0].mean()
        spectrum = np.abs(np.fft.rfft(row)) * 2 / len(row)
        strongest = number(float(np.fft.rfftfreq(len(row))[spectrum.argmax()]), 3)
        text = page.locator("#rayas .tarea-says").text_content()
        assert f"cuadrático medio): {error}" in text
        assert f"{strongest} ciclos por píxel nuevo" in text


def test_the_alias_is_predicted_before_it_is_seen(piece):
    page = piece("rayas")
    assert not page.locator("#rayas .tarea-says").is_visible()
    page.locator("#rayas-prediction").fill("muchas")
    page.keyboard.press("Enter")
    expect(page.locator("#rayas .tarea-reply")).to_contain_text("Aquí va un número")
    assert not page.locator("#rayas .tarea-says").is_visible()
    page.locator("#rayas-prediction").fill("0,1")
    page.keyboard.press("Enter")
    expect(page.locator("#rayas .tarea-reply")).to_have_text("Sí: 0,100.")
    assert page.locator("#rayas .tarea-says").is_visible()


def test_overlaps_are_those_of_the_transposed_convolution(piece):
    page = piece("damero")
    reveal(page, "damero")
    for kernel, stride in ((3, 2), (4, 2), (5, 3), (2, 3), (6, 4), (1, 1)):
        put(page, "damero", "kernel", str(kernel))
        put(page, "damero", "stride", str(stride))
        counts = resampling.transposed_convolution(np.ones((1, 6)), np.ones((1, kernel)), stride)[0]
        label = page.locator("#damero svg").first.get_attribute("aria-label")
        assert label == "Copias por salida: " + ", ".join(str(int(c)) for c in counts)
        even = "no hay damero" in page.locator("#damero .tarea-says").text_content()
        assert even == (kernel % stride == 0)


def test_a_photograph_is_made_smaller_and_larger_as_by_the_package(piece):
    page = piece("rayas")
    data = json.loads(page.locator("#rayas > script").first.text_content())["photograph"]
    whole = np.frombuffer(base64.b64decode(data["pixels"]), np.uint8).astype(float)
    whole = whole.reshape(data["size"], data["size"])
    for down, up, times in (
        ("downsample", "duplicate", 3), ("meanPool", "bilinear", 2), ("maxPool", "duplicate", 4),
    ):  # fmt: skip
        put(page, "rayas", "down", down)
        put(page, "rayas", "up", up)
        put(page, "rayas", "halvings", str(times))
        found = page.evaluate(
            """() => { const { small, back } = document.getElementById("rayas").showPhotographs();
            return [small, back].map(({ shape, data }) => ({ shape, data: Array.from(data) })); }"""
        )
        smaller = {
            "downsample": resampling.downsample, "meanPool": resampling.mean_pool,
            "maxPool": resampling.max_pool,
        }[down]  # fmt: skip
        larger = {
            "duplicate": resampling.duplicate,
            "bilinear": lambda x: resampling.bilinear(x, round_up=False),
        }[up]
        small = whole
        for _ in range(times):
            small = smaller(small)
        back = small
        for _ in range(times):
            back = larger(back)
        for image, expected in zip(found, (small, back), strict=True):
            assert image["shape"] == list(expected.shape)
            np.testing.assert_allclose(image["data"], expected.ravel(), atol=1e-9)


# Latent space, number writer, signal -------------------------------------------------------------------


def test_the_latent_plane_decodes_and_finds_the_nearest_code(piece):
    page = piece("codigos")
    model, _ = models.load_model("autoencoder-2")
    train = datasets.digits().train
    with torch.no_grad():
        codes = model.encode(train.x).numpy()
        for z in ([0.5, -0.75], [-2.0, 1.5], [3.0, 3.0]):
            put(page, "codigos", "first", str(z[0]))
            put(page, "codigos", "second", str(z[1]))
            decoded = page.evaluate(
                "() => { const p = document.getElementById('codigos'); return Array.from(p.network.decode(Float32Array.of(p.state.first, p.state.second))); }"
            )
            now = [float(state(page, "codigos")[key]) for key in ("first", "second")]
            expected = model.decode(torch.tensor([now])).flatten().numpy()
            np.testing.assert_allclose(decoded, expected, atol=1e-4)
            distances = np.hypot(*(codes - np.array(now)).T)
            near = page.evaluate("document.getElementById('codigos').nearest()")
            assert near["distance"] == pytest.approx(float(distances.min()), abs=1e-4)
            assert near["label"] == int(train.y[int(distances.argmin())])
    reveal(page, "codigos")
    said = page.locator("#codigos .tarea-says").last
    expect(said).to_contain_text(f"es de un {near['label']}.")


def test_what_lies_half_way_between_two_codes_is_asked(piece):
    page = piece("codigos")
    strip = page.locator("#codigos .tarea-walk canvas")
    assert [drawn.is_visible() for drawn in strip.all()] == [True, *[False] * 7, True]
    model, _ = models.load_model("autoencoder-2")
    train = datasets.digits().train
    with torch.no_grad():
        codes = model.encode(train.x).numpy()

    def named(z):
        return int(train.y[int(np.hypot(*(codes - np.array(z)).T).argmin())])

    def ends():
        return [
            [float(v) for v in state(page, "codigos")[end].split("_")] for end in ("from", "to")
        ]

    def answer():
        a, b = ends()
        half = named([(p + q) / 2 for p, q in zip(a, b, strict=True)])
        at = named(a), named(b)
        return (
            "other"
            if half not in at
            else "both"
            if at[0] == at[1]
            else ("from", "to")[at.index(half)]
        )

    assert answer() == "other"  # the example surprises
    page.locator("#codigos-prediction").select_option("other")
    page.locator("#codigos form button", has_text="Comprobar").click()
    expect(page.locator("#codigos .tarea-reply")).to_have_text("Sí: otra cifra.")
    assert all(drawn.is_visible() for drawn in strip.all())
    put(page, "codigos", "walk", "4")
    now = [float(state(page, "codigos")[key]) for key in ("first", "second")]
    np.testing.assert_allclose(now, np.mean(ends(), axis=0), atol=0.011)
    handle = page.locator("#codigos .tarea-map [role=application]").first
    before = ends()[0]
    handle.focus()
    page.keyboard.press("ArrowLeft")
    assert ends()[0] == pytest.approx([before[0] - 0.1, before[1]], abs=0.011)
    expect(page.locator("#codigos .tarea-reply")).to_have_text("")
    box = handle.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 60, box["y"] + 40, steps=3)
    page.mouse.up()
    assert ends()[0][0] < before[0] - 0.5
    page.locator("#codigos-prediction").select_option(answer())
    page.locator("#codigos form button", has_text="Comprobar").click()
    expect(page.locator("#codigos .tarea-reply")).to_contain_text("Sí: ")


def test_the_latent_point_is_dragged(piece):
    page = piece("codigos")
    plane = page.locator("#codigos svg.tarea-map")
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 2, steps=3)
    page.mouse.up()
    ends = page.evaluate(
        "(() => { const p = document.getElementById('codigos'); return [p.x[1], p.y[1]]; })()"
    )
    assert float(state(page, "codigos")["first"]) == pytest.approx(ends[0], abs=0.3)
    assert float(state(page, "codigos")["second"]) == pytest.approx(ends[1], abs=0.3)


def test_the_writer_writes_and_can_be_forced(piece):
    page = piece("escritor")
    says = page.locator("#escritor .tarea-says")
    for value in (31_500, 99_999, 12_345):
        page.locator("#escritor-number").fill(str(value))
        expect(says).to_contain_text(f"«{number_words.words(value)}»")
    page.locator("#escritor-number").fill("21021")
    page.locator("#escritor-force").select_option(label="treinta")
    expect(says).to_contain_text("«treinta")
    expect(says).to_contain_text("una palabra forzada")
    writer, _ = models.load_model("numbers-compact")
    token = number_words.vocabulary().index("treinta")
    written = [number_words.START, token]
    with torch.no_grad():
        while written[-1] != number_words.END:
            x = number_words.encode_numbers([21021])
            scores = writer(x, torch.tensor([[*written, 0]]))
            written.append(int(scores[0, -1].argmax()))
    expected = " ".join(number_words.vocabulary()[t] for t in written[1:-1])
    expect(says).to_contain_text(f"«{expected}»")
    page.get_by_role("button", name="No forzar ninguna").click()
    expect(says).to_contain_text("«veintiún mil veintiuno»")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "en cifras"),
        ("doce", "en cifras"),
        ("-3", "negativo"),
        ("1234567", "demasiadas"),
        ("3.5", "en cifras"),
    ],
)
def test_the_writer_refuses_what_is_no_number(piece, text, sentence):
    page = piece("escritor")
    before = page.locator("#escritor .tarea-says").text_content()
    page.locator("#escritor-number").fill(text)
    expect(message(page, "escritor", "number")).to_contain_text(sentence)
    assert page.locator("#escritor .tarea-says").text_content() == before


def test_the_signal_is_deformed_and_drawn(piece):
    page = piece("senal")
    model, _ = models.load_model("mnist1d")
    for control, value in (("shift", "7"), ("scale", "0.5"), ("noise", "0.6")):
        put(page, "senal", control, value)
        values = page.evaluate("Array.from(document.getElementById('senal').deformed)")
        with torch.no_grad():
            expected = model(torch.tensor([values])).softmax(1)[0].numpy()
        found = page.evaluate("document.getElementById('senal').answer.probabilities")
        np.testing.assert_allclose(found, expected, atol=1e-4)
    page.get_by_role("button", name="Volver al ejemplo").click()
    raw = datasets.mnist1d().test.x[0].numpy()
    np.testing.assert_allclose(
        page.evaluate("Array.from(document.getElementById('senal').deformed)"), raw, atol=1e-6
    )
    plot = page.locator("#senal svg[width='460']")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 12)
    changed = page.evaluate("Array.from(document.getElementById('senal').deformed)")
    assert np.abs(np.array(changed) - raw).max() > 1


def test_how_much_noise_changes_the_answer_is_asked(piece):
    page = piece("senal")
    model, _ = models.load_model("mnist1d")
    found = []
    for k in range(41):
        put(page, "senal", "noise", f"{0.05 * k:.2f}")
        values = page.evaluate("Array.from(document.getElementById('senal').deformed)")
        with torch.no_grad():
            found.append(int(model(torch.tensor([values])).argmax(1)))
    changed = [k for k, label in enumerate(found) if label != found[0]]
    assert changed, "the example never changes: ask for louder noise"
    page.locator("#senal-prediction").fill(number(0.05 * changed[0], 2))
    page.locator("#senal form button", has_text="Comprobar").click()
    right = number(0.05 * changed[0], 2)
    expect(page.locator("#senal .tarea-reply")).to_have_text(f"Sí: {right}.")


def test_the_ten_templates_are_the_packages(piece):
    page = piece("senal")
    data = json.loads(page.locator("#senal > script").first.text_content())["templates"]
    values = np.frombuffer(base64.b64decode(data["values"]), "<f4").reshape(10, data["length"])
    np.testing.assert_allclose(values, get_templates()["x"], atol=1e-6)
    assert page.locator("#senal .tarea-template").count() == 10
    reveal(page, "senal")
    said = page.evaluate("document.getElementById('senal').answer.probabilities")
    assert page.locator("#senal .tarea-said").text_content() == str(int(np.argmax(said)))
    # Both lines are drawn: the signal and what is made of it.
    put(page, "senal", "scale", "0.5")
    lines = page.locator("#senal .tarea-view > svg path[fill=none][stroke-width='1.5']")
    assert lines.count() == 2
    assert len({line.get_attribute("d") for line in lines.all()}) == 2


# The U-Net from inside -----------------------------------------------------------------------------


def unet_at(page: Page) -> tuple[int, int, int, int]:
    return tuple(map(int, state(page, "unet")["at"].split("_")))


MAPS = "#unet .tarea-u-map canvas"


def test_the_u_shows_what_the_package_computes(piece):
    page = piece("unet")
    model = sent_model("segmentation")
    test = datasets.scenes("test", 4)
    for scene in range(4):
        put(page, "unet", "scene", str(scene))
        x = (test.x[scene : scene + 1] * 255).round() / 255
        for cut in (None, 0, 1):
            with torch.no_grad(), nullcontext() if cut is None else cut_skip(model, cut):
                mask = model(x)[0].argmax(0)
            cm = metrics.confusion_matrix(test.y[scene], mask, 11)
            answer = page.evaluate(
                "([scene, cut]) => { const { where, what, found } = document.getElementById('unet').result(scene, cut); return { where, what, found: Array.from(found) }; }",
                [str(scene), "none" if cut is None else str(cut)],
            )
            assert answer["found"] == mask.flatten().tolist()
            assert answer["where"] == pytest.approx(metrics.foreground_iou(cm))
            assert answer["what"] == pytest.approx(metrics.foreground_accuracy(cm))


def test_one_value_is_computed_in_front_of_the_reader(piece):
    page = piece("unet")
    generator = np.random.default_rng(24)
    tiles = page.evaluate(
        "() => { const p = document.getElementById('unet'); return p.tiles.map((_, k) => [!!p.step(k)?.layer, p.shape(k)]); }"
    )
    multiplied = [(k, shape) for k, (layer, shape) in enumerate(tiles) if layer]
    assert len(multiplied) == 15
    for tile, (_, maps, high, wide) in multiplied:
        for corner in (True, False):
            map_, row, column = (int(generator.integers(size)) for size in (maps, high, wide))
            row, column = (0, wide - 1) if corner else (row, column)
            page.evaluate(
                f"document.getElementById('unet').attempt({{ at: '{tile}_{map_}_{row}_{column}' }})"
            )
            found = page.evaluate(
                f"""() => {{ const p = document.getElementById("unet"), step = p.step({tile});
                let sum = step.layer.bias[{map_}];
                for (let c = 0; c < p.inputs({tile}); c++) for (const {{ weight, value }} of p.workshop.products(p.state.at, c)) sum += weight * value;
                return [sum, tarea.unet.valueOf(step.maps, {map_}, {row}, {column}), !!step.relu]; }}"""
            )
            total, value, relu = found
            assert value == pytest.approx(max(0, total) if relu else total, abs=1e-3)
            shown = page.locator("#unet .tarea-u-detail").text_content()
            assert f"tras la ReLU: {number(max(0.0, value), 2)}" in shown or not relu
    put(page, "unet", "channel", "0")
    expect(page.locator("#unet .tarea-u-detail")).to_contain_text("Mapa 0:")
    put(page, "unet", "channel", "99")
    expect(message(page, "unet", "channel")).to_contain_text("99 no vale")
    expect(page.locator("#unet .tarea-u-detail")).to_contain_text("Mapa 0:")


@pytest.mark.parametrize("way", ["mouse", "keyboard", "touch"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_pixel_of_a_map_is_chosen(piece, touch, site, way, theme):
    page = (
        live(visit(touch, address_of(site, "unet"), SMALL, theme), "unet")
        if way == "touch"
        else piece("unet", theme=theme)
    )
    last = unet_at(page)[0]
    passing = page.locator("#unet .tarea-u-passing")
    first = page.locator(MAPS).first
    if way == "keyboard":
        page.locator(f"{MAPS}[tabindex='0']").focus()
        for key in ("ArrowLeft", "Shift+ArrowDown", "PageUp", "+"):
            before = unet_at(page)
            page.keyboard.press(key)
            assert unet_at(page) != before
        assert unet_at(page)[0] == last - 1
        expect(page.locator(f"{MAPS}[tabindex='0']")).to_be_focused()
        expect(passing).to_contain_text("Puntuaciones, clase")
        return
    first.scroll_into_view_if_needed()
    place = {"x": 3, "y": 3}
    if way == "touch":
        first.tap(position=place)
    else:
        first.hover(position=place)
        expect(passing).to_contain_text("Entrada, fila 2, columna 2")
        assert unet_at(page)[0] == last  # to point is not to choose
        first.click(position=place)
    tile, _, row, column = unet_at(page)
    assert tile == 0
    assert row == column
    expect(passing).to_contain_text(f"Entrada, fila {row}, columna {column}")


def test_squares_stand_in_every_map_that_counts(piece):
    page = piece("unet")
    squares = page.locator("#unet .tarea-u-map rect:not(.tarea-u-halo)")
    assert squares.count() == 19
    assert [square.is_visible() for square in squares.all()] == [True] * 19
    field = models.output_field(models.load_model("segmentation")[0].spec)
    expect(page.locator("#unet .tarea-u-passing")).to_contain_text(f"{field} × {field} píxeles")
    page.locator(MAPS).nth(3).click()
    assert [square.is_visible() for square in squares.all()] == [True] * 4 + [False] * 15


def test_what_a_cut_skip_takes_is_said_before_it_is_seen(piece):
    page = piece("unet")
    after = page.locator("#unet .tarea-u-losses canvas").nth(2)
    select, reply = page.locator("#unet-prediction"), page.locator("#unet .tarea-reply")
    assert not select.is_visible()
    first, second = page.locator("#unet .tarea-u-bridge").all()
    first.click()
    expect(select).to_be_focused()
    assert select.input_value() == ""  # nothing is chosen beforehand
    assert not after.is_visible()
    assert page.evaluate("document.getElementById('unet').cutNow") == "none"
    page.locator("#unet form button", has_text="Comprobar").click()
    expect(reply).to_have_text("Elige antes una respuesta.")
    assert not after.is_visible()
    select.select_option("what")
    page.locator("#unet form button", has_text="Comprobar").click()
    expect(reply).to_contain_text("No: es sobre todo el dónde")
    assert after.is_visible()
    expect(page.locator("#unet .tarea-u-losses")).to_contain_text("100 escenas, cortada")
    # Steps are no new question; another skip is, and the first one is whole again.
    page.get_by_role("button", name="Anterior").click()
    expect(reply).to_contain_text("dónde")
    second.click()
    assert (first.get_attribute("aria-pressed"), second.get_attribute("aria-pressed")) == (
        "false",
        "true",
    )
    assert (select.input_value(), reply.text_content()) == ("", "")
    assert not after.is_visible()
    select.select_option("all")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(reply).to_contain_text("Sí: casi todo")
    second.click()
    assert state(page, "unet")["cut"] == "none"
    assert not select.is_visible()


def test_the_shares_over_many_scenes_are_the_packages():
    test = datasets.scenes("test", 100)
    content = json.loads(widgets.unet(test))
    model, _ = models.load_model("segmentation")
    for cut, found in content["over"]["scores"].items():
        with torch.no_grad(), nullcontext() if cut == "none" else cut_skip(model, int(cut)):
            masks = model(test.x).argmax(1)
        cm = metrics.confusion_matrix(test.y, masks, 11)
        assert found["where"] == pytest.approx(metrics.foreground_iou(cm), abs=1e-4)
        assert found["what"] == pytest.approx(metrics.foreground_accuracy(cm), abs=1e-4)
    assert content["over"]["count"] == len(test)
    assert test.y[0][tuple(content["example"])] > 0


def test_operations_are_walked_and_played_once(browser, site):
    page = browser.new_page()  # its clock is set, which others would feel
    live(visit(page, address_of(site, "unet")), "unet")
    play = page.get_by_role("button", name="Reproducir")
    assert not play.is_visible()  # less motion is asked for: steps only
    put(page, "unet", "step", "3")
    expect(page.locator("#unet .tarea-says")).to_contain_text(
        "3 de 18. Convolución 2 × 2 con paso 2"
    )
    assert page.locator("#unet .tarea-u-later").count() == 15
    page.get_by_role("button", name="Siguiente").click()
    assert state(page, "unet")["step"] == "4"
    page.get_by_role("button", name="Anterior").click()
    assert state(page, "unet")["step"] == "3"
    page.emulate_media(reduced_motion="no-preference")
    page.clock.install()
    put(page, "unet", "step", "16")
    play.click()
    page.clock.run_for(1000)
    assert state(page, "unet")["step"] == "17"
    page.get_by_role("button", name="Pausar").click()
    page.clock.run_for(5000)
    assert state(page, "unet")["step"] == "17"
    play.click()
    page.clock.run_for(5000)
    assert state(page, "unet")["step"] == "18"
    expect(play).to_be_visible()  # it has stopped by itself
    play.click()
    assert state(page, "unet")["step"] == "0"
    page.clock.run_for(60_000)
    assert state(page, "unet")["step"] == "18"
    assert page.evaluate("document.getElementById('unet').playing") is None
    page.close()


@pytest.mark.parametrize(("size", "theme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_axe_finds_nothing_serious_in_an_open_and_cut_u(piece, size, theme):
    page = piece("unet", size=size, theme=theme)
    page.locator("#unet .tarea-u-bridge").first.click()
    reveal(page, "unet")
    page.locator(MAPS).nth(16).click()
    put(page, "unet", "step", "9")
    assert page.locator("#unet .tarea-u-cells").count() == 3
    assert serious(page, within="#unet") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("query", ["cut=7", "at=1_99_0_0", "at=1_2", "at=-1_0_0_0", "at=a_b_c_d"])
def test_a_broken_link_to_the_u_is_refused_in_a_sentence(piece, query):
    page = piece("unet", query=query)
    expect(page.locator("#unet .tarea-news")).to_contain_text("no valen")
    assert state(page, "unet")["cut"] == "none"


def test_a_link_to_a_cut_skip_asks_first(piece):
    page = piece("unet", query="cut=1")
    assert page.locator("#unet-prediction").is_visible()
    assert page.evaluate("document.getElementById('unet').cutNow") == "none"


# Your own photograph ---------------------------------------------------------------------------------


def answered(page: Page) -> Page:
    """The page, once the network has answered to the photograph that is shown."""
    page.wait_for_function("/tardó/.test(document.querySelector('#foto .tarea-photo').textContent)")
    return page


@pytest.fixture(scope="module")
def flower(tmp_path_factory) -> Path:
    """A photograph that is none of a street, as a PNG."""
    path = tmp_path_factory.mktemp("fotos") / "mi flor.png"
    Image.fromarray(load_sample_image("flower.jpg")[::2, ::2]).save(path)
    return path


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_photograph_is_answered_in_the_page(piece, flower, way):
    page = answered(piece("foto"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    reveal(page, "foto")
    says = page.locator("#foto .tarea-says")
    before = says.text_content()
    if way == "chosen":
        page.locator("#foto input[type=file]").first.set_input_files(flower)
    else:
        text = base64.b64encode(flower.read_bytes()).decode()
        page.evaluate(
            """(text) => { const files = new DataTransfer(), bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            files.items.add(new File([bytes], "mi flor.png", { type: "image/png" }));
            document.querySelector("#foto .tarea-live").dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true })); }""",
            text,
        )
    expect(page.locator("#foto .tarea-photo")).to_contain_text("mi flor.png, 320 × 214 píxeles")
    answered(page)
    assert not says.is_visible()  # another photograph, another question
    page.locator("#foto-prediction").select_option("5")
    page.locator("#foto form button", has_text="Comprobar").click()
    expect(page.locator("#foto .tarea-reply")).to_have_text(re.compile("^(Sí|No)"))
    expect(says).to_be_visible()
    assert says.text_content() != before
    found = np.array(page.evaluate("Array.from(document.getElementById('foto').found)"))
    model, card = models.load_model("camvid")
    predictor = Predictor.from_card(model, card)
    small = predictor.preprocessing.image(Picture("x", np.asarray(Image.open(flower))))
    expected = predictor.classes(Picture("x", small.transpose(1, 2, 0)))
    assert (found.reshape(expected.shape) == expected).mean() > 0.99
    assert any(url.startswith("blob:") for url in asked)  # it is read, from memory
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == []


@pytest.mark.parametrize("kind", ["text", "heic", "heic-renamed", "large"])
def test_what_is_no_photograph_is_refused_in_a_sentence(piece, tmp_path, kind):
    page = answered(piece("foto"))
    before = page.locator("#foto .tarea-photo").text_content()
    content = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    path = tmp_path / {"text": "notas.jpg", "heic": "IMG_1.HEIC"}.get(kind, "foto.jpg")
    path.write_bytes(b"nada que ver" if kind == "text" else content)
    if kind == "large":
        path = tmp_path / "grande.png"
        Image.new("1", (8000, 6300)).save(path)
    page.locator("#foto input[type=file]").first.set_input_files(path)
    sentence = {"text": "No es una imagen", "large": "Tiene 50,4 millones de píxeles"}
    expect(message(page, "foto", "file")).to_contain_text(sentence.get(kind, "HEIC"))
    assert page.locator("#foto .tarea-photo").text_content() == before


def test_probabilities_follow_the_cursor_of_a_photograph(piece):
    page = answered(piece("foto"))
    reveal(page, "foto")
    photo = page.locator("#foto .tarea-photo canvas[tabindex]")
    bars = page.locator("#foto .tarea-bars").first

    def likeliest() -> str:
        return page.evaluate(
            """() => { const p = document.getElementById("foto"), [row, column] = p.state.at, shares = p.probabilities[row * 160 + column];
            return p.names[tarea.argmax(shares)]; }"""
        )

    photo.focus()
    for key in ("Shift+ArrowUp", "ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert state(page, "foto")["at"] == "60_79"
    expect(bars.locator(".tarea-best").first).to_have_text(likeliest())
    photo.click(position={"x": 5, "y": 5})
    assert state(page, "foto")["at"] == "1_1"
    expect(bars.locator(".tarea-best").first).to_have_text(likeliest())
    put(page, "foto", "wipe", "40")
    expect(page.locator("#foto .tarea-value").nth(1)).to_have_text("40\u00a0%")
    assert page.evaluate("document.getElementById('foto').mask.style.clipPath").endswith("40%)")


@pytest.mark.parametrize("name", ["taller", "escena"])
def test_quartos_pages_run_the_same_pieces(tab, quarto_site, name):
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    page = live(visit(tab, address_of(quarto_site, name), SMALL, "dark"), name)
    control, value = CHANGES[name]
    put(page, name, control, value)
    assert state(page, name)[control] == value
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL["width"]
    page.emulate_media(media="print")
    assert page.locator(f"#{name} .tarea-figure img").first.is_visible()
    assert errors == []
