"""Every network of the report, each built from a small frozen dataclass.

The two networks for signals exist in ``members`` copies at once: every parameter has a leading
member axis, and a batch is ``(members, batch, ...)``. Ten seeds of a small network then train in
one go, at a fraction of ten times the cost, and one seed is the case ``members = 1``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.convolution import output_size


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


@dataclass(frozen=True)
class DigitNetSpec:
    """Network of notebook 10.5: two convolutions with max-pooling, two linear layers."""

    channels: tuple[int, int] = (10, 20)
    kernel: int = 5
    hidden: int = 50
    classes: int = 10
    size: int = 28

    @property
    def flat(self) -> int:
        """Values that reach the first linear layer: each block convolves, then halves."""
        size = self.size
        for _ in self.channels:
            size = output_size(size, self.kernel) // 2
        return self.channels[-1] * size**2


Spec = SignalNetSpec | PerceptronSpec | DigitNetSpec


class StackedConv1d(nn.Module):
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
        members, batch, length, _ = x.shape  # (S, B, L, C)
        out = (length - self.kernel) // self.stride + 1
        last = (out - 1) * self.stride + 1
        taps = [x[:, :, m : m + last : self.stride] for m in range(self.kernel)]
        windows = torch.cat(taps, dim=3).view(members, batch * out, -1)  # (S, B L', k C)
        y = torch.baddbmm(self.bias, windows, self.weight)  # (S, B L', O)
        return y.view(members, batch, out, -1)


class StackedLinear(nn.Module):
    """``members`` linear layers side by side: ``(S, B, in) -> (S, B, out)``."""

    def __init__(self, members: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class SignalNet(nn.Module):
    """:class:`SignalNetSpec` built; takes ``(S, B, length)``, gives logits ``(S, B, classes)``."""

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
            h = F.relu(convolution(h))  # (S, B, 19, 15), (S, B, 9, 15), (S, B, 4, 15)
        return self.linear(h.flatten(2))  # (S, B, 60) -> (S, B, 10)


class Perceptron(nn.Module):
    """:class:`PerceptronSpec` built; takes ``(S, B, ...)``, gives logits ``(S, B, classes)``."""

    def __init__(self, spec: PerceptronSpec, members: int = 1):
        super().__init__()
        self.spec, self.members = spec, members
        self.layers = nn.ModuleList(
            StackedLinear(members, before, after) for before, after in pairwise(spec.sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(2)
        for layer in self.layers[:-1]:
            h = F.relu(layer(h))
        return self.layers[-1](h)


class DigitNet(nn.Module):
    """:class:`DigitNetSpec` built; takes ``(B, 1, 28, 28)``, gives log-probabilities ``(B, 10)``.

    The notebook asks for a softmax at the end, but its loss (``nll_loss``) expects logarithms of
    probabilities, and its example leaves out the axis. Here: log-softmax over the classes.
    """

    members = 1

    def __init__(self, spec: DigitNetSpec, members: int = 1):
        super().__init__()
        if members != 1:
            raise ValueError(f"members is {members}, but a DigitNet trains one seed at a time")
        self.spec = spec
        first, second = spec.channels
        self.conv1 = nn.Conv2d(1, first, spec.kernel)
        self.conv2 = nn.Conv2d(first, second, spec.kernel)
        self.dropout = nn.Dropout2d()
        self.linear1 = nn.Linear(spec.flat, spec.hidden)
        self.linear2 = nn.Linear(spec.hidden, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(F.max_pool2d(self.conv1(x), 2))  # (B, 10, 24, 24) -> (B, 10, 12, 12)
        h = self.dropout(self.conv2(h))  # (B, 20, 8, 8)
        h = F.relu(F.max_pool2d(h, 2))  # (B, 20, 4, 4)
        h = F.relu(self.linear1(h.flatten(1)))  # (B, 320) -> (B, 50)
        return F.log_softmax(self.linear2(h), dim=1)

    def feature_maps(self, x: Tensor) -> dict[str, Tensor]:
        """What each step makes of an input, by name, in order (evaluation mode: no dropout)."""
        maps = {"entrada": x}
        maps["convolución 1"] = self.conv1(x)
        maps["máximo y ReLU 1"] = F.relu(F.max_pool2d(maps["convolución 1"], 2))
        maps["convolución 2"] = self.conv2(maps["máximo y ReLU 1"])
        maps["máximo y ReLU 2"] = F.relu(F.max_pool2d(maps["convolución 2"], 2))
        return maps


_NETWORKS: dict[type, Callable[..., nn.Module]] = {
    SignalNetSpec: SignalNet, PerceptronSpec: Perceptron, DigitNetSpec: DigitNet,
}  # fmt: skip


def build(spec: Spec, seeds: Sequence[int] = (0,), init: str = "he") -> nn.Module:
    """Build and initialise the network of a spec, one member per seed.

    ``init``: ``"he"`` (He et al. 2015, uniform, zero biases) for every layer; ``"notebook"`` as
    the function ``weights_init`` of notebooks 10.2 and 10.5, which does so for linear layers and
    leaves convolutions with PyTorch's default. Each member depends on its own seed only.
    """
    if type(spec) not in _NETWORKS:
        raise TypeError(f"no network is built from a {type(spec).__name__}")
    if init not in ("he", "notebook"):
        raise ValueError(f'init is {init!r}, expected "he" or "notebook"')
    model = _NETWORKS[type(spec)](spec, len(seeds))
    for member, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed)
        for layer in model.modules():
            if hasattr(layer, "weight"):
                _initialise(layer, member, init, generator)
    return model


@torch.no_grad()
def _initialise(layer: nn.Module, member: int, init: str, generator: torch.Generator) -> None:
    stacked = isinstance(layer, StackedConv1d | StackedLinear)
    weight = layer.weight[member] if stacked else layer.weight
    bias = layer.bias[member] if stacked else layer.bias
    fan_in = weight.shape[0] if stacked else weight[0].numel()
    convolution = isinstance(layer, StackedConv1d | nn.Conv2d)
    he = init == "he" or not convolution
    # PyTorch's default for convolutions is U(-b, b) with b = 1/sqrt(fan_in), a variance of
    # 1/(3 fan_in); He's keeps the size of activations through ReLU with 2/fan_in.
    bound = math.sqrt((6 if he else 1) / fan_in)
    weight.uniform_(-bound, bound, generator=generator)
    bias.zero_() if he else bias.uniform_(-bound, bound, generator=generator)


def member(model: nn.Module, index: int) -> nn.Module:
    """Copy one member of a stacked network into a network of its own."""
    alone = type(model)(model.spec, 1)
    if model.members == 1:
        alone.load_state_dict(model.state_dict())
    else:
        alone.load_state_dict({k: v[index : index + 1] for k, v in model.state_dict().items()})
    return alone.eval()


@dataclass(frozen=True)
class Reach:
    """What one layer sees of the input: receptive field, distance between neighbours, start."""

    layer: str
    field: int
    jump: int
    start: float


def receptive_fields(layers: Sequence[tuple[str, int, int, int]]) -> list[Reach]:
    """Receptive field of each layer along one axis (UDL section 10.2.6).

    ``layers`` lists (name, kernel, stride, dilation), from input to output. A layer adds
    ``d (k - 1)`` steps of the size that its input's cells have on the original input:
    ``field += d (k - 1) jump``, then ``jump *= stride``. ``start`` is the position on the input
    at which the field of the first output is centred.
    """
    field, jump, start = 1, 1, 0.0
    found = []
    for name, kernel, stride, dilation in layers:
        span = dilation * (kernel - 1)
        field += span * jump
        start += span / 2 * jump
        jump *= stride
        found.append(Reach(name, field, jump, start))
    return found
