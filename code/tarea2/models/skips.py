"""Skips of a trained network that are cut: what does it lose without one?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from tarea2.models.encoder_decoder import EncoderDecoder


@contextmanager
def cut_skip(model: EncoderDecoder, level: int) -> Iterator[None]:
    """While it lasts, zeros arrive from the concatenated skip of ``level`` (0: full resolution).

    The weights stay: the network was trained with the skip, unlike one that never had it.

    Raises
    ------
    ValueError: skips that are not concatenated, or a level without one.
    """
    spec = model.spec
    if spec.skip != "concat":
        raise ValueError(f'skip is {spec.skip!r}, expected "concat": only that can be cut')
    if not 0 <= level < spec.depth:
        raise ValueError(f"level is {level}, expected 0 to {spec.depth - 1}, where skips start")

    def zeros(block: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        x = inputs[0].clone()
        x[:, spec.channels[level] :] = 0  # what is enlarged comes first
        return x

    handle = model.decoder[spec.depth - 1 - level].register_forward_pre_hook(zeros)
    try:
        yield
    finally:
        handle.remove()
