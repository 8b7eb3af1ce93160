"""``make entrega``: everything that is handed in, in one archive that is always the same bytes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from publish.files import write_atomically
from publish.project import Project, PublishError

SUFFIXES = {".py", ".lua", ".html", ".json", ".safetensors"}
DATE = (2026, 1, 1, 0, 0, 0)  # of every entry: the archive must not say when it was made


def archive(project: Project, site: Path, target: Path) -> Path:
    """Write the archive from the site in a folder; returns ``target``.

    Raises :class:`PublishError` if a page of the site is missing.
    """
    wanted = project.settings.handin
    if wanted is None:
        raise PublishError("_quarto.yml: publish has no handin, so there is nothing to pack")
    report = Path(wanted["report"])
    entries = {
        "LEEME.md": (project.root / wanted["readme"]).read_bytes(),
        "informe.pdf": _page(site, report.with_suffix(".pdf").as_posix()),
    }
    for page in map(Path, project.pages):
        notebook = page.with_suffix(".ipynb").as_posix()
        entries[f"cuadernos/{notebook}"] = _page(site, notebook)
        if page.parent.name:  # the report links to the chapters
            chapter = page.with_suffix(".pdf").as_posix()
            entries[chapter] = _page(site, chapter)
    for name in wanted["files"]:
        entries[name] = (project.root / name).read_bytes()
    for folder in wanted["folders"]:
        for path in (project.root / folder).rglob("*"):
            if path.suffix in SUFFIXES:
                entries[path.relative_to(project.root).as_posix()] = path.read_bytes()
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


def _page(site: Path, name: str) -> bytes:
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
