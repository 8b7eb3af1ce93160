"""``python -m publish``: build the site into ``_output/``."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from publish import engines
from publish.build import build
from publish.build_state import FORMS
from publish.engines import Engine
from publish.project import Project, PublishError, require_own
from publish.publication import HalfPublished


class Form(StrEnum):
    html = "html"
    pdf = "pdf"
    ipynb = "ipynb"


def main(
    engine: Annotated[Engine, typer.Option(help="auto takes Quarto where it can be had.")] = (
        Engine.AUTO
    ),
    page: Annotated[list[str] | None, typer.Option(help="Build only this page; repeatable.")] = (
        None
    ),
    force: Annotated[bool, typer.Option(help="Execute and render even what has not changed.")] = (
        False
    ),
    jobs: Annotated[int, typer.Option(help="Pages made at the same time.")] = os.cpu_count() or 2,
    to: Annotated[
        list[Form] | None,
        typer.Option(help="Make only this form, with the built-in renderer; repeatable."),
    ] = None,
) -> None:
    """Build the site: HTML, PDF and an executed notebook of every page."""
    project, start = Project(), time.monotonic()
    try:
        require_own(Path.cwd())
        for name in page or []:
            if name not in project.pages:
                raise PublishError(f"{name} is no page; pages are {', '.join(project.pages)}")
        quarto, reason = None, "chosen with --engine"
        if to and engine is Engine.QUARTO:
            raise PublishError("--to goes with the built-in renderer: add --engine builtin")
        if to and engine is Engine.AUTO:
            reason = "chosen with --to"
        elif engine is not Engine.BUILTIN:
            quarto, reason = engines.find_quarto(project)
        if engine is Engine.QUARTO and not quarto:
            raise PublishError(f"Quarto was asked for but cannot be used: {reason}")
        if not project.config.get("author"):
            print("No author: fill in `author` in _autoria.yml to have it on the pages")
        if quarto:
            made = engines.build_with_quarto(quarto, project, page, force, jobs=jobs)
        else:
            made = build(project, page, force, jobs, forms=to or FORMS)
    except PublishError as error:
        print(error, file=sys.stderr)
        if not isinstance(error, HalfPublished):
            print("Nothing was published: _output/ is as it was.", file=sys.stderr)
        raise SystemExit(1) from None
    name = reason if quarto else f"Built-in renderer ({reason})"
    seconds = time.monotonic() - start
    first = _first(project, bool(quarto), made, to[0].value if to else "html")
    see = f", see {os.path.relpath(first)}" if first else ""
    print(f"{name}: {len(made)} pages made in {seconds:.0f} s{see}")
    if (
        quarto and (project.output / "index.html").exists()
    ):  # its search is loaded as modules, which browsers refuse from disk
        print("`make serve` opens the site through a server, which its search needs")


def _first(project: Project, quarto: bool, made: list[str], form: str) -> Path | None:
    """The page to look at: the site's first, or one just made where the site is not whole yet."""
    output = project.config["project"]["output-dir"]
    unpublished = project.cache / "quarto" / output if quarto else project.cache / "site"
    places = [project.output / f"index.{form}"]
    places += [(unpublished / path).with_suffix(f".{form}") for path in made]
    return next((place for place in places if place.exists()), None)


if __name__ == "__main__":
    typer.run(main)
