"""Files that appear whole or not at all, and hashes of what they hold."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any

# Seconds since 1970: the first of January of 2026, which stands for "now" in all that is made. The
# same sources give the same bytes, whenever that is.
MADE = 1767225600


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that no reader ever sees half of it; a file that is the same stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """What a file of a cache holds; ``None`` if it is missing or cut, so that it is made anew."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def digest(*parts: object) -> str:
    """SHA-256 of anything JSON can write."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str | None:
    """SHA-256 of a file's bytes or of a folder's names; ``None`` for what is not there."""
    try:
        if path.is_dir():
            return digest(sorted(p.name for p in path.iterdir() if p.name != "__pycache__"))
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def inventory(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder, by its path relative to it."""
    return {
        path.relative_to(folder).as_posix(): file_digest(path) or ""
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
