"""What interactive pieces need beside the pages: their scripts, and data written as scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from publish.execution import Execution
from publish.files import write_atomically
from publish.page import Page
from publish.project import Project, PublishError

FOLDER = "widgets"  # of the theme and of the site
PIECE = re.compile(r"^:::+ *\{[^}\n]*\.tarea-", re.MULTILINE)


def forget_stale(site: Path, executions: list[Execution], force: bool = False) -> None:
    """Forget the data of a site if an input of one of these pages has changed, or all is forced.

    Pages with pieces use the modules, models and results that the data comes from.
    """
    if force or any(execution.changed_input for execution in executions):
        forget(site)


def forget(site: Path) -> None:
    """Remove the data of a site: it is written anew."""
    shutil.rmtree(site / FOLDER / "data", ignore_errors=True)


def write(project: Project, pages: list[Page], site: Path) -> None:
    """Write ``site/widgets``, if a page has a piece; nothing of an earlier build stays in it.

    The project's module ``publish.widgets`` in ``_quarto.yml`` writes the data, as a program that
    is given a folder. Data that is there stays: see :func:`forget_stale`.
    """
    folder, data = site / FOLDER, site / FOLDER / "data"
    module = project.settings.widgets
    if not module or not any(PIECE.search(cell.source) for page in pages for cell in page.cells):
        shutil.rmtree(folder, ignore_errors=True)
        return
    scripts = sorted((project.root / "theme" / FOLDER).iterdir())
    for path in scripts:
        write_atomically(folder / path.name, path.read_bytes())
    for path in set(folder.iterdir()) - {folder / script.name for script in scripts} - {data}:
        path.unlink()
    if data.exists():
        return
    command = [sys.executable, "-m", module, str(data)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PublishError(f"the data of the interactive pieces cannot be written: {reason}")
