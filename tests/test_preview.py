"""The preview: what runs again after a change, what a reader sees, and that nothing is left."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from conftest import project_in, write_page
from publish import execute, outputs
from publish.live import FORKS, LivePage, Snapshots
from publish.page import PageError, read
from publish.preview import Preview
from publish.project import ROOT

pytestmark = pytest.mark.skipif(not FORKS, reason="states are held by forking, as Linux can")
WAIT = 120  # seconds after which something will never come


def cell(code, *options):
    return "\n".join(["```{python}", *(f"#| {option}" for option in options), code, "```", "", ""])


LOG = "open('log.txt', 'a').write({!r})"  # what runs leaves a letter


def letters(project) -> str:
    """Which cells have run since this was asked last."""
    log = project.root / "log.txt"
    found = log.read_text() if log.exists() else ""
    log.unlink(missing_ok=True)
    return found


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory):
    """One process for all tests: it takes a project's folder when it starts."""
    project = project_in(tmp_path_factory.mktemp("live"))
    started = Snapshots(project)
    yield project, started
    started.close()


@pytest.fixture
def live(snapshots):
    """A function that writes the page and runs it: what its cells give."""
    project, started = snapshots
    page = LivePage("index.qmd", project, started)
    letters(project)

    def run(body):
        write_page(project.root, body)
        return page.run(read("index.qmd", project.root))

    run.page, run.project = page, project
    yield run
    page.close()


FIGURE = """
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.show()
"""
EVERYTHING = (
    cell("x = 1\nprint('uno')\nx")
    + cell(
        "import pandas as pd\nprint('antes')\ndisplay(pd.DataFrame({'a': [1]}))\nprint('después')"
    )
    + "Vale `{python} str(x)` y `{python} str(x + 1)`.\n\n"
    + cell("import sys\nprint('mal', file=sys.stderr)\nprint('bien')\nx;")
    + cell(FIGURE, "label: fig-a", 'fig-cap: "C."', 'fig-alt: "A."')
    + cell("nunca()", "eval: false")
    + cell("print('10 %\\r20 %\\r30 %')")
    + cell("import numpy as np\nnp.random.default_rng(0).random(2)")
)


def test_a_page_gives_what_a_kernel_gives(live):
    results = live(EVERYTHING)
    kernel = execute.results_in_a_new_kernel(read("index.qmd", live.project.root), live.project)
    assert results == kernel
    assert [len(result.get("outputs", [])) for result in results] == [2, 2, 0, 2, 1, 0, 1, 1]


DRAWN_TWICE = """
class Drawn:
    def _repr_svg_(self):
        return '<svg xmlns="http://www.w3.org/2000/svg"/>'
    def _repr_narrow_svg_(self):
        return self._repr_svg_()

Drawn()
"""


def test_a_figure_is_drawn_once_for_wide_screens(live):
    ((shown,),) = (result["outputs"] for result in live(cell(DRAWN_TWICE)))
    page = read("index.qmd", live.project.root)
    ((built,),) = (
        result["outputs"] for result in execute.results_in_a_new_kernel(page, live.project)
    )
    assert set(built["data"]) - set(shown["data"]) == {outputs.NARROW}


# What runs again ----------------------------------------------------------------------------------


def parts(*bodies):
    return "\n\n".join(bodies)


A, B, C = (cell(LOG.format(letter)) for letter in "abc")


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        (parts(A, "Uno.", B, C), parts(A, "Dos.", B, C), ""),
        (parts(A, B, C), parts(A, B, cell(LOG.format("d"))), "d"),
        (parts(A, B, C), parts(A, cell(LOG.format("d")), C), "dc"),
        (parts(A, B, C), parts(A, C), "c"),
        (parts(A, B), parts(A, B, C), "c"),
        (parts(A, C), parts(A, B, C), "bc"),
        (parts(A, "`{python} str(1)`", B), parts(A, "`{python} str(2)`", B), "b"),
        (parts(A, B), parts(A, cell(LOG.format("b"), "echo: false")), ""),
    ],
)
def test_a_page_runs_from_the_first_changed_cell_on(live, monkeypatch, before, after, again):
    monkeypatch.setattr("publish.live.CHEAP", 0)  # hold the state before each
    live(before)
    letters(live.project)
    live(after)
    assert letters(live.project) == again


