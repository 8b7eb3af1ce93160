"""What the preview shows in a browser: its pages, each with a script that listens for changes."""

from __future__ import annotations

import asyncio
import json
import logging
import mimetypes
import time
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from publish.project import Project

if TYPE_CHECKING:
    from publish.preview import Preview

HOST = "127.0.0.1"  # reached from this machine only
SCRIPT = Path(__file__).with_name("preview.js")
EVENTS, CODE = "/_preview/events", "/_preview/preview.js"
STILL_THERE = 15  # seconds after which a silent connection is tried
WAITING = (
    '<!DOCTYPE html><html lang="es"><meta charset="utf-8"><title>Vista previa</title>'
    "<body><main><p>Esta página se está construyendo…</p></main></body></html>"
)


class Server:
    """A server of a preview; ``address`` is where it is."""

    def __init__(self, preview: Preview, project: Project, port: int):
        self.preview, self.project = preview, project
        self.began = time.time_ns()  # versions of an earlier preview are others
        self.listeners: dict[str, list[asyncio.Event]] = {}
        logging.getLogger("tornado.access").setLevel(logging.ERROR)
        given = {"server": self}
        application = Application(
            [(EVENTS, Events, given), (CODE, Script), (r"/(.*)", Files, given)]
        )
        try:
            sockets = bind_sockets(port, HOST)
        except OSError:
            sockets = bind_sockets(0, HOST)
        HTTPServer(application).add_sockets(sockets)
        self.address = f"http://{HOST}:{sockets[0].getsockname()[1]}/"

    def version(self, path: str) -> str:
        return f"{self.began}-{self.preview.version.get(path, 0)}"

    def tell(self, path: str) -> None:
        """There is something new about a page."""
        for event in self.listeners.get(path, []):
            event.set()


class Events(RequestHandler):
    """What is new about a page, as server-sent events, for as long as a browser shows it."""

    def initialize(self, server: Server) -> None:
        self.server, self.changed = server, asyncio.Event()

    async def get(self) -> None:
        path, preview = self.get_query_argument("page"), self.server.preview
        if path not in preview.project.pages:
            raise HTTPError(404)
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("Cache-Control", "no-cache")
        listeners = self.server.listeners.setdefault(path, [])
        listeners.append(self.changed)
        preview.opened(path)
        try:
            while not self.request.connection.stream.closed():
                self.changed.clear()
                told = {
                    "version": self.server.version(path),
                    "error": preview.errors.get(path, ""),
                    "busy": path in preview.busy,
                }
                self.write(f"data: {json.dumps(told)}\n\n")
                await self.flush()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), STILL_THERE)
        except StreamClosedError:
            pass
        except asyncio.CancelledError:  # Ctrl+C; ended here, or Tornado would log an error
            self.finish()
            raise
        finally:
            listeners.remove(self.changed)
            if not listeners:
                preview.open.discard(path)

    def on_connection_close(self) -> None:
        self.changed.set()


class Script(RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.write(SCRIPT.read_bytes())


class Files(RequestHandler):
    """Files of the preview, and what it does not make as the last build left it."""

    def initialize(self, server: Server) -> None:
        self.server = server

    def get(self, name: str) -> None:
        name = unquote(name) or "index.html"
        preview, project = self.server.preview, self.server.project
        found = _file(name, [preview.staging, project.cache / "site"])
        source = name.removesuffix(".html") + ".qmd"
        self.set_header("Cache-Control", "no-store")
        if name.endswith(".html") and source in preview.project.pages:
            self.write(self._page(source, found.read_text("utf-8") if found else WAITING))
        elif found is not None:
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            self.set_header("Content-Type", kind)
            self.write(found.read_bytes())
        elif name == "site/search-index.js":  # made of all pages, which a preview does not make
            self.set_header("Content-Type", "text/javascript")
            self.write("window.searchIndex = [];")
        else:
            raise HTTPError(404)

    def _page(self, source: str, text: str) -> str:
        """A page with the script that listens for its changes."""
        version = self.server.version(source)
        script = f'<script src="{CODE}" data-page="{escape(source)}" data-version="{version}">'
        head, end, tail = text.rpartition("</body>")
        return f"{head}{script}</script>\n{end}{tail}"


def _file(name: str, folders: list[Path]) -> Path | None:
    """The first folder's file of that name; nothing outside of the folders."""
    for folder in folders:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            return path
    return None
