"""A Python environment like a reader's: what ``requirements.txt`` names, and not this project."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

RUN = """
import sys, nbformat, nbclient
book = nbformat.read(sys.argv[1], as_version=4)
# As the pages are executed: how often a cell's lines are sent is a matter of time.
nbclient.NotebookClient(book, kernel_name="python3", coalesce_streams=True).execute()
nbformat.write(book, sys.argv[1])
"""


class Fresh:
    """An environment in ``folder``, whose packages are those that are here: nothing is fetched."""

    def __init__(self, folder: Path):
        base = {"base": str(folder / "env"), "platbase": str(folder / "env")}
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        self.scripts = Path(sysconfig.get_path("scripts", "venv", base))
        self.python = self.scripts / Path(sys.executable).name
        self.packages = Path(sysconfig.get_path("purelib", "venv", base))
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if "tarea2" not in path.name and path.name != "__pycache__":
                (self.packages / path.name).symlink_to(path)
        kernel = folder / "kernels" / "kernels" / "python3"
        kernel.mkdir(parents=True)
        command = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        named = {"argv": command, "display_name": "x", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(named))
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ("PYTHONPATH", "TAREA2_DATA_DIR")
        } | {
            "JUPYTER_PATH": str(folder / "kernels"), "PIP_NO_INDEX": "1", "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def run(self, *command, folder: Path, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(
            list(map(str, command)), cwd=folder, env=self.environment, capture_output=True,
            text=True, check=check, timeout=300,
        )  # fmt: skip

    def run_notebook(self, path: Path, check: bool = True) -> subprocess.CompletedProcess:
        """Run a notebook where it lies; it holds what came out afterwards."""
        return self.run(self.python, "-c", RUN, path, folder=path.parent, check=check)
