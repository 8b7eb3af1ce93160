"""What Quarto is handed: in its freezer's form, current, and nothing left behind."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from conftest import project_in, write_page
from publish import execute, quarto_freeze
from publish.build import build
from publish.engines import _explained
from publish.execution import Execution, executions
from publish.page import read
from publish.project import ROOT, Project, PublishError
from test_publish import FIGURE, cell

PLOT = """from matplotlib import pyplot as plt
from matplotlib_inline.backend_inline import set_matplotlib_formats
set_matplotlib_formats("svg")
axes = plt.figure(figsize=(1, 1)).gca()"""
BODY = (
    "Vale `{python} '3'`.\n\n"
    + cell(PLOT, *FIGURE)
    + cell(
        "from IPython.display import Markdown\nMarkdown('| a |\\n|---|\\n| 1 |')",
        "label: tbl-b", 'tbl-cap: "Con \\"comillas\\"."', "echo: false",
    )
    + cell("print('dicho')", "code-fold: true")
)  # fmt: skip


def frozen(project, form, target):
    execution = Execution(read("index.qmd", project.root), project)
    execute.run(execution)
    quarto_freeze.write([execution], target)
    path = target / "_freeze" / "index" / "execute-results" / f"{form}.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def plotted(tmp_path_factory) -> Project:
    """A project whose page is executed by the first test that asks for it."""
    project = project_in(tmp_path_factory.mktemp("plotted"))
    write_page(project.root, BODY)
    return project


@pytest.mark.parametrize("form", ["html", "typ", "ipynb"])
def test_frozen_results_have_the_form_of_quartos_own(plotted, tmp_path, form):
    """The fields and Divs as Quarto 1.10.18 wrote them when it executed the same cells."""
    found = frozen(plotted, form, tmp_path)
    text = (plotted.root / "index.qmd").read_text()
    assert found["hash"] == hashlib.md5(text.encode()).hexdigest()
    result = found["result"]
    assert set(result) == {"engine", "markdown", "supporting", "filters", "includes"}
    assert (result["engine"], result["supporting"]) == ("jupyter", ["index_files"])
    markdown = result["markdown"]
    assert markdown.startswith('---\ntitle: "Portada"\njupyter: python3\n---\n\nVale 3.\n')
    assert "{#cell-fig-a .cell}" in markdown
    assert "``` {.python .cell-code}\nfrom matplotlib" in markdown
    assert '{#tbl-b .cell tbl-cap="Con \\"comillas\\"."}' in markdown
    assert "Markdown('|" not in markdown
    assert '``` {.python .cell-code code-fold="true"}' in markdown
    assert "::: {.cell-output .cell-output-stdout}" in markdown
    folder = {"html": "html", "typ": "typst", "ipynb": "ipynb"}[form]
    name = f"figure-{folder}/fig-a-output-1"
    assert f'![Cap.](<index_files/{name}.svg>){{#fig-a fig-alt="Alt."}}' in markdown
    assert (tmp_path / "_freeze" / "index" / f"{name}.svg").stat().st_size > 100


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_the_hash_is_of_the_text_as_quarto_reads_it(small_project, tmp_path, start, ends):
    path = small_project.root / "index.qmd"
    text = path.read_bytes()
    path.write_bytes(start + text.replace(b"\n", ends))
    assert frozen(small_project, "html", tmp_path)["hash"] == hashlib.md5(text).hexdigest()


def test_what_is_frozen_is_never_stale(small_project, tmp_path):
    (small_project.root / "datos.csv").write_text("uno")
    write_page(small_project.root, cell("print(open('datos.csv').read())"))
    assert "uno" in frozen(small_project, "html", tmp_path)["result"]["markdown"]
    (small_project.root / "datos.csv").write_text("dos")
    found = frozen(small_project, "html", tmp_path)["result"]["markdown"]
    assert "dos" in found
    assert "uno" not in found


def script(name, root, **variables):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "code")} | variables
    return subprocess.run(
        [sys.executable, ROOT / "code" / name], cwd=root, env=environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.install
def test_the_scripts_that_quarto_runs_mind_only_what_is_rendered(small_project):
    write_page(small_project.root, cell("1 + 1"))
    write_page(small_project.root, cell("1 / 0", "label: mala"), "mala.qmd", "Mala")
    done = script("pre_render.py", small_project.root, QUARTO_PROJECT_INPUT_FILES="index.qmd")
    assert done.returncode == 0, done.stderr
    assert (small_project.root / "_freeze" / "index").exists()
    output = small_project.output
    output.mkdir()
    (output / "index.html").write_text('<meta http-equiv="refresh" content="0;URL=\'x\'">')
    (output / "mala.html").write_text("de antes")
    variables = {"QUARTO_PROJECT_OUTPUT_DIR": str(output)}
    done = script(
        "post_render.py", small_project.root, QUARTO_PROJECT_OUTPUT_FILES="_output/index.ipynb",
        **variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in output.iterdir()) == ["index.ipynb", "mala.html"]
    done = script("pre_render.py", small_project.root, QUARTO_PROJECT_INPUT_FILES="mala.qmd")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "mala.qmd:8: cell mala raised ZeroDivisionError: division by zero"
    )


def test_quartos_complaint_comes_without_its_own_trace():
    log = "\x1b[31mx\x1b[0m\n" * 30 + (
        "ERROR: Error compiling template: no.typ\n\nStack trace:\n"
        "    at f (quarto.js:1:2)\n    at async g (quarto.js:3:4)\n"
    )
    assert _explained(log) == "quarto render failed:\nERROR: Error compiling template: no.typ"


def test_a_render_changes_no_tracked_file():
    """Quarto appends these two lines to a .gitignore that lacks them."""
    lines = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/.quarto/", "**/*.quarto_ipynb", "_freeze/", "_output/", ".build/"} <= set(lines)


def test_both_engines_leave_a_clean_tree(small_project):
    program = shutil.which("quarto")
    root = small_project.root
    (root / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    (root / "code").symlink_to(ROOT / "code")
    config = (root / "_quarto.yml").read_text()
    scripts = "pre-render: code/pre_render.py, post-render: code/post_render.py"
    config = config.replace("type: website,", f"type: website, {scripts},")
    (root / "_quarto.yml").write_text(config + "execute: {freeze: auto}\n")
    write_page(root, cell("1 + 1"))
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    commands = [[sys.executable, "-m", "publish", "--engine", "builtin"]]
    if program:
        commands += [[program, "render"], [program, "render", "index.qmd", "--to", "typst"]]
    environment = os.environ | {"QUARTO_PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "code")}
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    before = subprocess.run(status, cwd=root, capture_output=True, text=True).stdout
    for command in commands:
        if command[0] != program:
            build(type(small_project)(root), report=lambda line: None)
        else:
            done = subprocess.run(command, cwd=root, env=environment, capture_output=True)
            assert done.returncode == 0, done.stderr.decode()
        after = subprocess.run(status, cwd=root, capture_output=True, text=True).stdout
        assert after == before


def test_an_error_names_each_broken_page_and_stores_the_others(small_project):
    write_page(small_project.root, cell("print(1)"))
    for name in ("b.qmd", "c.qmd"):
        write_page(small_project.root, cell(f"raise KeyError('{name}')"), name, name)
    pages = [read(name, small_project.root) for name in ("b.qmd", "index.qmd", "c.qmd")]
    with pytest.raises(PublishError, match=r"b\.qmd:7: cell 1 raised KeyError: 'b.qmd'\nc.qmd:7"):
        execute.run_all(executions(pages, small_project))
    assert Execution(pages[1], small_project).stale is None
