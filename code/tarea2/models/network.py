"""What every network answers about itself, so that training asks none by name."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

# Layers that multiply by weights; those of normalisations start as PyTorch has them.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)


class Task(StrEnum):
    """What a network predicts, which decides how it is trained and scored."""

    CLASSIFICATION = "classification"  # a class per example
    SEGMENTATION = "segmentation"  # a class per pixel
    OWN_OBJECTIVE = "own objective"  # what it says itself


class Network(nn.Module):
    """A network with the answers that most give; a class of its own overrides what differs.

    members: how many copies with weights of their own it holds, one per seed.
    stacked: whether it can hold several, and takes ``(members, batch, ...)``.
    task: what it predicts; with an objective of its own it brings :meth:`loss` and
        :meth:`measure`.
    own_start: whether it keeps the initial weights that its layers have in their library.
    memory_format: in which order its images lie in memory.
    divisor: what images are padded to a multiple of, where it is more than their data are.
    """

    spec: Any
    members = 1
    stacked = False
    task = Task.CLASSIFICATION
    own_start = False
    memory_format = torch.contiguous_format
    divisor = 1

    def start(self, generator: torch.Generator) -> None:
        """Change initial weights once they are drawn; most networks keep them."""

    def parameter_groups(self) -> Iterable[dict[str, Any]]:
        """What an optimiser trains: ``params`` and, of parts that learn slower, ``rate_share``,
        the share of the recipe's learning rate that is theirs."""
        return [{"params": list(self.parameters())}]

    def example(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """The arguments of a forward pass for a batch ``x`` with targets ``y``."""
        return (x[None],) if self.stacked else (x,)

    def member(self, index: int) -> Network:
        """Copy one member into a network of its own, in evaluation mode."""
        if self.members == 1:
            return copy.deepcopy(self).eval()
        alone = type(self)(self.spec, 1)  # type: ignore[call-arg]  # stacked networks take members
        alone.load_state_dict({k: v[index : index + 1] for k, v in self.state_dict().items()})
        return alone.eval()

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """What a network with an objective of its own minimises: a mean over the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no objective of its own")

    def measure(self, x: Tensor, y: Tensor) -> dict[str, float]:
        """``"loss"`` and, if there is one, ``"error"``, in evaluation mode."""
        raise NotImplementedError(f"{type(self).__name__} has no objective of its own")


class Stacked(nn.Module):
    """A layer in ``members`` copies, with ``weight`` and ``bias`` of shape ``(members, ...)``."""

    weight: nn.Parameter  # (members, inputs of an output value, outputs)
    bias: nn.Parameter  # (members, 1, outputs)


class StackedConvolution(Stacked):
    """A :class:`Stacked` layer that convolves."""


@torch.no_grad()
def initialise(layer: Any, member: int, init: str, generator: torch.Generator) -> None:
    """Draw the weights of one member of a layer that has some; see :func:`tarea2.models.build`."""
    stacked = isinstance(layer, Stacked)
    if not stacked and not isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
        return
    weight = layer.weight[member] if stacked else layer.weight
    bias = layer.bias[member] if stacked else layer.bias  # None where a normalisation follows
    # A transposed convolution whose windows do not overlap: one value per input channel.
    by_rows = stacked or isinstance(layer, nn.ConvTranspose2d)
    fan_in = weight.shape[0] if by_rows else weight[0].numel()
    he = init == "he" or not isinstance(layer, (*CONVOLUTIONS, StackedConvolution))
    # PyTorch's default for convolutions is U(-b, b) with b = 1/sqrt(fan_in), a variance of
    # 1/(3 fan_in); He's keeps the size of activations through ReLU with 2/fan_in.
    bound = math.sqrt((6 if he else 1) / fan_in)
    weight.uniform_(-bound, bound, generator=generator)
    if bias is None:
        return
    bias.zero_() if he else bias.uniform_(-bound, bound, generator=generator)


def check_choices(spec: Any, choices: Mapping[str, Collection[str]]) -> None:
    """Refuse a spec in which a field is none of the values that are allowed for it."""
    for field, allowed in choices.items():
        check_choice(field, getattr(spec, field), allowed)


def check_choice(field: str, value: str, allowed: Collection[str]) -> None:
    """Refuse a value that is none of those that are allowed for a field."""
    if value not in allowed:
        raise ValueError(f"{field} is {value!r}, expected one of {', '.join(allowed)}")


def check_kernel(kernel: int) -> None:
    """Refuse a kernel that cannot keep the size of what it goes over."""
    if kernel % 2 == 0:
        raise ValueError(f"kernel is {kernel}, expected an odd size: an even one shifts")
