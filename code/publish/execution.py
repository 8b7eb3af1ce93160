"""What is stored of a page's execution, and whether it still stands.

One :class:`Execution` goes with a page through a build. What is stored is read, and what it was
made from is compared, once: whoever asks later gets the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import nbformat

from publish import inputs
from publish.files import digest, file_digest, read_json, write_atomically
from publish.page import INLINE, Page
from publish.project import Project

# What runs the cells and what listens meanwhile: other ones may give other outputs.
RUNNERS = [
    Path(__file__).with_name(name)
    for name in ("execute.py", "kernels.py", "matplotlibrc", "narrow.py", "watch.py")
]


@dataclass
class Execution:
    """The execution of one page; ``file_digest`` hashes what it used.

    An object answers for the moment when it was asked first; another build makes another one.
    """

    page: Page
    project: Project
    file_digest: Callable[[Path], str | None] = file_digest

    @property
    def stale(self) -> str | None:
        """Why the page must be executed, in words; ``None`` if what is stored still stands."""
        if self._stored is not None and self._stored["code"] != self._code:
            return "its code has changed"
        return self.changed_input

    @cached_property
    def changed_input(self) -> str | None:
        """The first thing that the page used and that is not as it was, its own code apart."""
        if self._stored is None:
            return "not executed yet"
        return inputs.change(self._stored["inputs"], self.project.root, self.file_digest)

    @property
    def digest(self) -> str | None:
        """Hash of what is stored, current or not; it tells an execution from others."""
        return self._stored and self._stored["whole"]

    @property
    def results(self) -> list[dict]:
        """What each cell gave; see :meth:`store`."""
        assert self._stored is not None, f"{self.page.path} is not executed yet"
        return self._stored["results"]

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        """Stored outputs and inline values in the page as it is written now.

        Prose cells hold their inline values; code cells keep their ``#|`` options in
        ``metadata.options``.
        """
        return with_results(self.page, self.results)

    def store(self, results: list[dict], used: dict) -> None:
        """Keep what the cells gave and the record of what they used (:mod:`publish.inputs`)."""
        stored = {"code": self._code, "inputs": used, "results": results}
        stored |= {"whole": digest(stored)}
        write_atomically(self._path, json.dumps(stored, ensure_ascii=False))
        self._stored, self.changed_input = stored, None
        self.__dict__.pop("notebook", None)

    @property
    def _path(self) -> Path:
        return self.project.cache / "executed" / f"{self.page.stem}.json"

    @cached_property
    def _stored(self) -> dict | None:
        """What the store holds; what is cut or of another make does not count."""
        stored = read_json(self._path)
        whole = isinstance(stored, dict) and stored.get("whole") == digest(
            {name: value for name, value in stored.items() if name != "whole"}
        )
        return stored if whole else None

    @cached_property
    def _code(self) -> str:
        """Hash of what is executed. Prose, captions and other options change without executing."""
        code = [
            (cell.code, cell.options.get("eval", True)) if cell.kind == "code" else cell.inline
            for cell in self.page.cells
            if cell.kind == "code" or cell.inline
        ]
        return digest(code, *map(self.file_digest, RUNNERS))


def with_results(page: Page, results: list[dict]) -> nbformat.NotebookNode:
    """A page as a notebook, with what its cells gave."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    given = iter(results)
    for cell in page.cells:
        if cell.kind == "code":
            result = next(given)
            node = nbformat.v4.new_code_cell(
                cell.code,
                metadata={"options": cell.options, "line": cell.line},
                outputs=[nbformat.from_dict(output) for output in result["outputs"]],
                execution_count=result["count"],
            )
        else:
            values = iter(next(given)["values"] if cell.inline else ())
            source = INLINE.sub(
                lambda match, values=values: match["before"] + next(values), cell.source
            )
            node = nbformat.v4.new_markdown_cell(source)
        notebook.cells.append(node)
    return notebook


def executions(pages: list[Page], project: Project) -> list[Execution]:
    """The executions of pages in one build, in which each file is read and hashed once."""
    hashed_once = cache(file_digest)
    return [Execution(page, project, hashed_once) for page in pages]
