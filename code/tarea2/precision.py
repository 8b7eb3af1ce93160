"""How exactly a network calculates while it learns: in float32, or its forward pass in bfloat16.

A bfloat16 has the exponent of a float32 and 8 significant bits instead of 24. Products of matrices
and convolutions round their inputs to it, but for those of a kernel per channel on a CPU; weights,
the statistics of normalisations, loss and optimiser stay in float32 (Micikevicius et al. 2018;
Kalamkar et al. 2019).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

# What of a network runs in another type; None: nothing.
PRECISIONS: dict[str, torch.dtype | None] = {"float32": None, "bfloat16": torch.bfloat16}
# Processors with one of these multiply bfloat16 themselves. Others convert first, and take two to
# ten times as long as in float32: `ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/training.py`.
INSTRUCTIONS = ("amx_bf16", "avx512_bf16")
AMPERE = (8, 0)  # CUDA's compute capability from which on a GPU has units for bfloat16


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """The context in which a forward pass has a precision, one of :data:`PRECISIONS`."""
    dtype = PRECISIONS[precision]
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def advised(device: torch.device) -> tuple[str, str]:
    """The precision with which a device trains fastest, and why, in words."""
    if device.type == "cuda":
        name, found = torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device)
        fast = found >= AMPERE
        return _named(fast, f"{name} has {'' if fast else 'no '}units for bfloat16")
    if device.type == "cpu":
        told = torch.cpu.get_capabilities()
        has = [instruction for instruction in INSTRUCTIONS if told.get(instruction)]
        why = f"has {has[0]}" if has else f"has none of {', '.join(INSTRUCTIONS)}"
        return _named(bool(has), f"the processor {why}")
    return "float32", f"bfloat16 was not measured on {device.type}"


def _named(fast: bool, why: str) -> tuple[str, str]:
    return ("bfloat16" if fast else "float32"), why
