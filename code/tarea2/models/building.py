"""From a spec to a network with initial weights that depend on a seed."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from tarea2.models.digits import Autoencoder, AutoencoderSpec, DigitNet, DigitNetSpec
from tarea2.models.encoder_decoder import EncoderDecoder, EncoderDecoderSpec, Peer, PeerSpec
from tarea2.models.sequences import NumberWriter, NumberWriterSpec
from tarea2.models.signals import (
    DilatedNet,
    DilatedNetSpec,
    Perceptron,
    PerceptronSpec,
    SignalNet,
    SignalNetSpec,
    StackedConv1d,
    StackedLinear,
)

Spec = (
    SignalNetSpec | PerceptronSpec | DilatedNetSpec | DigitNetSpec | AutoencoderSpec
    | EncoderDecoderSpec | PeerSpec | NumberWriterSpec
)  # fmt: skip

# Several seeds at once, or one at a time.
_STACKED: dict[type, Callable[..., nn.Module]] = {
    SignalNetSpec: SignalNet, PerceptronSpec: Perceptron,
}  # fmt: skip
_SINGLE: dict[type, Callable[..., nn.Module]] = {
    DigitNetSpec: DigitNet, DilatedNetSpec: DilatedNet, AutoencoderSpec: Autoencoder,
    EncoderDecoderSpec: EncoderDecoder, PeerSpec: Peer, NumberWriterSpec: NumberWriter,
}  # fmt: skip
# The specs that a stored model's card may name.
SPECS = {spec.__name__: spec for spec in (*_STACKED, *_SINGLE)}

# Layers that multiply by weights; those of normalisations start as PyTorch has them.
_CONVOLUTIONS = (StackedConv1d, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
_LINEAR_MAPS = (*_CONVOLUTIONS, StackedLinear, nn.Linear)


def build(spec: Spec, seeds: Sequence[int] = (0,), init: str = "he") -> nn.Module:
    """Build and initialise the network of a spec, one member per seed.

    ``init``: ``"he"`` (He et al. 2015, uniform, zero biases) for every layer; ``"notebook"`` as
    the function ``weights_init`` of notebooks 10.2 and 10.5, which does so for linear layers and
    leaves convolutions with PyTorch's default. Each member depends on its own seed only.
    """
    name = type(spec).__name__
    if name not in SPECS:
        raise TypeError(f"no network is built from a {name}")
    if type(spec) in _SINGLE and len(seeds) != 1:
        raise ValueError(f"{name} trains one seed at a time, but {len(seeds)} are given")
    if init not in ("he", "notebook"):
        raise ValueError(f'init is {init!r}, expected "he" or "notebook"')
    if isinstance(spec, PeerSpec | NumberWriterSpec):  # start as PyTorch and MONAI have them
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds[0])
            return _SINGLE[type(spec)](spec)
    single = _SINGLE.get(type(spec))
    model = single(spec) if single else _STACKED[type(spec)](spec, len(seeds))
    for member, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed)
        for layer in model.modules():
            if isinstance(layer, _LINEAR_MAPS):
                _initialise(layer, member, init, generator)
        start = getattr(model, "start", None)  # a network may start in a way of its own
        if start is not None:
            start(generator)
    return model


@torch.no_grad()
def _initialise(layer: Any, member: int, init: str, generator: torch.Generator) -> None:
    stacked = isinstance(layer, StackedConv1d | StackedLinear)
    weight = layer.weight[member] if stacked else layer.weight
    bias = layer.bias[member] if stacked else layer.bias  # None where a normalisation follows
    # A transposed convolution whose windows do not overlap: one value per input channel.
    by_rows = stacked or isinstance(layer, nn.ConvTranspose2d)
    fan_in = weight.shape[0] if by_rows else weight[0].numel()
    he = init == "he" or not isinstance(layer, _CONVOLUTIONS)
    # PyTorch's default for convolutions is U(-b, b) with b = 1/sqrt(fan_in), a variance of
    # 1/(3 fan_in); He's keeps the size of activations through ReLU with 2/fan_in.
    bound = math.sqrt((6 if he else 1) / fan_in)
    weight.uniform_(-bound, bound, generator=generator)
    if bias is None:
        return
    bias.zero_() if he else bias.uniform_(-bound, bound, generator=generator)


def takes_members(model: nn.Module) -> bool:
    """Whether a network takes ``(members, batch, ...)`` and not ``(batch, ...)``."""
    return isinstance(model, SignalNet | Perceptron)


def member(model: nn.Module, index: int) -> nn.Module:
    """Copy one member of a stacked network into a network of its own."""
    if model.members == 1:
        return copy.deepcopy(model).eval()
    alone = type(model)(model.spec, 1)
    alone.load_state_dict({k: v[index : index + 1] for k, v in model.state_dict().items()})
    return alone.eval()
