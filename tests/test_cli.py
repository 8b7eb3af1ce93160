"""The command as a user calls it: messages, exit codes, and runs that are stored and resumed."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from command import run_cli, told
from tarea2 import augmentation, datasets, losses, models, paths, results, studies
from tarea2.commands import cli, renamed
from tarea2.studies import running


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tarea2.commands.cli", *arguments]
    # Typer takes the terminal of a workflow for one with colours.
    left_out = {"TAREA2_DATA_DIR", "GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS"}
    env = {k: v for k, v in os.environ.items() if k not in left_out} | environment
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("train", "nothing"), 1, "no study 'nothing'; there are: notebooks"),
        (("train", "notebooks", "--only", "x"), 1, "notebooks has no run 'x'; it has: mnist1d-cnn"),
        (("train", "notebooks", "--seeds", "0"), 2, "greater than or equal to 1"),
        (("dance",), 2, "No such command 'dance'"),
    ],
)
def test_a_mistake_ends_in_one_sentence(arguments, code, message):
    done = told(*arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_package_runs_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "tarea2", "dance"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert "No such command 'dance'" in done.stderr


def test_help_names_the_commands():
    done = process("--help")
    assert done.returncode == 0
    assert "train" in done.stdout
    assert "data" in done.stdout
    commands = re.findall(r"(?m)^│ (\w+)", done.stdout.split("Commands")[1])
    assert commands == ["data", "train", "measure", "verify", "predict", "images"]


HELP = """
import sys
from tarea2.commands import cli, renamed
sys.argv = ["tarea2", *sys.argv[1:], "--help"]
try:
    cli.main()
finally:
    heavy = {"torch", "numpy", "pandas", "PIL", "matplotlib"} & set(sys.modules)
    assert not heavy, heavy
