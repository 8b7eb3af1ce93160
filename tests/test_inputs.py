"""A page is executed again when something that it used has changed, and only then."""

import json
import os
import subprocess
import sys
import time

import pytest

from conftest import write_page
from publish import execute, inputs
from publish.execution import Execution
from publish.page import read
from publish.project import PublishError


def cell(code):
    return f"```{{python}}\n{code}\n```\n"


def run(project, body, name="index.qmd"):
    """Execute a page; returns what its cells printed."""
    write_page(project.root, body, name)
    notebook = execute.run(Execution(read(name, project.root), project))
    return "".join(
        output.get("text", "") for c in notebook.cells for output in c.get("outputs", [])
    )


def stale(project, name="index.qmd"):
    return Execution(read(name, project.root), project).stale


@pytest.fixture
def package(small_project, monkeypatch):
    """A package of three modules, of which the page imports one that imports another."""
    folder = small_project.root / "source" / "pack"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "used.py").write_text("from pack import deep\nvalue = deep.value\n")
    (folder / "deep.py").write_text("value = 3\n")
    (folder / "other.py").write_text("value = 4\n")
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    return folder


def test_a_page_depends_on_the_modules_that_it_imports_directly_or_not(small_project, package):
    assert run(small_project, cell("from pack import used\nprint(used.value)")) == "3\n"
    assert stale(small_project) is None
    (package / "other.py").write_text("value = 5\n")
    (package / "new.py").write_text("")
    assert stale(small_project) is None
    (package / "deep.py").write_text("value = 33\n")
    assert stale(small_project) == "source/pack/deep.py has changed"


READERS = [
    "print(open('datos.csv').read())",
    "from pathlib import Path\nprint(Path('datos.csv').read_bytes())",
    "import pandas\nprint(pandas.read_csv('datos.csv').to_string())",
    "import numpy\nprint(numpy.loadtxt('datos.csv', delimiter=',', skiprows=1))",
    "import os\nprint(os.read(os.open('datos.csv', os.O_RDONLY), 99))",
]


@pytest.mark.parametrize("code", READERS)
def test_a_page_depends_on_the_files_that_it_reads(small_project, code):
    path = small_project.root / "datos.csv"
    path.write_text("a,b\n1,2\n")
    (small_project.root / "sin-leer.csv").write_text("1")
    run(small_project, cell(code))
    (small_project.root / "sin-leer.csv").write_text("2")
    assert stale(small_project) is None
    path.write_text("a,b\n1,3\n")
    assert stale(small_project) == "datos.csv has changed"
    path.unlink()
    assert stale(small_project) == "datos.csv has changed"


SEEKERS = [
    "from pathlib import Path\nprint(Path('llega/tarde.bin').exists())",
    "import os\nprint(os.path.isfile('llega/tarde.bin'))",
    "try:\n    open('llega/tarde.bin')\nexcept FileNotFoundError:\n    print('no')",
]


@pytest.mark.parametrize("code", SEEKERS)
def test_a_file_that_was_missing_counts_when_it_arrives(small_project, code):
    run(small_project, cell(code))
    assert stale(small_project) is None
    (small_project.root / "llega").mkdir()
    (small_project.root / "llega" / "tarde.bin").write_text("aquí")
    assert stale(small_project) == "llega/tarde.bin is new"


@pytest.mark.parametrize(
    "code", ["import os\nprint(os.listdir('f'))", "import glob\nprint(glob.glob('f/*.txt'))"]
)
def test_a_folder_that_is_listed_counts_with_its_names(small_project, code):
    folder = small_project.root / "f"
    folder.mkdir()
    (folder / "a.txt").write_text("1")
    run(small_project, cell(code))
    (folder / "a.txt").write_text("2")  # listed, not read
    assert stale(small_project) is None
    (folder / "b.txt").write_text("1")
    assert stale(small_project) == "f has changed"


