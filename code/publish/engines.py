"""Which program makes the site: Quarto where it is there or can be had, else the built-in one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from publish.ledger import Ledger
from publish.page import read
from publish.project import Project, PublishError

QUARTO_PACKAGE = "quarto-cli==1.10.19"
OLDEST_QUARTO = (1, 10)


def find_quarto(project: Project) -> tuple[str | None, str]:
    """Return the path of a usable Quarto, or None, and the version or the reason in words.

    ``pip install quarto-cli`` downloads Quarto's program from its release page. Where that fails
    the failure is remembered in ``.build/no-quarto``, so that later builds do not wait for it.
    """
    found = _on_path()
    failed = project.cache / "no-quarto"
    if not found and failed.exists():
        return None, f"{failed.read_text().strip()}; remove .build/no-quarto to try again"
    if not found:
        command = [sys.executable, "-m", "pip", "install", "--quiet", QUARTO_PACKAGE]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, capture_output=True, timeout=300)
        found = _on_path()
    if found:
        return _checked(found)
    reason = f"{QUARTO_PACKAGE} could not be downloaded"
    failed.parent.mkdir(parents=True, exist_ok=True)
    failed.write_text(reason + "\n")
    return None, reason


def _on_path() -> str | None:
    own = Path(sys.executable).parent
    return shutil.which("quarto", path=os.pathsep.join([str(own), os.environ.get("PATH", "")]))


def _checked(program: str) -> tuple[str | None, str]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=120)
        version = answer.stdout.strip()
        numbers = tuple(int(part) for part in version.split(".")[:2])
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None, "Quarto is installed but does not run"
    if numbers < OLDEST_QUARTO:
        wanted = ".".join(map(str, OLDEST_QUARTO))
        return None, f"Quarto {version} is older than {wanted}"
    return program, f"Quarto {version}"


def build_with_quarto(
    program: str,
    project: Project,
    only: list[str] | None = None,
    force: bool = False,
    publish: bool = True,
    report: Callable[[str], None] = print,
) -> list[str]:
    """Bring ``_output/`` up to date with Quarto and return the pages that were made anew.

    Quarto works on a copy of the sources in ``.build/quarto``: ``_output/`` changes only when
    every page succeeded, and a page that did not change is not rendered again. Without
    ``publish`` it does not change at all.
    """
    pages = [read(path, project.root) for path in project.pages]
    work = project.cache / "quarto"
    ledger = Ledger(project, pages, "quarto", work / project.config["project"]["output-dir"])
    changed = ledger.changed(only, force)
    if not changed and (ledger.is_published() or not publish):
        return []
    _copy_sources(project, work)
    targets = [[]] if len(changed) == len(pages) else [[page.path] for page in changed]
    for target in targets:
        done = subprocess.run(
            [program, "render", *target],
            cwd=work,
            env=os.environ | {"QUARTO_PYTHON": sys.executable},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            log = (done.stdout + done.stderr).strip().splitlines()
            raise PublishError("\n".join(["quarto render failed:", *log[-25:]]))
    for page in changed:
        ledger.record(page)
        report(f"  {page.path}")
    if publish:
        ledger.publish()
    return [page.path for page in changed]


def _copy_sources(project: Project, work: Path) -> None:
    config = project.config
    names = ["_quarto.yml", *config.get("metadata-files", []), config["bibliography"], "theme"]
    names += [*project.pages, config["project"]["post-render"]]
    for leftover in work.glob("**/*.qmd"):
        if leftover.relative_to(work).as_posix() not in project.pages:
            leftover.unlink()
    for name in names:
        source, target = project.root / name, work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
