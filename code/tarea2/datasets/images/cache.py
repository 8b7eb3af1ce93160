"""Arrays of large data in a file, found again as long as nothing has changed that decides them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tarea2 import paths, records

META: records.Fields = {
    "data": dict, "layout": dict, "splits": dict, "names": list, "files": dict, "shares": list,
    "valid_size": (list, type(None)), "bytes": int,
}  # fmt: skip


def default_folder() -> Path:
    """Where caches lie if nobody says so: below the current folder."""
    return Path.cwd() / "data" / "own" / "cache"


def place(
    folder: Path, roots: Sequence[Path], pictures: Sequence[Path], others: Sequence[Path],
    wishes: str,
) -> Path:  # fmt: skip
    """The file for arrays, whose name says all that decides them.

    It has three parts: of the ``roots``, the folders that were given; of the data and this
    package, which make what they hold; and of what a user ``wishes``. Of ``pictures`` sizes and
    times count, of ``others``, such as lists of splits, all that they hold.
    """
    data = [paths.digest_of_package()]
    for path in pictures:
        known = path.stat()
        data.append(f"{path.resolve()} {known.st_size} {known.st_mtime_ns}")
    for path in others:
        held = path.read_bytes() if path.is_file() else b""
        data.append(f"{path.resolve()} {hashlib.sha256(held).hexdigest()}")
    parts = ["\n".join(str(root.resolve()) for root in roots), "\n".join(data), wishes]
    name = "-".join(hashlib.sha256(part.encode()).hexdigest()[:12] for part in parts)
    return folder / f"{name}.bytes"


def found(file: Path) -> dict[str, Any] | None:
    """What is known of arrays that lie in a file; None where they are not whole."""
    record = file.with_suffix(".json")
    if not (file.is_file() and record.is_file()):
        return None
    try:
        meta = records.read(record, META)
    except records.ResultError:
        return None
    return meta if meta["bytes"] == file.stat().st_size else None


def keep(file: Path, meta: dict[str, Any]) -> None:
    """Store what is known of arrays, and remove those of the same folders as they were before."""
    records.write(file.with_suffix(".json"), meta, META)
    roots, data, _ = file.stem.split("-")
    for path in file.parent.glob(f"{roots}-*"):
        if path.stem.split("-")[1] != data:
            path.unlink(missing_ok=True)
