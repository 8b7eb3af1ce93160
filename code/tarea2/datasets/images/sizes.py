"""Whether the sizes of images and masks fit together, and what is done where they differ."""

from __future__ import annotations

from collections.abc import Sequence

from tarea2.datasets.images.pairing import Pair
from tarea2.datasets.split import DataError


def check_sizes(
    pairs: Sequence[Pair],
    sizes: Sequence[tuple[tuple[int, int], tuple[int, int]]],
    wished: tuple[int, int] | None,
    crop: int | None,
) -> list[str]:
    """What is done about the ``sizes`` (height, width) of the image and the mask of each pair.

    Raises DataError for a mask of another size than its image, and for images of several sizes
    where neither one size nor parts are wished.
    """
    first = sizes[0][0]
    for pair, (image, mask) in zip(pairs, sizes, strict=True):
        ratio = image[0] * mask[1] / (image[1] * mask[0])
        if mask != image and not (wished and abs(ratio - 1) < 0.02):
            fix = "" if wished or abs(ratio - 1) >= 0.02 else "; --size HxW brings both to one size"
            raise DataError(
                f"mask {pair.mask_name} is {_shown(mask)}, its image {_shown(image)}{fix}"
            )
        if image != first and not (wished or crop):
            raise DataError(
                f"{pair.name} is {_shown(image)} and {pairs[0].name} is {_shown(first)}; "
                "give --size HxW to bring all to one size, or --crop N to train on parts"
            )
    different = sorted({image for image, _ in sizes})
    ends = dict.fromkeys((different[0], different[-1]))
    lines = [f"sizes (width × height): {' to '.join(map(_shown, ends))}"]
    if wished:
        lines.append(
            f"brought to {_shown(wished)} by area, masks by the nearest pixel; scored at the "
            "masks' own size"
        )
    if crop:
        lines.append(f"trains on random parts of {crop}×{crop}; scored on whole images")
    return lines


def _shown(size: tuple[int, ...]) -> str:
    return f"{size[1]}×{size[0]}"
