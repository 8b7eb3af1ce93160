"""A page's own files: pictures that it shows and files beside it that it links to."""

from __future__ import annotations

import json
import posixpath
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pypandoc

from publish.page import Page, PageError
from publish.project import Project

GENERATED = (".html", ".pdf", ".ipynb")  # forms of the project's pages


@dataclass(frozen=True)
class Resource:
    """``target`` as pandoc reads it on the page; ``path`` relative to the project."""

    target: str
    path: str


def find(page: Page, project: Project, text: str) -> list[Resource]:
    """Files of the project that a page's text shows or links to.

    Raises :class:`PageError`, with the line, for a file or page that is not there.
    """
    document = json.loads(pypandoc.convert_text(text, "json", "markdown", verify_format=False))
    found = {}
    for target in _targets(document["blocks"]):
        name = unquote(re.split("[?#]", target)[0])
        if not name or re.match(r"[a-zA-Z][\w+.-]*:|/", target):
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), name))
        if path.endswith(".qmd"):
            if path not in project.pages:
                raise PageError(page.path, page.line_of(name), f"{name} is no page of the project")
        elif path.startswith("../"):
            raise PageError(page.path, page.line_of(name), f"{name} is outside of the project")
        elif (project.root / path).is_file():
            found[target] = Resource(target, path)
        elif not _is_generated(path, project):
            raise PageError(page.path, page.line_of(name), f"{name} is not there")
    return list(found.values())


def copy(resources: list[Resource], project: Project, folder: Path) -> None:
    """Copy a page's files to where they are beside the page in ``folder``."""
    for resource in resources:
        target = folder / resource.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.root / resource.path, target)


def attachment(target: str) -> str:
    """The name that a picture has inside of a notebook; ``page.lua`` writes the same."""
    return re.sub(rb"[^A-Za-z0-9.-]", b"-", target.encode()).decode()


def _targets(element) -> Iterator[str]:
    if isinstance(element, list):
        for item in element:
            yield from _targets(item)
    elif isinstance(element, dict):
        if element.get("t") in ("Link", "Image"):
            yield element["c"][2][0]
        yield from _targets(element.get("c"))


def _is_generated(path: str, project: Project) -> bool:
    stem, dot, ending = path.rpartition(".")
    if project.settings.package and path.startswith("code/") and ending == "html":
        return True
    return dot + ending in GENERATED and f"{stem}.qmd" in project.pages