def test_states_that_cost_little_are_not_held(live, monkeypatch):
    monkeypatch.setattr("publish.live.CHEAP", WAIT)
    live(parts(A, B, C))
    assert sum(ran.state is not None for ran in live.page.ran) == 1
    letters(live.project)
    live(parts(A, B, cell(LOG.format("d"))))
    assert letters(live.project) == "abd"


def test_what_a_later_cell_changed_is_as_it_was_before(live):
    first, second = cell("values = []"), "values.append({})\nprint(values)"
    for number in (1, 2, 3):
        results = live(first + cell(second.format(number)))
        assert results[1]["outputs"][0]["text"] == f"[{number}]\n"


def test_a_module_and_a_file_are_run_again_from_where_they_are_used(live, monkeypatch):
    monkeypatch.setattr("publish.live.CHEAP", 0)
    module, data = live.project.root / "theirs.py", live.project.root / "data.txt"
    module.write_text("def f():\n    return 1\n")
    data.write_text("uno")
    body = parts(A, cell("import theirs\nprint(theirs.f())"), B,
                 cell("print(open('data.txt').read())"), C)  # fmt: skip
    live(body)
    letters(live.project)
    data.write_text("dos")
    assert live.page.forget([data])
    assert live(body)[3]["outputs"][0]["text"] == "dos\n"
    assert letters(live.project) == "c"
    module.write_text("def f():\n    return 2\n")  # of the same size, in the same second
    assert live.page.forget([module])
    assert live(body)[1]["outputs"][0]["text"] == "2\n"
    assert not live.page.forget([live.project.root / "other.txt"])


def test_a_file_that_was_looked_for_and_comes_is_noticed(live):
    found = live.project.root / "later.txt"
    body = cell("import os\nprint(os.path.exists('later.txt'))")
    assert live(body)[0]["outputs"][0]["text"] == "False\n"
    found.write_text("")
    assert live.page.forget([found])
    assert live(body)[0]["outputs"][0]["text"] == "True\n"


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("1 / 0", 11, "cell 2 raised ZeroDivisionError: division by zero"),
        ("x = 1\ny = \n", 12, "cell 2 raised SyntaxError"),
        ("import os\nos._exit(3)", 11, "cell 2 ended the Python process"),
    ],
)
def test_a_cell_that_fails_is_told_with_its_line_and_what_was_before_stays(
    live, monkeypatch, code, line, message
):
    monkeypatch.setattr("publish.live.CHEAP", 0)
    with pytest.raises(PageError) as error:
        live(A + cell(code) + C)
    assert str(error.value).startswith(f"index.qmd:{line}: {message}")
    assert letters(live.project) == "a"
    live(A + B + C)
    assert letters(live.project) == "bc"


def test_inline_code_that_fails_is_told_with_its_line(live):
    with pytest.raises(PageError) as error:
        live(A + "Uno.\n\nDos `{python} nadie`.\n")
    assert (
        str(error.value)
        == "index.qmd:12: inline code nadie raised NameError: name 'nadie' is not defined"
    )


# What a reader sees -------------------------------------------------------------------------------


@pytest.fixture
def preview(small_project):
    """A preview of a small project; ``told``: the pages that there was something new about."""
    told: list[str] = []
    started = Preview(small_project, told.append)
    started.told = told
    yield started
    started.close()


def settled(preview, path="index.qmd"):
    """Wait until what was asked for is done; a page's HTML."""
    for _ in range(2):  # what is saved is looked at, and what it concerns is made
        preview._thread.submit(int).result(WAIT)
    assert not preview.busy
    return (preview.staging / path.replace(".qmd", ".html")).read_text()


def save(preview, body, path="index.qmd"):
    write_page(preview.project.root, body, path)
    preview.changed({preview.project.root / path})


