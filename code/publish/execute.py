"""Run the cells of a page once, in order, and keep the result until something it used changes."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from publish import inputs, kernels
from publish.files import digest, file_digest, read_json, write_atomically
from publish.page import INLINE, Cell, Page, PageError
from publish.project import Project, PublishError

# Seconds for one cell. Pages read results; only the solutions train, for seconds on an idle core.
TIMEOUT = 600
# Pixels for the downloaded notebook, vectors for the page: a page that stands alone cannot ask.
FIGURES = ["--InlineBackend.figure_formats=png", "--InlineBackend.figure_formats=svg"]


@dataclass(frozen=True)
class Execution:
    """A page's cells as they came out: the notebook, and a hash that tells it from others."""

    notebook: nbformat.NotebookNode
    digest: str


def run(
    page: Page, project: Project, force: bool = False, forkserver: kernels.ForkServer | None = None
) -> Execution:
    """Execute a page, or take the stored execution if nothing that it depends on has changed.

    Prose cells of the notebook hold their inline values; code cells keep their ``#|`` options in
    ``metadata.options``. A cell that raises stops the page with a :class:`PageError`.
    """
    stored = None if force else _stored(page, project)
    if stored is None or stale(page, project) is not None:
        try:
            stored = _execute(page, project, forkserver)
        except RuntimeError:  # it did not start: another program took a port that it was given
            stored = _execute_again(page, project, forkserver)
        write_atomically(_store(page, project), json.dumps(stored, ensure_ascii=False))
    return _assemble(page, stored)


def waiting(pages: list[Page], project: Project, force: bool = False) -> list[Page]:
    """The pages that must be executed."""
    return [page for page in pages if force or stale(page, project) is not None]


def inputs_changed(pages: list[Page], project: Project) -> bool:
    """Whether anything that the pages use has changed, their own code apart."""
    stored = [_stored(page, project) for page in pages]
    return any(one is None or inputs.change(one["inputs"], project.root) for one in stored)


@contextmanager
def forkserver(pages: list[Page], project: Project) -> Iterator:
    """What the kernels of the pages that must be executed are forked from, if they are several."""
    skipped = inputs.skipped(project.root, project.output)
    with kernels.prepared(len(pages), project.settings.preload, skipped, project.root) as made:
        yield made


def stale(page: Page, project: Project) -> str | None:
    """Why a page must be executed, in words; ``None`` if its stored execution still stands."""
    stored = _stored(page, project)
    if stored is None:
        return "not executed yet"
    if stored["code"] != _code_digest(page):
        return "its code has changed"
    return inputs.change(stored["inputs"], project.root)


def stored_digest(page: Page, project: Project) -> str | None:
    """Hash of the stored execution, current or not."""
    stored = _stored(page, project)
    return stored["whole"] if stored else None


def _store(page: Page, project: Project) -> Path:
    return project.cache / "executed" / f"{page.stem}.json"


def _stored(page: Page, project: Project) -> dict | None:
    """The stored execution; one that is cut or of another make does not count."""
    stored = read_json(_store(page, project))
    whole = isinstance(stored, dict) and stored.get("whole") == digest(
        {name: value for name, value in stored.items() if name != "whole"}
    )
    return stored if whole else None


def _code_digest(page: Page) -> str:
    """Hash of what is executed. Prose, captions and other options change without executing."""
    code = [
        (cell.code, cell.options.get("eval", True)) if cell.kind == "code" else cell.inline
        for cell in page.cells
        if cell.kind == "code" or cell.inline
    ]
    return digest(code, file_digest(Path(__file__)), file_digest(kernels.WATCH))


