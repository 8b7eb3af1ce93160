"""Which program makes the site: Quarto where it is there or can be had, else the built-in one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from publish.project import Project, PublishError

QUARTO_PACKAGE = "quarto-cli==1.10.19"
OLDEST_QUARTO = (1, 10)


def find_quarto(project: Project, may_install: bool) -> tuple[str | None, str]:
    """Return the path of a usable Quarto, or None, and the reason in words.

    ``pip install quarto-cli`` downloads Quarto's program from its release page. Where that fails
    the failure is remembered in ``.build/no-quarto``, so that later builds do not wait for it.
    """
    found = _on_path()
    if found:
        return _checked(found)
    if not may_install:
        return None, "Quarto is not installed"
    failed = project.cache / "no-quarto"
    if failed.exists():
        return (
            None,
            f"{QUARTO_PACKAGE} could not be downloaded (remove .build/no-quarto to try again)",
        )
    command = [sys.executable, "-m", "pip", "install", "--quiet", QUARTO_PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:
        done = False
    found = _on_path() if done else None
    if found:
        return _checked(found)
    failed.parent.mkdir(parents=True, exist_ok=True)
    failed.write_text("pip could not install quarto-cli here; remove this file to try again\n")
    return None, f"{QUARTO_PACKAGE} could not be downloaded"


def _on_path() -> str | None:
    own = Path(sys.executable).parent
    return shutil.which("quarto", path=os.pathsep.join([str(own), os.environ.get("PATH", "")]))


def _checked(program: str) -> tuple[str | None, str]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
        version = answer.stdout.strip()
        numbers = tuple(int(part) for part in version.split(".")[:2])
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None, f"{Path(program).name} is installed but does not run"
    if numbers < OLDEST_QUARTO:
        return None, f"Quarto {version} is older than {'.'.join(map(str, OLDEST_QUARTO))}"
    return program, f"Quarto {version}"


def quarto_render(program: str, project: Project, pages: list[str], output: Path) -> None:
    """Run ``quarto render`` on the project, into ``output``."""
    environment = os.environ | {"QUARTO_PYTHON": sys.executable}
    for page in pages or [""]:
        command = [program, "render", *([page] if page else []), "--output-dir", str(output)]
        done = subprocess.run(command, cwd=project.root, env=environment)
        if done.returncode:
            raise PublishError(f"quarto render {page} failed; its message stands above")
