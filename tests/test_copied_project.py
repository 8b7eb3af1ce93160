"""A project copied with its environment: the first one's code does not work on the copy."""

import os
import shutil
import subprocess
import sys

import pytest

from command import told
from publish.project import ROOT, PublishError, require_own
from tarea2 import paths


@pytest.fixture
def copy(tmp_path):
    """As much of a copy as tells which project a folder belongs to."""
    for name in ("code/publish/project.py", "code/tarea2/paths.py", "code/pre_render.py",
                 "code/contributing.py"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "chapters").mkdir()
    return tmp_path


def run(folder, *arguments) -> subprocess.CompletedProcess:
    """This environment's Python in a folder; what it imports comes from this checkout."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "code"), "PYTHONSAFEPATH": "1"},
    )  # fmt: skip


@pytest.mark.install
@pytest.mark.parametrize("folder", [".", "chapters"])
@pytest.mark.parametrize("module", ["publish", "publish.submission", "publish.serve"])
def test_no_command_builds_the_first_project_s_pages_in_a_copy(copy, module, folder):
    done = run(copy / folder, "-m", module)
    assert done.returncode == 1
    said = f"this is {copy}, and the code that runs belongs to {ROOT}: run `python3 make.py setup`"
    assert done.stderr.startswith(said)


@pytest.mark.install
@pytest.mark.parametrize("script", ["code/pre_render.py", "code/contributing.py"])
def test_no_script_of_a_copy_works_on_the_first_project(copy, script):
    done = run(ROOT, copy / script)
    assert done.returncode == 1
    assert f"this is {copy}, and the code that runs belongs to {ROOT}" in done.stderr


@pytest.mark.parametrize("arguments", [("train", "notebooks"), ("data", "digits")])
def test_the_command_neither_reads_nor_writes_the_first_project_s_data(
    copy, monkeypatch, arguments
):
    monkeypatch.chdir(copy)
    done = told(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tarea2: this is {copy}, and the code that runs belongs to")


def test_the_own_folder_another_one_and_a_link_to_the_own_one_are_no_copies(tmp_path):
    (tmp_path / "link").symlink_to(ROOT)
    for folder in (ROOT, ROOT / "chapters", tmp_path, tmp_path / "link"):
        require_own(folder)
        paths.require_own(folder)


def test_an_installed_package_works_in_any_folder(copy, monkeypatch):
    with pytest.raises(ValueError, match="belongs to"):
        paths.require_own(copy)
    with pytest.raises(PublishError, match="belongs to"):
        require_own(copy)
    monkeypatch.setattr(paths, "CHECKOUT", None)
    paths.require_own(copy)
