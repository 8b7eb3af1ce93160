"""The command in this process: what a user types, without starting Python and PyTorch again."""

import contextlib
import io
import subprocess
import sys

import pytest

from tarea2.commands import cli


def run_cli(monkeypatch, *arguments: object) -> int:
    """The exit code of ``tarea2 arguments``; what it says goes where ``capsys`` hears it."""
    monkeypatch.setattr(sys, "argv", ["tarea2", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0


def told(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """The same with what it says, as if it had been a process, where there is no data folder."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TAREA2_DATA_DIR", raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_cli(patch, *arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
