"""A page's states between its cells, each held by a process: run by :mod:`publish.live`.

One process imports what pages need and waits. Whoever asks it to run code makes it fork: the child
runs the code, tells what came out, and waits in turn, as the state after that code; the parent
stays the state before it. So a page runs from any of its cells on, as a new kernel would that had
run all cells above. What a cell gives is collected as Jupyter's kernel would send it.

A line of JSON on a socket is an order, another one the answer; a socket that is closed ends its
process.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import runpy
import signal
import socket
import sys
from contextlib import suppress
from io import TextIOBase
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

Outputs = list[dict[str, Any]]


class Results(DisplayHook):
    """Keeps the value of a cell's last expression as an output."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
        self.shell.outputs.append({
            "output_type": "execute_result", "data": format_dict, "metadata": md_dict or {},
            "execution_count": self.prompt_count,
        })  # fmt: skip

    def finish_displayhook(self) -> None:
        pass


class Displayed(DisplayPublisher):
    """Keeps what a cell displays, such as figures, as outputs."""

    def publish(self, data: dict, metadata: dict | None = None, **_: Any) -> None:
        self.shell.outputs.append(
            {"output_type": "display_data", "data": data, "metadata": metadata or {}}
        )


class Printed(TextIOBase):
    """Keeps what a cell prints as one output, where the first of it stands, as nbclient does."""

    def __init__(self, shell: Shell, name: str):
        self.shell, self.name = shell, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for output in self.shell.outputs:
            if output["output_type"] == "stream" and output["name"] == self.name:
                output["text"] += text
                break
        else:
            if text:
                self.shell.outputs.append(
                    {"output_type": "stream", "name": self.name, "text": text}
                )
        return len(text)


class Shell(InteractiveShell):
    """IPython without a terminal and without a kernel's messages; ``outputs``: of a cell."""

    displayhook_class = Type(Results)
    display_pub_class = Type(Displayed)
    outputs: Outputs
    failed: dict[str, str] | None = None

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        self.failed = {
            "name": etype.__name__, "value": str(evalue), "traceback": "\n".join(stb)
        }  # fmt: skip

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell: its outputs, its number, and what it raised, if it did."""
        self.outputs, self.failed = [], None
        kept = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = Printed(self, "stdout"), Printed(self, "stderr")
        try:
            count = self.execution_count
            self.run_cell(code, store_history=True)
        finally:
            sys.stdout, sys.stderr = kept
        return {"outputs": _as_shown(self.outputs), "count": count, "failed": self.failed}

    def values(self, expressions: list[str]) -> dict[str, Any]:
        """What expressions give, as Jupyter answers a message's ``user_expressions``."""
        self.outputs = []
        numbered = {str(number): code for number, code in enumerate(expressions)}
        return {"values": self.user_expressions(numbered)}


def _as_shown(outputs: Outputs) -> Outputs:
    """Outputs in the form and order that nbclient gives them."""
    for output in outputs:
        if output["output_type"] == "stream":  # a line that was written over is not seen
            output["text"] = re.sub(r".*\r(?=[^\n])", "", output["text"])
    names = [output.get("name") for output in outputs]
    for index in range(len(outputs) - 1):
        if names[index : index + 2] == ["stderr", "stdout"]:
            outputs[index], outputs[index + 1] = outputs[index + 1], outputs[index]
    return outputs


def main(address: str, watch: str, skipped: list[str], modules: list[str]) -> None:
    sys.path.pop(0)  # the folder of this file is nothing that a page may import from
    sys.path.insert(0, "")  # a kernel has the folder that it runs in
    runpy.run_path(watch)["start"](skipped)
    for name in modules:
        with suppress(ImportError):  # the page that needs it will say so
            importlib.import_module(name)
    sys.modules.pop("matplotlib_inline.backend_inline", None)  # it looks for a shell
    sys.dont_write_bytecode = True  # a source of the same second and size is no longer the same
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # states that end leave nothing behind
    config = Config()
    config.HistoryManager.enabled = False  # it would start a thread, which no fork has
    config.InlineBackend.figure_formats = {"png", "svg"}
    shell = Shell.instance(config=config)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    _wait(address, shell)


def _wait(address: str, shell: Shell) -> None:
    """Be a state: each order is followed by a child, which is the next state."""
    told: set[str] = set()
    order: dict[str, Any] | None = None
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(address)
            with connection.makefile("rw", encoding="utf-8") as lines:
                _say(lines, {"process": os.getpid()})
                _say(lines, _follow(order, shell, told) if order else {"ready": True})
                while True:
                    received = lines.readline()
                    if not received:
                        os._exit(0)
                    gc.freeze()  # or each child would copy all that it looks through
                    if not os.fork():
                        order = json.loads(received)
                        break


def _follow(order: dict[str, Any], shell: Shell, told: set[str]) -> dict[str, Any]:
    """Run the code of an order; ``told``: the files that were named before, to which it adds."""
    if "code" in order:
        answer = shell.run(order["code"])
    else:
        answer = {"pieces": [shell.values(each) for each in order["expressions"]]}
    report = json.loads(sys.modules["_publish_watch"].report())
    used = {*report["used"], *report["modules"].values()} - told
    told |= used
    return answer | {"used": sorted(used)}


def _say(lines: Any, what: dict[str, Any]) -> None:
    lines.write(json.dumps(what, default=str) + "\n")
    lines.flush()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
