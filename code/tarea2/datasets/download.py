"""Files that are published elsewhere: pooch fetches them, and keeps what is whole and right.

Here are what it has no words for: a check of the content, which may be packed in many ways, and
sentences that say whether the network or this machine is at fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch

from tarea2 import paths
from tarea2.datasets.split import DataError
from tarea2.paths import DATA_DIR

TIMEOUT = 30  # seconds without an answer
pooch.get_logger().setLevel("WARNING")  # a bar shows what is fetched, not a line for each file

Processor = Callable[[str, str, Any], str]


class Unavailable(Exception):
    """What is published could not be had; the message says why, in a few words."""


class _WrongContent(ValueError):
    """Pooch tries again after a ValueError."""


@dataclass(frozen=True)
class _Checked:
    """A downloader for pooch: what ``check`` refuses, by a DataError, was not downloaded."""

    check: Callable[[bytes], object]
    progressbar: bool

    def __call__(self, url: str, target: str, source: pooch.Pooch) -> None:
        Path(target).unlink()  # pooch makes it for its owner's eyes only
        pooch.HTTPDownloader(progressbar=self.progressbar, timeout=TIMEOUT)(url, target, source)
        try:
            self.check(Path(target).read_bytes())
        except DataError as error:
            raise _WrongContent(str(error)) from None


def source(folder: Path, address: str, names: Iterable[str], attempts: int = 1) -> pooch.Pooch:
    """Files of these names below an address, kept below a folder; each is tried so often."""
    registry = dict.fromkeys(names)  # without pooch's digests: `fetch` is given a check
    return pooch.create(folder, address, registry=registry, retry_if_failed=attempts - 1)


def fetch(
    published: pooch.Pooch,
    name: str,
    check: Callable[[bytes], object],
    processor: Processor | None = None,
    progressbar: bool = False,
) -> Path:
    """Where a file lies on this machine, downloaded unless it is there.

    Parameters
    ----------
    check: raises DataError for a content that is not the right one.
    processor: of pooch, called with the path of the file.

    Raises
    ------
    Unavailable: no attempt gave the right content. DataError: the folder cannot be written, or the
        processor's.
    """
    folder = Path(published.abspath)
    try:
        # Pooch looks for the folder and makes it in two steps: of two threads, one would fail.
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        return Path(published.fetch(name, processor, _Checked(check, progressbar)))
    except DataError:
        raise
    except _WrongContent as error:
        raise Unavailable(str(error)) from None
    except Exception as error:  # whatever a server answers
        if not _of_this_machine(error):
            raise Unavailable(type(error).__name__) from None
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
        raise DataError(
            f"{folder} cannot be written ({getattr(cause, 'strerror', None) or error}); make it "
            f"writable, or set {DATA_DIR} to a folder that holds {folder.name}/"
        ) from None


def damaged(path: Path, command: str) -> str:
    """Remove a damaged download, so that ``command`` fetches it again; never a user's own file.

    Returns what became of it, as the beginning of a sentence.
    """
    if paths.RAW in path.parents:
        with suppress(OSError):
            path.unlink()
            return (
                f"{paths.short(path)} was damaged and has been removed, run `{command}` to fetch "
                "it again"
            )
    return f"{path} is damaged, replace it"


def _of_this_machine(error: Exception) -> bool:
    """Whether it is the disk that fails: what requests raises has no number."""
    if isinstance(error, PermissionError):
        return True
    network = isinstance(error, ConnectionError | TimeoutError)
    return isinstance(error, OSError) and error.errno is not None and not network
