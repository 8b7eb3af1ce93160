"""``python -m publish.single PAGE.qmd``: a page that stands alone, as HTML in one file and as PDF.

Both are written beside the page, whose folder becomes a small project of its own: the look of the
site is copied into it, and its cells run there.
"""

from __future__ import annotations

import base64
import mimetypes
import shutil
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer
import yaml
from bs4 import BeautifulSoup

from publish import execute, render, resources
from publish.files import write_atomically
from publish.page import read
from publish.project import THEME, Project, PublishError

FILTERS = ("links", "together", "unbroken", "scrolling")


def make(source: Path) -> tuple[Path, Path]:
    """Execute a page and write ``<page>.html`` and ``<page>.pdf`` beside it; returns both.

    Raises :class:`PublishError` for a mistake in the page, or where the theme is missing.
    """
    if THEME is None:
        raise PublishError("the folder theme/ is missing: this copy of the package makes no pages")
    execute.require_kernel()
    root = source.resolve().parent
    for name in ("filters", "site", "typst"):
        shutil.copytree(THEME / name, root / "theme" / name, dirs_exist_ok=True)
    write_atomically(root / "references.bib", "")
    write_atomically(root / "_quarto.yml", yaml.safe_dump(_config(source.name), allow_unicode=True))
    project = Project(root)
    page = read(source.name, root)
    notebook = execute.run(page, project).notebook
    own = resources.find(page, project, render.prose(notebook))
    render.html(page, notebook, project, project.cache / "made", {}, own, "single.html")
    made = project.cache / "made" / f"{page.stem}.html"
    write_atomically(root / made.name, _in_one_file(made, root / "theme" / "site"))
    render.pdf(page, notebook, project, root, own)
    return root / made.name, root / f"{page.stem}.pdf"


def _config(page: str) -> dict:
    return {
        "project": {"type": "website", "output-dir": "_output", "render": [page]},
        "website": {"title": "", "sidebar": {"contents": [page]}},
        "lang": "es",
        "number-sections": True,
        "bibliography": "references.bib",
        "filters": [f"theme/filters/{name}.lua" for name in FILTERS],
        "format": {
            "html": {"toc": True},
            "typst": {"papersize": "a4", "margin": {"x": "25mm", "y": "25mm"}},
        },
    }


def _in_one_file(path: Path, site: Path) -> str:
    """An HTML file with its style sheets, scripts and pictures inside."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    for link in soup.select("link[rel=stylesheet]"):
        style = soup.new_tag("style")
        style.string = (site / Path(link["href"]).name).read_text(encoding="utf-8")
        link.replace_with(style)
    for script in soup.select("script[src]"):
        name = Path(script["src"]).name
        del script["src"]
        script.string = (site / name).read_text(encoding="utf-8")
    for image in soup.select("img[src]"):
        file = path.parent / unquote(image["src"])
        kind = mimetypes.guess_type(file.name)[0] or "image/png"
        content = base64.b64encode(file.read_bytes()).decode()
        image["src"] = f"data:{kind};base64,{content}"
    for link in soup.select("a.lightbox"):  # leads to the picture's file
        link.unwrap()
    return str(soup)


def main(
    page: Annotated[Path, typer.Argument(help="A .qmd file in a folder of its own.")],
) -> None:
    """Make one page that stands alone, as HTML and as PDF beside it."""
    try:
        for path in make(page):
            print(path)
    except PublishError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
