"""Run inside a page's kernel: note every file that its cells read, list or look for.

Python's audit hooks tell what is opened and listed. That a file was looked for and missing shows
in ``os.stat``, which has no such event, so it is wrapped. What compiled code opens without asking
Python is seen only if Python looked at the file before.

Nothing but the standard library is imported here, and nothing is left in the page's namespace.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from types import FrameType

NAME = "_publish_watch"  # of this module in the kernel's sys.modules
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

_stat = os.stat
_found: dict[str, dict] = {}  # path -> how it was used first
_skipped: tuple[str, ...] = ()


def start(skipped: list[str]) -> None:
    """Begin to take notes; paths that start with one of ``skipped`` do not count."""
    global _skipped
    if NAME in sys.modules:
        return  # the process that this kernel was forked from takes notes already
    _skipped = tuple(skipped)
    sys.modules[NAME] = _as_module()
    sys.addaudithook(_heard)
    _wrap_stat()


def report() -> str:
    """JSON: what was used (``used``), and the files of all modules by name (``modules``)."""
    modules = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and os.path.isabs(path):
            modules[name] = path
    return json.dumps({"used": dict(_found), "modules": modules})


def skip(beginning: str) -> None:
    """Leave out one more path."""
    global _skipped
    _skipped += (beginning,)


def _as_module():
    module = type(sys)(NAME)
    module.report, module.skip = report, skip
    return module


def _heard(event: str, arguments: tuple) -> None:
    if event == "open":
        path, mode, flags = arguments
        writing = set(mode) & set("wax") if isinstance(mode, str) else (flags or 0) & WRITING
        _note(path, "written" if writing else "read", sys._getframe(1))
    elif event in ("os.listdir", "os.scandir"):
        _note(arguments[0] or ".", "listed", sys._getframe(1))
    elif event == "os.mkdir":
        path, _, within = arguments
        if within == -1 and not os.path.lexists(path):
            # What the page makes is its own, with all that is put into it by whatever means.
            skip(os.path.abspath(os.fsdecode(path)) + os.sep)
    elif event == "sqlite3.connect":
        _note(arguments[0], "read", sys._getframe(1))


def _note(path: object, use: str, caller: FrameType | None) -> None:
    if isinstance(path, (int, type(None))) or "\n" in str(path):
        return
    try:
        name = os.path.abspath(os.fsdecode(path))
    except (TypeError, ValueError):
        return
    known = _found.get(name)
    if (name + os.sep).startswith(_skipped) or (
        known and (known["use"] != "seen" or use == "seen")
    ):
        return
    if use != "written" and _imports(caller):
        return  # modules are told by sys.modules, whatever it took to find them
    try:
        state = _stat(name)
        stamp = [state.st_mtime_ns, state.st_size]
    except (FileNotFoundError, NotADirectoryError):
        stamp = None
    except (OSError, ValueError):
        return  # no path at all: IPython asks whether a table's text is a file
    _found[name] = {"use": use, "stamp": stamp}


def _imports(frame: FrameType | None) -> bool:
    name = frame.f_code.co_filename if frame else ""
    machinery = ("importlib", "pkgutil.py", "zipimport.py", "linecache.py", "inspect.py")
    return name.startswith(("<frozen importlib", "<frozen zipimport")) or any(
        part in machinery for part in name.split(os.sep)
    )


def _wrap_stat() -> None:
    @functools.wraps(_stat)
    def stat(path, *args, **kwargs):
        _note(path, "seen", sys._getframe(1))
        return _stat(path, *args, **kwargs)

    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if _stat in supported:
            supported.add(stat)
    os.stat = stat  # type: ignore[assignment]
    for name in ("exists", "isfile", "isdir"):  # on Windows these do not call os.stat
        plain = getattr(os.path, name)
        if not isinstance(plain, type(_wrap_stat)):
            setattr(os.path, name, _noting(plain))


def _noting(plain):
    @functools.wraps(plain)
    def look(path):
        _note(path, "seen", sys._getframe(1))
        return plain(path)

    return look
