"""Which pages of an engine's last build still stand for their sources, and is it published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from publish import publication
from publish.execution import Execution, executions
from publish.files import digest, file_digest, read_json, write_atomically
from publish.page import LABEL, Page
from publish.project import Project, PublishError

FORMS = ("html", "pdf", "ipynb")
WRITERS = ("pypandoc_binary", "typst", "babel", "nbformat")


class BuildState:
    """What is known about the last build of the pages in ``folder``.

    A page is made anew when its text, its execution, a file that it shows, the theme, the
    configuration or a writer's version has changed since each of ``forms`` was made, or when one
    of them is missing. ``program`` names what writes besides those of :data:`WRITERS`, and its
    version.
    """

    def __init__(
        self,
        project: Project,
        pages: list[Page],
        engine: str,
        folder: Path,
        forms: Sequence[str] = FORMS,
        program: str = "",
    ):
        _check_labels(pages)
        self.project, self.folder, self.forms = project, folder, forms
        self.executions = executions(pages, project)
        self.file = project.cache / f"state-{engine}.json"
        self.known: dict[str, dict] = read_json(self.file) or {}
        titles = [page.metadata["title"] for page in pages]
        self.shared = digest(_shared_digest(project, titles), program)

    def changed(self, only: list[str] | None, force: bool) -> list[Execution]:
        """The pages to make, in the order of the project."""
        asked = [each for each in self.executions if only is None or each.page.path in only]
        return [each for each in asked if force or not self._stands(each)]

    def record(self, execution: Execution, files: list[str]) -> None:
        """Note that a page's forms stand for its sources; ``files`` are those that it shows."""
        made_from = {
            "key": self._key(execution.page),
            "execution": execution.digest,
            "files": {name: file_digest(self.project.root / name) for name in files},
        }
        known = self.known.get(execution.page.path)
        same = isinstance(known, dict) and made_from.items() <= known.items()
        forms = {*self.forms, *(known.get("forms", []) if same else [])}
        self.known[execution.page.path] = made_from | {"forms": sorted(forms)}
        write_atomically(self.file, json.dumps(self.known, indent=1))

    def publish(self) -> list[str]:
        """Bring ``_output/`` up to date with the finished site; returns what there is to say."""
        return publication.publish(self.project, self.folder)

    def _stands(self, execution: Execution) -> bool:
        known = self.known.get(execution.page.path)
        if not isinstance(known, dict) or known.get("key") != self._key(execution.page):
            return False
        files = known["files"].items()
        return (
            set(self.forms) <= set(known["forms"])
            and made(execution.page, self.folder, self.forms)
            and all(file_digest(self.project.root / name) == value for name, value in files)
            and known["execution"] == execution.digest
            and execution.stale is None
        )

    def _key(self, page: Page) -> str:
        return digest(page.metadata, [(cell.kind, cell.source) for cell in page.cells], self.shared)


def not_published(project: Project, folder: Path, pages: list[Page], forms: Sequence[str]) -> str:
    """One line where some pages of a site are not made yet; empty where it is whole."""
    missing = [page.path for page in pages if not made(page, folder, forms)]
    if not missing:
        return ""
    there = [page.path for page in pages if page.path not in missing]
    was = "was" if len(missing) == 1 else "were"
    where = f"{'are' if len(there) > 1 else 'is'} in {folder.relative_to(project.root).as_posix()}"
    told = f"{_listed(missing)} {was} never made"
    return f"  Not published: {told}; {_listed(there) or 'nothing'} {where}"


def _listed(names: Sequence[str], most: int = 3) -> str:
    """Names one after another; of many the first and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def made(page: Page, folder: Path, forms: Sequence[str] = FORMS) -> bool:
    """Whether a folder holds these forms of a page."""
    return all((folder / f"{page.stem}.{form}").exists() for form in forms)


def _shared_digest(project: Project, titles: list[str]) -> str:
    """Hash of what all pages have in common; any change here makes all of them anew."""
    own = [*(project.root / "theme").rglob("*"), *Path(__file__).parent.rglob("*.*")]
    # Executions know by themselves what they were made with.
    own = [path for path in own if path.is_file() and path.suffix != ".pyc"]
    contents = [(path.name, file_digest(path)) for path in sorted(own)]
    references = file_digest(project.root / project.config["bibliography"])
    versions = [(name, metadata.version(name)) for name in WRITERS]
    return digest(project.config, titles, contents, references, versions)


def _check_labels(pages: list[Page]) -> None:
    """Labels are unique across pages, so that a page can be split or joined without surprises."""
    owner: dict[str, str] = {}
    for page in pages:
        for cell in page.cells:
            if not LABEL.fullmatch(cell.label):
                continue
            if cell.label in owner:
                raise PublishError(
                    f"{page.path}:{cell.line}: label {cell.label} is used in "
                    f"{owner[cell.label]} too; rename one of them"
                )
            owner[cell.label] = page.path
