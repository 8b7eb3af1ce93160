"""Stored results: one JSON file per trained run, and models with a card.

A run says everything about itself: what was trained, how, on which data, with which versions,
and what came out. Two hashes guard it. ``key`` covers spec, recipe and data and decides whether
a run is still the one that is asked for; ``digest`` covers the whole file and shows a change by
hand. What does not fit is refused with the field named, never silently used.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from tarea2 import models
from tarea2.datasets import ROOT

RESULTS = ROOT / "data" / "results"
MODELS = ROOT / "data" / "models"

FIELDS: dict[str, type | tuple[type, ...]] = {
    "experiment": str, "name": str, "network": str, "spec": dict, "recipe": dict, "seed": int,
    "data": dict, "history": dict, "metrics": dict, "parameters": int, "macs": int,
    "seconds": (int, float), "versions": dict, "threads": int, "key": str, "digest": str,
}  # fmt: skip
CARD_FIELDS: dict[str, type | tuple[type, ...]] = {
    "model": str, "network": str, "spec": dict, "recipe": dict, "seed": int, "data": dict,
    "metrics": dict, "versions": dict, "weights": str, "digest": str,
}  # fmt: skip


class ResultError(Exception):
    """A stored result or model that is missing, stale or altered; the message says which."""


def key(network: str, spec: dict, recipe: dict, data: dict) -> str:
    """Hash of what a run depends on: network, spec, recipe and data."""
    return _hash([network, spec, recipe, data])


def describe(spec: Any) -> tuple[str, dict]:
    """Name of a spec's class and its fields, as JSON has them."""
    return type(spec).__name__, json.loads(json.dumps(asdict(spec)))


def versions() -> dict[str, str]:
    """Versions that a run was made with."""
    return {"python": platform.python_version(), "torch": torch.__version__}


def path_of(experiment: str, name: str, seed: int) -> Path:
    return RESULTS / experiment / f"{name}-seed{seed}.json"


def save(run: dict[str, Any], path: Path | None = None) -> Path:
    """Complete a run with its hashes, check it, and write it in one step."""
    run = json.loads(json.dumps(run))
    run["key"] = key(run["network"], run["spec"], run["recipe"], run["data"])
    run["digest"] = _digest(run)
    path = path or path_of(run["experiment"], run["name"], run["seed"])
    _check(run, FIELDS, path)
    write_atomically(path, json.dumps(run, ensure_ascii=False) + "\n")
    return path


def read(path: Path) -> dict[str, Any]:
    """Read one run and check it.

    Raises
    ------
    ResultError: not JSON, a field missing, of a wrong type or altered by hand.
    """
    run = _json(path)
    _check(run, FIELDS, path)
    if run["key"] != key(run["network"], run["spec"], run["recipe"], run["data"]):
        raise ResultError(f"{_short(path)}: field 'key' does not match spec, recipe and data")
    return run


def load(experiment: str) -> pd.DataFrame:
    """Read all runs of an experiment: a tidy table, one row per run, sorted by name and seed.

    Columns are ``name``, ``seed``, ``parameters``, ``macs``, ``seconds``, one for each scalar
    metric, and the objects ``spec``, ``recipe``, ``history`` and ``metrics``.
    """
    paths = sorted((RESULTS / experiment).glob("*.json"))
    if not paths:
        raise ResultError(
            f"no results of {experiment!r} in {_short(RESULTS)}; run `tarea2 train {experiment}`"
        )
    rows = []
    for path in paths:
        run = read(path)
        scalars = {k: v for k, v in run["metrics"].items() if isinstance(v, int | float)}
        kept = ("name", "seed", "parameters", "macs", "seconds", "key", "spec", "recipe", "history",
                "metrics")  # fmt: skip
        rows.append({field: run[field] for field in kept} | scalars)
    return pd.DataFrame(rows).sort_values(["name", "seed"]).reset_index(drop=True)


