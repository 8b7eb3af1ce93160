"""``python -m publish.preview``: the site as it is being written, in a browser that follows.

Pages are made in ``.build/preview`` when a reader opens them and again when something that they
use is saved, HTML alone; ``_output/`` and what a build stores stay as they are. See
:mod:`publish.live` for how little of a page runs again. Figures are drawn once, for wide screens:
the second drawing, for phones, waits for the build.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from watchfiles import awatch

from publish import engines, execute, inputs, render, resources, website, widgets
from publish.engines import Engine
from publish.execution import Execution, with_results
from publish.files import inventory
from publish.live import FORKS, Abandoned, LivePage, Snapshots
from publish.page import Page, read
from publish.preview_server import Server
from publish.project import Project, PublishError, require_own

NOTICED = 50  # milliseconds without another change, after which some are one


class Preview:
    """Pages as their sources are now, made one after the other in a thread of their own.

    ``tell(path)`` is called, in that thread, when there is something new about a page: its
    ``version``, or ``errors``.
    """

    def __init__(self, project: Project, tell: Callable[[str], None]):
        self.project, self.tell = project, tell
        self.staging, self._fresh = project.cache / "preview", project.cache / "preview-new"
        self.errors: dict[str, str] = {}
        self.version: dict[str, int] = {}
        self.busy: set[str] = set()
        self.open: set[str] = set()
        self._current: set[str] = set()  # pages that are made as their sources are
        self._known: set[str] = set()  # of these it is known what they use
        self._live: dict[str, LivePage] = {}
        self._titles: dict[str, str] = {}
        self._pages: dict[str, Page] = {}  # as they could be read last
        self._thread = ThreadPoolExecutor(1)
        self._beside = ThreadPoolExecutor(1)
        for folder in (self.staging, self._fresh):
            shutil.rmtree(folder, ignore_errors=True)
        website.assets(project, self.staging)
        self._snapshots = Snapshots(project) if FORKS else None
        self._thread.submit(self._read_all)
        self._data_is_old = True

    def opened(self, path: str) -> None:
        """A reader has a page before them: make it, unless it is as its sources are."""
        self.open.add(path)
        if path not in self._current and path not in self.busy:
            self._ask_for(path)

    def changed(self, paths: set[Path]) -> None:
        """Make what some files concern anew: open pages at once, others when they are opened."""
        root = self.project.root
        names = {path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root)}
        config = {"_quarto.yml", *self.project.config.get("metadata-files", [])}
        shared = {*config, self.project.config["bibliography"]} & names
        shared |= {name for name in names if name.startswith("theme/")}
        if any(name.startswith("code/publish/") for name in names):
            print("code/publish has changed: start `make preview` again to see it", flush=True)
        new = {name for name in names if name.endswith(".qmd")} - set(self.project.pages)
        if config & names or new:
            try:
                self.project = _read_whole(root)
            except PublishError as error:
                for path in self.open:
                    self.errors[path] = str(error)
                    self.tell(path)
                return
        for live in list(self._live.values()):
            live.abandon()
        self._thread.submit(self._concerned, paths, names, bool(shared or new))
        if any(name.startswith(("code/", "data/", "theme/widgets/")) for name in names):
            self._data_is_old = True

    def close(self) -> None:
        for live in list(self._live.values()):
            live.abandon()
        for pool in (self._thread, self._beside):
            pool.shutdown(cancel_futures=True)
        for live in self._live.values():
            live.close()
        if self._snapshots is not None:
            self._snapshots.close()

    # In the thread ------------------------------------------------------------------------------

    def _read_all(self) -> None:
        """Read all pages for their titles; one that cannot be read has its path for now."""
        for path in self.project.pages:
            with suppress(PublishError):
                self._pages[path] = read(path, self.project.root)
        known = list(self._pages.values())
        self._titles = {path: path for path in self.project.pages} | website.titles(known)

    def _concerned(self, paths: set[Path], names: set[str], shared: bool) -> None:
        if shared:
            website.assets(self.project, self.staging)
            self._read_all()
        for path in self.project.pages:
            live = self._live.get(path)
            again = live is not None and live.forget(paths)
            # Of one that has not run to the end it is not known what it uses.
            again = again or path not in self._known
            if again or shared or path in names or path in self.errors:
                self._current.discard(path)
            if path in self.open and path not in self._current:
                self._ask_for(path)

    def _ask_for(self, path: str) -> None:
        self.busy.add(path)
        self.tell(path)
        self._thread.submit(self._make, path)

    def _make(self, path: str) -> None:
        if path in self._current:
            return  # asked for twice
        ready, page = path in self._known, None
        self._known.discard(path)
        try:
            page = read(path, self.project.root)
            self._show(page, self._results(page, ready))
        except Abandoned:
            return  # what has changed asks for it anew
        except PublishError as error:
            self.errors[path] = str(error)
        except Exception as error:  # the preview goes on, whatever a page does to a library
            self.errors[path] = f"{path}: {type(error).__name__}: {error}"
        else:
            self.errors.pop(path, None)
        self._current.add(path)
        self.busy.discard(path)
        self.tell(path)
        self._beside.submit(self._write_data)
        if page is not None and path not in self.errors:
            with suppress(PublishError, Abandoned):
                self._page(path).run(page)  # where stored results were shown: be ready
                self._known.add(path)

    def _page(self, path: str) -> LivePage:
        if path not in self._live:
            self._live[path] = LivePage(path, self.project, self._snapshots)
        return self._live[path]

    def _results(self, page: Page, ready: bool) -> list[dict]:
        """What the cells give: until they have run here, as a build has stored it, if it stands."""
        if not ready:
            stored = Execution(page, self.project)
            if stored.stale is None:
                return stored.results
        return self._page(page.path).run(page)

    def _show(self, page: Page, results: list[dict]) -> None:
        """Write a page's HTML, with its version."""
        known = self._pages.get(page.path)
        self._pages[page.path] = page
        if known is None or known.metadata["title"] != page.metadata["title"]:
            self._titles |= website.titles([page])
        notebook = with_results(page, results)
        with ThreadPoolExecutor(1) as beside:
            own = beside.submit(resources.find, page, self.project, render.prose(notebook))
            site = website.navigation(page, self._titles, self.project)
            # Beside the last good page, which stays where this one has a fault.
            render.html(page, notebook, self.project, self._fresh, site, [])
            resources.copy(own.result(), self.project, self.staging)
        for name in (f"{page.stem}_files", f"{page.stem}.html"):
            shutil.rmtree(self.staging / name, ignore_errors=True)
            if (self._fresh / name).exists():
                (self.staging / name).parent.mkdir(parents=True, exist_ok=True)
                (self._fresh / name).replace(self.staging / name)
        self.version[page.path] = self.version.get(page.path, 0) + 1

    # Beside it ----------------------------------------------------------------------------------

    def _write_data(self) -> None:
        """Write what the pieces of open pages need, if it may have changed.

        It takes longer than most pages, which do not wait for it; a fault of it is said.
        """
        shown = [page for path, page in list(self._pages.items()) if path in self.open]
        shown = [p for p in shown if any(widgets.PIECE.search(cell.source) for cell in p.cells)]
        if not (self._data_is_old and shown):
            return
        self._data_is_old = False
        before = inventory(self.staging / widgets.FOLDER)
        widgets.forget(self.staging)
        try:
            widgets.write(self.project, shown, self.staging)
        except PublishError as error:
            print(error, file=sys.stderr, flush=True)
        if inventory(self.staging / widgets.FOLDER) != before:
            for page in shown:
                self.version[page.path] = self.version.get(page.path, 0) + 1
                self.tell(page.path)


