"""Same sources, same bytes: of every file of the site, and of what is handed in."""

import io
import os
import random
import re
import shutil
import subprocess
import sys

import kiwisolver
import matplotlib
import pytest
from matplotlib.figure import Figure

from conftest import write_page
from publish import outputs
from publish.build import build
from publish.files import inventory
from publish.packing import Belongings
from publish.project import ROOT, Project
from publish.submission import archive
from test_publish import FIGURE, cell

# As a page that stands alone draws: no style, no choice of a format.
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2], label='a')\nplt.legend()\nplt.show()"


def cold_build(project) -> dict[str, str]:
    shutil.rmtree(project.cache, ignore_errors=True)
    shutil.rmtree(project.output, ignore_errors=True)
    build(project, jobs=1, report=lambda line: None)
    return inventory(project.output)


def test_two_cold_builds_of_a_page_are_the_same_bytes(small_project):
    write_page(small_project.root, "Hola, @fig-a.\n\n" + cell(PLOT, *FIGURE))
    first = cold_build(small_project)
    assert any(name.endswith(".svg") for name in first)
    assert b"D:20260101000000Z" in (small_project.output / "index.pdf").read_bytes()
    assert cold_build(small_project) == first


def test_figures_do_not_take_the_users_matplotlibrc(small_project, tmp_path, monkeypatch):
    write_page(small_project.root, cell(PLOT, *FIGURE) + "\n@fig-a\n")
    first = cold_build(small_project)
    (tmp_path / "own").write_text("lines.linewidth: 9\nsvg.hashsalt: mine\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "own"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert cold_build(small_project) == first


def drawing(draw: random.Random) -> str:
    """A figure as SVG, with memory as other work leaves it: places given back in no order."""
    used = [kiwisolver.Variable() for _ in range(5000)]
    while used:
        used.pop(draw.randrange(len(used)))
    figure = Figure(figsize=(6.3, 1.75), layout="constrained")
    for axes in figure.subplots(1, 4, width_ratios=[2.6, 4, 4, 4]):
        axes.plot([1, 2])
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "publish"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def test_a_drawing_does_not_depend_on_addresses_in_memory():
    draw = random.Random(0)
    drawings = {drawing(draw) for _ in range(12)}
    assert len(drawings) > 1  # or else the solver has been mended, and outputs.numbered may go
    (found,) = {outputs.numbered(each) for each in drawings}
    used = set(re.findall(r"url\(#(.+?)\)", found))
    assert used
    assert used <= set(re.findall(r'\bid="(.+?)"', found))


@pytest.mark.install
def test_a_copy_of_the_project_gives_the_same_site_and_archive(project, site, tmp_path):
    copy, own = tmp_path / "copia", Belongings(ROOT)
    for name in own.tracked or own.listed or ():
        if own.why_not(name) is None:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    environment = os.environ | {"PYTHONPATH": str(copy / "code"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "publish", "--engine", "builtin"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted, found = inventory(site), inventory(copy / "_output")
    assert sorted(found) == sorted(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []
    first = archive(project, site, tmp_path / "a.zip").path
    second = archive(Project(copy), copy / "_output", tmp_path / "b.zip").path
    assert first.read_bytes() == second.read_bytes()
