"""Networks of other people's libraries, to compare ours with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tarea2.models.network import Network


@dataclass(frozen=True)
class PeerSpec:
    """A network of MONAI, to compare with: ``BasicUNet`` or the residual ``UNet``, small."""

    network: str = "BasicUNet"
    inputs: int = 1
    classes: int = 11


class Peer(Network):
    """:class:`PeerSpec` built, with the initialisation of its authors."""

    own_start = True
    memory_format = torch.channels_last

    def __init__(self, spec: PeerSpec):
        super().__init__()
        try:
            from monai.networks import nets
        except ImportError:
            raise ValueError(
                'the peers come from MONAI, which is not installed: pip install -e ".[peers]"'
            ) from None
        self.spec = spec
        self.network: nn.Module
        shape: dict[str, Any] = {
            "spatial_dims": 2,
            "in_channels": spec.inputs,
            "out_channels": spec.classes,
        }
        if spec.network == "BasicUNet":  # 496,075 parameters, four halvings
            self.network = nets.BasicUNet(features=(16, 16, 32, 64, 128, 16), **shape)
        elif spec.network == "UNet":  # 405,268 parameters, three halvings
            self.network = nets.UNet(
                channels=(16, 32, 64, 128), strides=(2, 2, 2), num_res_units=2, **shape
            )
        else:
            raise ValueError(f"network is {spec.network!r}, expected BasicUNet or UNet")

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)
