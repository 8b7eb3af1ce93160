"""From a spec to a network with initial weights that depend on a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tarea2.models.digits import Autoencoder, AutoencoderSpec, DigitNet, DigitNetSpec
from tarea2.models.efficient_unet import EfficientUnet, EfficientUnetSpec
from tarea2.models.encoder_decoder import EncoderDecoder, EncoderDecoderSpec
from tarea2.models.network import Network, check_choice, initialise
from tarea2.models.published import PeerSpec, PublishedNetwork
from tarea2.models.published_signals import PublishedSignalNet, PublishedSignalNetSpec
from tarea2.models.sequences import NumberWriter, NumberWriterSpec
from tarea2.models.signals import (
    DilatedNet,
    DilatedNetSpec,
    Perceptron,
    PerceptronSpec,
    SignalNet,
    SignalNetSpec,
)

Spec = (
    SignalNetSpec | PerceptronSpec | DilatedNetSpec | DigitNetSpec | AutoencoderSpec
    | EncoderDecoderSpec | PeerSpec | NumberWriterSpec | PublishedSignalNetSpec
    | EfficientUnetSpec
)  # fmt: skip

# The one registry: which network a spec stands for.
NETWORKS: dict[type, type[Any]] = {
    SignalNetSpec: SignalNet,
    PerceptronSpec: Perceptron,
    DilatedNetSpec: DilatedNet,
    DigitNetSpec: DigitNet,
    AutoencoderSpec: Autoencoder,
    EncoderDecoderSpec: EncoderDecoder,
    PeerSpec: PublishedNetwork,
    NumberWriterSpec: NumberWriter,
    PublishedSignalNetSpec: PublishedSignalNet,
    EfficientUnetSpec: EfficientUnet,
}
# The specs that a stored model's card may name.
SPECS = {spec.__name__: spec for spec in NETWORKS}
INITS = ("he", "notebook")  # how weights start


def build(spec: Spec, seeds: Sequence[int] = (0,), init: str = "he", start: bool = True) -> Network:
    """Build and initialise the network of a spec, one member per seed.

    ``init``: ``"he"`` (He et al. 2015, uniform, zero biases) for every layer; ``"notebook"`` as
    the function ``weights_init`` of notebooks 10.2 and 10.5, which does so for linear layers and
    leaves convolutions with PyTorch's default. Each member depends on its own seed only.
    ``start``: whether a network may change them then (:meth:`.Network.start`), such as to weights
    learnt elsewhere; who loads stored weights does without.
    """
    network = NETWORKS.get(type(spec))
    name = type(spec).__name__
    if network is None:
        raise TypeError(f"no network is built from a {name}")
    check_choice("init", init, INITS)
    if len(seeds) != 1 and not network.stacked:
        raise ValueError(f"{name} trains one seed at a time, but {len(seeds)} are given")
    if network.own_start:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds[0])
            return network(spec)
    model = network(spec, len(seeds)) if network.stacked else network(spec)
    for member, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed)
        for layer in model.modules():
            initialise(layer, member, init, generator)
        if start:
            model.start(generator)
    return model
