"""``make entrega``: everything that is handed in, in one archive that is always the same bytes."""

from __future__ import annotations

import posixpath
import re
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import nbformat

from publish import wheel
from publish.files import write_atomically
from publish.project import Project, PublishError

DATE = (2026, 1, 1, 0, 0, 0)  # of every entry: the archive must not say when it was made
LINK = re.compile(r"\[([^\[\]]*)\]\(([^():#]+)\.ipynb\)")


def archive(project: Project, site: Path, target: Path) -> Path:
    """Write the archive from the site in a folder; returns ``target``.

    ``publish.submission`` in ``_quarto.yml`` says where things go. Raises :class:`PublishError` if
    a page of the site or its wheel is missing.
    """
    wanted = project.settings.submission
    if wanted is None:
        raise PublishError("_quarto.yml: publish has no submission, so there is nothing to pack")
    entries = {"LEEME.md": (project.root / wanted["readme"]).read_bytes()}
    places = _places(project, wanted["pages"])
    for stem, place in places.items():
        entries[f"{place}.pdf"] = _made(site, f"{stem}.pdf")
        entries[f"{place}.ipynb"] = _notebook(_made(site, f"{stem}.ipynb"), stem, places)
    if project.settings.wheel:
        (package,) = sorted(site.glob(wheel.pattern(project))) or [None]
        if package is None:
            raise PublishError("the package's wheel is not built yet: run `make report` first")
        entries[package.name] = package.read_bytes()
    source = wanted["project"]
    for name, path in wheel.packed(project, source).items():
        entries[posixpath.join(source["into"], name)] = path.read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}")
    with zipfile.ZipFile(temporary, "w") as file:
        for name in sorted(entries):
            info = zipfile.ZipInfo(f"entrega/{name}", DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            file.writestr(info, entries[name])
    write_atomically(target, temporary.read_bytes())
    temporary.unlink()
    return target


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


def main() -> None:
    project = Project()
    try:
        made = archive(project, project.output, project.output / "entrega.zip")
    except PublishError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    size = made.stat().st_size / 2**20
    print(f"{made.relative_to(project.root)}: {size:.1f} MB")


if __name__ == "__main__":
    main()
