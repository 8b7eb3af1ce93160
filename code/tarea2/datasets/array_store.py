"""Many arrays of 8 bits, one after the other: in memory or in a file, of one size or of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class ArrayStore:
    """Arrays in one buffer, or in one file, each from an offset in bytes on.

    ``store[i]`` is one array; ``store[a:b]`` and ``store[indices]`` are stacked, and need arrays
    of one shape. A file is mapped for each access only, so that its pages do not add up.
    """

    source: np.ndarray | Path
    shapes: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.shapes)

    @property
    def uniform(self) -> bool:
        """Whether all arrays have one shape."""
        return len(set(self.shapes)) < 2

    @property
    def shape(self) -> tuple[int, ...]:
        """As that of a tensor, where all arrays have one shape."""
        if not self.uniform:
            raise ValueError("the arrays have different shapes")
        return (len(self), *(self.shapes[0] if self.shapes else ()))

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8

    def chosen(self, indices: Sequence[int]) -> ArrayStore:
        """Some of the arrays, in that order."""
        return ArrayStore(
            self.source,
            tuple(self.shapes[index] for index in indices),
            tuple(self.offsets[index] for index in indices),
        )

    def __getitem__(self, wanted: Any) -> torch.Tensor:
        buffer = self._buffer()
        if isinstance(wanted, slice):
            wanted = range(*wanted.indices(len(self)))
        elif isinstance(wanted, torch.Tensor):
            wanted = wanted.tolist()
        if isinstance(wanted, int):
            return torch.from_numpy(self._one(buffer, wanted))
        return torch.from_numpy(self._stack(buffer, wanted))

    def __iter__(self) -> Iterator[torch.Tensor]:
        return (self[index] for index in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: the arrays themselves, since it need not see the file."""
        if not isinstance(self.source, Path):
            return self.__dict__
        sizes = [math.prod(shape) for shape in self.shapes]
        offsets = tuple(np.cumsum([0, *sizes[:-1]]).tolist()) if sizes else ()
        flat = [array.numpy().ravel() for array in self]
        source = np.concatenate(flat) if flat else np.zeros(0, np.uint8)
        return {"source": source, "shapes": self.shapes, "offsets": offsets}

    def _buffer(self) -> np.ndarray:
        if isinstance(self.source, Path):
            return np.memmap(self.source, dtype=np.uint8, mode="r")
        return self.source

    def _one(self, buffer: np.ndarray, index: int) -> np.ndarray:
        shape, start = self.shapes[index], self.offsets[index]
        return np.array(buffer[start : start + math.prod(shape)]).reshape(shape)

    def _stack(self, buffer: np.ndarray, wanted: Sequence) -> np.ndarray:
        if not len(wanted):
            return np.zeros((0, *self.shape[1:]), np.uint8)
        if not isinstance(wanted[0], int):  # indices for each member of a network
            return np.stack([self._stack(buffer, part) for part in wanted])
        return np.stack([self._one(buffer, index) for index in wanted])

    def hash_into(self, hasher: Any) -> None:
        """Add all arrays and their shapes to a hash."""
        hasher.update(repr(self.shapes).encode())
        for array in self:
            hasher.update(array.numpy())
