"""Which of the project's files are packed: those that belong to it, and nothing that lies by them.

What belongs to the project is what git tracks. Where there is no git, it is what the list in an
unpacked archive names; where that is missing too, every file that is no copy by its name. What a
link leads to is packed only if it is a file that belongs to the project itself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from publish.project import PublishError

LIST = "ARCHIVOS.txt"  # in an archive: the project's files that it was made with
# What Python and the system leave in a folder; it is not even named.
NOISE = ("__pycache__", ".pyc", ".egg-info", ".DS_Store")
# What editors and synchronised folders leave beside a file.
COPIES = (
    "*~", "#*#", "*.bak", "*.orig", "*.rej", "*.sw?", "*.tmp", "*conflict*copy*", "*copia en conf*",
)  # fmt: skip


@dataclass
class Choice:
    """The files to pack by their place in the project, and what was left out, each with why."""

    files: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Belongings:
    """What belongs to the project in the folder ``root``.

    Raises :class:`PublishError` where git's files are there and git cannot read them: to take
    everything then would pack what nobody has looked at. Without ``strict`` it is taken.
    """

    root: Path
    strict: bool = True

    @cached_property
    def tracked(self) -> set[str] | None:
        """What git tracks; ``None`` where the folder is no checkout of this project."""
        try:
            found = _git(self.root, "ls-files", "-z")
        except (OSError, subprocess.CalledProcessError) as error:
            if not self.strict or not (self.root / ".git").exists():
                return None
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[0]
            raise PublishError(
                f"git cannot tell which files belong to the project ({said}); see that "
                f"`git status` works in {self.root.name}/"
            ) from None
        # A folder that was unpacked inside of another repository is none of its files.
        return found if "_quarto.yml" in found else None

    @cached_property
    def listed(self) -> set[str] | None:
        """What the list of an unpacked archive names; ``None`` where there is none."""
        path = self.root / LIST
        return set(path.read_text("utf-8").splitlines()) if path.is_file() else None

    @property
    def rule(self) -> str:
        """What was taken for the project's own, in a sentence."""
        if self.tracked is not None:
            return "Packed: what git tracks, and what the build made"
        if self.listed is not None:
            return f"This folder is no git checkout: packed is what its {LIST} names"
        return (
            f"This folder is no git checkout and has no {LIST}: assumed that every file belongs to "
            "the project, copies by their names apart"
        )

    def why_not(self, name: str) -> str | None:
        """Why a file is left out; ``None`` if it is packed."""
        path = self.root / name
        if os.path.islink(path) or path.resolve() != self.root.resolve() / name:
            inside = path.resolve()
            if not inside.is_relative_to(self.root.resolve()):
                return "a link that leads outside the project"
            if not inside.exists():
                return "a link that leads nowhere"
            if reason := self._foreign(inside.relative_to(self.root.resolve()).as_posix()):
                return f"a link to what is left out: {reason}"
        if reason := self._foreign(name):
            return reason
        if not path.exists():
            return "tracked by git, but deleted here: `git checkout` brings it back"
        return None if path.is_file() else "not a file"

    def changed(self) -> set[str]:
        """Tracked files that are not as in the last commit; they are packed as they are."""
        if self.tracked is None:
            return set()
        try:
            return _git(
                self.root, "diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD"
            )
        except subprocess.CalledProcessError:  # nothing is committed yet
            return set(self.tracked)

    def choose(self, files: list[str], folders: list[str], setting: str) -> Choice:
        """Choose among the files that a setting of the project names and those below its folders.

        Raises :class:`PublishError` for a file that is missing.
        """
        choice = Choice()
        names = {name for folder in folders for name in _below(self.root, folder)}
        names |= {
            name
            for name in self.tracked or ()
            for folder in folders
            if name.startswith(f"{folder}/")
        }
        for name in sorted({*files, *names}):
            if name in files and not (self.root / name).exists():
                raise PublishError(f"_quarto.yml: {setting} names {name}, which is missing")
            reason = self.why_not(name)
            if reason is None:
                choice.files[name] = self.root / name
            else:
                choice.left_out[name] = reason
        return choice

    def _foreign(self, name: str) -> str | None:
        """Why a name is none of the project's; ``None`` if it is one."""
        if self.tracked is not None:
            return None if name in self.tracked else "not tracked by git"
        if self.listed is not None:
            return None if name in self.listed else f"not in {LIST}"
        if any(part.startswith(".") for part in name.split("/")):
            return "hidden"
        base = name.rpartition("/")[2]
        return "a copy by its name" if any(fnmatch(base.lower(), each) for each in COPIES) else None


def _below(root: Path, folder: str) -> Iterator[str]:
    """Files and links below a folder; what a link leads to is not entered."""
    for at, folders, files in os.walk(root / folder):
        folders[:] = [name for name in folders if not name.endswith(NOISE)]
        links = [name for name in folders if os.path.islink(os.path.join(at, name))]
        for name in (*files, *links):
            if not name.endswith(NOISE):
                yield Path(at, name).relative_to(root).as_posix()


def _git(root: Path, *arguments: str) -> set[str]:
    """The names that git answers with, relative to ``root``."""
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=True
    )
    return {name for name in done.stdout.split("\0") if name}
