"""What interactive pieces need beside the pages: their scripts, and data written as scripts."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from publish.execute import write_atomically
from publish.page import Page
from publish.project import Project, PublishError

FOLDER = "widgets"  # of the theme and of the site
PIECE = re.compile(r"^:::+ *\{[^}\n]*\.tarea-", re.MULTILINE)


def write(project: Project, pages: list[Page], site: Path) -> None:
    """Write ``site/widgets`` anew, if a page has a piece: nothing of an earlier build stays."""
    folder = site / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    if not any(PIECE.search(cell.source) for page in pages for cell in page.cells):
        return
    for path in sorted((project.root / "theme" / FOLDER).iterdir()):
        write_atomically(folder / path.name, path.read_bytes())
    command = [sys.executable, "-m", "tarea2.widgets", str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PublishError(f"the data of the interactive pieces cannot be written: {reason}")
