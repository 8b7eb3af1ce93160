"""Every network of the report, each built from a small frozen dataclass."""

from __future__ import annotations

from torch import nn

from tarea2.models.building import SPECS, Spec, build, member, takes_members
from tarea2.models.digits import (
    Autoencoder,
    AutoencoderSpec,
    DigitNet,
    DigitNetSpec,
    reconstruction_error,
)
from tarea2.models.encoder_decoder import (
    Block,
    EncoderDecoder,
    EncoderDecoderSpec,
    Peer,
    PeerSpec,
)
from tarea2.models.fields import Reach, output_field, receptive_fields
from tarea2.models.sequences import NumberWriter, NumberWriterSpec, sequence_loss
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

__all__ = [
    "SPECS",
    "Autoencoder",
    "AutoencoderSpec",
    "Block",
    "DigitNet",
    "DigitNetSpec",
    "DilatedNet",
    "DilatedNetSpec",
    "EncoderDecoder",
    "EncoderDecoderSpec", "NumberWriter", "NumberWriterSpec",
    "Peer",
    "PeerSpec",
    "Perceptron",
    "PerceptronSpec",
    "Reach",
    "SignalNet",
    "SignalNetSpec",
    "Spec",
    "StackedConv1d",
    "StackedLinear",
    "build",
    "load_best",
    "member",
    "output_field",
    "receptive_fields",
    "reconstruction_error", "sequence_loss",
    "takes_members",
]  # fmt: skip


def load_best(name: str) -> nn.Module:
    """The best stored model of a study, ``"segmentation"`` or ``"mnist1d"``, ready to predict.

    Raises :class:`tarea2.results.ResultError` if it is missing or its files do not fit together.
    """
    from tarea2 import results  # which reads specs from here

    return results.load_model(name)[0]
