"""Encoder-decoders that give a class per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.models.network import Network, Task, check_choices, check_kernel


@dataclass(frozen=True)
class EncoderDecoderSpec:
    """Convolutional encoder-decoder that gives one class per pixel (UDL section 10.5.3).

    Level ``l`` of ``depth + 1`` has ``width * growth**l`` channels and half the resolution of the
    level above. The encoder goes down to the deepest level, the decoder comes back up.

    depth: number of times the resolution is halved.
    convolutions: per level, on the way down and on the way up; ``bottom`` of them at the deepest
        level (``None``: as many as elsewhere).
    dilation: of the convolutions at the deepest level.
    block: ``plain``; ``residual``, with a shortcut around each block (He et al. 2016); or
        ``separable``, a convolution per channel and then one across channels (Howard et al. 2017).
    norm: ``none``, ``batch`` or ``group`` (groups of 4 channels).
    down: ``max`` or ``mean`` over 2×2, or ``strided``, a 2×2 convolution with stride 2.
    up: ``nearest``, ``bilinear``, ``transposed`` (2×2, stride 2) or ``unpool``, to the positions
        of the maxima: the operations of notebook 10.4.
    skip: what the decoder gets from the encoder's level of equal size: ``none``, ``add`` or
        ``concat`` (U-Net, Ronneberger et al. 2015).
    """

    depth: int = 2
    width: int = 16
    growth: float = 2.0
    convolutions: int = 2
    bottom: int | None = None
    kernel: int = 3
    dilation: int = 1
    block: str = "plain"
    norm: str = "batch"
    down: str = "max"
    up: str = "nearest"
    skip: str = "concat"
    inputs: int = 1
    classes: int = 11

    def __post_init__(self) -> None:
        choices = {
            "block": ("plain", "residual", "separable"),
            "norm": ("none", "batch", "group"),
            "down": ("max", "mean", "strided"),
            "up": ("nearest", "bilinear", "transposed", "unpool"),
            "skip": ("none", "add", "concat"),
        }
        check_choices(self, choices)
        for field in ("depth", "width", "convolutions", "kernel", "dilation", "inputs", "classes"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}, expected at least 1")
        if self.bottom is not None and self.bottom < 1:
            raise ValueError(f"bottom is {self.bottom}, expected at least 1 or None")
        if self.growth < 1:
            raise ValueError(f"growth is {self.growth}, expected at least 1")
        check_kernel(self.kernel)
        if self.up == "unpool" and self.down != "max":
            raise ValueError(
                f'up is "unpool", which needs the positions that down="max" remembers, but down is '
                f"{self.down!r}"
            )
        if self.norm == "group" and any(channels % 4 for channels in self.channels):
            raise ValueError(
                f'norm is "group", whose groups have 4 channels, but the levels have '
                f"{', '.join(map(str, self.channels))}: choose multiples of 4"
            )

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, from full resolution to the deepest."""
        return tuple(round(self.width * self.growth**level) for level in range(self.depth + 1))

    def layers(self) -> list[tuple[str, int, int, int]]:
        """(name, kernel, stride, dilation) from the image to the deepest level, for
        :func:`receptive_fields`."""
        found = []
        for level in range(self.depth + 1):
            deepest = level == self.depth
            count = (self.bottom or self.convolutions) if deepest else self.convolutions
            dilation = self.dilation if deepest else 1
            found += [(f"nivel {level}", self.kernel, 1, dilation)] * count
            found += [] if deepest else [(f"reducción {level}", 2, 2, 1)]
        return found


