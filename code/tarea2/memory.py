"""Whether memory ran out, however an error says so."""

from __future__ import annotations

import torch

TOLD = "not enough memory; smaller images or batches, or fewer --jobs, may fit"


def ran_out(error: BaseException) -> bool:
    """Whether an error is one of memory: Python's, CUDA's, or that of PyTorch's CPU allocator.

    The last is a bare RuntimeError, known by the allocator's name in its text alone.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
