"""Which program makes the site: Quarto where it is there or can be had, else the built-in one."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from publish import execute, quarto_freeze, render, resources, search, sources, wheel, widgets
from publish.build_state import FORMS, BuildState, not_published
from publish.files import MADE
from publish.page import Page, read
from publish.project import Project, PublishError


class Engine(StrEnum):
    """What makes pages; ``auto`` takes Quarto where it can be had."""

    AUTO = "auto"
    QUARTO = "quarto"
    BUILTIN = "builtin"


QUARTO_PACKAGE = "quarto-cli==1.10.19"
OLDEST_QUARTO = (1, 10)
FROZEN = "PUBLISH_FROZEN"  # tells the scripts that Quarto runs: all is done already


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
            given = os.environ | {"PIP_USER": "0"}  # into this environment, whatever a user prefers
            subprocess.run(command, capture_output=True, timeout=300, env=given)
        found = _on_path()
    if found:
        return _checked(found)
    reason = f"{QUARTO_PACKAGE} could not be downloaded"
    failed.parent.mkdir(parents=True, exist_ok=True)
    failed.write_text(reason + "\n")
    return None, reason


def installed_quarto() -> tuple[str | None, str]:
    """The same without an attempt to install it."""
    found = _on_path()
    return _checked(found) if found else (None, "Quarto is not on this machine's PATH")


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
    jobs: int = 2,
) -> list[str]:
    """Bring ``_output/`` up to date with Quarto and return the pages that were made anew.

    Pages are executed here, each once for all its forms; Quarto gets the outputs and works on a
    copy of the sources in ``.build/quarto``. ``_output/`` changes only when every page succeeded,
    and a page that did not change is not rendered again. Without ``publish`` it does not change.
    """
    pages = [read(path, project.root) for path in project.pages]
    work = project.cache / "quarto"
    site = work / project.config["project"]["output-dir"]
    state = BuildState(project, pages, "quarto", site, program=_checked(program)[1])
    changed = state.changed(only, force)
    widgets.forget_stale(site, changed, force)
    if changed:
        execute.run_all(changed, force, jobs)
        own = [resources.find(each.page, project, render.prose(each.notebook)) for each in changed]
        _copy_sources(project, work)
        for files in own:
            resources.copy(files, project, work)
        quarto_freeze.write(changed, work)
        some = [] if len(changed) == len(pages) else [each.page for each in changed]
        render_with_quarto(program, work, some)
        for each, files in zip(changed, own, strict=True):
            render.ipynb(each.page, each.notebook, project, site, files)
            render.tidy_pdf(site / f"{each.page.stem}.pdf")
            state.record(each, [file.path for file in files])
            report(f"  {each.page.path}")
    held_back = not_published(project, site, pages, FORMS)
    if held_back:
        report(held_back)
        return [each.page.path for each in changed]
    search.add_to_quarto(project, site)
    sources.write(project, site)
    widgets.write(project, pages, site)
    wheel.write(project, pages, site)
    for line in state.publish() if publish else ():
        report(line)
    return [each.page.path for each in changed]


def render_with_quarto(program: str, work: Path, pages: list[Page]) -> None:
    """Let Quarto render pages of the project in a folder, or all of it when none is named.

    Raises :class:`PublishError` with Quarto's own words.
    """
    targets = [[page.path, "--use-freezer"] for page in pages] or [[]]
    for target in targets:
        done = subprocess.run(
            [program, "render", *target],
            cwd=work,
            env=os.environ
            | {"QUARTO_PYTHON": sys.executable, FROZEN: "1", "SOURCE_DATE_EPOCH": str(MADE)},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        if done.returncode:
            raise PublishError(_explained(done.stdout + done.stderr))


def _explained(log: str) -> str:
    """Quarto's complaint without the trace of its own program."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in log.splitlines()]
    told = [line for line in lines if line and not re.match(r"\s+at |\s*Stack trace", line)]
    first = next((i for i, line in enumerate(told) if "ERROR" in line), max(0, len(told) - 10))
    return "\n".join(["quarto render failed:", *told[first : first + 10]])


def _copy_sources(project: Project, work: Path) -> None:
    config = project.config
    names = ["_quarto.yml", *config.get("metadata-files", []), config["bibliography"], "theme"]
    names += project.pages
    for leftover in work.glob("**/*.qmd"):
        if leftover.relative_to(work).as_posix() not in project.pages:
            leftover.unlink()
    names += [config["project"][key] for key in ("pre-render", "post-render")]
    for name in names:
        source, target = project.root / name, work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
