"""Receptive fields: what a cell of a network can see of its input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from tarea2.models.building import build
from tarea2.models.encoder_decoder import EncoderDecoderSpec


@dataclass(frozen=True)
class ReceptiveField:
    """What one layer sees of the input: its size, the distance between neighbours, the start."""

    layer: str
    size: int
    jump: int
    start: float


def receptive_fields(layers: Sequence[tuple[str, int, int, int]]) -> list[ReceptiveField]:
    """Receptive field of each layer along one axis (UDL section 10.2.6).

    ``layers`` lists (name, kernel, stride, dilation), from input to output. A layer adds
    ``d (k - 1)`` steps of the size that its input's cells have on the original input:
    ``size += d (k - 1) jump``, then ``jump *= stride``. ``start`` is the position on the input
    at which the field of the first output is centred.
    """
    size, jump, start = 1, 1, 0.0
    found = []
    for name, kernel, stride, dilation in layers:
        span = dilation * (kernel - 1)
        size += span * jump
        start += span / 2 * jump
        jump *= stride
        found.append(ReceptiveField(name, size, jump, start))
    return found


def output_field(spec: EncoderDecoderSpec, size: int = 128) -> int:
    """Side of the square of input pixels that one output pixel can depend on.

    Found with gradients through a network of positive weights, where no ReLU is closed, with
    means for maxima, which see the same cells, and few filters, since their number is no matter;
    the largest over all positions of the pixel relative to the cells of the deepest level.
    """
    down = "mean" if spec.down == "max" else spec.down
    up = "nearest" if spec.up == "unpool" else spec.up
    model = build(replace(spec, width=2, norm="none", down=down, up=up)).double()
    for parameter in model.parameters():
        parameter.data.abs_()
    x = torch.ones(1, spec.inputs, size, size, dtype=torch.float64, requires_grad=True)
    y = model(x)  # (1, K, size, size)
    sides = []
    for offset in range(2**spec.depth):
        index = size // 2 + offset
        (gradient,) = torch.autograd.grad(y[0, :, index, index].sum(), x, retain_graph=True)
        sides.append(int((gradient[0].sum((0, 1)) != 0).sum()))
    return max(sides)


def input_range(spec: EncoderDecoderSpec, pixel: int) -> tuple[int, int]:
    """First and last input row (or column) that output ``pixel`` can depend on, edges aside.

    From the output back: the decoder's convolutions and ways up, the deepest level, the way down.
    :func:`output_field` finds the same with gradients.
    """
    half = spec.kernel // 2
    first = last = pixel
    smooth = int(spec.up == "bilinear")  # an enlarged cell also depends on a neighbour
    for _ in range(spec.depth):
        first, last = first - spec.convolutions * half, last + spec.convolutions * half
        first, last = (first - smooth) // 2, (last + smooth) // 2
    reach = (spec.bottom or spec.convolutions) * half * spec.dilation
    first, last = first - reach, last + reach
    for _ in range(spec.depth):
        first, last = 2 * first, 2 * last + 1
        first, last = first - spec.convolutions * half, last + spec.convolutions * half
    return first, last


def measured_field(model: nn.Module, x: Tensor) -> Tensor:
    """How much each input pixel moves the score of the middle pixel's class: ``(H, W)``, sum 1.

    ``x``: images ``(n, C, H, W)``. Of each the absolute gradient of the likeliest class's score,
    summed over channels and shared out over the image; then the mean over images. It falls off
    from the middle long before the range that is possible ends (Luo et al. 2016).
    """
    model.eval()
    x = x.clone().requires_grad_()
    scores = model(x)[..., x.shape[2] // 2, x.shape[3] // 2]  # (n, K)
    (gradient,) = torch.autograd.grad(scores.max(1).values.sum(), x)
    found = gradient.abs().sum(1)
    return (found / found.sum((1, 2), keepdim=True)).mean(0)