def test_files_outside_of_the_project_count(small_project, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "x.json"
    path.write_text("1")
    run(small_project, cell(f"print(open({str(path)!r}).read())"))
    path.write_text("2")
    assert stale(small_project) == f"{path} has changed"


def test_what_the_page_writes_itself_does_not_count(small_project):
    run(small_project, cell("open('propio.txt', 'w').write('x'); print(open('propio.txt').read())"))
    (small_project.root / "propio.txt").write_text("otro")
    assert stale(small_project) is None


TEMPORARY = """
import os, subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "x.txt")
    subprocess.run([sys.executable, "-c", f"open({path!r}, 'w').write('hola')"], check=True)
    print(os.listdir(folder), open(path).read())
"""


def test_a_folder_that_the_page_makes_does_not_count(small_project):
    assert run(small_project, cell(TEMPORARY)) == "['x.txt'] hola\n"
    assert stale(small_project) is None


def test_a_folder_counts_that_the_page_would_have_made(small_project):
    code = "import os\nos.makedirs('f', exist_ok=True)\nprint(os.listdir('f'))"
    (small_project.root / "f").mkdir()
    run(small_project, cell(code))
    (small_project.root / "f" / "b.txt").write_text("1")
    assert stale(small_project) == "f has changed"


def test_what_was_looked_for_before_its_folder_was_made_counts(small_project):
    code = "import os\nprint(os.path.exists('f/x.txt'))\nos.mkdir('f')"
    run(small_project, cell(code))
    (small_project.root / "f" / "x.txt").write_text("1")
    assert stale(small_project) == "f/x.txt is new"


def test_a_variable_that_is_named_counts(small_project, monkeypatch):
    small_project.config["publish"] = {"environment": ["TAREA2_DATA_DIR"]}
    run(small_project, cell("1"))
    assert stale(small_project) is None
    monkeypatch.setenv("TAREA2_DATA_DIR", "otra")
    assert stale(small_project) == "TAREA2_DATA_DIR has another value"


def test_versions_count_of_what_was_imported_only(small_project, monkeypatch):
    run(small_project, cell("import yaml"))
    assert stale(small_project) is None
    known = json.loads((small_project.cache / "executed" / "index.json").read_text())["inputs"]
    assert "PyYAML" in known["versions"]
    assert "pytest" not in known["versions"]
    known["versions"]["PyYAML"] = "0.1"
    assert inputs.change(known, small_project.root) == "PyYAML 0.1 was used before"


def test_the_order_of_the_search_path_has_no_part(small_project, monkeypatch):
    run(small_project, cell("1"))
    monkeypatch.setattr(sys, "path", [*reversed(sys.path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    assert stale(small_project) is None


def test_prose_and_captions_change_without_executing(small_project):
    body = "Uno, `{python} 'valor'`.\n\n" + cell("print(1)")
    run(small_project, body)
    write_page(small_project.root, body.replace("Uno", "Otro texto"))
    assert stale(small_project) is None
    found = execute.run(Execution(read("index.qmd", small_project.root), small_project))
    assert found.cells[0].source == "Otro texto, valor."
    for changed in (body.replace("'valor'", "'otro'"), body.replace("print(1)", "print(2)")):
        write_page(small_project.root, changed)
        assert stale(small_project) == "its code has changed"


def test_a_cut_execution_is_made_anew(small_project):
    body = cell("print(7)")
    run(small_project, body)
    path = small_project.cache / "executed" / "index.json"
    for damage in ("", "{", "[]", '{"code": 1}', path.read_text().replace("7\\n", "8\\n")):
        assert stale(small_project) is None
        path.write_text(damage)
        assert stale(small_project) == "not executed yet", damage
        assert run(small_project, body) == "7\n", damage


def test_pages_forked_from_one_process_come_out_as_alone(small_project):
    small_project.config["publish"] = {"preload": ["numpy", "no_such_module"]}
    code = (
        "import numpy, os, sys\nprint(numpy.arange(3), os.getcwd() in sys.path, __name__, "
        "hash('a'), [n for n in sys.modules if n.startswith(('publish', 'forkserver'))])\nx = 1"
    )
    alone = run(small_project, cell(code))
    names = ["index.qmd", "otra.qmd"]
    write_page(small_project.root, cell(code), "otra.qmd")
    pages = [Execution(read(name, small_project.root), small_project) for name in names]
    with execute.forkserver(pages, force=True) as forkserver:
        assert (forkserver is not None) == (sys.platform == "linux")
        together = [execute.run(page, True, forkserver) for page in pages]
        numbers = [] if forkserver is None else [forkserver._process.pid]
    for notebook in together:
        assert notebook.cells[0].outputs[0].text == alone
    assert stale(small_project) is None
    assert not any(_runs(number) for number in numbers)


def test_pages_with_more_code_start_first(small_project):
    bodies = {"index.qmd": "Hola.\n", "b.qmd": cell("1"), "c.qmd": cell("1\n2") + cell("3")}
    for name, body in bodies.items():
        write_page(small_project.root, body, name)
    pages = [Execution(read(name, small_project.root), small_project) for name in bodies]
    ordered = [each.page.path for each in execute.most_code_first(pages)]
    assert ordered == ["c.qmd", "b.qmd", "index.qmd"]


def test_a_page_with_nothing_to_run_starts_no_kernel(small_project, monkeypatch):
    small_project.config["publish"] = {"preload": ["numpy"]}
    write_page(small_project.root, "Hola.\n\n" + "```{python}\n#| eval: false\n1 / 0\n```\n")
    write_page(small_project.root, "Uno, `{python} 'valor'`.\n", "otra.qmd")
    names = ["index.qmd", "otra.qmd"]
    pages = [Execution(read(name, small_project.root), small_project) for name in names]
    with execute.forkserver(pages) as forkserver:
        assert forkserver is None  # not worth it for one kernel
    started, manager = [], execute.kernels.manager
    monkeypatch.setattr(
        execute.kernels, "manager", lambda server: started.append(server) or manager(server)
    )
    text, code = execute.run(pages[0]).cells
    assert (text.source, code.source, code.outputs) == ("Hola.", "1 / 0", [])
    assert stale(small_project) is None
    assert not started
    assert execute.run(pages[1]).cells[0].source == "Uno, valor."
    assert len(started) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="pages are forked on Linux only")
@pytest.mark.install
def test_kernels_end_with_a_build_that_is_killed(small_project):
    root = small_project.root
    note = "import os, pathlib, time\npathlib.Path('{}.number').write_text(str(os.getpid()))\n"
    names = ["index.qmd", "otra.qmd"]
    for name in names:
        write_page(root, cell(note.format(name) + "time.sleep(600)"), name)
    build = subprocess.Popen([
        sys.executable, "-c",
        "from pathlib import Path\nfrom publish import execute\n"
        "from publish.execution import Execution\nfrom publish.page import read\n"
        "from publish.project import Project\n"
        f"project = Project(Path({str(root)!r}))\n"
        "project.config['publish'] = {'preload': ['json']}\n"
        f"execute.run_all([Execution(read(n, project.root), project) for n in {names}])",
    ])  # fmt: skip
    notes = [root / f"{name}.number" for name in names]
    assert _soon(lambda: all(note.exists() and note.read_text() for note in notes), 60)
    build.kill()
    build.wait()
    numbers = [int(note.read_text()) for note in notes]
    assert _soon(lambda: not any(_runs(number) for number in numbers), 30)


def _soon(true, seconds):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


def _runs(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_kernel_that_does_not_start_is_started_once_more(small_project, monkeypatch):
    write_page(small_project.root, cell("1 + 1"))
    page, started, whole = read("index.qmd", small_project.root), [], execute._execute

    def fails(times):
        def start(*arguments):
            started.append(1)
            if len(started) <= times:
                raise RuntimeError("Kernel died before replying to kernel_info")
            return whole(*arguments)

        started.clear()
        monkeypatch.setattr(execute, "_execute", start)

    fails(1)
    notebook = execute.run(Execution(page, small_project))
    assert notebook.cells[0].outputs[0].data["text/plain"] == "2"
    fails(2)
    with pytest.raises(PublishError, match=r"^index\.qmd: no Python kernel starts: Kernel died"):
        execute.run(Execution(page, small_project), force=True)
