"""A fork server: it imports what pages need once and becomes a kernel by forking, again and again.

Importing torch and its like takes longer than most pages do. Run by :mod:`publish.kernels`; it
reads one JSON line for each kernel from standard input and answers with the process's number.
"""

import importlib
import json
import os
import runpy
import signal
import sys
from contextlib import suppress


def main(watch: str, skipped: list[str], modules: list[str]) -> None:
    sys.path.pop(0)  # the folder of this file is nothing that a page may import from
    runpy.run_path(watch)["start"](skipped)
    for name in ["ipykernel.kernelapp", *modules]:
        with suppress(ImportError):  # the page that needs it will say so
            importlib.import_module(name)
    sys.modules.pop("matplotlib_inline.backend_inline", None)  # each kernel sets up its own
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # kernels that end leave nothing behind
    for line in sys.stdin:
        wanted = json.loads(line)
        number = os.fork()
        if not number:
            _become_kernel(**wanted)
        print(number, flush=True)


def _become_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    from ipykernel.kernelapp import IPKernelApp

    # It ends with the server, also where a build that was killed could not end it.
    arguments = [*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()  # an interrupt of the build is passed on by the build
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(null, 2)  # what cells print arrives as messages
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for argument in arguments:  # Jupyter's own file, of this run only
        sys.modules["_publish_watch"].skip(os.path.abspath(argument))
    sys.argv = ["ipykernel_launcher", *arguments]
    IPKernelApp.launch_instance(arguments)
    os._exit(0)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
