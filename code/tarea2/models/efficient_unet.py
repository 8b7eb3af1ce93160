"""A U-Net whose encoder is EfficientNet-Lite0, from weights learnt on ImageNet or drawn ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn import functional as F

from tarea2.models import efficientnet
from tarea2.models.efficientnet import EfficientNetLite0
from tarea2.models.network import Network, Task, check_choices


@dataclass(frozen=True)
class EfficientUnetSpec:
    """U-Net (Ronneberger et al. 2015) on the features of EfficientNet-Lite0 (Tan & Le 2019).

    weights: of the encoder at the start: ``imagenet``, or ``drawn`` like all others.
    encoder_rate: the encoder's learning rate, as a share of the recipe's, with which the decoder
        learns; 0 freezes the encoder, the statistics of its normalisations too.
    decoder: channels of its five levels, from 1/16 of the size to the whole; each level is the one
        below, enlarged, beside the encoder's of its size (the last has none), and one convolution.
    inputs: 3, colours; or 1, grey, which is given to the encoder as three equal channels.
    """

    weights: str = "imagenet"
    encoder_rate: float = 1.0
    decoder: tuple[int, ...] = (96, 64, 48, 32, 24)
    inputs: int = 3
    classes: int = 11

    def __post_init__(self) -> None:
        check_choices(self, {"weights": ("imagenet", "drawn")})
        if not 0 <= self.encoder_rate <= 1:
            raise ValueError(
                f"encoder_rate is {self.encoder_rate}, expected from 0, frozen, to 1, as fast as "
                "the decoder"
            )
        levels = len(efficientnet.CHANNELS)
        if len(self.decoder) != levels or min(self.decoder) < 1:
            raise ValueError(f"decoder is {self.decoder}, expected channels of {levels} levels")
        if self.inputs not in (1, 3):
            raise ValueError(f"inputs is {self.inputs}, expected 1, grey, or 3, colours")
        if self.classes < 1:
            raise ValueError(f"classes is {self.classes}, expected at least 1")

    @property
    def frozen(self) -> bool:
        return self.encoder_rate == 0


class EfficientUnet(Network):
    """:class:`EfficientUnetSpec` built; takes ``(B, C, H, W)``, gives logits ``(B, K, H, W)``.

    Values are from 0 to 1 and normalised here. Any height and width: to multiples of 32 images go
    on with the values at their edge, and what was added is cut off the scores.
    """

    task = Task.SEGMENTATION
    memory_format = torch.channels_last  # faster: most convolutions are 1×1
    divisor = efficientnet.DIVISOR

    def __init__(self, spec: EfficientUnetSpec):
        super().__init__()
        self.spec = spec
        self.encoder = EfficientNetLite0()
        if spec.frozen:
            self.encoder.requires_grad_(False)
        *beside, deepest = efficientnet.CHANNELS
        self.decoder = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before + skipped, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            )
            for (before, after), skipped in zip(
                pairwise((deepest, *spec.decoder)), (*reversed(beside), 0), strict=True
            )
        )
        self.head = nn.Conv2d(spec.decoder[-1], spec.classes, 1)

    def start(self, generator: torch.Generator) -> None:
        """Give the encoder ImageNet's weights; raises DataError where they cannot be read."""
        if self.spec.weights == "imagenet":
            self.encoder.load_state_dict(efficientnet.imagenet_weights())

    def train(self, mode: bool = True) -> EfficientUnet:
        """As every module; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.spec.frozen:
            self.encoder.eval()
        return self

    def parameter_groups(self) -> Iterator[dict[str, Any]]:
        decoder = [*self.decoder.parameters(), *self.head.parameters()]
        groups: list[tuple[list[Parameter], float]] = [(decoder, 1.0)]
        if not self.spec.frozen:
            groups.append((list(self.encoder.parameters()), self.spec.encoder_rate))
        for parameters, share in groups:
            yield {"params": parameters, "rate_share": share}

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.spec.inputs or 0 in x.shape:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (batch, {self.spec.inputs}, height, width)"
            )
        height, width = x.shape[2:]
        missing = [
            math.ceil(side / efficientnet.DIVISOR) * efficientnet.DIVISOR - side
            for side in (height, width)
        ]
        h = (x - efficientnet.MEAN) / efficientnet.DEVIATION
        if any(missing):
            h = F.pad(h, (0, missing[1], 0, missing[0]), mode="replicate")
        # (B, 16, H/2, W/2), (B, 24, H/4, W/4) … (B, 320, H/32, W/32)
        learns = self.training and not self.spec.frozen
        if learns and len(h) == 1 and max(h.shape[2:]) == self.divisor:
            raise ValueError(
                f"a batch of one image of at most {self.divisor} pixels a side is a single pixel "
                "deep in the encoder, too little to normalise by; train on larger images, or on "
                "another number of them"
            )
        *skipped, h = self.encoder(h.expand(-1, 3, -1, -1))
        for block in self.decoder:
            h = F.interpolate(h, scale_factor=2)  # to the nearest: (B, 320, H/16, W/16)
            if skipped:
                h = torch.cat([h, skipped.pop()], dim=1)  # (B, 432, H/16, W/16)
            h = block(h)  # (B, 96, H/16, W/16) … (B, 24, H, W)
        return self.head(h)[..., :height, :width]
