"""Networks of other people's libraries, to compare ours with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from tarea2.models.network import Network, Task, check_choices

# nnU-Net's planner halves an image of 48×48 three times: to 6×6, which it halves no further.
NNUNET_FILTERS = (32, 64, 128, 256)


@dataclass(frozen=True)
class PeerSpec:
    """A published network: one of :data:`BUILDERS`.

    The class is named as stored runs and their keys name it.
    """

    network: str = "BasicUNet"
    inputs: int = 1
    classes: int = 11

    def __post_init__(self) -> None:
        check_choices(self, {"network": BUILDERS})


class PublishedNetwork(Network):
    """:class:`PeerSpec` built, with the initialisation of its authors."""

    task = Task.SEGMENTATION
    own_start = True
    memory_format = torch.channels_last

    def __init__(self, spec: PeerSpec):
        super().__init__()
        self.spec = spec
        try:
            self.network = BUILDERS[spec.network](spec)
        except ImportError:
            # nnU-Net's library asks for torchvision, which this network does without.
            nnunet = "pip install --no-deps dynamic-network-architectures"
            raise ValueError(
                f"{spec.network} comes from a library that is not installed: "
                + (nnunet if spec.network == "PlainConvUNet" else 'pip install -e ".[published]"')
            ) from None

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def _monai(kind: str, spec: PeerSpec, **options: Any) -> nn.Module:
    from monai.networks import nets

    return getattr(nets, kind)(
        spatial_dims=2, in_channels=spec.inputs, out_channels=spec.classes, **options
    )


def _nnunet(spec: PeerSpec) -> nn.Module:
    """The network that nnU-Net plans for images of 48×48 (Isensee et al. 2021).

    Its library is none of the project's requirements: it asks for torchvision, which nothing here
    uses. Without that it works as well.
    """
    PlainConvUNet = import_module("dynamic_network_architectures.architectures.unet").PlainConvUNet
    stages = len(NNUNET_FILTERS)
    network = PlainConvUNet(
        spec.inputs, stages, NNUNET_FILTERS, nn.Conv2d, kernel_sizes=3,
        strides=(1,) + (2,) * (stages - 1), n_conv_per_stage=2, num_classes=spec.classes,
        n_conv_per_stage_decoder=2, conv_bias=True, norm_op=nn.InstanceNorm2d,
        norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
    )  # fmt: skip
    network.apply(network.initialize)
    # The heads of deep supervision, which stay unused without it, are no weights of the network.
    for level in range(len(network.decoder.seg_layers) - 1):
        network.decoder.seg_layers[level] = nn.Identity()
    return network


# Name -> what builds it: of MONAI the class and what differs from its defaults, and nnU-Net's.
BUILDERS: dict[str, Callable[[PeerSpec], nn.Module]] = {
    "BasicUNet": partial(_monai, "BasicUNet", features=(16, 16, 32, 64, 128, 16)),
    "UNet": partial(_monai, "UNet", channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2),
    "BasicUNet-default": partial(_monai, "BasicUNet"),
    "SegResNet-8": partial(_monai, "SegResNet", init_filters=8),  # the default
    "SegResNet-16": partial(_monai, "SegResNet", init_filters=16),
    "AttentionUnet": partial(
        _monai, "AttentionUnet", channels=(16, 32, 64, 128), strides=(2, 2, 2)
    ),
    "PlainConvUNet": _nnunet,
}