def test_a_page_is_made_when_it_is_opened_and_when_it_is_saved(preview):
    preview.opened("index.qmd")
    assert "Hola." in settled(preview)
    save(preview, "Adiós.\n" + cell("print(6 * 7)"))
    text = settled(preview)
    assert "Adiós." in text
    assert "42" in text
    assert preview.version["index.qmd"] == 2
    assert not (preview.project.root / "_output").exists()
    assert not (preview.project.cache / "executed").exists()


def test_an_error_is_told_with_file_and_line_and_the_last_good_page_stays(preview):
    preview.opened("index.qmd")
    settled(preview)
    for body, reason in (
        (cell("1 / 0"), "index.qmd:7: cell 1 raised ZeroDivisionError: division by zero"),
        ("<br>\n", "index.qmd:6: raw HTML is not portable"),
        ("Según @nadie2020.\n", "index.qmd:6: unresolved citation @nadie2020"),
        ("![](falta.png)\n", "index.qmd:6: falta.png is not there"),
    ):
        save(preview, body)
        assert "Hola." in settled(preview)
        assert preview.errors["index.qmd"].startswith(reason)
        assert preview.version["index.qmd"] == 1
    save(preview, "Arreglado.\n")
    assert "Arreglado." in settled(preview)
    assert not preview.errors


def test_a_page_that_nobody_has_open_waits_until_it_is_opened(preview):
    preview.opened("index.qmd")
    settled(preview)
    preview.open.discard("index.qmd")
    preview.told.clear()
    save(preview, "Otra.\n")
    assert "Otra." not in settled(preview)
    assert not preview.told
    preview.opened("index.qmd")
    assert "Otra." in settled(preview)


def test_what_all_pages_share_makes_open_pages_anew(preview):
    preview.opened("index.qmd")
    settled(preview)
    config = preview.project.root / "_quarto.yml"
    config.write_text(config.read_text().replace("title: Prueba", "title: Otro sitio"))
    preview.changed({config})
    assert "Otro sitio" in settled(preview)
    preview.told.clear()
    preview.changed({preview.project.root / "other.txt"})
    settled(preview)
    assert not preview.told


def test_a_project_that_cannot_be_read_is_told_and_does_not_end_the_preview(preview):
    preview.opened("index.qmd")
    settled(preview)
    config = preview.project.root / "_quarto.yml"
    whole = config.read_text()
    for broken in ("a: [", whole.replace("[index.qmd]", "[nadie.qmd]")):
        config.write_text(broken)
        preview.changed({config})
        assert "Hola." in settled(preview)
        assert preview.errors["index.qmd"].startswith("_quarto.yml")
    config.write_text(whole)
    preview.changed({config})
    settled(preview)
    assert not preview.errors


def begin(preview, code: str) -> None:
    """Save a cell with this code, and return once it runs."""
    save(preview, cell(f"import time\nopen('began', 'w').close()\n{code}"))
    saved = time.monotonic()
    while not (preview.project.root / "began").exists():
        assert time.monotonic() - saved < WAIT
        time.sleep(0.05)


def test_what_stops_for_another_change_is_made_all_the_same(preview):
    preview.opened("index.qmd")
    settled(preview)
    begin(preview, "time.sleep(5)\nprint(6 * 7)")
    preview.changed({preview.project.root / "other.txt"})
    assert "42" in settled(preview)


def test_a_run_that_takes_long_gives_way_to_the_next(preview):
    preview.opened("index.qmd")
    settled(preview)
    begin(preview, "time.sleep(600)")
    save(preview, "Corto.\n")
    assert "Corto." in settled(preview)


