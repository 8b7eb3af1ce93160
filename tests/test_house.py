"""The house: each network answers for itself, each file is read once, no import is hidden."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tarea2 import models, paths
from tarea2.datasets.images import folder
from tarea2.models import NETWORKS, Network, Task
from tarea2.own.study import prepare

MODULES = (
    "training/recipe", "training/loop", "losses", "evaluation", "checkpoints", "metrics",
    "studies/running", "studies/definition",
)  # fmt: skip
PACKAGE = paths.ROOT / "code" / "tarea2"


def test_every_network_answers_for_itself():
    assert all(issubclass(network, Network) for network in NETWORKS.values())
    for spec, network in NETWORKS.items():
        assert isinstance(network.task, Task), spec
        answers = (network.stacked, network.own_start)
        assert all(isinstance(answer, bool) for answer in answers), spec
        if network.task is Task.OWN_OBJECTIVE:  # then it really brings one
            assert network.loss is not Network.loss
            assert network.measure is not Network.measure


def test_a_network_without_an_objective_says_so():
    with pytest.raises(NotImplementedError, match="DigitNet has no objective of its own"):
        models.build(models.DigitNetSpec()).loss(None, None)


def test_training_and_metrics_name_no_network():
    networks = {cls.__name__ for pair in NETWORKS.items() for cls in pair}
    for module in MODULES:
        tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not named & networks, module


def test_a_folder_is_read_once_for_all_networks(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for place in range(12):
            values = rng.integers(0, 2, (32, 32)).astype(np.uint8) * (
                200 if kind == "images" else 1
            )
            Image.fromarray(values).save(tmp_path / kind / f"{place:02}.png")
    read: list[Path] = []
    real = folder.read_image

    def counting(path: Path) -> Image.Image:
        read.append(path)
        return real(path)

    monkeypatch.setattr(folder, "read_image", counting)
    study = prepare(tmp_path / "images", tmp_path / "masks").study
    assert len({definition.key() for definition in study.definitions}) == len(study.definitions)
    assert len(study.definitions) > 20
    assert len(read) == 24


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_no_import_of_the_package_hides_in_a_function(path):
    """Imports inside functions would hide circles; the command's save the time to load PyTorch."""
    if path.parent.name == "commands":
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    hidden = [
        node.module
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tarea2")
    ]
    assert not hidden
