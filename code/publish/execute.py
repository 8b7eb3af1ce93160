"""Run the cells of a page once, in order, unless what is stored of an earlier run still stands."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from publish import inputs, kernels, outputs
from publish.execution import Execution
from publish.page import Cell, Page, PageError
from publish.project import Project, PublishError

# Seconds for one cell. Pages read results; only the solutions train, for seconds on an idle core.
TIMEOUT = 600
# Pixels for the downloaded notebook, vectors for the page: a page that stands alone cannot ask.
FIGURES = ["--InlineBackend.figure_formats=png", "--InlineBackend.figure_formats=svg"]


def run(
    execution: Execution, force: bool = False, server: kernels.ForkServer | None = None
) -> nbformat.NotebookNode:
    """Execute a page if something that it depends on has changed; returns its notebook.

    A cell that raises stops the page with a :class:`PageError`.
    """
    if force or execution.stale is not None:
        try:
            results, used = _execute(execution.page, execution.project, server)
        except RuntimeError:  # it did not start: another program took a port that it was given
            results, used = _execute_again(execution.page, execution.project, server)
        execution.store(results, used)
    return execution.notebook


def run_all(executions: list[Execution], force: bool = False, jobs: int = 2) -> None:
    """Execute pages side by side, each once; the errors of all of them in one report."""
    errors = []
    with (
        forkserver(executions, force) as server,
        ThreadPoolExecutor(max(1, min(jobs, len(executions)))) as pool,
    ):
        tasks = [pool.submit(run, each, force, server) for each in most_code_first(executions)]
        for task in as_completed(tasks):
            try:
                task.result()
            except PublishError as error:
                errors.append(str(error))
    if errors:
        raise PublishError("\n".join(sorted(errors)))


def most_code_first(executions: list[Execution]) -> list[Execution]:
    """In this order several at a time end soonest: the longest page must not be the last to start.

    How long a page takes shows only once it ran; its lines of code are known before.
    """

    def lines(execution: Execution) -> int:
        cells = execution.page.cells
        return sum(cell.code.count("\n") + 1 for cell in cells if cell.kind == "code")

    return sorted(executions, key=lines, reverse=True)


@contextmanager
def forkserver(
    executions: list[Execution], force: bool = False
) -> Iterator[kernels.ForkServer | None]:
    """What kernels are forked from, if several of the pages need one."""
    wanted = [each for each in executions if force or each.stale is not None]
    wanted = [each for each in wanted if _runs_something(each.page)]
    if not wanted:
        yield None
        return
    project = wanted[0].project
    skipped = inputs.skipped(project.root, project.output)
    preload = project.settings.preload
    given = kernels.environment(project.cache)
    with kernels.prepared(len(wanted), preload, skipped, project.root, given) as server:
        yield server


def _runs_something(page: Page) -> bool:
    return any(
        cell.options.get("eval", True) if cell.kind == "code" else cell.inline
        for cell in page.cells
    )


def _execute_again(
    page: Page, project: Project, server: kernels.ForkServer | None
) -> tuple[list[dict], dict]:
    try:
        return _execute(page, project, server)
    except RuntimeError as error:
        raise PublishError(f"{page.path}: no Python kernel starts: {error}") from None


def _execute(
    page: Page, project: Project, server: kernels.ForkServer | None
) -> tuple[list[dict], dict]:
    """What each cell gave, and the record of what they used."""
    if not _runs_something(page):
        results = [{"outputs": [], "count": None} for cell in page.cells if cell.kind == "code"]
        return results, inputs.record(
            {"modules": {}, "used": {}}, project.root, project.settings.environment
        )
    client = NotebookClient(
        nbformat.v4.new_notebook(),
        km=kernels.manager(server),
        timeout=TIMEOUT,
        coalesce_streams=True,  # one block for what a cell prints, however often it is sent
        extra_arguments=["--log-level=CRITICAL", "--HistoryManager.hist_file=:memory:", *FIGURES],
        resources={"metadata": {"path": str(project.root)}},
    )
    skipped = inputs.skipped(project.root, project.output)
    results = []
    # What cells print arrives as messages; what a kernel writes while it is ended helps nobody.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    given = kernels.environment(project.cache)
    with client.setup_kernel(env=given, cleanup_kc=True, **quiet):
        for path, argument in ((kernels.WATCH, skipped), (kernels.NARROW, outputs.NARROW)):
            _ask(client, f"__import__('runpy').run_path({str(path)!r})['start']({argument!r})")
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
    return results, inputs.record(json.loads(told), project.root, project.settings.environment)


def results_in_a_new_kernel(page: Page, project: Project) -> list[dict]:
    """What each cell of a page gives, in a kernel of its own; nothing is stored."""
    return _execute(page, project, None)[0]


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
        raise raised(page, cell, index, error.ename, error.evalue, error.traceback) from None
    except CellTimeoutError:
        raise PageError(
            page.path,
            cell.line,
            f"cell {cell.label or index + 1} ran for more than {TIMEOUT} s; "
            "pages show stored results; long work belongs to a command",
        ) from None
    except DeadKernelError:
        raise ended(page, cell, index) from None


def raised(
    page: Page, cell: Cell, index: int, name: str, value: str, traceback: str
) -> PageError:  # fmt: skip
    """What a cell raised, as a sentence with its line; ``traceback`` is IPython's."""
    # Where in the cell: the last frame of IPython's traceback that points into it.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", traceback)
    frames = re.findall(r"Cell In\[\d+\], line (\d+)", plain)
    offset = cell.source.count("\n") - cell.code.count("\n")
    line = cell.line + offset + (int(frames[0]) - 1 if frames else 0)
    return PageError(page.path, line, f"cell {cell.label or index + 1} raised {name}: {value}")


def ended(page: Page, cell: Cell, index: int) -> PageError:
    """That a cell, or inline code, took its process with it."""
    what = f"cell {cell.label or index + 1}" if cell.kind == "code" else "inline code"
    return PageError(page.path, cell.line, f"{what} ended the Python process")


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
        raise ended(page, cell, 0) from None
    return texts(page, cell, reply["content"].get("user_expressions", {}))


def texts(page: Page, cell: Cell, answers: dict[str, dict]) -> list[str]:
    """The texts of a paragraph's inline code, from what Jupyter answers for each, by its number."""
    values = []
    for number, code in enumerate(cell.inline):
        answer = answers.get(str(number), {})
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
