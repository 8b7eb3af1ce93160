"""Stored models: weights (safetensors), a card that says where they come from, a golden example."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from tarea2 import paths, records
from tarea2.models.building import SPECS, build
from tarea2.models.network import Network
from tarea2.paths import reason, replacing, short
from tarea2.records import ResultError

CARD_FIELDS: records.Fields = {
    "model": str, "network": str, "spec": dict, "recipe": dict, "seed": int, "data": dict,
    "metrics": dict, "versions": dict, "weights": str,
}  # fmt: skip


def _folder(store: Path | None) -> Path:
    return store / "models" if store else paths.MODELS


def save_model(
    name: str, model: Network, card: dict[str, Any], example: tuple[Tensor, ...] = (),
    store: Path | None = None,
) -> None:  # fmt: skip
    """Store weights and their card, which holds the weights' hash.

    ``store``: a folder of one's own instead of the project's.

    ``example`` are the arguments of a forward pass: they are stored with what comes out, as the
    golden example that :func:`load_golden` reads.
    """
    target = _folder(store) / f"{name}.safetensors"
    network, spec = records.describe(model.spec)
    card = {"model": name, "network": network, "spec": spec} | card
    weights = save({k: v.contiguous() for k, v in model.state_dict().items()})
    card["weights"] = hashlib.sha256(weights).hexdigest()
    with replacing(target) as temporary:
        temporary.write_bytes(weights)
        records.write(target.with_suffix(".json"), card, CARD_FIELDS, indent=1)
    if example:
        with torch.no_grad():
            output = model.eval()(*example)
        golden = {f"input{i}": tensor for i, tensor in enumerate(example)} | {"output": output}
        with replacing(_folder(store) / f"{name}.golden.safetensors") as temporary:
            temporary.write_bytes(save({k: v.contiguous() for k, v in golden.items()}))


def load_golden(name: str, store: Path | None = None) -> tuple[tuple[Tensor, ...], Tensor]:
    """Inputs of a stored model, and what it gave for them when it was stored."""
    path = _folder(store) / f"{name}.golden.safetensors"
    if not path.exists():
        raise ResultError(f"{short(path)} is missing")
    golden = _tensors(path, path.read_bytes())
    if "output" not in golden:
        raise ResultError(f"{short(path)} holds no output; restore it or train it again")
    output = golden.pop("output")
    return tuple(golden[key] for key in sorted(golden)), output


def load_model(name: str, store: Path | None = None) -> tuple[Any, dict[str, Any]]:
    """Load a stored model in evaluation mode, and its card. Nothing in a file is executed.

    Raises
    ------
    ResultError: missing, altered, or a card that does not belong to its weights.
    """
    target = _folder(store) / f"{name}.safetensors"
    return load_model_files(target, target.with_suffix(".json"))


def load_model_files(target: Path, card_path: Path) -> tuple[Any, dict[str, Any]]:
    """As :func:`load_model`, from the file of weights and that of the card, wherever they lie."""
    for path in (target, card_path):
        if not path.exists():
            stored = ", ".join(sorted(p.stem for p in target.parent.glob("*.json"))) or "none"
            raise ResultError(f"{short(path)} is missing; stored models: {stored}")
    card = records.read(card_path, CARD_FIELDS)
    weights = target.read_bytes()
    if hashlib.sha256(weights).hexdigest() != card["weights"]:
        raise ResultError(f"{short(target)} does not match field 'weights' of its card")
    spec_class = SPECS.get(card["network"])
    if spec_class is None:
        raise ResultError(f"{short(card_path)}: field 'network' names no network of the package")
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in card["spec"].items()}
    try:
        model = build(spec_class(**fields), start=False)
        model.load_state_dict(_tensors(target, weights))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ResultError(
            f"{short(card_path)}: field 'spec' does not fit: {reason(error)}"
        ) from None
    return model.eval(), card


def _tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise ResultError(f"{short(path)} cannot be read as weights ({reason(error)})") from None


def load_best(name: str) -> Network:
    """The best stored model of a study, ``"segmentation"`` or ``"mnist1d"``, ready to predict.

    Raises :class:`tarea2.records.ResultError` if it is missing or its files do not fit together.
    """
    return load_model(name)[0]
