"""What a data set is: three splits of tensors, with a hash; how one is carved out of the others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from tarea2.datasets.array_store import ArrayStore

SPLIT_SEED = 2026
IGNORED = 255  # in masks of 8 bits: a pixel that counts in neither loss nor score


class DataError(Exception):
    """Data that is missing, damaged or not what it should be; the message says what to do."""


@dataclass(frozen=True)
class Split:
    """Inputs ``x`` (first axis: examples) and integer labels ``y``.

    Images of 8 bits stand for values from 0 to 1; masks of 8 bits may hold :data:`IGNORED`.
    Either may lie in an array store: too large for memory, or of different sizes.
    ``full_size_masks``: masks at their own size, where they are scored, if that is not the size of
    ``y``. ``valid_size``: height and width that they cover, from the top left corner of an image
    on; the rest is padding.
    """

    x: Any  # torch.Tensor or ArrayStore, which is read like one
    y: Any
    full_size_masks: ArrayStore | None = None
    valid_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """The first examples and their labels, as networks take them."""
        return as_input(self.x[:count]), self.y[:count]

    def to(self, device: torch.device) -> Split:
        """The same on a device; an array store stays where it lies, and goes batch by batch."""
        x = self.x if isinstance(self.x, ArrayStore) else self.x.to(device)
        y = self.y if isinstance(self.y, ArrayStore) else self.y.to(device)
        return Split(x, y, self.full_size_masks, self.valid_size)


def as_input(x: torch.Tensor) -> torch.Tensor:
    """Images of 8 bits as values from 0 to 1; everything else as it is."""
    return x.float() / 255 if x.dtype == torch.uint8 else x


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits of one source.

    ``shareable``: whether its examples may be stored with the project, and passed on.
    """

    name: str
    num_classes: int
    train: Split
    validation: Split
    test: Split
    shareable: bool = field(default=True, kw_only=True)

    @cached_property
    def sha256(self) -> str:
        """Hash of all arrays and of how they are split."""
        hasher = hashlib.sha256(self.name.encode())
        for split in (self.train, self.validation, self.test):
            for part in (split.x, split.y, split.full_size_masks):
                if isinstance(part, ArrayStore):
                    part.hash_into(hasher)
                elif part is not None:
                    array = np.ascontiguousarray(part.numpy())
                    hasher.update(f"{array.dtype}{array.shape}".encode())
                    hasher.update(array.tobytes())
        return hasher.hexdigest()

    @property
    def background(self) -> bool:
        """Whether class 0 is background, which no mean of scores includes."""
        return True

    def described(self) -> dict[str, Any]:
        """What a stored run keeps of its data."""
        return {"name": self.name, "sha256": self.sha256}


def split_off(
    name: str, x: np.ndarray, y: np.ndarray, x_test: np.ndarray, y_test: np.ndarray, held_out: int
) -> Dataset:
    """A data set of ten classes, of whose training part ``held_out`` examples become validation."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(y))
    held, kept = np.sort(order[:held_out]), np.sort(order[held_out:])

    def tensors(images: np.ndarray, labels: np.ndarray) -> Split:
        return Split(
            torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)),
            torch.from_numpy(np.ascontiguousarray(labels, dtype=np.int64)),
        )

    return Dataset(
        name, 10, tensors(x[kept], y[kept]), tensors(x[held], y[held]), tensors(x_test, y_test)
    )


def hash_of(text: str) -> int:
    """A number that stands for a text, the same in every process, to seed generators with."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
