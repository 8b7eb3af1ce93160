"""Run the cells of a page once, in order, and keep the result until something it used changes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from publish.page import INLINE, Cell, Page, PageError
from publish.project import ROOT, Project, PublishError

TIMEOUT = 120  # seconds for one cell: pages read results, they do not train


def run(page: Page, project: Project, force: bool = False) -> nbformat.NotebookNode:
    """Execute a page, or return the stored execution if nothing that it depends on has changed.

    Prose cells of the result hold their inline values; code cells keep their ``#|`` options in
    ``metadata.options``. A cell that raises stops the page with a :class:`PageError`.
    """
    folder = project.executed or project.cache / "executed"
    store = folder / (page.stem.replace("/", "--") + ".ipynb")
    key = _fingerprint(page, project)
    if store.exists() and not force:
        stored = nbformat.read(store, as_version=4)
        if stored.metadata.get("fingerprint") == key:
            return stored
    notebook = _execute(page, project)
    notebook.metadata["fingerprint"] = key
    write_atomically(store, nbformat.writes(notebook))
    return notebook


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    if isinstance(content, str):
        content = content.encode()
    temporary.write_bytes(content)
    temporary.replace(path)


def _execute(page: Page, project: Project) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python",
    }  # fmt: skip
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        extra_arguments=["--log-level=CRITICAL"],
        resources={"metadata": {"path": str(project.root)}},
    )
    # A path of the reader's machine must not reach the page, nor a colour code.
    environment = os.environ | {"NO_COLOR": "1", "PYTHONHASHSEED": "0"}
    with client.setup_kernel(env=environment):
        for index, cell in enumerate(page.cells):
            if cell.kind == "markdown":
                source = _with_inline_values(client, page, cell)
                notebook.cells.append(nbformat.v4.new_markdown_cell(source))
            else:
                node = nbformat.v4.new_code_cell(cell.code, metadata={"options": cell.options})
                notebook.cells.append(node)
                if cell.options.get("eval", True):
                    _run_cell(client, page, cell, node, index)
        notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def _run_cell(client: NotebookClient, page: Page, cell: Cell, node, index: int) -> None:
    try:
        client.execute_cell(node, index)
    except CellExecutionError as error:
        # Where in the cell: the last frame of IPython's traceback that points into it.
        plain = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback)
        frames = re.findall(r"Cell In\[\d+\], line (\d+)", plain)
        offset = cell.source.count("\n") - cell.code.count("\n")
        line = cell.line + offset + (int(frames[0]) - 1 if frames else 0)
        raise PageError(
            page.path, line, f"cell {cell.label or index} raised {error.ename}: {error.evalue}"
        ) from None
    except CellTimeoutError:
        raise PageError(
            page.path,
            cell.line,
            f"cell {cell.label or index} ran for more than {TIMEOUT} s; "
            "pages read stored results, long work belongs to `tarea2 train`",
        ) from None
    except DeadKernelError:
        raise PageError(
            page.path, cell.line, f"cell {cell.label or index} ended the Python process"
        ) from None


def _with_inline_values(client: NotebookClient, page: Page, cell: Cell) -> str:
    if not cell.inline:
        return cell.source
    expressions = {str(number): code for number, code in enumerate(cell.inline)}
    # The same message that Quarto sends: no code, only expressions.
    message = client.kc.execute("", user_expressions=expressions)
    reply = client.wait_for_reply(message)
    if reply is None:
        raise PageError(page.path, cell.line, "inline code ended the Python process")
    answers = reply["content"].get("user_expressions", {})
    values = []
    for number, code in expressions.items():
        answer = answers.get(number, {})
        if answer.get("status") != "ok":
            offset = cell.source[: cell.source.index(code)].count("\n")
            reason = f"{answer.get('ename')}: {answer.get('evalue')}"
            raise PageError(page.path, cell.line + offset, f"inline code {code} raised {reason}")
        values.append(_inline_text(page, cell, code, answer["data"]))
    remaining = iter(values)
    return INLINE.sub(lambda match: match["before"] + next(remaining), cell.source)


def _inline_text(page: Page, cell: Cell, code: str, data: dict) -> str:
    if "text/markdown" in data:
        return data["text/markdown"]
    shown = data["text/plain"]
    # Quarto shows a plain string as Python writes it, so only the simplest come out right.
    if re.fullmatch(r"'[^'\"\\$~^<@|]+'", shown):
        return re.sub(r"([`*_{}\[\]()>#+.!-])", r"\\\1", shown[1:-1])
    raise PageError(
        page.path,
        cell.line,
        f"inline code {code} gives {shown}; pages show text, so write it through pages.number, "
        "pages.percent or pages.Text",
    )


def _fingerprint(page: Page, project: Project) -> str:
    """Hash of everything an execution depends on: its code, the package, the data, versions."""
    code = [
        (cell.code, cell.options.get("eval", True)) if cell.kind == "code" else cell.source
        for cell in page.cells
    ]
    return digest(code, tree_digest(), versions(), os.environ.get("TAREA2_DATA_DIR"))


def tree_digest(root: Path = ROOT) -> str:
    """Hash of the package and of the stored results and models, as pages see them."""
    folders = (root / "code" / "tarea2", root / "data" / "results", root / "data" / "models")
    files = sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    hasher = hashlib.sha256()
    for path in files:
        hasher.update(path.relative_to(root).as_posix().encode() + b"\0")
        hasher.update(hashlib.sha256(path.read_bytes()).digest())
    return hasher.hexdigest()


def digest(*parts: object) -> str:
    """SHA-256 of anything JSON can write."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def versions() -> list[str]:
    return sorted(f"{item.name}=={item.version}" for item in distributions())


def require_kernel() -> None:
    """Fail early, in one sentence, when Jupyter's Python kernel is not installed."""
    try:
        import ipykernel  # noqa: F401
    except ImportError:
        raise PublishError(
            "ipykernel is not installed; run `make report`, which sets up .venv, "
            "or `pip install -r requirements.txt`"
        ) from None