class Block(nn.Module):
    """``count`` convolutions, each followed by normalisation and ReLU; size stays the same."""

    def __init__(self, spec: EncoderDecoderSpec, before: int, after: int, count: int, dilation=1):
        super().__init__()
        norms = {"none": nn.Identity, "batch": nn.BatchNorm2d}
        bias = spec.norm == "none"  # a normalisation brings its own

        def convolution(inputs: int, outputs: int) -> nn.Module:
            same = {"padding": dilation * (spec.kernel // 2), "dilation": dilation}
            if spec.block != "separable":
                return nn.Conv2d(inputs, outputs, spec.kernel, bias=bias, **same)
            return nn.Sequential(
                nn.Conv2d(inputs, inputs, spec.kernel, groups=inputs, bias=False, **same),
                nn.Conv2d(inputs, outputs, 1, bias=bias),
            )

        widths = [before] + [after] * count
        self.convolutions = nn.ModuleList(convolution(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            nn.GroupNorm(after // 4, after) if spec.norm == "group" else norms[spec.norm](after)
            for _ in range(count)
        )
        self.shortcut: nn.Module | None = None
        if spec.block == "residual":
            self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        last = len(self.convolutions) - 1
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            h = norm(convolution(h))
            if i == last and self.shortcut is not None:
                h = h + self.shortcut(x)
            h = F.relu(h)
        return h


class EncoderDecoder(Network):
    """:class:`EncoderDecoderSpec` built; takes ``(B, C, H, W)``, gives logits ``(B, K, H, W)``.

    Any height and width of at least ``2**depth``: halving rounds down, and the way up goes to
    the sizes that the way down had.
    """

    memory_format = torch.channels_last  # faster, above all with few channels

    task = Task.SEGMENTATION

    def __init__(self, spec: EncoderDecoderSpec):
        super().__init__()
        self.spec = spec
        widths = (spec.inputs, *spec.channels)
        deepest = spec.channels[-1]
        self.encoder = nn.ModuleList(
            Block(spec, before, after, spec.convolutions) for before, after in pairwise(widths[:-1])
        )
        self.bottom = Block(
            spec, widths[-2], deepest, spec.bottom or spec.convolutions, spec.dilation
        )
        self.halvings = nn.ModuleList(
            nn.Conv2d(channels, channels, 2, stride=2)
            for channels in (spec.channels[:-1] if spec.down == "strided" else ())
        )
        # On the way up channels are reduced first, so that what is enlarged is cheap.
        ups = list(pairwise(reversed(spec.channels)))  # (64, 32), (32, 16)
        transposed = spec.up == "transposed"
        self.reductions = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 2, stride=2) if transposed else nn.Conv2d(a, b, 1)
            for a, b in ups
        )
        self.decoder = nn.ModuleList(
            Block(spec, b * (2 if spec.skip == "concat" else 1), b, spec.convolutions)
            for _, b in ups
        )
        self.head = nn.Conv2d(spec.width, spec.classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        spec, smallest = self.spec, 2**self.spec.depth
        if x.ndim != 4 or x.shape[1] != spec.inputs or min(x.shape[2:]) < smallest:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (batch, {spec.inputs}, height, width) "
                f"with height and width of at least {smallest} for depth {spec.depth}"
            )
        h, kept = x, []
        for level, block in enumerate(self.encoder):
            h = block(h)  # (B, 16, 48, 48), (B, 32, 24, 24)
            full, indices = h, None
            if spec.up == "unpool":
                h, indices = F.max_pool2d(h, 2, return_indices=True)
            elif spec.down == "max":
                h = F.max_pool2d(h, 2)
            elif spec.down == "mean":
                h = F.avg_pool2d(h, 2)
            else:
                h = self.halvings[level](h)
            kept.append((full, indices))
        h = self.bottom(h)  # (B, 64, 12, 12)
        for reduce, block, (full, indices) in zip(
            self.reductions, self.decoder, reversed(kept), strict=True
        ):
            size = full.shape[2:]
            if spec.up == "transposed":
                h = reduce(h, output_size=size)  # (B, 64, 12, 12) -> (B, 32, 24, 24)
            else:
                h = self._enlarge(reduce(h), size, indices)
            if spec.skip == "add":
                h = h + full
            elif spec.skip == "concat":
                h = torch.cat([h, full], dim=1)  # (B, 64, 24, 24)
            h = block(h)  # (B, 32, 24, 24), (B, 16, 48, 48)
        return self.head(h)  # (B, 11, 48, 48)

    def _enlarge(self, h: Tensor, size: torch.Size, indices: Tensor | None) -> Tensor:
        if indices is not None:
            return F.max_unpool2d(h, indices, (2, 2), output_size=size)
        smooth: dict[str, Any] = {"align_corners": False} if self.spec.up == "bilinear" else {}
        return F.interpolate(h, size=size, mode=self.spec.up, **smooth)
