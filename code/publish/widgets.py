"""What interactive pieces need beside the pages: their scripts, and data that travels as scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from publish.execute import write_atomically
from publish.project import Project

FOLDER = "widgets"  # of the theme and of the site


def write(project: Project, site: Path) -> None:
    """Write ``site/widgets``: everything anew, so that nothing of an earlier build stays."""
    from tarea2 import widgets  # it reads models, which takes a moment

    folder = site / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    for path in sorted((project.root / "theme" / FOLDER).iterdir()):
        write_atomically(folder / path.name, path.read_bytes())
    for name, text in widgets.scripts().items():
        write_atomically(folder / "data" / f"{name}.js", text)
