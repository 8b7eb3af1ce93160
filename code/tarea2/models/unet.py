"""The stored U-Net without options: what a reader needs to see to write it again.

:class:`~tarea2.models.EncoderDecoder` builds this network and all others of the study; this one
takes the weights of ``models.load_best("segmentation")`` and gives the same scores.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Level(nn.Module):
    """Two 3×3 convolutions, each normalised over the batch; height and width stay the same."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(c, after, 3, padding=1, bias=False) for c in (before, after)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for _ in range(2))

    def forward(self, h: Tensor) -> Tensor:
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            h = F.relu(norm(convolution(h)))
        return h


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) of three levels: images ``(B, 1, H, W)`` to logits
    ``(B, 11, H, W)``; height and width are multiples of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleList([Level(1, 20), Level(20, 30)])
        self.halvings = nn.ModuleList(nn.Conv2d(c, c, 2, stride=2) for c in (20, 30))
        self.bottom = Level(30, 45)
        self.reductions = nn.ModuleList([nn.Conv2d(45, 30, 1), nn.Conv2d(30, 20, 1)])
        self.decoder = nn.ModuleList([Level(30 + 30, 30), Level(20 + 20, 20)])
        self.head = nn.Conv2d(20, 11, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 48, 48)
        a = self.encoder[0](x)  # (B, 20, 48, 48)
        b = self.encoder[1](self.halvings[0](a))  # (B, 30, 24, 24)
        h = self.bottom(self.halvings[1](b))  # (B, 45, 12, 12)
        h = F.interpolate(self.reductions[0](h), scale_factor=2)  # (B, 30, 24, 24)
        h = self.decoder[0](torch.cat([h, b], dim=1))  # (B, 30, 24, 24)
        h = F.interpolate(self.reductions[1](h), scale_factor=2)  # (B, 20, 48, 48)
        h = self.decoder[1](torch.cat([h, a], dim=1))  # (B, 20, 48, 48)
        return self.head(h)  # (B, 11, 48, 48)
