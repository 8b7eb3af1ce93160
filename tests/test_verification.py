"""``tarea2 verify``: what is stored passes, and what was altered or lost is named."""

import json
import shutil
import sys

import pytest

from tarea2 import cli, results, verification


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the small check and of one model, and nothing else to verify."""
    for folder in ("results/check", "models"):
        shutil.copytree(results.ROOT / "data" / folder, tmp_path / folder)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(results, "MODELS", tmp_path / "models")
    monkeypatch.setattr(verification, "EXPERIMENTS", {"check": verification.EXPERIMENTS["check"]})
    monkeypatch.setattr(
        verification, "STORED_MODELS",
        {"encoder-decoder": {"autoencoder-2": ("autoencoder-2",)}},
    )  # fmt: skip
    return tmp_path


def run(monkeypatch, capsys) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["tarea2", "verify"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return stop.value.code or 0, capsys.readouterr().out


def test_what_is_stored_passes(copy, monkeypatch, capsys):
    code, out = run(monkeypatch, capsys)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["ok"] * 3
    assert out.splitlines()[3] == "3 checks, none differs"


def test_a_card_that_promises_more_differs(copy, monkeypatch, capsys):
    path = copy / "models" / "autoencoder-2.json"
    card = json.loads(path.read_text())
    card["metrics"]["test_loss"] -= 0.5
    card["digest"] = results._digest(card)
    path.write_text(json.dumps(card))
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert "test_loss differs by 0.5" in out
    assert "1 differ" in out


def test_a_changed_run_and_a_lost_one_differ(copy, monkeypatch, capsys):
    path = copy / "results" / "check" / "tiny-seed0.json"
    stored = json.loads(path.read_text())
    stored["history"]["validation"]["loss"][-1] += 0.01
    stored["digest"] = results._digest(stored)
    path.write_text(json.dumps(stored))
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert "losses differ by 0.01 at most" in out
    path.unlink()
    code, out = run(monkeypatch, capsys)
    assert code == 1
    assert "tiny-seed0.json is missing" in out
    assert "its stored run is missing" in out
