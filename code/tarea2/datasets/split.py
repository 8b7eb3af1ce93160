"""What a data set is: three splits of tensors, with a hash; how one is carved out of the others."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

SPLIT_SEED = 2026


class DataError(Exception):
    """Data that is missing, damaged or not what it should be; the message says what to do."""


@dataclass(frozen=True)
class Split:
    """Inputs ``x`` (first axis: examples) and integer labels ``y``."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """The first examples and their labels."""
        return self.x[:count], self.y[:count]

    def to(self, device: torch.device) -> Split:
        return Split(self.x.to(device), self.y.to(device))


@dataclass(frozen=True)
class Dataset:
    """Three disjoint splits of one source."""

    name: str
    num_classes: int
    train: Split
    validation: Split
    test: Split

    @cached_property
    def sha256(self) -> str:
        """Hash of all arrays and of how they are split."""
        hasher = hashlib.sha256(self.name.encode())
        for split in (self.train, self.validation, self.test):
            for tensor in (split.x, split.y):
                array = np.ascontiguousarray(tensor.numpy())
                hasher.update(f"{array.dtype}{array.shape}".encode())
                hasher.update(array.tobytes())
        return hasher.hexdigest()

    def described(self) -> dict[str, str]:
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