# The program --------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path):
    """A copy of the project's code with one page, in git, and its preview: (folder, address)."""
    folder = tmp_path / "copy"
    folder.mkdir()
    project_in(folder)
    shutil.copytree(ROOT / "code", folder / "code", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".gitignore", folder)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "publish.preview", "--port", "0"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {
            "PYTHONPATH": os.pathsep.join([str(folder / "code"), os.environ.get("PYTHONPATH", "")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        # What runs in the background of a script, as these tests may, starts deaf to Ctrl-C.
        preexec_fn=hear_interrupts if os.name == "posix" else None,
    )  # fmt: skip
    address = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
    yield folder, address, process
    if process.poll() is None:
        process.kill()
    process.wait()


def hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def family(pid: int) -> set[int]:
    """The processes that descend from one."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(words[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def events(address, page="index.qmd"):
    """What the server says about a page, one after the other."""
    with urllib.request.urlopen(f"{address}_preview/events?page={page}", timeout=WAIT) as stream:
        ends = time.monotonic() + WAIT
        for line in stream:
            assert time.monotonic() < ends, "it was not told"
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


def test_it_serves_follows_and_leaves_a_clean_tree(running):
    folder, address, process = running
    heard = events(address)
    first = next(told for told in heard if not told["busy"] and told["version"][-2:] != "-0")
    text = urllib.request.urlopen(address, timeout=WAIT).read().decode()
    assert "Hola." in text
    assert f'data-page="index.qmd" data-version="{first["version"]}"' in text
    write_page(folder, "Guardado.\n" + cell("print(6 * 7)"))
    second = next(told for told in heard if told["version"] != first["version"])
    assert not second["error"]
    assert "Guardado." in urllib.request.urlopen(address, timeout=WAIT).read().decode()
    write_page(folder, cell("1 / 0"))
    third = next(told for told in heard if told["error"])
    assert third["error"].startswith("index.qmd:7: cell 1 raised ZeroDivisionError")
    assert third["version"] == second["version"]
    write_page(folder, "Hola.\n")
    next(told for told in heard if not told["error"] and not told["busy"])
    states = family(process.pid)
    assert states
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT) == 0
    assert "Cannot send error" not in process.stdout.read()  # to the browser that still listens
    left = subprocess.run(
        ["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    assert not [line for line in left.splitlines() if not line.startswith("A ")]
    assert not [pid for pid in states if Path(f"/proc/{pid}/exe").exists()]  # none, or a zombie


def test_nothing_outside_of_the_site_is_served(running):
    _, address, _ = running
    for name in ("../index.qmd", "%2e%2e/%2e%2e/index.qmd", "nada.html", "_preview/nada"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address + name, timeout=WAIT)
        assert error.value.code == 404
    with pytest.raises(urllib.error.HTTPError):
        next(events(address, "nada.qmd"))


@pytest.mark.browser
def test_the_browser_loads_the_page_anew_at_the_place_where_it_was(running, browser):
    folder, address, _ = running
    sections = [f"## Sección {n}\n\n" + "Texto largo. " * 400 + "\n\n" for n in range(8)]
    write_page(folder, "".join(sections))
    tab = browser.new_page()
    tab.goto(address)
    tab.wait_for_selector("#sección-5", timeout=1000 * WAIT)
    tab.evaluate("document.getElementById('sección-5').scrollIntoView({behavior: 'instant'})")
    tab.evaluate("window.scrollBy({top: 120, behavior: 'instant'})")
    top = "document.getElementById('sección-5').getBoundingClientRect().top"
    before = tab.evaluate(top)
    write_page(folder, "## Nueva\n\n" + "Más texto. " * 900 + "\n\n" + "".join(sections))
    tab.wait_for_selector("#nueva", timeout=1000 * WAIT, state="attached")
    tab.wait_for_function("sessionStorage.length === 0")
    assert tab.evaluate(top) == pytest.approx(before, abs=3)
    write_page(folder, cell("1 / 0"))
    tab.wait_for_selector("#vista-previa", timeout=1000 * WAIT)
    assert "index.qmd:7: cell 1 raised ZeroDivisionError" in tab.inner_text("#vista-previa")
    assert tab.locator("#nueva").count() == 1  # the last good page stays
    write_page(folder, "".join(sections))
    tab.wait_for_selector("#vista-previa", timeout=1000 * WAIT, state="detached")
    tab.close()
