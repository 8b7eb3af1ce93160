"""Build the whole site with the built-in renderer: only what changed, and all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from publish import execute, render, sources, website
from publish.execute import digest, tree_digest, write_atomically
from publish.page import LABEL, Page, read
from publish.project import ROOT, Project, PublishError


def build(
    project: Project,
    only: list[str] | None = None,
    force: bool = False,
    jobs: int = 2,
    publish: bool = True,
    report: Callable[[str], None] = print,
) -> list[str]:
    """Bring ``_output/`` up to date and return the pages that were made anew.

    Pages are made in ``.build/site``; ``_output/`` changes only when all of them succeeded, so a
    broken page leaves the last good site in place. Without ``publish`` it does not change at all.
    """
    execute.require_kernel()
    pages = [read(path, project.root) for path in project.pages]
    titles = {page.path: page.metadata["title"] for page in pages}
    staging = project.cache / "site"
    ledger = Ledger(project, pages, "builtin", staging)
    changed = ledger.changed(only, force)
    errors = []
    with ProcessPoolExecutor(max(1, min(jobs, len(changed)))) as pool:
        tasks = {pool.submit(_make, page, project, titles, force): page for page in changed}
        for task in as_completed(tasks):
            try:
                task.result()
            except PublishError as error:
                errors.append(str(error))
            else:
                ledger.record(tasks[task])
                report(f"  {tasks[task].path}")
    if errors:
        raise PublishError("\n".join(sorted(errors)))
    if all(made(page, staging) for page in pages):
        website.assets(project, staging)
        website.search_index(project, staging)
        if changed or not (staging / sources.FOLDER).exists():
            sources.write(ROOT / "code" / "tarea2", staging)
        _remove_stale(pages, staging)
        if publish and not ledger.is_published():
            ledger.publish()
    return [page.path for page in changed]


class Ledger:
    """Which pages of an engine's last build still stand for their sources.

    A page is made anew when its text, the package, the results, the theme, the configuration or
    an installed version has changed, or when one of its files is missing.
    """

    def __init__(self, project: Project, pages: list[Page], engine: str, folder: Path):
        _check_labels(pages)
        self.project, self.pages, self.folder = project, pages, folder
        self.file = project.cache / f"state-{engine}.json"
        self.mark = project.cache / "published"
        self.known = json.loads(self.file.read_text()) if self.file.exists() else {}
        shared = _shared_digest(project, [page.metadata["title"] for page in pages])
        self.wanted = {
            page.path: digest(page.metadata, [vars(cell) for cell in page.cells], shared)
            for page in pages
        }

    def changed(self, only: list[str] | None, force: bool) -> list[Page]:
        """The pages to make, in the order of the project."""
        return [
            page
            for page in self.pages
            if (only is None or page.path in only)
            and (
                force
                or self.known.get(page.path) != self.wanted[page.path]
                or not made(page, self.folder)
            )
        ]

    def record(self, page: Page) -> None:
        """Note that a page now stands for its sources."""
        self.known[page.path] = self.wanted[page.path]
        write_atomically(self.file, json.dumps(self.known, indent=1))

    def is_published(self) -> bool:
        """Whether ``_output/`` is what this ledger describes, made by this engine."""
        seen = self.mark.read_text() if self.mark.exists() else ""
        return self.project.output.exists() and seen == digest(self.file.name, self.known)

    def publish(self) -> None:
        """Put the finished site in place of the last one in two renames."""
        output = self.project.output
        fresh, old = (output.with_name(f".{output.name}.{end}") for end in ("new", "old"))
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(self.folder, fresh)
        if output.exists():
            output.rename(old)
        fresh.rename(output)
        shutil.rmtree(old, ignore_errors=True)
        write_atomically(self.mark, digest(self.file.name, self.known))


def made(page: Page, folder: Path) -> bool:
    """Whether a folder holds all three forms of a page."""
    return all((folder / f"{page.stem}.{end}").exists() for end in ("html", "pdf", "ipynb"))


def _make(page: Page, project: Project, titles: dict[str, str], force: bool) -> None:
    # Pages run side by side on all cores: more threads would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    staging = project.cache / "site"
    notebook = execute.run(page, project, force)
    render.html(page, notebook, project, staging, website.navigation(page, titles, project))
    render.pdf(page, notebook, project, staging)
    render.ipynb(page, notebook, project, staging)


def _shared_digest(project: Project, titles: list[str]) -> str:
    """Hash of what all pages have in common; any change here makes all of them anew."""
    own = [*(project.root / "theme").rglob("*"), *Path(__file__).parent.glob("*.*")]
    contents = [path.read_bytes().hex() for path in sorted(own) if path.is_file()]
    references = (project.root / project.config["bibliography"]).read_text(encoding="utf-8")
    environment = [os.environ.get("TAREA2_DATA_DIR"), execute.versions()]
    return digest(project.config, titles, contents, references, tree_digest(), environment)


def _check_labels(pages: list[Page]) -> None:
    """Labels are unique across pages, so that a page can be split or joined without surprises."""
    owner: dict[str, str] = {}
    for page in pages:
        for cell in page.cells:
            if not LABEL.fullmatch(cell.label):
                continue
            if cell.label in owner:
                raise PublishError(
                    f"{page.path}:{cell.line}: label {cell.label} is used in "
                    f"{owner[cell.label]} too; rename one of them"
                )
            owner[cell.label] = page.path


def _remove_stale(pages: list[Page], staging: Path) -> None:
    """Forget the output of pages that no longer exist."""
    stems = {page.stem for page in pages}
    for path in staging.rglob("*.html"):
        name = path.relative_to(staging)
        if name.with_suffix("").as_posix() not in stems and name.parts[0] != sources.FOLDER:
            for end in ("html", "pdf", "ipynb"):
                path.with_suffix(f".{end}").unlink(missing_ok=True)
            shutil.rmtree(path.with_name(path.stem + "_files"), ignore_errors=True)
