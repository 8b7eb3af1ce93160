"""Pages that are run again from the first cell that a change concerns, for ``make preview``.

Where the system can fork, :mod:`publish.snapshots` holds the state before each cell, so that what
comes after a change is run as in a new kernel that has run what comes before. Elsewhere a page is
run in a new kernel, whole.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from publish import execute, inputs, kernels
from publish.page import Cell, Page
from publish.project import Project, PublishError

SNAPSHOTS = Path(__file__).with_name("snapshots.py")
FORKS = sys.platform == "linux"
CHEAP = 0.2  # seconds that are rather spent again than kept a state for
START = 120  # seconds in which what pages need is imported


class Abandoned(Exception):
    """A run that was stopped because what it runs has changed."""


class State:
    """A process that holds the state after some code; its child is the state after some more."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._lines = connection.makefile("rw", encoding="utf-8")
        self.process: int = self.hear()["process"]

    def hear(self) -> dict[str, Any]:
        """The next answer; raises ConnectionError where the process has ended."""
        line = self._lines.readline()
        if not line:
            raise ConnectionError("the process has ended")
        return json.loads(line)

    def order(self, what: dict[str, Any]) -> None:
        self._lines.write(json.dumps(what) + "\n")
        self._lines.flush()

    def close(self) -> None:
        """End the process, also where it is in the middle of something."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with suppress(OSError, ValueError):
            self._lines.close()
        self._connection.close()
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)


class Snapshots:
    """The process with what pages import, from which the states of all pages come."""

    def __init__(self, project: Project):
        self._folder = tempfile.TemporaryDirectory(prefix="preview-")
        address = str(Path(self._folder.name) / "states")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        self._listener.settimeout(START)
        told = {
            "address": address, "watch": str(kernels.WATCH),
            "skipped": inputs.skipped(project.root, project.output),
            "modules": list(project.settings.preload),
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, str(SNAPSHOTS), json.dumps(told)],
            stdin=subprocess.DEVNULL, env=kernels.environment(project.cache), cwd=project.root,
            start_new_session=True,  # an interrupt is for the preview, which ends this
        )  # fmt: skip
        self._first: State | None = None

    @property
    def first(self) -> State:
        """The state before any cell; waits until it is there."""
        if self._first is None:
            try:
                self._first = self._accept()
                self._first.hear()
            except OSError as error:
                raise PublishError(f"no Python process for pages starts: {error}") from None
        return self._first

    def after(self, state: State, order: dict[str, Any]) -> State:
        """The state that runs an order after another one; hear what comes of it."""
        state.order(order)
        return self._accept()

    def close(self) -> None:
        if self._first is not None:
            self._first.close()
        self._process.kill()
        self._process.wait()
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> State:
        connection, _ = self._listener.accept()
        connection.settimeout(None)
        return State(connection)


@dataclass
class Step:
    """A cell of code, or paragraphs with inline code that follow each other."""

    cells: list[Cell]

    @property
    def key(self) -> tuple[str, ...]:
        """What is run: equal where nothing but prose and options differ."""
        first = self.cells[0]
        if first.kind == "code":
            return ("code", first.code)
        return ("inline", *("\0".join(cell.inline) for cell in self.cells))

    @property
    def order(self) -> dict[str, Any]:
        first = self.cells[0]
        if first.kind == "code":
            return {"code": first.code}
        return {"expressions": [cell.inline for cell in self.cells]}


@dataclass
class Ran:
    """What a step gave: its answer, the files that it was the first to use, and the state after."""

    key: tuple[str, ...]
    answer: dict[str, Any]
    used: set[str]
    state: State | None


@dataclass
class LivePage:
    """A page as far as it has run."""

    path: str
    project: Project
    snapshots: Snapshots | None
    ran: list[Ran] = field(default_factory=list)
    _running: State | None = None
    _abandoned: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self, changed: Iterable[Path]) -> bool:
        """Drop what came of files that have changed; whether that was anything."""
        names = {str(path) for path in changed} | {str(path.parent) for path in changed}
        for index, ran in enumerate(self.ran):
            if ran.used & names:
                self._drop(index)
                return True
        return False

    def run(self, page: Page) -> list[dict[str, Any]]:
        """The results of a page's cells, as :class:`publish.execution.Execution` stores them.

        What ran before counts up to the first step that is another one. Raises
        :class:`publish.page.PageError` for a cell that raises, and :class:`Abandoned`.
        """
        if self.snapshots is None:
            return execute.results_in_a_new_kernel(page, self.project)
        with self._lock:
            self._abandoned = False
        steps = _steps(page)
        same = 0
        while same < min(len(steps), len(self.ran)) and steps[same].key == self.ran[same].key:
            same += 1
        self._drop(same)
        start, state = self._last_state()
        self._drop(start)
        spent = 0.0
        for step in steps[start:]:
            began = time.monotonic()
            state_after, answer = self._follow(state, step, page)
            spent += time.monotonic() - began
            self.ran.append(Ran(step.key, answer, set(answer["used"]), state_after))
            if spent < CHEAP and len(self.ran) > 1:  # the state before is not worth a process
                before = self.ran[-2]
                if before.state is not None:
                    before.state.close()
                    before.state = None
            else:
                spent = 0.0
            state = state_after
        return self._results(page, steps)

    def abandon(self) -> None:
        """Stop what runs now, if anything does."""
        with self._lock:
            self._abandoned = True
            if self._running is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._running.process, signal.SIGKILL)

    def close(self) -> None:
        self.abandon()
        self._drop(0)

    def _follow(self, state: State, step: Step, page: Page) -> tuple[State, dict[str, Any]]:
        """Run a step after a state: the state after it and its answer."""
        assert self.snapshots is not None
        if self._abandoned:
            raise Abandoned
        after = self.snapshots.after(state, step.order)
        with self._lock:
            self._running = after
        try:
            if self._abandoned:
                raise ConnectionError
            answer = after.hear()
        except ConnectionError:
            after.close()
            if self._abandoned:
                raise Abandoned from None
            raise execute.ended(page, step.cells[0], _number(page, step)) from None
        finally:
            with self._lock:
                self._running = None
        failed = answer.get("failed")
        if failed:
            after.close()
            raise execute.raised(page, step.cells[0], _number(page, step), **failed)
        return after, answer

    def _last_state(self) -> tuple[int, State]:
        """How many of the steps that have run need not run again, and the state after them."""
        assert self.snapshots is not None
        for index in range(len(self.ran), 0, -1):
            state = self.ran[index - 1].state
            if state is not None:
                return index, state
        return 0, self.snapshots.first

    def _drop(self, index: int) -> None:
        for ran in self.ran[index:]:
            if ran.state is not None:
                ran.state.close()
        del self.ran[index:]

    def _results(self, page: Page, steps: list[Step]) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for step, ran in zip(steps, self.ran, strict=True):
            if step.cells[0].kind == "code":
                answer = {name: ran.answer[name] for name in ("outputs", "count")}
                found[id(step.cells[0])] = answer
                continue
            for cell, piece in zip(step.cells, ran.answer["pieces"], strict=True):
                found[id(cell)] = {"values": execute.texts(page, cell, piece["values"])}
        empty = {"outputs": [], "count": None}
        return [
            found.get(id(cell), empty) for cell in page.cells if cell.kind == "code" or cell.inline
        ]


def _number(page: Page, step: Step) -> int:
    """Which of the page's cells of code a step is, from 0."""
    code = [cell for cell in page.cells if cell.kind == "code"]
    return code.index(step.cells[0]) if step.cells[0] in code else 0


def _steps(page: Page) -> list[Step]:
    steps: list[Step] = []
    for cell in page.cells:
        if cell.kind == "code" and cell.options.get("eval", True):
            steps.append(Step([cell]))
        elif cell.kind == "markdown" and cell.inline:
            if steps and steps[-1].cells[0].kind == "markdown":
                steps[-1].cells.append(cell)
            else:
                steps.append(Step([cell]))
    return steps
