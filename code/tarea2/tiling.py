"""Large images in overlapping tiles: the scores of the whole, in memory that does not grow with it.

Near a tile's edge a network sees padding where the image goes on; what it says there weighs
nothing, then more and more. nnU-Net does the same with weights of a Gaussian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

TILE = 1024  # pixels a side; as the next two a multiple of what the deepest network halves
OVERLAP = 256  # of neighbours, at least
# From a tile's edge, where its scores weigh nothing: no network of the study looks further than
# 50 pixels around, those of MONAI a little further than this, and a pretrained encoder several
# hundred, so that its scores in tiles are close to those of the whole, and no more.
BLIND = 96


def scores_in_tiles(
    network: Callable[[np.ndarray], Tensor], image: np.ndarray,
    tile: int = TILE, overlap: int = OVERLAP, blind: int = BLIND,
) -> Iterator[tuple[slice, Tensor]]:  # fmt: skip
    """The scores ``(K, rows, W)`` of one band of rows after the other, from the top.

    They are those of the whole image, up to the rounding of sums, where no pixel depends on others
    further away than ``blind``, nor on means over the image as with group and instance
    normalisation. At most ``K × tile × W`` scores are kept.

    Parameters
    ----------
    network: gives the scores ``(K, h, w)`` of a part ``(C, h, w)``. image: ``(C, H, W)``; height
    and width are multiples of what the network halves, and so are ``tile`` and ``overlap``.
    """
    height, width = image.shape[1:]
    tops, lefts = _starts(height, tile, overlap), _starts(width, tile, overlap)
    rows, columns = (
        _weights(starts, length, tile, overlap, blind)
        for starts, length in ((tops, height), (lefts, width))
    )
    kept: Tensor | None = None  # scores (K, rows, W) of the rows that the next band adds to
    for index, top in enumerate(tops):
        bottom = min(top + tile, height)
        band: Tensor | None = None
        for place, left in enumerate(lefts):
            right = min(left + tile, width)
            scores = network(image[:, top:bottom, left:right])
            if band is None:
                band = torch.zeros(len(scores), bottom - top, width)
            band[..., left:right] += scores * rows[index][:, None] * columns[place]
        assert band is not None
        if kept is not None:
            band[:, : kept.shape[1]] += kept
        following = tops[index + 1] if index + 1 < len(tops) else height
        yield slice(top, following), band[:, : following - top]
        kept = band[:, following - top :].clone()


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along one side; the last ends with the image."""
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def _weights(
    starts: list[int], length: int, tile: int, overlap: int, blind: int
) -> list[Tensor]:  # fmt: skip
    """What each tile's pixels weigh along one side; over all tiles a pixel's weights sum to 1."""
    raw, total = [], torch.zeros(length)
    for start in starts:
        size = min(tile, length)
        distance = torch.arange(size) + 0.5
        before = distance if start else torch.full((size,), float(size))
        after = size - distance if start + size < length else torch.full((size,), float(size))
        ramp = (torch.minimum(before, after) - blind) / (overlap - 2 * blind)
        raw.append(ramp.clamp(0, 1))
        total[start : start + size] += raw[-1]
    return [
        weight / total[start : start + len(weight)]
        for start, weight in zip(starts, raw, strict=True)
    ]
