"""What happens at random to images and masks while a network trains, if a recipe says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from tarea2.datasets import IGNORED

LARGEST_SCALE = 1.5  # and its inverse is the smallest
COLOUR_CHANGE = 0.2  # of brightness, contrast and, where there are colours, each channel


def _uniform(count: int, low: float, high: float, drawn: Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=drawn)


def flip(x: Tensor, y: Tensor, drawn: Generator) -> tuple[Tensor, Tensor]:
    """Left and right change places in half of the images; ``x`` (B, C, H, W), ``y`` (B, H, W)."""
    turned = (torch.rand(len(x), generator=drawn) < 0.5).to(x.device)
    x = torch.where(turned[:, None, None, None], x.flip(3), x)
    return x, torch.where(turned[:, None, None], y.flip(2), y)


def scale(x: Tensor, y: Tensor, drawn: Generator) -> tuple[Tensor, Tensor]:
    """Enlarge or shrink each image about a random point, by up to :data:`LARGEST_SCALE`.

    Images are interpolated, masks take the nearest pixel; what comes from outside the image goes
    on with its edge, and does not count.
    """
    logs = torch.log(torch.tensor(LARGEST_SCALE)).item()
    factor = 1 / torch.exp(_uniform(len(x), -logs, logs, drawn))  # of the region that is seen
    theta = torch.zeros(len(x), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = factor
    theta[:, :, 2] = (1 - factor)[:, None] * (2 * torch.rand(len(x), 2, generator=drawn) - 1)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False).to(x.device)
    outside = (grid.abs() > 1).any(3)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    seen = F.grid_sample(
        y[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False
    )[:, 0].to(y.dtype)
    return x, seen.masked_fill(outside, IGNORED)


def colour(x: Tensor, y: Tensor, drawn: Generator) -> tuple[Tensor, Tensor]:
    """Change contrast about the mean, brightness, and each channel, by up to 20 %."""
    count, channels = x.shape[:2]
    low, high = 1 - COLOUR_CHANGE, 1 + COLOUR_CHANGE
    contrast = _uniform(count, low, high, drawn)[:, None, None, None].to(x.device)
    brightness = _uniform(count, low, high, drawn)[:, None].expand(count, channels)
    if channels > 1:
        brightness = brightness * _uniform(count * channels, low, high, drawn).view(count, channels)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * contrast + mean
    return (x * brightness[..., None, None].to(x.device)).clamp(0, 1), y


AUGMENTATIONS: dict[str, Callable[[Tensor, Tensor, Generator], tuple[Tensor, Tensor]]] = {
    "flip": flip,
    "scale": scale,
    "colour": colour,
}


def augmented(
    x: Tensor, y: Tensor, names: Sequence[str], drawn: Generator
) -> tuple[Tensor, Tensor]:
    """A batch of images from 0 to 1 and their masks, changed at random, whatever the names' order.

    ``x``: ``(B, C, H, W)``; ``y``: ``(B, H, W)``.
    """
    for name, change in AUGMENTATIONS.items():
        if name in names:
            x, y = change(x, y, drawn)
    return x, y


def windows(
    pairs: Sequence[tuple[Tensor, Tensor]], side: int, drawn: Generator
) -> tuple[Tensor, Tensor]:
    """A random square of each image ``(C, H, W)`` and of its mask ``(H, W)``, stacked."""
    images, masks = [], []
    for x, y in pairs:
        top, left = (
            int(torch.randint(length - side + 1, (1,), generator=drawn)) for length in y.shape
        )
        images.append(x[:, top : top + side, left : left + side])
        masks.append(y[top : top + side, left : left + side])
    return torch.stack(images), torch.stack(masks)


def parse_augmentations(text: str | None) -> tuple[str, ...]:
    """``flip,scale`` as names; raises ValueError for one that there is not."""
    names = tuple(part.strip() for part in text.split(",")) if text else ()
    for name in names:
        if name not in AUGMENTATIONS:
            raise ValueError(f"--augment {name!r}, expected some of {', '.join(AUGMENTATIONS)}")
    return names
