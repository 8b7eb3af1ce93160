"""``make entrega``: everything that is handed in, in one archive that is always the same bytes."""

from __future__ import annotations

import io
import posixpath
import re
import sys
import time
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from publish import wheel
from publish.files import MADE, write_atomically
from publish.packing import LIST, Belongings
from publish.project import Project, PublishError, require_own
from publish.publication import intact

DATE = time.gmtime(MADE)[:6]  # of every entry: the archive must not say when it was made
MB = 1_000_000  # the smaller of the two that platforms mean
LIMIT, LIGHT_LIMIT = 20 * MB, 10 * MB
LINK = re.compile(r"\[([^\[\]]*)\]\(([^():#]+)\.ipynb\)")


@dataclass(frozen=True)
class Packed:
    """An archive and what there is to say about it, one line each."""

    path: Path
    told: list[str]


def archive(project: Project, site: Path, target: Path, light: bool = False) -> Packed:
    """Write the archive from the site in a folder to ``target``.

    ``publish.submission`` in ``_quarto.yml`` says where things go, and what the light form leaves
    out. Raises :class:`PublishError` if a page of the site or its wheel is missing.
    """
    wanted = project.settings.submission
    if wanted is None:
        raise PublishError("_quarto.yml: publish has no submission, so there is nothing to pack")
    own = Belongings(project.root)
    entries = {"LEEME.md": (project.root / wanted["readme"]).read_bytes()}
    left_out: dict[str, str] = {}
    places = _places(project, wanted["pages"])
    for stem in list(places):
        if reason := own.why_not(f"{stem}.qmd"):
            left_out[f"{stem}.qmd"] = reason
            del places[stem]
    for stem, place in places.items():
        entries[f"{place}.pdf"] = _made(site, f"{stem}.pdf")
        entries[f"{place}.ipynb"] = _notebook(_made(site, f"{stem}.ipynb"), stem, places)
    if project.settings.wheel:
        (package,) = sorted(site.glob(wheel.pattern(project))) or [None]
        if package is None:
            raise PublishError("the package's wheel is not built yet: run `make report` first")
        entries[package.name] = package.read_bytes()
    source = wanted["project"]
    choice = own.choose(source["files"], source["folders"], "publish.submission")
    left_out |= choice.left_out
    for name, path in choice.files.items():
        entries[posixpath.join(source["into"], name)] = path.read_bytes()
    told = [own.rule]
    if light:
        entries, without = _lighter(project, entries)
        told += [f"Light form, without {pattern}: {n} fewer" for pattern, n in without.items()]
    prefix = f"{source['into']}/"
    names = sorted(name.removeprefix(prefix) for name in entries if name.startswith(prefix))
    entries[posixpath.join(source["into"], LIST)] = ("\n".join(names) + "\n").encode()
    _write(target, entries)
    told += [f"Left out: {name} ({reason})" for name, reason in sorted(left_out.items())]
    told += [f"Left out in all: {len(left_out)}"] if left_out else ["Nothing was left out"]
    changed = own.changed() & {*choice.files, *(f"{stem}.qmd" for stem in places)}
    told += [f"Changed since the last commit, packed as it is: {name}" for name in sorted(changed)]
    return Packed(target, told)


def size(path: Path, light: bool) -> str:
    """How large an archive is, against what platforms of courses take."""
    found, limit = path.stat().st_size, LIGHT_LIMIT if light else LIMIT
    text = f"{found / MB:.1f} MB, of {limit // MB} MB that many platforms take"
    if found <= limit:
        return text
    return f"{text}: TOO LARGE" + ("" if light else "; `make entrega LIGHT=1` packs less")


def _lighter(
    project: Project, entries: dict[str, bytes]
) -> tuple[dict[str, bytes], dict[str, int]]:
    """The entries of the light form, and how many each of its patterns took away."""
    assert project.settings.submission is not None
    wanted = project.settings.submission.get("light")
    if wanted is None:
        raise PublishError("_quarto.yml: publish.submission has no light form")
    gone = {each: [name for name in entries if fnmatch(name, each)] for each in wanted["without"]}
    dropped = {name for names in gone.values() for name in names}
    kept = {name: content for name, content in entries.items() if name not in dropped}
    kept["LEEME.md"] += b"\n" + (project.root / wanted["note"]).read_bytes()
    return kept, {pattern: len(names) for pattern, names in gone.items()}


def _write(target: Path, entries: dict[str, bytes]) -> None:
    """Write the archive: the same entries give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in sorted(entries):
            info = zipfile.ZipInfo(f"entrega/{name}", DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # else it says whether it was made on Windows
            info.external_attr = 0o644 << 16
            file.writestr(info, entries[name])
    write_atomically(target, content.getvalue())


def _places(project: Project, wanted: dict[str, str]) -> dict[str, str]:
    """Where the files of each page go, without their endings; the first pattern that fits counts.

    ``folder/: a/*.qmd`` keeps the names of the pages, ``name: a/b.qmd`` gives another one.
    """
    found = {}
    for page in project.pages:
        for place, pattern in wanted.items():
            if fnmatch(page, pattern):
                stem = Path(page).stem
                found[page.removesuffix(".qmd")] = place + stem if place.endswith("/") else place
                break
    return found


def _notebook(content: bytes, stem: str, places: dict[str, str]) -> bytes:
    """A notebook whose links to others lead to where these lie in the archive."""
    book = nbformat.reads(content.decode("utf-8"), as_version=4)
    here = posixpath.dirname(places[stem])

    def relink(link: re.Match) -> str:
        page = posixpath.normpath(posixpath.join(posixpath.dirname(stem), link[2]))
        if page not in places:
            return link[1]  # it is not handed in
        return f"[{link[1]}]({posixpath.relpath(places[page], here or '.')}.ipynb)"

    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(relink, cell.source)
    return (nbformat.writes(book) + "\n").encode("utf-8")


def _made(site: Path, name: str) -> bytes:
    path = site / name
    if not path.exists():
        raise PublishError(f"{name} is not built yet: run `make report` first")
    return path.read_bytes()


def main(
    light: Annotated[bool, typer.Option(help="Pack less, for platforms that take 10 MB.")] = False,
) -> None:
    """Pack everything that is handed in."""
    project = Project()
    name = "entrega-ligera.zip" if light else "entrega.zip"
    try:
        require_own(Path.cwd())
        site, changed = intact(project)
        made = archive(project, site, project.output / name, light)
    except PublishError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    print("\n".join(made.told))
    for place in changed:
        print(f"Changed in {project.output.name}/, packed as the build made it: {place}")
    print(f"{made.path.relative_to(project.root)}: {size(made.path, light)}")


if __name__ == "__main__":
    typer.run(main)
