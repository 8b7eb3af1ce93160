"""Build the whole site with the built-in renderer: only what changed, and all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from publish import execute, render, site
from publish.execute import digest, tree_digest, write_atomically
from publish.page import LABEL, Page, read
from publish.project import Project, PublishError


def build(
    project: Project, only: list[str] | None = None, force: bool = False, jobs: int = 2,
    report: Callable[[str], None] = print,
) -> list[str]:  # fmt: skip
    """Bring ``_output/`` up to date and return the pages that were made anew.

    Pages are made in ``.build/site``; ``_output/`` changes only when all of them succeeded, so a
    broken page leaves the last good site in place.
    """
    execute.require_kernel()
    pages = [read(path, project.root) for path in project.pages]
    _check_links(pages)
    titles = {page.path: page.metadata["title"] for page in pages}
    staging, state_file = project.cache / "site", project.cache / "state.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    shared = _shared_digest(project, titles)
    wanted = {page.path: digest(page.metadata, page.cells, shared) for page in pages}
    changed = [
        page
        for page in pages
        if (only is None or page.path in only)
        and (force or state.get(page.path) != wanted[page.path] or not _made(page, staging))
    ]
    if changed:
        workers = max(1, min(jobs, len(changed)))
        with ProcessPoolExecutor(workers) as pool:
            tasks = {pool.submit(_make, page, project, titles, force): page for page in changed}
            errors = []
            for task in as_completed(tasks):
                try:
                    task.result()
                except PublishError as error:
                    errors.append(str(error))
                else:
                    state[tasks[task].path] = wanted[tasks[task].path]
                    write_atomically(state_file, json.dumps(state, indent=1))
                    report(f"  {tasks[task].path}")
            if errors:
                raise PublishError("\n".join(errors))
    if all(_made(page, staging) for page in pages):
        site.assets(project, staging)
        site.search_index(project, staging)
        _remove_stale(pages, staging)
        publish(staging, project.output)
    return [page.path for page in changed]


def publish(staging: Path, output: Path) -> None:
    """Put the finished site in place of the last one in two renames."""
    fresh = output.with_name(f".{output.name}.new")
    old = output.with_name(f".{output.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(staging, fresh)
    if output.exists():
        output.rename(old)
    fresh.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _make(page: Page, project: Project, titles: dict[str, str], force: bool) -> None:
    # Two pages run side by side on two cores: more threads would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    staging = project.cache / "site"
    notebook = execute.run(page, project, force)
    render.html(page, notebook, project, staging, site.navigation(page, titles, project))
    render.pdf(page, notebook, project, staging)
    render.ipynb(page, notebook, project, staging)


def _made(page: Page, folder: Path) -> bool:
    return all((folder / f"{page.stem}.{end}").exists() for end in ("html", "pdf", "ipynb"))


def _shared_digest(project: Project, titles: dict[str, str]) -> str:
    """Hash of what all pages have in common; any change here makes all of them anew."""
    own = sorted((project.root / "theme").rglob("*")) + sorted(Path(__file__).parent.glob("*.*"))
    contents = [path.read_bytes().hex() for path in own if path.is_file()]
    references = (project.root / project.config["bibliography"]).read_text(encoding="utf-8")
    environment = [os.environ.get("TAREA2_DATA_DIR"), execute.versions()]
    return digest(
        project.config, titles, contents, references, tree_digest(project.root), environment
    )


def _check_links(pages: list[Page]) -> None:
    """Labels are unique across pages, so that a page can be split or joined without surprises."""
    owner: dict[str, str] = {}
    for page in pages:
        for cell in page.cells:
            if LABEL.fullmatch(cell.label):
                if cell.label in owner:
                    raise PublishError(
                        f"{page.path}:{cell.line}: label {cell.label} is used in "
                        f"{owner[cell.label]} too"
                    )
                owner[cell.label] = page.path


def _remove_stale(pages: list[Page], staging: Path) -> None:
    """Forget the output of pages that no longer exist."""
    stems = {page.stem for page in pages}
    for path in staging.rglob("*.html"):
        stem = path.relative_to(staging).with_suffix("").as_posix()
        if stem not in stems:
            for end in ("html", "pdf", "ipynb"):
                path.with_suffix(f".{end}").unlink(missing_ok=True)
            shutil.rmtree(path.with_name(path.stem + "_files"), ignore_errors=True)
