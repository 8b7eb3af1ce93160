"""Build the whole site with the built-in renderer: only what changed, and all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from publish import execute, kernels, render, resources, search, sources, website, wheel, widgets
from publish.build_state import FORMS, BuildState, not_published
from publish.execution import Execution
from publish.page import Page, read
from publish.project import Project, PublishError


def build(
    project: Project,
    only: list[str] | None = None,
    force: bool = False,
    jobs: int = 2,
    publish: bool = True,
    report: Callable[[str], None] = print,
    forms: Sequence[str] = FORMS,
) -> list[str]:
    """Bring ``_output/`` up to date and return the pages that were made anew.

    With fewer ``forms`` than ``html``, ``pdf`` and ``ipynb`` the others stay as they were; the
    next build of all of them makes what is behind.

    Pages are made in ``.build/site``; ``_output/`` changes only when all of them succeeded, so a
    broken page leaves the last good site in place; what a reader changed there stays. Without
    ``publish`` it does not change at all.
    """
    execute.require_kernel()
    pages = [read(path, project.root) for path in project.pages]
    staging = project.cache / "site"
    state = BuildState(project, pages, "builtin", staging, forms)
    changed = state.changed(only, force)
    titles = website.titles(pages) if changed else {}
    widgets.forget_stale(staging, changed, force)
    errors = []
    # Kernels, pandoc and Typst do the work; the threads wait for them.
    with (
        execute.forkserver(changed, force) as server,
        ThreadPoolExecutor(max(1, min(jobs, len(changed)))) as pool,
    ):
        tasks = {
            pool.submit(_make, execution, titles, force, server, forms): execution
            for execution in execute.most_code_first(changed)
        }
        for task in as_completed(tasks):
            try:
                own = task.result()
            except PublishError as error:
                errors.append(str(error))
            else:
                state.record(tasks[task], [resource.path for resource in own])
                report(f"  {tasks[task].page.path}")
    if errors:
        raise PublishError("\n".join(sorted(errors)))
    held_back = not_published(project, staging, pages, forms)
    if held_back:
        report(held_back)
        return [execution.page.path for execution in changed]
    website.assets(project, staging)
    if "html" in forms and (changed or not (staging / "site" / "search-index.js").exists()):
        search.write(project, staging)
    sources.write(project, staging)
    widgets.write(project, pages, staging)
    _remove_stale(pages, state, staging)
    wheel.write(project, pages, staging)
    for line in state.publish() if publish else ():
        report(line)
    return [execution.page.path for execution in changed]


def _make(
    execution: Execution,
    titles: dict[str, str],
    force: bool,
    server: kernels.ForkServer | None,
    forms: Sequence[str],
) -> list[resources.Resource]:
    """Make one page; returns the files that it shows."""
    page, project = execution.page, execution.project
    staging = project.cache / "site"
    notebook = execute.run(execution, force, server)
    own = resources.find(page, project, render.prose(notebook))
    if "html" in forms:
        site = website.navigation(page, titles, project)
        render.html(page, notebook, project, staging, site, own)
    if "pdf" in forms:
        render.pdf(page, notebook, project, staging, own)
    if "ipynb" in forms:
        render.ipynb(page, notebook, project, staging, own)
    return own


def _remove_stale(pages: list[Page], state: BuildState, staging: Path) -> None:
    """Forget the output of pages that no longer exist, and files that no page shows any more."""
    kept = {f"{page.stem}.{form}" for page in pages for form in FORMS}
    kept |= {name for page in pages for name in state.known[page.path]["files"]}
    folders = {f"{page.stem}_files" for page in pages} | {sources.FOLDER, widgets.FOLDER, "site"}
    for path in sorted(staging.rglob("*"), reverse=True):
        name = path.relative_to(staging).as_posix()
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif (
            name not in kept
            and path.suffix != ".whl"
            and not any(name.startswith(f"{folder}/") for folder in folders)
        ):
            path.unlink()