def _assemble(page: Page, stored: dict) -> Execution:
    """Put stored outputs and inline values into the page as it is written now."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    results = iter(stored["results"])
    for cell in page.cells:
        if cell.kind == "code":
            result = next(results)
            node = nbformat.v4.new_code_cell(
                cell.code,
                metadata={"options": cell.options, "line": cell.line},
                outputs=[nbformat.from_dict(output) for output in result["outputs"]],
                execution_count=result["count"],
            )
        else:
            values = iter(next(results)["values"] if cell.inline else ())
            source = INLINE.sub(
                lambda match, values=values: match["before"] + next(values), cell.source
            )
            node = nbformat.v4.new_markdown_cell(source)
        notebook.cells.append(node)
    return Execution(notebook, stored["whole"])


def _execute_again(page: Page, project: Project, forkserver: kernels.ForkServer | None) -> dict:
    try:
        return _execute(page, project, forkserver)
    except RuntimeError as error:
        raise PublishError(f"{page.path}: no Python kernel starts: {error}") from None


def _execute(page: Page, project: Project, forkserver: kernels.ForkServer | None) -> dict:
    client = NotebookClient(
        nbformat.v4.new_notebook(),
        km=kernels.manager(forkserver),
        timeout=TIMEOUT,
        coalesce_streams=True,  # one block for what a cell prints, however often it is sent
        extra_arguments=["--log-level=CRITICAL", *FIGURES],
        resources={"metadata": {"path": str(project.root)}},
    )
    skipped = inputs.skipped(project.root, project.output)
    results = []
    # What cells print arrives as messages; what a kernel writes while it is ended helps nobody.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with client.setup_kernel(env=kernels.environment(), cleanup_kc=True, **quiet):
        _ask(client, f"__import__('runpy').run_path({str(kernels.WATCH)!r})['start']({skipped!r})")
        for cell in page.cells:
            if cell.kind == "code":
                node = nbformat.v4.new_code_cell(cell.code)
                client.nb.cells.append(node)
                if cell.options.get("eval", True):
                    _run_cell(client, page, cell, node)
                results.append({"outputs": node.outputs, "count": node.execution_count})
            elif cell.inline:
                results.append({"values": _inline_values(client, page, cell)})
        told = _ask(client, "__import__('sys').modules['_publish_watch'].report()")
    record = inputs.record(json.loads(told), project.root, project.settings.environment)
    stored = {"code": _code_digest(page), "inputs": record, "results": results}
    return stored | {"whole": digest(stored)}


def _ask(client: NotebookClient, expression: str) -> str:
    """What an expression gives in the kernel, outside of the page's own names and counts."""
    reply = client.wait_for_reply(client.kc.execute("", user_expressions={"answer": expression}))
    answer = reply["content"]["user_expressions"]["answer"]
    if answer["status"] != "ok":
        raise PublishError(f"the kernel cannot be watched: {answer['ename']}: {answer['evalue']}")
    return ast.literal_eval(answer["data"]["text/plain"])


def _run_cell(client: NotebookClient, page: Page, cell: Cell, node) -> None:
    index = len(client.nb.cells) - 1
    try:
        client.execute_cell(node, index)
    except CellExecutionError as error:
        # Where in the cell: the last frame of IPython's traceback that points into it.
        plain = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback)
        frames = re.findall(r"Cell In\[\d+\], line (\d+)", plain)
        offset = cell.source.count("\n") - cell.code.count("\n")
        line = cell.line + offset + (int(frames[0]) - 1 if frames else 0)
        raise PageError(
            page.path, line, f"cell {cell.label or index + 1} raised {error.ename}: {error.evalue}"
        ) from None
    except CellTimeoutError:
        raise PageError(
            page.path,
            cell.line,
            f"cell {cell.label or index + 1} ran for more than {TIMEOUT} s; "
            "pages show stored results; long work belongs to a command",
        ) from None
    except DeadKernelError:
        raise PageError(
            page.path, cell.line, f"cell {cell.label or index + 1} ended the Python process"
        ) from None


def _inline_values(client: NotebookClient, page: Page, cell: Cell) -> list[str]:
    expressions = {str(number): code for number, code in enumerate(cell.inline)}
    # The same message that Quarto sends: no code, only expressions.
    message = client.kc.execute("", user_expressions=expressions)
    try:
        # nbclient names the cell when time is up; inline code is none, so one stands for it.
        reply = client.wait_for_reply(message, nbformat.v4.new_code_cell("; ".join(cell.inline)))
    except CellTimeoutError:
        raise PageError(
            page.path, _inline_line(cell, cell.inline[0]),
            f"inline code of this paragraph ran for more than {TIMEOUT} s: "
            + ", ".join(cell.inline),
        ) from None  # fmt: skip
    except DeadKernelError:
        raise PageError(page.path, cell.line, "inline code ended the Python process") from None
    answers = reply["content"].get("user_expressions", {})
    values = []
    for number, code in expressions.items():
        answer = answers.get(number, {})
        line = _inline_line(cell, code)
        if answer.get("status") != "ok":
            reason = f"{answer.get('ename')}: {answer.get('evalue')}"
            raise PageError(page.path, line, f"inline code {code} raised {reason}")
        values.append(_inline_text(page, line, code, answer["data"]))
    return values


def _inline_line(cell: Cell, code: str) -> int:
    return cell.line + cell.source[: cell.source.index(code)].count("\n")


def _inline_text(page: Page, line: int, code: str, data: dict) -> str:
    if "text/markdown" in data:
        return data["text/markdown"]
    shown = data["text/plain"]
    # Quarto shows a plain string as Python writes it, so only the simplest come out right.
    if re.fullmatch(r"'[^'\"\\$~^<@|]+'", shown):
        return re.sub(r"([`*_{}\[\]()>#+.!-])", r"\\\1", shown[1:-1])
    raise PageError(
        page.path,
        line,
        f"inline code {code} gives {shown}; pages show text: give it a _repr_markdown_, as the "
        "package's number formatter does",
    )


def require_kernel() -> None:
    """Fail early, in one sentence, when Jupyter's Python kernel is not installed."""
    try:
        import ipykernel  # noqa: F401
    except ImportError:
        raise PublishError(
            "ipykernel is not installed; run `make report`, which sets up .venv, "
            "or `pip install -r requirements.txt`"
        ) from None
