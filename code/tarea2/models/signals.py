"""Networks for signals: the convolutional one of notebook 10.2 and a fully connected one.

They exist in ``members`` copies at once: every parameter has a leading member axis, and a batch
is ``(members, batch, ...)``. Ten seeds of a small network then train in one go, at a fraction of
ten times the cost, and one seed is the case ``members = 1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.convolution import output_size
from tarea2.models.network import (
    Network,
    Stacked,
    StackedConvolution,
    check_choices,
    check_kernel,
)


@dataclass(frozen=True)
class SignalNetSpec:
    """Network of notebook 10.2 (UDL figure 10.7): strided convolutions, then one linear layer."""

    length: int = 40
    channels: int = 15
    kernel: int = 3
    stride: int = 2
    layers: int = 3
    classes: int = 10

    def sizes(self) -> list[int]:
        """Length of the input and of each hidden layer."""
        sizes = [self.length]
        for _ in range(self.layers):
            sizes.append(output_size(sizes[-1], self.kernel, self.stride))
        return sizes


@dataclass(frozen=True)
class PerceptronSpec:
    """Fully connected network with ReLU between its layers."""

    sizes: tuple[int, ...] = (40, 100, 100, 10)


class _Windows(torch.autograd.Function):
    """All windows of a sequence, channels last: ``(S, B, L, C) -> (S, B, L', kernel C)``.

    The gradients of the taps are added into one tensor: as slices, each would first get a tensor
    of zeros of its own.
    """

    @staticmethod
    def forward(ctx, x: Tensor, kernel: int, stride: int) -> Tensor:
        ctx.shape, ctx.stride = x.shape, stride
        channels = x.shape[3]
        # Channels last, a window is one piece of memory.
        return x.flatten(2).unfold(2, kernel * channels, stride * channels).contiguous()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        channels = ctx.shape[3]
        last = (gradient.shape[2] - 1) * ctx.stride + 1
        total = gradient.new_zeros(ctx.shape)
        for m, tap in enumerate(gradient.split(channels, dim=3)):
            total[:, :, m : m + last : ctx.stride] += tap
        return total, None, None


class StackedConv1d(StackedConvolution):
    """``members`` valid 1-D convolutions side by side, channels last.

    ``weight`` has shape ``(members, kernel * in_channels, out_channels)``: the taps of a window
    stand next to each other, so that each member's convolution is one matrix product.
    """

    def __init__(self, members: int, in_channels: int, out_channels: int, kernel: int, stride: int):
        super().__init__()
        self.kernel, self.stride, self.in_channels = kernel, stride, in_channels
        self.weight = nn.Parameter(torch.empty(members, kernel * in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(members, 1, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[1]  # (S, B, L, C)
        windows = _Windows.apply(x, self.kernel, self.stride).flatten(1, 2)  # (S, B L', k C)
        y = torch.baddbmm(self.bias, windows, self.weight)  # (S, B L', O)
        return y.unflatten(1, (batch, -1))


class StackedLinear(Stacked):
    """``members`` linear layers side by side: ``(S, B, in) -> (S, B, out)``."""

    def __init__(self, members: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class SignalNet(Network):
    """:class:`SignalNetSpec` built; takes ``(S, B, length)``, gives logits ``(S, B, classes)``."""

    stacked = True

    def __init__(self, spec: SignalNetSpec, members: int = 1):
        super().__init__()
        self.spec, self.members = spec, members
        widths = [1] + [spec.channels] * spec.layers
        self.convolutions = nn.ModuleList(
            StackedConv1d(members, before, after, spec.kernel, spec.stride)
            for before, after in pairwise(widths)
        )
        self.linear = StackedLinear(members, spec.channels * spec.sizes()[-1], spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        h = x.unsqueeze(3)  # (S, B, 40, 1)
        for convolution in self.convolutions:
            h = F.relu(convolution(h), inplace=True)  # (S, B, 19, 15), (S, B, 9, 15), (S, B, 4, 15)
        return self.linear(h.flatten(2))  # (S, B, 60) -> (S, B, 10)


class Perceptron(Network):
    """:class:`PerceptronSpec` built; takes ``(S, B, ...)``, gives logits ``(S, B, classes)``."""

    stacked = True

    def __init__(self, spec: PerceptronSpec, members: int = 1):
        super().__init__()
        self.spec, self.members = spec, members
        self.layers = nn.ModuleList(
            StackedLinear(members, before, after) for before, after in pairwise(spec.sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(2)
        for layer in self.layers[:-1]:
            h = F.relu(layer(h), inplace=True)
        return self.layers[-1](h)


ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


@dataclass(frozen=True)
class DilatedNetSpec:
    """Blocks of dilated convolutions of constant length, and one pooling at the end.

    dilations: one block per entry, each of ``convolutions`` convolutions with that dilation.
    residual: whether a block adds its input to its output (He et al. 2016).
    norm: ``batch`` or ``none``.
    activation: ``relu``, ``gelu``, ``silu`` or ``tanh``.
    pool: ``max`` or ``mean`` over all positions, or ``flatten``, which keeps them.
    """

    width: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    convolutions: int = 2
    kernel: int = 3
    residual: bool = True
    norm: str = "batch"
    activation: str = "relu"
    pool: str = "max"
    dropout: float = 0.0
    length: int = 40
    classes: int = 10

    def __post_init__(self) -> None:
        choices = {"norm": ("batch", "none"), "activation": tuple(ACTIVATIONS),
                   "pool": ("max", "mean", "flatten")}  # fmt: skip
        check_choices(self, choices)
        check_kernel(self.kernel)

    def layers(self) -> list[tuple[str, int, int, int]]:
        """(name, kernel, stride, dilation), for :func:`tarea2.models.receptive_fields`."""
        blocks = [
            (f"dilatación {d}", self.kernel, 1, d)
            for d in self.dilations
            for _ in range(self.convolutions)
        ]
        return [("entrada", self.kernel, 1, 1), *blocks]


class DilatedNet(Network):
    """:class:`DilatedNetSpec` built; takes ``(B, length)``, gives logits ``(B, classes)``."""

    def __init__(self, spec: DilatedNetSpec):
        super().__init__()
        self.spec = spec

        def layer(inputs: int, dilation: int) -> nn.Sequential:
            convolution = nn.Conv1d(
                inputs, spec.width, spec.kernel, dilation=dilation,
                padding=dilation * (spec.kernel // 2), bias=spec.norm == "none",
            )  # fmt: skip
            norm = nn.BatchNorm1d(spec.width) if spec.norm == "batch" else nn.Identity()
            return nn.Sequential(convolution, norm)

        self.activation = ACTIVATIONS[spec.activation]()
        self.stem = layer(1, 1)
        self.blocks = nn.ModuleList(
            nn.ModuleList(layer(spec.width, d) for _ in range(spec.convolutions))
            for d in spec.dilations
        )
        self.dropout = nn.Dropout(spec.dropout)
        positions = spec.length if spec.pool == "flatten" else 1
        self.linear = nn.Linear(spec.width * positions, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.activation(self.stem(x.unsqueeze(1)))  # (B, 40) -> (B, 32, 40)
        for block in self.blocks:
            assert isinstance(block, nn.ModuleList)
            before, last = h, len(block) - 1
            for i, layer in enumerate(block):
                h = layer(h)
                if i == last and self.spec.residual:
                    h = h + before
                h = self.activation(h)  # (B, 32, 40)
        pooled = {
            "max": lambda: h.amax(2),
            "mean": lambda: h.mean(2),
            "flatten": lambda: h.flatten(1),
        }
        return self.linear(self.dropout(pooled[self.spec.pool]()))  # (B, 32) -> (B, 10)
