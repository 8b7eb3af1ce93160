"""Networks for images of digits."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.convolution import output_size


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
