"""The archive to hand in: complete, reproducible, and its notebooks run where it is unpacked."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest

from publish.handin import archive
from publish.project import PublishError

CHAPTER = "chapters/06-preguntas-cnn.ipynb"


@pytest.fixture(scope="module")
def handed_in(project, site, tmp_path_factory):
    return archive(project, site, tmp_path_factory.mktemp("entrega") / "entrega.zip")


def test_everything_is_there(handed_in, project):
    with zipfile.ZipFile(handed_in) as file:
        names = {name.removeprefix("entrega/") for name in file.namelist()}
    assert {"LEEME.md", "informe.pdf", "requirements.txt", "code/tarea2/convolution.py"} <= names
    assert {f"cuadernos/{page.removesuffix('.qmd')}.ipynb" for page in project.pages} <= names
    assert {page.replace(".qmd", ".pdf") for page in project.pages if "/" in page} <= names
    assert "data/models/segmentation.safetensors" in names
    assert not [name for name in names if "__pycache__" in name or "raw" in name.split("/")]


def test_the_same_site_gives_the_same_bytes(handed_in, project, site, tmp_path):
    again = archive(project, site, tmp_path / "entrega.zip")
    assert again.read_bytes() == handed_in.read_bytes()


def test_a_site_that_is_not_built_is_named(tmp_path, project):
    with pytest.raises(PublishError, match=r"report.pdf is not built yet: run `make report`"):
        archive(project, tmp_path / "none", tmp_path / "entrega.zip")
    assert not (tmp_path / "entrega.zip").exists()


def test_an_unpacked_notebook_runs_and_gives_the_same(handed_in, tmp_path):
    with zipfile.ZipFile(handed_in) as file:
        file.extractall(tmp_path)
    folder = tmp_path / "entrega"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    base = {"base": str(tmp_path / "env"), "platbase": str(tmp_path / "env")}
    python = Path(sysconfig.get_path("scripts", "venv", base)) / Path(sys.executable).name
    # The packages of requirements.txt are here already; this project itself is not.
    packages = Path(sysconfig.get_path("purelib", "venv", base))
    (packages / "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", folder]
    subprocess.run([python, "-m", *install], check=True)
    before = nbformat.read(folder / "cuadernos" / CHAPTER, as_version=4)
    script = (
        "import sys, nbformat, nbclient, tarea2\n"
        "book = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(book, kernel_name='python3').execute()\n"
        "nbformat.write(book, sys.argv[1])\n"
        "print(tarea2.__file__)\n"
    )
    kernels = tmp_path / "kernels" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": command, "display_name": "x", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(kernel))
    environment = os.environ | {"JUPYTER_PATH": str(tmp_path / "kernels")}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python, "-c", script, folder / "cuadernos" / CHAPTER], env=environment,
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert str(folder) in done.stdout
    after = nbformat.read(folder / "cuadernos" / CHAPTER, as_version=4)
    shown = [
        [output.get("data", {}).get("text/plain") for cell in book.cells
         if cell.cell_type == "code" for output in cell.outputs]
        for book in (before, after)
    ]  # fmt: skip
    assert any(shown[0])
    assert shown[0] == shown[1]
