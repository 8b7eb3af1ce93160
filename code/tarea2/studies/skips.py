"""Skips of a trained network that are cut: what does it lose without one?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from torch import Tensor, nn

from tarea2 import metrics
from tarea2.evaluation import predict
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


def scores_with_cuts(model: EncoderDecoder, x: Tensor, y: Tensor) -> dict[str, dict[str, float]]:
    """Where and what of a network, whole ("none") and with each of its skips cut ("0", "1", …).

    ``x``: images ``(n, 1, H, W)``; ``y``: their masks ``(n, H, W)``. Where is
    :func:`metrics.foreground_iou`, what is :func:`metrics.foreground_accuracy`.
    """
    found = {}
    for level in (None, *range(model.spec.depth)):
        with nullcontext() if level is None else cut_skip(model, level):
            masks = predict(model, x)[0].argmax(1)
        cm = metrics.confusion_matrix(y, masks, model.spec.classes)
        found["none" if level is None else str(level)] = {
            "where": round(metrics.foreground_iou(cm), 4),
            "what": round(metrics.foreground_accuracy(cm), 4),
        }
    return found
