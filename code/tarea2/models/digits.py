"""Networks for images of digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.convolution import output_size
from tarea2.models.network import Network, Task


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


class DigitNet(Network):
    """:class:`DigitNetSpec` built; takes ``(B, 1, 28, 28)``, gives log-probabilities ``(B, 10)``.

    The notebook asks for a softmax at the end, but its loss (``nll_loss``) expects logarithms of
    probabilities, and its example leaves out the axis. Here: log-softmax over the classes.
    """

    def __init__(self, spec: DigitNetSpec):
        super().__init__()
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


@dataclass(frozen=True)
class AutoencoderSpec:
    """Convolutional autoencoder for 8×8 digits, with a code of ``latent`` numbers."""

    latent: int = 8
    width: int = 16


class Autoencoder(Network):
    """:class:`AutoencoderSpec` built; takes and gives ``(B, 1, 8, 8)``.

    Encoder and decoder each add a linear path to the convolutional one. The linear paths alone
    could become a principal component analysis; the convolutions learn what it cannot say.
    """

    task = Task.OWN_OBJECTIVE

    def __init__(self, spec: AutoencoderSpec):
        super().__init__()
        self.spec = spec
        w = spec.width
        self.down = nn.Sequential(
            nn.Conv2d(1, w, 3, padding=1), nn.ReLU(),  # (B, w, 8, 8)
            nn.Conv2d(w, 2 * w, 3, stride=2, padding=1), nn.ReLU(),  # (B, 2w, 4, 4)
            nn.Conv2d(2 * w, 2 * w, 3, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(2 * w * 16, spec.latent),  # (B, d)
        )  # fmt: skip
        self.down_linear = nn.Linear(64, spec.latent)
        self.up = nn.Sequential(
            nn.Linear(spec.latent, 2 * w * 16), nn.ReLU(), nn.Unflatten(1, (2 * w, 4, 4)),
            nn.Conv2d(2 * w, 2 * w, 3, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(2 * w, w, 2, stride=2), nn.ReLU(),  # (B, w, 8, 8)
            nn.Conv2d(w, 1, 3, padding=1),
        )  # fmt: skip
        self.up_linear = nn.Linear(spec.latent, 64)

    @torch.no_grad()
    def start(self, generator: torch.Generator) -> None:
        """Start as a linear autoencoder: an orthogonal projection and back, convolutions silent."""
        for path in (self.down, self.up):
            nn.init.zeros_(cast(nn.Linear | nn.Conv2d, path[-1]).weight)
        basis = torch.linalg.qr(torch.randn(64, self.spec.latent, generator=generator))[0]
        self.down_linear.weight.copy_(basis.T)
        self.up_linear.weight.copy_(basis)

    def encode(self, x: Tensor) -> Tensor:
        """``z = f_enc(x)``: ``(B, 1, 8, 8)`` to ``(B, d)``."""
        return self.down(x) + self.down_linear(x.flatten(1))

    def decode(self, z: Tensor) -> Tensor:
        """``x = f_dec(z)``: ``(B, d)`` to ``(B, 1, 8, 8)``."""
        return self.up(z) + self.up_linear(z).view(-1, 1, 8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Equation (9) of the assignment: squared distance to the input, mean over the batch."""
        return reconstruction_error(x, self(x))

    def measure(self, x: Tensor, y: Tensor) -> dict[str, float]:
        self.eval()
        with torch.no_grad():
            return {"loss": float(self.loss(x, y))}


def reconstruction_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """``||x - x'||^2`` per example, averaged: ``(B, ...)`` twice to a number."""
    return (x - reconstruction).square().flatten(1).sum(1).mean()
