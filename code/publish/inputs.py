"""What an executed page depends on, and whether that is still as it was.

The kernel tells what it used (:mod:`publish.watch`); here this becomes a record that any later
build can check by hashing the same files again: the modules of the project's own packages, files
that were read, folders that were listed, what was looked for and missing, and the versions of the
installed packages that were imported. The order of ``sys.path`` has no part in it.
"""

from __future__ import annotations

import os
import platform
import site
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path

from publish.files import file_digest

# What is here changes without any page changing: caches, sessions, this build's own files.
OWN_FOLDERS = (".build", ".quarto", "_freeze", ".git", ".venv")
NOISE = ("fontlist-", "ipykernel_", ".matplotlib-lock")
NOISY_ENDINGS = (".pyc", ".egg-info", ".dist-info", ".quarto_ipynb")


def skipped(root: Path, output: Path) -> list[str]:
    """Beginnings of paths that are no inputs: Python itself, the system, caches, our own output."""
    system = ["/usr", "/lib", "/etc", "/proc", "/sys", "/dev", "/System", "/Library"]
    system += [os.environ.get("SYSTEMROOT", "")]
    paths = sysconfig.get_paths()
    python = [sys.prefix, sys.base_prefix, paths["stdlib"], paths["platlib"], paths["purelib"]]
    python += [site.getusersitepackages() or ""]
    home = [Path.home() / name for name in (".ipython", ".jupyter", ".local/share/jupyter")]
    home += [Path.home() / "Library" / "Jupyter"]
    own = [root / name for name in OWN_FOLDERS] + [output]
    # A project may live inside of one of the others; they have no say in it then.
    shared = [
        path
        for path in map(str, [*system, *python, *home])
        if path and not root.is_relative_to(path)
    ]
    return [path + os.sep for path in [*shared, *map(str, own)]]


# Bytes: no file system has longer names.
LONGEST_NAME = 255


def record(told: dict, root: Path, watched: list[str]) -> dict:
    """The record of an execution from what its kernel told.

    ``watched`` names the environment variables that pages depend on.
    """
    outside = tuple(skipped(root, root / ".build"))
    files: dict[str, str | None] = {}
    packages = set()
    for name, path in told["modules"].items():
        if path.startswith(outside):
            packages.add(name.partition(".")[0])
        elif Path(path).parent != Path(__file__).parent:
            files[_shown(path, root)] = file_digest(Path(path))
    for path, how in told["used"].items():
        name = Path(path).name
        if how["use"] == "written" or name.startswith(NOISE) or name.endswith(NOISY_ENDINGS):
            continue
        if "__pycache__" in Path(path).parts or _shown(path, root) in files:
            continue
        if "\n" in path or any(len(part.encode()) > LONGEST_NAME for part in Path(path).parts):
            continue  # text that a library tried as a file's name before it took it as text
        folder = Path(path).is_dir()
        if folder and how["use"] != "listed":
            files[_shown(path, root) + "/"] = "folder"
        elif folder or _stamp(path) == how["stamp"]:
            files[_shown(path, root)] = file_digest(Path(path))
        else:
            files[_shown(path, root)] = "changed while the page was executed"
    versions = {}
    for package in packages:
        for distribution in _distributions().get(package, []):
            versions[distribution] = metadata.version(distribution)
    return {
        "files": dict(sorted(files.items())),
        "versions": dict(sorted(versions.items())),
        "python": platform.python_version(),
        "environment": {name: os.environ.get(name) for name in watched},
    }


def change(
    known: dict, root: Path, hashed: Callable[[Path], str | None] = file_digest
) -> str | None:
    """The first input that is not as it was, in words, or ``None`` if all are.

    ``hashed`` gives a file's hash as it is now; pages that use the same files may share what it
    found.
    """
    if known["python"] != platform.python_version():
        return f"Python {known['python']} was used before"
    for name, value in known["environment"].items():
        if os.environ.get(name) != value:
            return f"{name} has another value"
    for name, value in known["versions"].items():
        if _version(name) != value:
            return f"{name} {value} was used before"
    for name, value in known["files"].items():
        path = root / name
        if value == "folder":
            if not path.is_dir():
                return f"{name} is no longer there"
        elif hashed(path) != value:
            return f"{name} is new" if value is None else f"{name} has changed"
    return None


@cache
def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: sorted(set(found)) for name, found in metadata.packages_distributions().items()}


def _shown(path: str, root: Path) -> str:
    """Relative to the project where it lies there, so that a project can be moved."""
    found = Path(path)
    return found.relative_to(root).as_posix() if found.is_relative_to(root) else str(found)


def _stamp(path: str) -> list[int] | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return [state.st_mtime_ns, state.st_size]
