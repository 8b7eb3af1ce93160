"""The package as a wheel, away from the repository: what it brings along, and where it writes."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tarea2 import paths


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing is left in the project."""
    pytest.importorskip("setuptools")
    source = tmp_path_factory.mktemp("source")
    for name in ("code", "data/results", "data/models"):
        shutil.copytree(
            paths.ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg*")
        )
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(paths.ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--quiet",
         "--disable-pip-version-check", "--wheel-dir", "made"],
        cwd=source, check=True, timeout=300,
    )  # fmt: skip
    (made,) = (source / "made").glob("*.whl")
    return made


@pytest.fixture
def installed(wheel, tmp_path, monkeypatch):
    """The wheel's files in a folder of their own, and an empty folder to work in."""
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path / "site-packages")
    work = tmp_path / "mi carpeta ñ"
    work.mkdir()

    def run(*arguments, module="tarea2.commands.cli"):
        environment = {k: v for k, v in os.environ.items() if k != "TAREA2_DATA_DIR"}
        environment |= {
            "PYTHONPATH": str(tmp_path / "site-packages"), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        command = ["-c", arguments[0]] if module is None else ["-m", module, *arguments]
        return subprocess.run(
            [sys.executable, *command], cwd=work, env=environment, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip

    return run, work, tmp_path / "site-packages"


def files(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_the_wheel_holds_every_stored_run_and_model(wheel):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if name.startswith("tarea2/stored/")}
    for name in ("results", "models"):
        for path in (paths.STORED / name).rglob("*"):
            if path.suffix in (".json", ".safetensors"):
                assert f"tarea2/stored/{path.relative_to(paths.STORED).as_posix()}" in held


def test_models_and_results_work_from_any_folder(installed):
    run, work, site = installed
    before = files(site)
    done = run("predict", "numbers", "7", "933")
    assert done.returncode == 0, done.stderr
    assert "novecientos treinta y tres" in done.stdout
    done = run(
        "import tarea2.paths as p, tarea2.results as r, tarea2.models as m\n"
        "print(p.CHECKOUT, len(r.load('segmentation')), m.load_best('mnist1d').training)",
        module=None,
    )
    assert done.stdout.split() == [
        "None",
        str(len(list((paths.RESULTS / "segmentation").glob("*")))),
        "False",
    ]
    assert not list(work.iterdir())
    assert files(site) == before


def test_own_results_lie_below_the_current_folder_or_out(installed):
    run, work, site = installed
    before = files(site)
    done = run("train", "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 runs trained")  # it came along
    assert not list(work.iterdir())
    done = run("train", "check", "--force")
    assert done.returncode == 0, done.stderr
    assert (work / "data" / "own" / "results" / "check" / "tiny-seed0.json").exists()
    done = run("train", "check", "--out", "aquí")
    assert "1 runs trained; results are in aquí" in done.stdout
    assert (work / "aquí" / "results" / "check" / "tiny-seed0.json").exists()
    assert files(site) == before
