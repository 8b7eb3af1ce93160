"""Networks for MNIST-1D that others published, to compare ours with.

Beebe et al. (2026, arXiv 2602.13348) add a residual network, a temporal convolutional one and a
dilated one to those of Greydanus & Kobak. Their paper names them; sizes are those of the code that
its authors published (github.com/michael-beebe/mnist1d, notebook "quickstart").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.models.network import Network, check_choices


@dataclass(frozen=True)
class PublishedSignalNetSpec:
    """A network to compare with: one of :data:`BUILDERS`."""

    network: str = "ResNet"
    length: int = 40
    classes: int = 10

    def __post_init__(self) -> None:
        check_choices(self, {"network": BUILDERS})


class PublishedSignalNet(Network):
    """:class:`PublishedSignalNetSpec` built, with the initial weights that PyTorch draws.

    Takes ``(B, length)``, gives logits ``(B, classes)``.
    """

    own_start = True

    def __init__(self, spec: PublishedSignalNetSpec):
        super().__init__()
        self.spec = spec
        layers, channels = BUILDERS[spec.network]()
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(channels, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers(x.unsqueeze(1))  # (B, 40) -> (B, channels, positions)
        return self.linear(h.mean(2))  # (B, channels) -> (B, 10)


def convolution(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1
) -> nn.Conv1d:
    """A convolution that keeps the length, but for its stride."""
    padding = dilation * (kernel // 2)
    return nn.Conv1d(inputs, outputs, kernel, stride, padding, dilation)


class Residual(nn.Module):
    """``relu(x + f(x))``; where ``f`` changes the number of channels, ``x`` goes through a 1x1.

    In the authors' code that convolution is drawn anew at each forward pass and never trained, so
    that the network answers with chance. Here it is a layer like the others.
    """

    def __init__(self, inputs: int, outputs: int, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.layers(x))  # (B, inputs, L) -> (B, outputs, L)


def _stem(channels: int) -> list[nn.Module]:
    """From the signal to half its length."""
    return [convolution(1, channels, kernel=7, stride=2), nn.BatchNorm1d(channels), nn.ReLU()]


def _resnet(channels: int = 64) -> tuple[list[nn.Module], int]:
    block = Residual(
        channels, channels,
        convolution(channels, channels), nn.BatchNorm1d(channels), nn.ReLU(),
        convolution(channels, channels), nn.BatchNorm1d(channels),
    )  # fmt: skip
    return [*_stem(channels), block], channels


def _tcn(
    channels: tuple[int, ...] = (64, 128, 10), dropout: float = 0.01
) -> tuple[list[nn.Module], int]:
    """Three residual blocks. Their convolutions have dilation 1, and see both sides."""
    blocks = []
    for before, after in pairwise((channels[0], *channels)):
        layers: list[nn.Module] = []
        for inputs in (before, after):
            layers += [
                convolution(inputs, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(dropout)
            ]  # fmt: skip
        blocks.append(Residual(before, after, *layers))
    return [*_stem(channels[0]), *blocks], channels[-1]


def _dilated(channels: int = 64, dilation: int = 2) -> tuple[list[nn.Module], int]:
    layers: list[nn.Module] = []
    for inputs in (1, channels, channels):
        layers += [convolution(inputs, channels, dilation=dilation), nn.ReLU()]
    return layers, channels


# Name -> what gives its layers and the channels of the last one.
BUILDERS: dict[str, Callable[[], tuple[list[nn.Module], int]]] = {
    "ResNet": _resnet,
    "TCN": _tcn,
    "dilated CNN": _dilated,
}
