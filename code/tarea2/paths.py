"""Where things lie: the folders of data, and files that appear whole or not at all.

In a checkout (or the archive that is handed in) everything lies below its ``data/``. Installed
elsewhere, the package brings the stored results and models along and never writes beside itself:
what a user trains goes below the current folder, downloads into the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pooch

_PACKAGE = Path(__file__).resolve().parent
_ABOVE = _PACKAGE.parents[1]
# The checkout that this package lies in; None where it was installed.
CHECKOUT = _ABOVE if _PACKAGE.parent.name == "code" and (_ABOVE / "data").is_dir() else None
ROOT = CHECKOUT or Path.cwd()
STORED = CHECKOUT / "data" if CHECKOUT else _PACKAGE / "stored"  # what belongs to the project
RESULTS = STORED / "results"  # one JSON per run
MODELS = STORED / "models"  # weights, each with a card
OWN = ROOT / "data" / "own"  # results/, models/ and runs/ of one's own studies
CHECKPOINTS = ROOT / "data" / "runs"  # trainings that were interrupted, weights that wait
RAW = CHECKOUT / "data" / "raw" if CHECKOUT else Path(pooch.os_cache("tarea2"))  # downloads
DATA_DIR = "TAREA2_DATA_DIR"  # environment variable: where data lies that is already there
# Ends the name of a temporary file, and tells on which machine its process runs.
_MARK = f"{hashlib.sha256(platform.node().encode()).hexdigest()[:6]}.part"


def require_own(folder: Path) -> None:
    """Refuse to work where a folder belongs to another checkout than the code that runs.

    A project that was copied with its environment runs the first one's code, which would read and
    write the first one's ``data/``.

    Raises
    ------
    ValueError: the folder belongs to another checkout.
    """
    if CHECKOUT is None:
        return
    for place in (folder, *folder.parents):
        if (place / "code" / "tarea2" / "paths.py").is_file():
            if not place.samefile(CHECKOUT):
                raise ValueError(
                    f"this is {place}, and the code that runs belongs to {CHECKOUT}: run "
                    "`python3 make.py setup` here, which makes .venv anew"
                )
            return


def short(path: Path) -> str:
    """A path as messages show it: from the project's root on, where it lies there."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def digest_of_package() -> str:
    """What tells two versions of this package apart: a digest of its sources."""
    sources = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        sources.update(path.relative_to(_PACKAGE).as_posix().encode())
        sources.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return sources.hexdigest()[:12]


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it takes the place of ``path`` when the block ends well.

    No reader ever sees half of a file, and nothing is left behind when the block fails. What a
    process that was killed has left in the folder is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{_MARK}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        # Nobody knows the temporary name, and a full disk names no file at all.
        if error.errno is not None and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # the error that ended the block is the one to hear of
            temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the temporary files of :func:`replacing` whose process is no longer alive."""
    for path in folder.glob(f".*.{_MARK}"):
        process = path.name.removesuffix(f".{_MARK}").rpartition(".")[2]
        with suppress(OSError):
            if process.isdigit() and not _alive(int(process), path):
                path.unlink()


def _alive(process: int, path: Path) -> bool:
    if os.name == "nt":  # to ask for a process by its number would end it there
        return time.time() - path.stat().st_mtime < 3600
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is somebody else's
    return True