def _read_whole(root: Path) -> Project:
    """The project as it is described now; raises PublishError where that is not valid."""
    project = Project(root)
    list(project.reading_order())
    return project


async def follow(preview: Preview) -> None:
    """Tell a preview of what is saved in its project, until it is stopped."""
    root, output = preview.project.root, preview.project.output
    folders = [
        path for path in root.iterdir()
        if path.is_dir() and path != output and not path.name.startswith(".")
    ]  # fmt: skip

    def wanted(_: object, path: str) -> bool:
        name = Path(path).name
        return not (
            "__pycache__" in path or name.startswith((".", *inputs.NOISE))
            or name.endswith((*inputs.NOISY_ENDINGS, "~"))
        )  # fmt: skip

    async def watch(*paths: Path, recursive: bool) -> None:
        async for found in awatch(
            *paths, watch_filter=wanted, step=NOTICED, recursive=recursive, debounce=1000
        ):
            preview.changed({Path(path) for _, path in found})

    # The folder itself without what lies in it: environments and caches are large.
    await asyncio.gather(watch(*folders, recursive=True), watch(root, recursive=False))


async def serve(project: Project, port: int) -> None:
    """Serve a project's pages until the program is interrupted."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    server: Server | None = None

    def tell(path: str) -> None:
        if server is not None:
            loop.call_soon_threadsafe(server.tell, path)

    preview = Preview(project, tell)
    try:
        server = Server(preview, project, port)
        print(f"{server.address} shows the pages as you save them, until you press Ctrl+C",
              flush=True)  # fmt: skip
        with suppress(NotImplementedError):  # on Windows there is only Ctrl+C
            loop.add_signal_handler(signal.SIGTERM, told.set)
        watching = asyncio.ensure_future(follow(preview))
        ended = asyncio.ensure_future(told.wait())
        done, _ = await asyncio.wait({watching, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await asyncio.to_thread(preview.close)


def main(
    engine: Annotated[Engine, typer.Option(help="Who makes the pages.")] = Engine.BUILTIN,
    port: Annotated[int, typer.Option(help="Port to serve at; another one if it is taken.")] = 8001,
) -> None:
    """Show the site in a browser as its sources are saved."""
    project = Project()
    try:
        require_own(Path.cwd())
        if engine is not Engine.BUILTIN:
            program, reason = engines.find_quarto(project)
            if program:
                raise SystemExit(subprocess.call([program, "preview"], cwd=project.root))
            if engine is Engine.QUARTO:
                raise PublishError(f"Quarto was asked for but cannot be used: {reason}")
        execute.require_kernel()
        asyncio.run(serve(project, port))
    except PublishError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    typer.run(main)
