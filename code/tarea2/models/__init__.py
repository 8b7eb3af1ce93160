"""Every network of the report, each built from a small frozen dataclass."""

from __future__ import annotations

from tarea2.models.building import NETWORKS, SPECS, Spec, build
from tarea2.models.digits import (
    Autoencoder,
    AutoencoderSpec,
    DigitNet,
    DigitNetSpec,
    reconstruction_error,
)
from tarea2.models.efficient_unet import EfficientUnet, EfficientUnetSpec
from tarea2.models.encoder_decoder import (
    Block,
    EncoderDecoder,
    EncoderDecoderSpec,
)
from tarea2.models.network import Network, Task
from tarea2.models.published import PeerSpec, PublishedNetwork
from tarea2.models.published_signals import PublishedSignalNet, PublishedSignalNetSpec
from tarea2.models.receptive import (
    ReceptiveField,
    input_range,
    measured_field,
    output_field,
    receptive_fields,
)
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
from tarea2.models.stored import (
    load_best,
    load_golden,
    load_model,
    load_model_files,
    save_model,
)

__all__ = [
    "NETWORKS",
    "SPECS",
    "Autoencoder",
    "AutoencoderSpec",
    "Block",
    "DigitNet",
    "DigitNetSpec",
    "DilatedNet",
    "DilatedNetSpec",
    "EfficientUnet",
    "EfficientUnetSpec",
    "EncoderDecoder",
    "EncoderDecoderSpec",
    "Network",
    "NumberWriter",
    "NumberWriterSpec",
    "PeerSpec",
    "Perceptron",
    "PerceptronSpec",
    "PublishedNetwork",
    "PublishedSignalNet",
    "PublishedSignalNetSpec",
    "ReceptiveField",
    "SignalNet",
    "SignalNetSpec",
    "Spec",
    "StackedConv1d",
    "StackedLinear",
    "Task",
    "build",
    "input_range",
    "load_best",
    "load_golden",
    "load_model",
    "load_model_files",
    "measured_field",
    "output_field",
    "receptive_fields",
    "reconstruction_error",
    "save_model",
    "sequence_loss",
]
