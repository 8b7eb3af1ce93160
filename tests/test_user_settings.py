"""Pages are the same whatever a user has set up for their own Python, IPython and Matplotlib."""

import json

import pytest

from conftest import write_page
from publish import kernels
from publish.build import build
from publish.project import Project
from test_publish import FIGURE, cell, quiet_build

SHOWN = """
import os, sys, warnings
import matplotlib as mpl
print(mpl.rcParams["figure.figsize"], mpl.rcParams["axes.facecolor"], mpl.get_backend())
print("leaked" in globals(), "started" in globals(), get_ipython().autocall, __debug__)
print(sys.executable == os.environ["TESTED_PYTHON"])
with warnings.catch_warnings(record=True) as heard:
    warnings.warn("once")
print(len(heard), "heard")
"""
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
MINE = """
leaked = 1
import matplotlib
matplotlib.rcParams["axes.facecolor"] = "red"
"""
BROKEN = {
    "argv": ["/usr/bin/env", "false", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "other", "language": "python",
}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The home of a user who has changed everything that can be changed there."""
    folder = tmp_path / "home"
    for name, text in {
        ".ipython/profile_default/startup/00-mine.py": MINE,
        ".ipython/profile_default/ipython_config.py": "c.InteractiveShell.autocall = 2\n",
        ".config/matplotlib/matplotlibrc": "figure.figsize: 12, 9\naxes.facecolor: red\n",
        ".matplotlib/matplotlibrc": "figure.figsize: 12, 9\n",
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(BROKEN),
        "Library/Jupyter/kernels/python3/kernel.json": json.dumps(BROKEN),
        "start.py": "started = 1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    def use():
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("USERPROFILE", str(folder))
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
        monkeypatch.setenv("PYTHONSTARTUP", str(folder / "start.py"))
        monkeypatch.setenv("PYTHONWARNINGS", "ignore")
        monkeypatch.setenv("PYTHONOPTIMIZE", "1")
        monkeypatch.setenv("MPLBACKEND", "svg")
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR"):
            monkeypatch.delenv(name, raising=False)

    return use


def pages(project, tmp_path, monkeypatch, forked) -> dict[str, bytes]:
    """The HTML of a fresh build, with kernels of their own or forked from one process."""
    monkeypatch.setenv("TESTED_PYTHON", kernels.sys.executable)
    config = project.root / "_quarto.yml"
    names = ["index.qmd", "otra.qmd"] if forked else ["index.qmd"]
    if forked:
        config.write_text(config.read_text() + "publish: {preload: [matplotlib.pyplot]}\n")
    for name in names:
        body = "Ver @fig-a.\n\n" if name == "index.qmd" else "Hola.\n\n"
        figure = cell(PLOT, *FIGURE) if name == "index.qmd" else cell(PLOT)
        write_page(project.root, body + cell(SHOWN) + "\n" + figure, name, name)
    made = Project(project.root)
    assert quiet_build(made, forms=["html"], force=True) == names
    return {name: (made.output / name).with_suffix(".html").read_bytes() for name in names}


@pytest.mark.install
@pytest.mark.parametrize("forked", [False, True])
def test_pages_are_the_same_in_a_home_with_settings(
    small_project, tmp_path, home, monkeypatch, forked
):
    before = pages(small_project, tmp_path, monkeypatch, forked)
    home()
    after = pages(small_project, tmp_path, monkeypatch, forked)
    assert after == before
    text = before["index.qmd"].decode()
    assert "False False" in text
    assert "True" in text.partition("False False")[2]
    assert "1 heard" in text


def test_what_a_user_s_ipython_would_have_read_is_no_input_of_a_page(
    small_project, home, monkeypatch
):
    write_page(small_project.root, cell("1 + 1"))
    home()
    build(small_project, forms=["html"], report=str)
    assert build(small_project, forms=["html"], report=str) == []
    assert (small_project.cache / "ipython").is_dir()
