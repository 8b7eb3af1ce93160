"""The project's package as a wheel beside the notebooks, and their first cell, which installs it.

The wheel's version ends in a digest of everything that it is made from, so that a notebook knows
the wheel that it was published with. It is built from a copy, without a network, and the same
sources give the same bytes. What git does not track is in no wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from string import Template

import nbformat

from publish.files import MADE, digest, file_digest, write_atomically
from publish.packing import Belongings
from publish.page import Page
from publish.project import Project, PublishError

TAG = "instalar"


def pattern(project: Project) -> str:
    """What the wheel's name is like, whatever its version."""
    return f"{Path(project.settings.package or '').name}-*.whl"


def write(project: Project, pages: list[Page], site: Path) -> Path | None:
    """Put the wheel into the site and the cell that installs it into the notebooks that need it.

    Both stay as they are where nothing has changed. Returns the wheel; ``None``, without any
    change, for a project that has no ``publish.wheel`` in ``_quarto.yml``.
    """
    wanted, package = project.settings.wheel, project.settings.package
    if not wanted or not package:
        return None
    name = Path(package).name
    belongings = Belongings(project.root, strict=False)  # a site may be built where git is missing
    sources = belongings.choose(wanted["files"], wanted["folders"], "publish.wheel").files
    if "pyproject.toml" not in sources:
        raise PublishError("the package's wheel cannot be built: git does not track pyproject.toml")
    public = tomllib.loads(sources["pyproject.toml"].read_text("utf-8"))["project"]["version"]
    known = digest({place: file_digest(path) for place, path in sources.items()})
    version = f"{public}+{known[:12]}"
    target = site / f"{name}-{version}-py3-none-any.whl"
    if not target.exists():
        write_atomically(target, _built(project, sources, public, version, target.name))
    for other in set(site.glob(pattern(project))) - {target}:
        other.unlink()
    template = Template((project.root / "theme" / "notebook" / "install.py").read_text("utf-8"))
    address = str(project.config.get("site", "")).rstrip("/")
    cell = template.substitute(name=name, version=version, site=address).strip()
    for page in pages:
        _stamp(site / f"{page.stem}.ipynb", name, cell)
    return target


def _built(
    project: Project, sources: dict[str, Path], public: str, version: str, file: str
) -> bytes:
    """The wheel of this version: the one that was built before, or a new one from a copy."""
    work = project.cache / "wheel"
    made = work / file
    if not made.exists():
        shutil.rmtree(work, ignore_errors=True)
        for name, path in sources.items():
            write_atomically(work / "source" / name, path.read_bytes())
            (work / "source" / name).chmod(0o644)
        settings = work / "source" / "pyproject.toml"
        numbered = settings.read_text("utf-8").replace(f'"{public}"', f'"{version}"', 1)
        settings.write_text(numbered, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "./source", "--no-deps", "--no-build-isolation",
             "--no-index", "--quiet", "--disable-pip-version-check", "--wheel-dir", "."],
            cwd=work, env=os.environ | {"SOURCE_DATE_EPOCH": str(MADE)},
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode or not made.exists():
            lines = (done.stderr or done.stdout).strip().splitlines() or [f"no {file} was made"]
            raise PublishError(f"the package's wheel cannot be built: {lines[-1].strip()}")
        shutil.rmtree(work / "source")
    return made.read_bytes()


def _stamp(path: Path, name: str, cell: str) -> None:
    """Let a notebook that imports the package begin with the cell for this version."""
    if not path.exists():
        return
    book = nbformat.read(path, as_version=4)
    cells = [each for each in book.cells if TAG not in each.metadata.get("tags", [])]
    imports = re.compile(rf"^\s*(from|import) {name}\b", re.MULTILINE)
    if any(each.cell_type == "code" and imports.search(each.source) for each in cells):
        first = nbformat.v4.new_code_cell(cell, id=TAG, metadata={"tags": [TAG]})
        cells.insert(0, first)
    if cells != book.cells:
        book.cells = cells
        write_atomically(path, nbformat.writes(book) + "\n")
