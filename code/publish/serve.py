"""``python -m publish.serve``: open the finished site in a browser, through a server.

Pages that Quarto made load their search as modules, which browsers refuse from disk. The built-in
renderer's pages work either way.
"""

from __future__ import annotations

import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from publish.project import Project, PublishError, require_own

HOST, PORT = "127.0.0.1", 8000  # reached from this machine only


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each request."""

    def log_message(self, *_: object) -> None:
        pass


def server(folder: Path, port: int = PORT) -> ThreadingHTTPServer:
    """A server of a folder's files on a port, or on a free one where that is taken."""
    handler = partial(Quiet, directory=str(folder))
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError:
        return ThreadingHTTPServer((HOST, 0), handler)


def main() -> int:
    output = Project().output
    try:
        require_own(Path.cwd())
    except PublishError as error:
        print(error, file=sys.stderr)
        return 1
    if not (output / "index.html").exists():
        print(f"There is no site in {output.name}/ yet: run `make report` first", file=sys.stderr)
        return 1
    with server(output) as found:
        address = f"http://{HOST}:{found.server_port}/"
        print(f"{address} shows {output.name}/ until you press Ctrl+C", flush=True)
        webbrowser.open(address)
        try:
            found.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
