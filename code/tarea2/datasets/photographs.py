"""Photographs that come with scikit-learn under a free licence, so that a page may show them.

Authors and licences are those of ``sklearn/datasets/images/README.txt``. Its attribution line
names danielbuechele for both; the addresses that it gives for the flower are vultilion's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from sklearn.datasets import load_sample_image

LICENCE = "https://creativecommons.org/licenses/by/2.0/"  # CC BY 2.0


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph and whom to name beside it.

    values: ``(H, W, 3)``, red, green and blue of 8 bits.
    address: the photograph's page, where its author published it. licence: the licence's page.
    """

    name: str
    values: np.ndarray
    author: str
    address: str
    licence: str = LICENCE


# File -> author, address.
SOURCES = {
    "china.jpg": ("danielbuechele", "https://www.flickr.com/photos/danielbuechele/6061409035/"),
    "flower.jpg": ("vultilion", "https://www.flickr.com/photos/vultilion/6056698931/"),
}


@cache
def photograph(name: str) -> Photograph:
    """``china.jpg``, a temple among trees, or ``flower.jpg``: 427×640 pixels each.

    Raises ValueError for any other name.
    """
    if name not in SOURCES:
        raise ValueError(f"no photograph is called {name!r}; there are: {', '.join(SOURCES)}")
    author, address = SOURCES[name]
    values = load_sample_image(name)
    values.flags.writeable = False  # every caller gets the same array
    return Photograph(name, values, author, address)
