"""Kernels for pages: Jupyter's own, started fast where the system can fork.

On Linux one process imports the modules of ``publish.preload`` in ``_quarto.yml`` and is forked
for each page. Elsewhere, and when fewer than two pages are executed, Jupyter starts each kernel.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from publish.files import MADE

FORKSERVER = Path(__file__).with_name("forkserver.py")
WATCH = Path(__file__).with_name("watch.py")
NARROW = Path(__file__).with_name("narrow.py")
FIGURES = Path(__file__).with_name("matplotlibrc")


def environment(cache: Path) -> dict[str, str]:
    """Variables of all kernels; IPython keeps its files in a folder of a project's cache.

    A page is the same whoever builds it: nothing of what a user has set up for their own Python,
    IPython and Matplotlib reaches it.
    """
    own = ("PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONOPTIMIZE")
    given = {name: value for name, value in os.environ.items() if name not in own}
    # A path of the reader's machine must not reach the page, nor a colour code.
    given |= {"NO_COLOR": "1", "PYTHONHASHSEED": "0"}
    folder = cache / "ipython"  # without start-up files and settings
    folder.mkdir(parents=True, exist_ok=True)
    given |= {"IPYTHONDIR": str(folder)}
    given |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    # Matplotlib writes ids and a date into its files: the same ones each time.
    given |= {"MATPLOTLIBRC": str(FIGURES), "SOURCE_DATE_EPOCH": str(MADE)}
    # Pages run side by side on all cores: more threads would only wait for each other.
    given.setdefault("OMP_NUM_THREADS", "1")
    return given


class ForkServer:
    """The process that kernels are forked from."""

    def __init__(
        self, modules: tuple[str, ...], skipped: list[str], folder: Path, given: dict[str, str]
    ):
        told = json.dumps({"watch": str(WATCH), "skipped": skipped, "modules": modules})
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, str(FORKSERVER), told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=given,
            cwd=folder,
        )

    def fork(self, arguments: list[str], given: dict[str, str], folder: str) -> int:
        """Start a kernel; returns the number of its process."""
        wanted = {"arguments": arguments, "environment": given, "folder": folder}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def prepared(
    pages: int, modules: tuple[str, ...], skipped: list[str], folder: Path, given: dict[str, str]
) -> Iterator[ForkServer | None]:
    """A process to fork kernels from, if that is worth it for this number of pages.

    ``given``: its variables.
    """
    if pages < 2 or not modules or sys.platform != "linux":
        yield None
        return
    server = ForkServer(modules, skipped, folder, given)
    try:
        yield server
    finally:
        server.close()


def manager(server: ForkServer | None) -> AsyncKernelManager:
    """What starts and ends the kernel of one page, with the Python that runs this."""
    # No kernel that a user has installed under the same name, but ipykernel's own.
    specs = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    made = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    if server is not None:
        made.provisioner = ForkedProvisioner(
            server, parent=made, kernel_spec=made.kernel_spec, kernel_id=made.kernel_id
        )
    return made


class ForkedProvisioner(LocalProvisioner):
    """Jupyter's local provisioner with a fork in place of a new Python."""

    def __init__(self, server: ForkServer, **kwargs):
        super().__init__(**kwargs)
        self._server = server

    async def launch_kernel(self, cmd: list[str], **kwargs):
        arguments = cmd[cmd.index("-m") + 2 :] if "-m" in cmd else cmd[1:]
        number = self._server.fork(arguments, kwargs["env"], kwargs.get("cwd") or os.getcwd())
        self.process = _Forked(number)
        self.pid = number
        self.pgid = number  # it leads its own group
        return self.connection_info


class _Forked:
    """As much of ``subprocess.Popen`` as a provisioner asks for, of a process that is not ours."""

    stdin = stdout = stderr = None

    def __init__(self, number: int):
        self.pid = number

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 1
        return None

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(0.02)
        return 1

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