"""


@pytest.mark.parametrize("command", ["", "train", "images train", "images report", "predict"])
def test_help_does_not_wait_for_libraries(command):
    done = subprocess.run(
        [sys.executable, "-c", HELP, *command.split()], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_options_of_own_images_stand_in_groups_and_nowhere_else():
    shown = process("images", "train", "--help", COLUMNS="200").stdout
    for words in ("Images and masks", "What masks mean", "Sizes", "How networks learn",
                  "Which runs", "Where they are trained"):  # fmt: skip
        assert words in shown
    project = process("train", "--help", COLUMNS="200").stdout
    for option in renamed.OWN_IMAGES:
        assert f"{option} " in shown
        assert f"{option} " not in project


def test_the_help_names_what_the_registries_hold():
    """It stands there as text, since it does not wait for PyTorch, which the registries load."""
    shown = process("images", "train", "--help", COLUMNS="200").stdout
    weights, augmented = (re.search(rf"{o} .*", shown)[0] for o in ("--class-weights", "--augment"))
    assert all(name in weights for name in losses.CLASS_WEIGHTS)
    assert ",".join(augmentation.AUGMENTATIONS) in augmented


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("train segmentation --images a --masks b", "images train --images a --masks b"),
        ("train --images a --masks b segmentation", "images train --images a --masks b"),
        ("train --images=a segmentation --masks=b --dry-run", "images train --images=a --masks=b "
         "--dry-run"),
        ("train --dry-run segmentation --masks b --name segmentation --images -x --seeds 2",
         "images train --dry-run --masks b --name segmentation --images -x --seeds 2"),
        ("predict --model a.safetensors b -o c", "images predict --model a.safetensors b -o c"),
        ("predict b -m a.safetensors -o c", "images predict b -m a.safetensors -o c"),
        ("predict images b --model=a -o c", "images predict b --model=a -o c"),
        ("report data/own --name x", "images report data/own --name x"),
        ("report", "images report"),
        ("train segmentation --only a --seeds 1 --force", None),
        ("train notebooks", None),
        ("predict segmentation a.png -o b.png", None),
        ("images train --images a --masks b", None),
        ("verify", None),
        ("", None),
    ],
)  # fmt: skip
def test_an_older_spelling_is_another_name_of_a_command(older, newer):
    assert renamed.renamed(older.split()) == (newer.split() if newer else None)


def test_older_spellings_know_the_options_without_a_value_and_the_models():
    """Else the word after an option is taken for its value, or a model for a path."""
    commands = typer.main.get_command(cli.app).commands
    predict, images = commands["predict"].commands, commands["images"].commands
    assert set(renamed.MODELS) == set(predict)
    options = [*commands["train"].params, *images["train"].params]
    flags = [option for option in options if getattr(option, "is_flag", False)]
    spellings = {name for flag in flags for name in (*flag.opts, *flag.secondary_opts)}
    assert set(renamed.FLAGS) == spellings | {"--help"}


def test_an_older_spelling_works_and_says_the_other(tmp_path, monkeypatch, capsys):
    folder = str(tmp_path / "a b")
    for older, newer in (
        (("report", folder), ("images", "report", folder)),
        (("predict", "--model", "x.txt", folder, "-o", "out"),
         ("images", "predict", "--model", "x.txt", folder, "-o", "out")),
        (("train", "segmentation", "--images", folder, "--masks", folder, "--dry-run"),
         ("images", "train", "--images", folder, "--masks", folder, "--dry-run")),
    ):  # fmt: skip
        assert run_cli(monkeypatch, *newer) == 1
        expected = capsys.readouterr().err
        assert run_cli(monkeypatch, *older) == 1
        said, *rest = capsys.readouterr().err.splitlines(keepends=True)
        assert said == f"tarea2: an older spelling of: {shlex.join(['tarea2', *newer])}\n"
        assert "".join(rest) == expected


def test_a_damaged_file_of_the_user_ends_in_one_sentence(tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"half")
    datasets.mnist.cache_clear()
    done = told("data", TAREA2_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "train-images-idx3-ubyte.gz is damaged, replace it" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_trained_twice():
    done = told("train", "notebooks", "--only", "mnist1d-mlp")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 runs trained")


@pytest.fixture
def toy(tmp_path, monkeypatch) -> Path:
    """A short version of two networks, stored in a folder of their own."""
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "runs")
    short = [
        replace(d, recipe=replace(d.recipe, epochs=2), seeds=(0, 1), name=name)
        for d, name in zip(studies.find("notebooks").definitions, ("a", "b"), strict=False)
    ]
    toy = studies.Study("toy", tuple(short), {"toy-model": ("a",)})
    monkeypatch.setitem(studies.STUDIES, "toy", toy)
    return tmp_path


def test_training_stores_each_run_and_the_best_model(toy, monkeypatch, capsys):
    assert run_cli(monkeypatch, "train", "toy") == 0
    assert "4 runs trained" in capsys.readouterr().out
    assert sorted(p.name for p in (toy / "results" / "toy").iterdir()) == [
        "a-seed0.json", "a-seed1.json", "b-seed0.json", "b-seed1.json",
    ]  # fmt: skip
    _, card = models.load_model("toy-model")
    table = results.load("toy")
    rows = table[table["name"] == "a"]
    assert card["seed"] == rows.loc[rows["validation_accuracy"].idxmax(), "seed"]
    assert run_cli(monkeypatch, "train", "toy") == 0
    assert "0 runs trained" in capsys.readouterr().out


def test_only_what_is_missing_is_trained(toy, monkeypatch, capsys):
    run_cli(monkeypatch, "train", "toy")
    before = json.loads((toy / "results" / "toy" / "b-seed1.json").read_text())
    (toy / "results" / "toy" / "b-seed1.json").unlink()
    capsys.readouterr()
    assert run_cli(monkeypatch, "train", "toy") == 0
    assert "b, seed 1: " in capsys.readouterr().out
    after = json.loads((toy / "results" / "toy" / "b-seed1.json").read_text())
    assert after["metrics"]["test_accuracy"] == pytest.approx(
        before["metrics"]["test_accuracy"], abs=0.01
    )


def test_a_stale_run_is_reported_and_force_trains_it_again(toy, monkeypatch, capsys):
    run_cli(monkeypatch, "train", "toy", "--only", "a")
    study = studies.find("toy")
    first, second = study.definitions
    changed = replace(first, recipe=replace(first.recipe, epochs=1))
    monkeypatch.setitem(studies.STUDIES, "toy", replace(study, definitions=(changed, second)))
    capsys.readouterr()
    assert run_cli(monkeypatch, "train", "toy", "--only", "a") == 1
    assert "a-seed0.json is stale" in capsys.readouterr().err
    assert run_cli(monkeypatch, "train", "toy", "--only", "a", "--force") == 0
    assert "2 runs trained" in capsys.readouterr().out


def test_seeds_and_only_narrow_the_work(toy, monkeypatch, capsys):
    assert run_cli(monkeypatch, "train", "toy", "--only", "b", "--seeds", "1") == 0
    assert [p.name for p in (toy / "results" / "toy").iterdir()] == ["b-seed0.json"]


def test_an_interruption_says_how_to_go_on(toy, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "train", interrupt)
    assert run_cli(monkeypatch, "train", "toy") == 130
    assert "run the same command again" in capsys.readouterr().err
