"""``tarea2 verify``: what is stored passes, and what was altered or lost is named."""

import json
import re
import shutil
import sys

import pytest

from tarea2 import paths, records, studies
from tarea2.commands import cli, verification
from tarea2.studies import Study


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the small check and of one model, and nothing else to verify."""
    for folder in ("results/check", "results/encoder-decoder", "models"):
        shutil.copytree(paths.ROOT / "data" / folder, tmp_path / folder)
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    codes = studies.find("encoder-decoder")
    small = Study(
        codes.name, tuple(codes.named(["autoencoder-2"])), {"autoencoder-2": ("autoencoder-2",)}
    )
    monkeypatch.setattr(
        verification, "STUDIES", {"check": studies.find("check"), codes.name: small}
    )
    return tmp_path


def run(monkeypatch, capsys) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["tarea2", "verify"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0, capsys.readouterr().out


def test_what_is_stored_passes(copy, monkeypatch, capsys):
    code, out = run(monkeypatch, capsys)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:4]] == ["ok"] * 4
    assert out.splitlines()[4] == "4 checks, none differs"


def test_a_card_that_promises_more_differs(copy, monkeypatch, capsys):
    path = copy / "models" / "autoencoder-2.json"
    card = json.loads(path.read_text())
    card["metrics"]["test_loss"] -= 0.5
    card["digest"] = records.digest(card)
    path.write_text(json.dumps(card))
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert "test_loss differs by 0.5" in out
    assert "1 differ" in out


def test_a_changed_run_and_a_lost_one_differ(copy, monkeypatch, capsys):
    path = copy / "results" / "check" / "tiny-seed0.json"
    stored = json.loads(path.read_text())
    stored["history"]["validation"]["loss"][-1] += 0.01
    stored["digest"] = records.digest(stored)
    path.write_text(json.dumps(stored))
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert "losses differ by 0.01 at most" in out
    path.unlink()
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert "tiny-seed0.json is missing" in out
    assert "its stored run is missing" in out


def test_a_lost_run_is_named(copy, monkeypatch, capsys):
    (copy / "results" / "encoder-decoder" / "autoencoder-2-seed0.json").unlink()
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert re.search(r"DIFFERS +runs of encoder-decoder +autoencoder-2-seed0.json is missing", out)
