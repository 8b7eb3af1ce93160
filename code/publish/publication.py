"""The finished site in ``_output/``, beside what a reader keeps there.

A build replaces what a build made and nobody has changed since. What a reader changed, such as a
notebook with answers, or put there stays, and is named. Files are written one by one, each whole,
through the links and mounts that lead to where the site is synchronised or served.

``.build/published.json`` holds what is known: ``site``, the folder that was published last;
``made``, the digest of each of its files; ``known``, for each file of ``_output/`` the digests that
a build has given it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from publish.files import file_digest, inventory, read_json, write_atomically
from publish.project import Project, PublishError

SHOWN = 5  # names that are told at most, of each kind


class HalfPublished(PublishError):
    """``_output/`` could not be written to the end; the next build goes on."""


def publish(project: Project, site: Path) -> list[str]:
    """Bring ``_output/`` up to date with a finished site; returns what there is to say.

    Raises :class:`HalfPublished` where a file cannot be written.
    """
    output, made = project.output, inventory(site)
    known = _mark(project)["known"]
    found = {name: file_digest(output / name) for name in {*known, *made}}
    kept = {
        name for name, digest in found.items()
        if digest is not None and digest not in (made.get(name), *known.get(name, ()))
    }  # fmt: skip
    fresh = {name for name in made if found[name] != made[name]} - kept
    stale = {name for name in known if name not in made and found[name] is not None} - kept
    # Noted before and after: a build that is stopped in between finds its files to be its own.
    both = {name: [*known.get(name, ()), made[name]] for name in fresh}
    _note(project, site, made, known | both)
    # Pages come last: what they show is there already.
    for name in sorted(fresh, key=lambda name: (name.endswith(".html"), name)):
        try:
            # A link stays: what it leads to is written.
            write_atomically((output / name).resolve(), (site / name).read_bytes())
        except OSError as error:
            raise HalfPublished(
                f"{_short(project, name)} cannot be written ({error.strerror}): see to it, and "
                "build again"
            ) from None
    for name in stale:
        (output / name).unlink()
    _remove_empty(output, stale)
    ours = {name: [digest] for name, digest in made.items() if name not in kept}
    ours |= {name: known[name] for name in kept & set(known)}
    _note(project, site, made, ours)
    return [*_told_kept(project, site, kept, made), *_told_own(project, {*made, *known})]


def intact(project: Project) -> tuple[Path, list[str]]:
    """A folder that holds the site as it was published last, and what a reader has changed of it.

    Raises :class:`PublishError` where no such folder is left.
    """
    mark, output = _mark(project), project.output
    changed = [name for name, each in mark["made"].items() if file_digest(output / name) != each]
    if not changed:
        return output, []
    site = project.root / mark["site"]
    if any(file_digest(site / name) != each for name, each in mark["made"].items()):
        raise PublishError(
            f"{_short(project, changed[0])} is not as the build left it, and .build/ holds another "
            "build: run `make report` first"
        )
    return site, changed


def adopt(project: Project, before: dict[str, str]) -> None:
    """Know what another program made in ``_output/`` since ``before``, the inventory of then."""
    mark = _mark(project)
    made = {n: each for n, each in inventory(project.output).items() if before.get(n) != each}
    known = mark["known"] | {name: [digest] for name, digest in made.items()}
    _note(project, project.output, mark["made"] | made, known)


def _mark(project: Project) -> dict:
    """What the last build has noted; what is missing, cut or of another make says nothing."""
    mark = read_json(_place(project))
    if isinstance(mark, dict) and set(mark) == {"site", "made", "known"}:
        return mark
    before = mark if isinstance(mark, dict) else {}
    files = {name: each for name, each in before.items() if isinstance(each, str)}
    return {"site": "", "made": {}, "known": {name: [each] for name, each in files.items()}}


def _note(project: Project, site: Path, made: dict, known: dict) -> None:
    mark = {"site": site.relative_to(project.root).as_posix(), "made": made, "known": known}
    write_atomically(_place(project), json.dumps(mark))


def _place(project: Project) -> Path:
    return project.cache / "published.json"


def _remove_empty(output: Path, removed: set[str]) -> None:
    """Remove the folders that have lost their last file, from the inside out."""
    folders = {parent for name in removed for parent in Path(name).parents} - {Path(".")}
    for folder in sorted(folders, key=lambda path: -len(path.parts)):
        place = output / folder
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            place.rmdir()


def _told_kept(project: Project, site: Path, kept: set[str], made: dict) -> Iterator[str]:
    for name in sorted(kept)[:SHOWN]:
        new = f"; the build's own is {site.relative_to(project.root).as_posix()}/{name}"
        yield (
            f"  Kept as you changed it: {_short(project, name)}"
            f"{new if name in made else ', which the site has no more'}"
        )
    if len(kept) > SHOWN:
        yield f"  … and {len(kept) - SHOWN} more"
    if kept:
        yield "  Rename or remove what you changed, and the next build puts its own there"


def _told_own(project: Project, ours: set[str]) -> Iterator[str]:
    """One line about the files of ``_output/`` that are none of the site's."""
    output = project.output
    own = sorted(
        name
        for folder, _, files in os.walk(output)
        for name in (Path(folder, file).relative_to(output).as_posix() for file in files)
        if name not in ours
    )
    if own:
        more = f" and {len(own) - SHOWN} more" if len(own) > SHOWN else ""
        yield f"  Kept in {output.name}/, not of the site: {', '.join(own[:SHOWN])}{more}"


def _short(project: Project, name: str) -> str:
    return f"{project.output.relative_to(project.root).as_posix()}/{name}"