def save_model(
    name: str,
    model: torch.nn.Module,
    card: dict[str, Any],
    example: tuple[torch.Tensor, ...] = (),
) -> Path:
    """Store weights (safetensors) and their card; the card holds the weights' hash.

    ``example`` are the arguments of a forward pass: they are stored with what comes out, as the
    golden example that :func:`load_golden` reads.
    """
    target = MODELS / f"{name}.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, temporary)
    network, spec = describe(model.spec)
    card = json.loads(json.dumps({"model": name, "network": network, "spec": spec} | card))
    card["weights"] = hashlib.sha256(temporary.read_bytes()).hexdigest()
    card["digest"] = _digest(card)
    _check(card, CARD_FIELDS, target.with_suffix(".json"))
    temporary.replace(target)
    text = json.dumps(card, indent=1, ensure_ascii=False) + "\n"
    write_atomically(target.with_suffix(".json"), text)
    if example:
        with torch.no_grad():
            output = model.eval()(*example)
        golden = {f"input{i}": tensor for i, tensor in enumerate(example)} | {"output": output}
        save_file({k: v.contiguous() for k, v in golden.items()}, temporary)
        temporary.replace(_golden(name))
    return target


def _golden(name: str) -> Path:
    return MODELS / f"{name}.golden.safetensors"


def load_golden(name: str) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """Inputs of a stored model, and what it gave for them when it was stored."""
    if not _golden(name).exists():
        raise ResultError(f"{_short(_golden(name))} is missing")
    golden = load_file(_golden(name))
    output = golden.pop("output")
    return tuple(golden[key] for key in sorted(golden)), output


def load_model(name: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Load a stored model in evaluation mode, and its card. Nothing in a file is executed.

    Raises
    ------
    ResultError: missing, altered, or a card that does not belong to its weights.
    """
    target = MODELS / f"{name}.safetensors"
    card_path = target.with_suffix(".json")
    for path in (target, card_path):
        if not path.exists():
            stored = ", ".join(sorted(p.stem for p in MODELS.glob("*.json"))) or "none"
            raise ResultError(f"{_short(path)} is missing; stored models: {stored}")
    card = _json(card_path)
    _check(card, CARD_FIELDS, card_path)
    if hashlib.sha256(target.read_bytes()).hexdigest() != card["weights"]:
        raise ResultError(f"{_short(target)} does not match field 'weights' of its card")
    spec_class = models.SPECS.get(card["network"])
    if spec_class is None:
        raise ResultError(f"{_short(card_path)}: field 'network' names no network of the package")
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in card["spec"].items()}
    try:
        model = models.build(spec_class(**fields))
        model.load_state_dict(load_file(target))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ResultError(f"{_short(card_path)}: field 'spec' does not fit: {reason}") from None
    return model.eval(), card


# Measures that belong to no single run ------------------------------------------------------------


def save_measures(name: str, content: dict[str, Any]) -> Path:
    """Store measures that belong to a whole study, with the versions and a digest."""
    content = json.loads(json.dumps(content | {"versions": versions()}))
    content["digest"] = _digest(content)
    path = RESULTS / "measures" / f"{name}.json"
    write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def load_measures(name: str) -> dict[str, Any]:
    """Read what :func:`save_measures` stored; raises ResultError if missing or altered."""
    path = RESULTS / "measures" / f"{name}.json"
    content = _json(path)
    _check(content, {"versions": dict, "digest": str}, path)
    return content


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"{_short(path)} cannot be read as JSON ({error})") from None
    if not isinstance(content, dict):
        raise ResultError(f"{_short(path)} holds {type(content).__name__}, expected an object")
    return content


def _check(content: dict[str, Any], fields: dict, path: Path) -> None:
    for field, kind in fields.items():
        if field not in content:
            raise ResultError(f"{_short(path)}: field {field!r} is missing")
        if not isinstance(content[field], kind) or isinstance(content[field], bool):
            found = type(content[field]).__name__
            raise ResultError(f"{_short(path)}: field {field!r} is a {found}, which it must not be")
    if content["digest"] != _digest(content):
        raise ResultError(
            f"{_short(path)}: field 'digest' does not match the content: it was changed by hand; "
            "restore it from git or train it again with --force"
        )


def _digest(content: dict[str, Any]) -> str:
    return _hash({field: value for field, value in content.items() if field != "digest"})


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
