"""``python -m publish.standalone PAGE.qmd``: a page that stands alone, HTML in one file and PDF.

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

from publish import engines, execute, render, resources
from publish.engines import Engine
from publish.execution import Execution
from publish.files import write_atomically
from publish.page import Page, read
from publish.project import THEME, Project, PublishError

FILTERS = ("links", "together", "unbroken", "scrolling", "narrow")
FOLDERS = ("filters", "quarto", "site", "typst")  # of the theme


def make(source: Path, engine: Engine = Engine.BUILTIN) -> tuple[Path, Path]:
    """Execute a page and write ``<page>.html`` and ``<page>.pdf`` beside it; returns both.

    Raises :class:`PublishError` for a mistake in the page, or where the theme or Quarto is missing.
    """
    if THEME is None:
        raise PublishError("the folder theme/ is missing: this copy of the package makes no pages")
    if engine is Engine.AUTO:
        engine = Engine.QUARTO if engines.installed_quarto()[0] else Engine.BUILTIN
    execute.require_kernel()
    root = source.resolve().parent
    for name in FOLDERS:
        shutil.copytree(THEME / name, root / "theme" / name, dirs_exist_ok=True)
    write_atomically(root / "references.bib", "")
    config = yaml.safe_dump(_config(source.name, engine), allow_unicode=True, sort_keys=False)
    write_atomically(root / "_quarto.yml", config)
    project = Project(root)
    page = read(source.name, root)
    if engine is Engine.QUARTO:
        return _with_quarto(page, project)
    notebook = execute.run(Execution(page, project))
    own = resources.find(page, project, render.prose(notebook))
    render.html(page, notebook, project, project.cache / "made", {}, own, "standalone.html")
    made = project.cache / "made" / f"{page.stem}.html"
    write_atomically(root / made.name, _in_one_file(made, root / "theme" / "site"))
    render.pdf(page, notebook, project, root, own)
    return root / made.name, root / f"{page.stem}.pdf"


def _with_quarto(page: Page, project: Project) -> tuple[Path, Path]:
    program, why = engines.installed_quarto()
    if program is None:
        raise PublishError(f"{why}; install Quarto, or leave the engine to the built-in one")
    engines.render_with_quarto(program, project.root, [])
    site = project.root / project.config["project"]["output-dir"]
    made = tuple(site / f"{page.stem}{suffix}" for suffix in (".html", ".pdf"))
    for path in made:
        if not path.exists():
            raise PublishError(f"quarto render made no {path.name}")
        shutil.copy(path, project.root)
    return project.root / made[0].name, project.root / made[1].name


def _config(page: str, engine: Engine) -> dict:
    # Quarto's websites have a sidebar and a search, which one page has no use for.
    kind = "website" if engine is Engine.BUILTIN else "default"
    return {
        "project": {"type": kind, "output-dir": "_output", "render": [page]},
        "website": {"title": "", "sidebar": {"contents": [page]}},
        "lang": "es",
        "number-sections": True,
        "bibliography": "references.bib",
        "filters": [f"theme/filters/{name}.lua" for name in FILTERS],
        "format": {
            "html": {
                "toc": True,
                # What follows is for Quarto: the built-in engine knows no other way.
                "embed-resources": True,
                "format-links": False,
                "theme": {
                    "light": ["cosmo", "theme/quarto/site.scss", "theme/quarto/frame.scss"],
                    "dark": ["darkly", "theme/quarto/site-dark.scss", "theme/quarto/frame.scss"],
                },
                "css": "theme/site/content.css",
                "html-math-method": "mathml",
                "fig-format": "svg",
            },
            "typst": {
                "papersize": "a4",
                "margin": {"x": "25mm", "y": "25mm"},
                "fig-format": "svg",
                "template-partials": [
                    f"theme/typst/{name}.typ" for name in ("typst-template", "typst-show", "page")
                ],
            },
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
    for picture, source in (("img", "src"), ("source", "srcset")):
        for image in soup.select(f"{picture}[{source}]"):
            file = path.parent / unquote(image[source])
            kind = mimetypes.guess_type(file.name)[0] or "image/png"
            content = base64.b64encode(file.read_bytes()).decode()
            image[source] = f"data:{kind};base64,{content}"
    for link in soup.select("a.lightbox"):  # leads to the picture's file
        link.unwrap()
    return str(soup)


def main(
    page: Annotated[Path, typer.Argument(help="A .qmd file in a folder of its own.")],
    engine: Annotated[Engine, typer.Option(help="What makes it.")] = Engine.BUILTIN,
) -> None:
    """Make one page that stands alone, as HTML and as PDF beside it."""
    try:
        for path in make(page, engine):
            print(path)
    except PublishError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
