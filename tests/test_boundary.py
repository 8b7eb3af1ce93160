"""The command at the machine's limits: one sentence, exit code 1, nothing left on the disk."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
import torch
from PIL import Image

import command
from tarea2 import paths
from tarea2.commands import cli, prediction


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.png"
    values = np.zeros((48, 48), np.uint8)
    values[10:30, 20:24] = 200
    Image.fromarray(values).save(path)
    return path


def run_cli(monkeypatch, capsys, *arguments) -> str:
    code = command.run_cli(monkeypatch, *arguments)
    captured = capsys.readouterr()
    assert code == 1
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("tarea2: ")
    return captured.err


def test_the_output_is_no_folder_and_never_the_input(scene, monkeypatch, capsys):
    before = scene.read_bytes()
    (scene.parent / "folder.png").mkdir()
    (scene.parent / "link.png").symlink_to(scene)
    os.link(scene, scene.parent / "same.png")
    for name, message in (
        ("folder.png", "folder.png is a folder, expected a file"),
        (".", "is a folder, expected a file"),
        ("scene.png", "is the image itself; the mask needs another name"),
        ("link.png", "is the image itself"),
        ("same.png", "is the image itself"),
        ("none/m.png", "its folder does not exist"),
        ("scene.png/m.png", "its folder does not exist"),
    ):
        error = run_cli(
            monkeypatch, capsys, "predict", "segmentation", scene, "-o", scene.parent / name
        )
        assert message in error, name
    assert scene.read_bytes() == before


def limited(code: str, *arguments, **options) -> subprocess.CompletedProcess:
    """Run the command in a process that prepares itself with some code."""
    program = f"{code}\nimport sys\nfrom tarea2.commands.cli import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, timeout=300, **options,
    )  # fmt: skip


def one_sentence(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("tarea2: ")
    return lines[0]


@pytest.mark.install
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit for a process")
def test_a_disk_that_is_full_leaves_nothing(scene):
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    output = scene.parent / "mask.png"
    done = limited(full, "predict", "segmentation", scene, "-o", output)
    assert f"{output}: File too large; check the path, its permissions and the disk" in (
        one_sentence(done)
    )
    assert sorted(p.name for p in scene.parent.iterdir()) == ["scene.png"]
    out = scene.parent / "out"
    done = limited(full, "train", "check", "--out", out)
    assert "tiny" in one_sentence(done)
    assert not [p for p in out.rglob("*") if p.is_file()]


CLOSED = """
import os, sys
from tarea2.commands.cli import main

def command(*arguments):
    sys.argv = ["tarea2", *arguments]
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0

folder, scene, work = sys.argv[1:]
# Everything is imported before the user changes, who may not be let into the environment.
assert command("predict", "segmentation", scene, "-o", work + "/warm.png") == 0
assert command("train", "check", "--out", work + "/warm") == 0
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
sys.stderr.write("NOW\\n")
assert command("predict", "segmentation", scene, "-o", folder + "/mask.png") == 1
assert command("train", "check", "--out", folder + "/out") == 1
"""


@pytest.mark.install
@pytest.mark.skipif(os.name == "nt", reason="users have numbers on POSIX only")
def test_a_folder_without_permission_is_named(scene):
    """As another user where the tests run as root, who may write anywhere."""
    folder = scene.parent / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    if os.geteuid() == 0:
        for parent in folder.parents:  # pytest's folders are closed to others
            if parent.is_relative_to(tempfile.gettempdir()) and parent.owner() == "root":
                parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", CLOSED, str(folder), str(scene), str(scene.parent)],
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.split("NOW\n")[1].splitlines()
    assert first.startswith(f"tarea2: {folder / 'mask.png'}: Permission denied; check the path")
    assert second.startswith(f"tarea2: {folder / 'out'}")
    assert "Permission denied" in second
    assert not list(folder.iterdir())


def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path):
    script = (
        "import sys, time, pathlib\nfrom tarea2.paths import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half')\n    print('ready', flush=True)\n    time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "a.json")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    (left,) = tmp_path.iterdir()
    paths.sweep(tmp_path)
    assert left.exists()  # its process is alive
    process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    process.wait()
    if os.name == "nt":  # told by its age there
        os.utime(left, (time.time() - 7200,) * 2)
    mine = tmp_path / ".hidden"
    mine.write_text("of the user")
    with paths.replacing(tmp_path / "b.json") as temporary:
        temporary.write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "b.json"]


def test_training_sweeps_what_was_left(tmp_path, monkeypatch):
    from tarea2 import studies
    from tarea2.studies import running

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    study = studies.Study("empty", (), store=tmp_path)
    for folder in (study.folder, study.checkpoints):
        folder.mkdir(parents=True)
        left = folder / f".a.json.{ended.pid}.{paths._MARK}"
        left.write_text("half")
        if os.name == "nt":
            os.utime(left, (0, 0))
    running.train(study, progress=False)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "a/b"), "a/b: Permission denied; check the path"),
        (OSError(28, "No space left on device"), "No space left on device; check"),
        (OSError(30, "Read-only file system", "x"), "x: Read-only file system"),
        (IsADirectoryError(21, "Is a directory", "x"), "x: Is a directory"),
        (MemoryError(), "not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "not enough memory"),
        (ValueError("one\ntwo"), "tarea2: one two"),
    ],
)
def test_errors_of_the_machine_are_one_sentence(scene, monkeypatch, capsys, error, message):
    def fail(*_):
        raise error

    monkeypatch.setattr(prediction, "segment_image", fail)
    assert message in run_cli(
        monkeypatch, capsys, "predict", "segmentation", scene, "-o", scene.parent / "m.png"
    )


def test_a_mistake_of_the_program_is_not_hidden(scene, monkeypatch):
    def fail(*_):
        raise KeyError("a bug")

    monkeypatch.setattr(prediction, "segment_image", fail)
    monkeypatch.setattr(sys, "argv", ["tarea2", "predict", "segmentation", "a.png", "-o", "b.png"])
    with pytest.raises(KeyError):
        cli.main()


@pytest.mark.install
def test_a_reader_that_has_enough_gets_no_traceback(tmp_path):
    if shutil.which("head") is None:
        pytest.skip("the command head is not on this machine")
    np.save(tmp_path / "many.npy", np.zeros((20_000, 40)))
    command = f'"{sys.executable}" -m tarea2.commands.cli predict mnist1d many.npy | head -1'
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert done.stdout.split() == ["class", "probability"]
    assert "Traceback" not in done.stderr
