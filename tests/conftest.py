"""Fixtures shared by all tests."""

import shutil
from pathlib import Path

import pytest

# The same examples in each run: a test that fails here fails everywhere.
from hypothesis import settings

from publish.build import build
from publish.engines import build_with_quarto
from publish.project import ROOT, Project

settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def project() -> Project:
    return Project(ROOT)


@pytest.fixture(scope="session")
def site(project) -> Path:
    """The project's own site, built by the built-in renderer; ``_output/`` is left alone."""
    build(project, publish=False, report=lambda line: None)
    return project.cache / "site"


@pytest.fixture(scope="session")
def quarto_site(project) -> Path:
    program = shutil.which("quarto")
    if program is None:
        pytest.skip("Quarto is not installed on this machine")
    build_with_quarto(program, project, report=lambda line: None, publish=False)
    return project.cache / "quarto" / "_output"


@pytest.fixture
def small_project(tmp_path) -> Project:
    """A project with one page, to break at will."""
    for name in ("theme", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "references.bib").write_text((ROOT / "references.bib").read_text())
    (tmp_path / "_quarto.yml").write_text(
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
    write_page(tmp_path, "Hola.\n")
    return Project(tmp_path)


def write_page(root: Path, body: str, name: str = "index.qmd", title: str = "Portada") -> None:
    (root / name).write_text(f'---\ntitle: "{title}"\njupyter: python3\n---\n\n{body}')
