"""How long an author waits: ``python benchmarks/preview.py [PAGE]`` prints one table of one run.

A copy of the project is made, whose preview is open on a light chapter. Ten times each, a
paragraph, a cell in the middle of the page and a function of the package are edited; measured is
the time from saving to when the new page can be loaded. Beside it, in turns with it, what one
page's HTML takes with the builder (``python -m publish --engine builtin --to html --page PAGE``)
after the same edits. Medians, and their ratio, are what to compare.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
PAGE = "chapters/01-convolucion-1d.qmd"
EDITS = 10
BUILDS = 3  # of each kind: they take long
TARGETS = {"a paragraph": 1.0, "a cell": 2.0, "a function of the package": 3.0}
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".build", "_output", "__pycache__", ".*_cache", "raw", "runs", "own"
)


def edits(folder: Path, page: str) -> dict[str, tuple[Path, str, str]]:
    """What is edited: kind -> file, a place in it and what is put there; ``{}`` is a number."""
    path = folder / page
    text = path.read_text("utf-8")
    cells = re.findall(r"^```\{python\}\n(?:#\|.*\n)*(.*)\n", text, re.MULTILINE)
    middle = cells[len(cells) // 2]
    paragraph = re.search(r"^[A-ZÁÉÍÓÚ][^`\n]{80,}$", text, re.MULTILINE)[0]
    module = folder / "code" / "tarea2" / "convolution.py"
    first = re.search(
        r"^def conv1d\(.*?\"\"\"\n(?=    \w)", module.read_text("utf-8"), re.M | re.S
    )[0]
    return {
        "a paragraph": (path, paragraph, paragraph + " Edición {}."),
        "a cell": (path, middle, "edited = {}\n" + middle),
        "a function of the package": (module, first, first + "    edited = {}\n"),
    }


def save(edit: tuple[Path, str, str], original: str, number: int) -> None:
    path, place, put = edit
    path.write_text(original.replace(place, put.replace("{}", str(number)), 1), "utf-8")


def told(stream) -> dict:
    """The next thing that the preview says about the page."""
    while True:
        line = stream.readline()
        if line.startswith(b"data: "):
            return json.loads(line[6:])


def ready(stream, before: str = "") -> str:
    """Wait for another version than that before; returns it."""
    while True:
        said = told(stream)
        if said["error"]:
            raise SystemExit(said["error"])
        if said["version"] != before and not said["busy"]:
            return said["version"]


def main() -> None:
    page = sys.argv[1] if len(sys.argv) > 1 else PAGE
    times: dict[str, list[float]] = {kind: [] for kind in TARGETS}
    builds: dict[str, list[float]] = {kind: [] for kind in TARGETS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "copy"
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
        known = os.environ.get("PYTHONPATH", "")
        given = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder / "code"), known])}
        builder = [sys.executable, "-m", "publish", "--engine", "builtin", "--to", "html"]
        builder += ["--page", page]
        subprocess.run(builder, cwd=folder, env=given, check=True, stdout=subprocess.DEVNULL)
        began = time.perf_counter()
        preview = subprocess.Popen(
            [sys.executable, "-m", "publish.preview", "--port", "0"],
            cwd=folder, env=given, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        address = re.search(r"http://\S+/", preview.stdout.readline())[0]
        print(f"the address is printed after {time.perf_counter() - began:.1f} s")
        stream = urllib.request.urlopen(f"{address}_preview/events?page={page}")
        version = ready(stream, f"{told(stream)['version'].split('-')[0]}-0")
        print(f"the page is there after {time.perf_counter() - began:.1f} s", flush=True)
        time.sleep(15)  # its cells run once
        for number in range(EDITS):
            for kind, edit in edits(folder, page).items():
                original = edit[0].read_text("utf-8")
                start = time.perf_counter()
                save(edit, original, number)
                version = ready(stream, version)
                urllib.request.urlopen(address + page.replace(".qmd", ".html")).read()
                times[kind].append(time.perf_counter() - start)
                if number < BUILDS:
                    start = time.perf_counter()
                    subprocess.run(
                        builder, cwd=folder, env=given, check=True, stdout=subprocess.DEVNULL
                    )
                    builds[kind].append(time.perf_counter() - start)
                edit[0].write_text(original, "utf-8")
                version = ready(stream, version)
            took = ", ".join(f"{kind} {values[-1]:.2f} s" for kind, values in times.items())
            print(f"edit {number + 1}: {took}", flush=True)
        preview.terminate()
        preview.wait()
    rows = [
        {
            "edit": kind,
            "preview (s)": statistics.median(times[kind]),
            "target": TARGETS[kind],
            "builder (s)": statistics.median(builds[kind]),
            "builder / preview": statistics.median(builds[kind]) / statistics.median(times[kind]),
        }
        for kind in TARGETS
    ]
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda value: f"{value:.2f}"))


if __name__ == "__main__":
    main()
