"""Fixtures shared by all tests."""

import os
import shutil
from pathlib import Path

# Workers that run beside each other (`pytest -n`) share the processors: a thread for each, also in
# the programs that they start. Read when PyTorch is imported, hence before everything else.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
from filelock import FileLock

# The same examples in each run: a test that fails here fails everywhere.
from hypothesis import settings
from playwright.sync_api import sync_playwright

import make
from browsing import CHROMIUM, QUIET
from publish.build import build
from publish.engines import build_with_quarto
from publish.project import ROOT, Project

settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("fixed")

MARKED = {"browser": {"browser"}, "site": {"site", "quarto_site"}}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items) -> None:
    """Mark what opens a browser or reads the site by its fixtures, so that no test is forgotten."""
    for item in items:
        for marker, fixtures in MARKED.items():
            if fixtures & set(item.fixturenames):
                item.add_marker(marker)


def one_at_a_time(project: Project) -> FileLock:
    """A lock that only one of the workers beside each other holds."""
    project.cache.mkdir(parents=True, exist_ok=True)
    return FileLock(project.cache / "tests.lock")


@pytest.fixture(scope="session")
def project() -> Project:
    return Project(ROOT)


@pytest.fixture(scope="session")
def site(project) -> Path:
    """The project's own site, built by the built-in renderer; ``_output/`` is left alone."""
    with one_at_a_time(project):  # the second worker finds the first one's pages
        build(project, publish=False, report=lambda line: None)
    return project.cache / "site"


@pytest.fixture(scope="session")
def quarto_site(project) -> Path:
    program = shutil.which("quarto")
    if program is None:
        pytest.skip("Quarto is not installed on this machine")
    with one_at_a_time(project):
        build_with_quarto(program, project, report=lambda line: None, publish=False)
    return project.cache / "quarto" / "_output"


@pytest.fixture(scope="module")
def browser():
    """Chromium; closed after each module, since its event loop would disturb other tests."""
    if not CHROMIUM:
        pytest.skip(make.NO_BROWSER)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def window(browser):
    """One page for all tests of a module: each new one costs a process of Chromium's."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def tab(window):
    """The module's page, which remembers nothing of the test before."""
    yield window
    window.evaluate("localStorage.clear()")


@pytest.fixture
def requests(tab):
    """The addresses that the page asks for."""
    seen: list[str] = []

    def see(request) -> None:
        seen.append(request.url)

    tab.on("request", see)
    yield seen
    tab.remove_listener("request", see)


@pytest.fixture
def small_project(tmp_path) -> Project:
    """A project with one page, to break at will."""
    return project_in(tmp_path)


def project_in(folder: Path) -> Project:
    for name in ("theme", "data"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "references.bib").write_text((ROOT / "references.bib").read_text())
    (folder / "_quarto.yml").write_text(
        """
project: {type: website, output-dir: _output, render: ["*.qmd"]}
website: {title: Prueba, sidebar: {contents: [index.qmd]}}
lang: es
number-sections: true
bibliography: references.bib
format:
  html: {toc: true}
  typst: {papersize: a4, margin: {x: 25mm, y: 25mm}}
"""
    )
    write_page(folder, "Hola.\n")
    return Project(folder)


def write_page(root: Path, body: str, name: str = "index.qmd", title: str = "Portada") -> None:
    (root / name).write_text(f'---\ntitle: "{title}"\njupyter: python3\n---\n\n{body}')


@pytest.fixture
def train_images(tmp_path, monkeypatch, capsys):
    """``tarea2 images train`` on twelve images, one seed, with further arguments.

    What it stores lies in ``tmp_path / "store"``, under the name "a". Returns what was printed.
    """
    import numpy as np
    from PIL import Image

    from command import run_cli

    for place in range(12):
        mask = np.zeros((16, 32), np.uint8)
        mask[2 : 7 + place % 4, 3 : 11 + place // 4] = 1
        for kind, values in (("images", mask * 100 + 20), ("masks", mask)):
            (tmp_path / kind).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / kind / f"{place:02}.png")

    def run(*arguments: object, code: int = 0) -> str:
        capsys.readouterr()
        given = ("--images", tmp_path / "images", "--masks", tmp_path / "masks", "--out",
                 tmp_path / "store", "--name", "a", "--seeds", 1)  # fmt: skip
        assert run_cli(monkeypatch, "images", "train", *given, *arguments) == code
        return "".join(capsys.readouterr())

    return run
