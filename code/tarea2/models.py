"""Every network of the report, each built from a small frozen dataclass.

The two networks for signals exist in ``members`` copies at once: every parameter has a leading
member axis, and a batch is ``(members, batch, ...)``. Ten seeds of a small network then train in
one go, at a fraction of ten times the cost, and one seed is the case ``members = 1``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tarea2.convolution import output_size


@dataclass(frozen=True)
class SignalNetSpec:
    """Network of notebook 10.2 (UDL figure 10.7): strided convolutions, then one linear layer."""

    length: int = 40
    channels: int = 15
    kernel: int = 3
    stride: int = 2
    layers: int = 3
    classes: int = 10

    def sizes(self) -> list[int]:
        """Length of the input and of each hidden layer."""
        sizes = [self.length]
        for _ in range(self.layers):
            sizes.append(output_size(sizes[-1], self.kernel, self.stride))
        return sizes


@dataclass(frozen=True)
class PerceptronSpec:
    """Fully connected network with ReLU between its layers."""

    sizes: tuple[int, ...] = (40, 100, 100, 10)


@dataclass(frozen=True)
class DigitNetSpec:
    """Network of notebook 10.5: two convolutions with max-pooling, two linear layers."""

    channels: tuple[int, int] = (10, 20)
    kernel: int = 5
    hidden: int = 50
    classes: int = 10
    size: int = 28

    @property
    def flat(self) -> int:
        """Values that reach the first linear layer: each block convolves, then halves."""
        size = self.size
        for _ in self.channels:
            size = output_size(size, self.kernel) // 2
        return self.channels[-1] * size**2


@dataclass(frozen=True)
class EncoderDecoderSpec:
    """Convolutional encoder-decoder that gives one class per pixel (UDL section 10.5.3).

    Level ``l`` of ``depth + 1`` has ``width * growth**l`` channels and half the resolution of the
    level above. The encoder goes down to the deepest level, the decoder comes back up.

    depth: number of times the resolution is halved.
    convolutions: per level, on the way down and on the way up; ``bottom`` of them at the deepest
        level (``None``: as many as elsewhere).
    dilation: of the convolutions at the deepest level.
    block: ``plain``; ``residual``, with a shortcut around each block (He et al. 2016); or
        ``separable``, a convolution per channel and then one across channels (Howard et al. 2017).
    norm: ``none``, ``batch`` or ``group`` (groups of 4 channels).
    down: ``max`` or ``mean`` over 2×2, or ``strided``, a 2×2 convolution with stride 2.
    up: ``nearest``, ``bilinear``, ``transposed`` (2×2, stride 2) or ``unpool``, to the positions
        of the maxima: the operations of notebook 10.4.
    skip: what the decoder gets from the encoder's level of equal size: ``none``, ``add`` or
        ``concat`` (U-Net, Ronneberger et al. 2015).
    """

    depth: int = 2
    width: int = 16
    growth: float = 2.0
    convolutions: int = 2
    bottom: int | None = None
    kernel: int = 3
    dilation: int = 1
    block: str = "plain"
    norm: str = "batch"
    down: str = "max"
    up: str = "nearest"
    skip: str = "concat"
    inputs: int = 1
    classes: int = 11

    def __post_init__(self) -> None:
        choices = {
            "block": ("plain", "residual", "separable"),
            "norm": ("none", "batch", "group"),
            "down": ("max", "mean", "strided"),
            "up": ("nearest", "bilinear", "transposed", "unpool"),
            "skip": ("none", "add", "concat"),
        }
        for field, allowed in choices.items():
            if getattr(self, field) not in allowed:
                raise ValueError(
                    f"{field} is {getattr(self, field)!r}, expected one of {', '.join(allowed)}"
                )
        for field in ("depth", "width", "convolutions", "kernel", "dilation", "inputs", "classes"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}, expected at least 1")
        if self.bottom is not None and self.bottom < 1:
            raise ValueError(f"bottom is {self.bottom}, expected at least 1 or None")
        if self.growth < 1:
            raise ValueError(f"growth is {self.growth}, expected at least 1")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel is {self.kernel}, expected an odd size: an even one shifts")
        if self.up == "unpool" and self.down != "max":
            raise ValueError(
                f'up is "unpool", which needs the positions that down="max" remembers, but down is '
                f"{self.down!r}"
            )
        if self.norm == "group" and any(channels % 4 for channels in self.channels):
            raise ValueError(
                f'norm is "group", whose groups have 4 channels, but the levels have '
                f"{', '.join(map(str, self.channels))}: choose multiples of 4"
            )

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, from full resolution to the deepest."""
        return tuple(round(self.width * self.growth**level) for level in range(self.depth + 1))

    def layers(self) -> list[tuple[str, int, int, int]]:
        """(name, kernel, stride, dilation) from the image to the deepest level, for
        :func:`receptive_fields`."""
        found = []
        for level in range(self.depth + 1):
            deepest = level == self.depth
            count = (self.bottom or self.convolutions) if deepest else self.convolutions
            dilation = self.dilation if deepest else 1
            found += [(f"nivel {level}", self.kernel, 1, dilation)] * count
            found += [] if deepest else [(f"reducción {level}", 2, 2, 1)]
        return found


@dataclass(frozen=True)
class PeerSpec:
    """A network of MONAI, to compare with: ``BasicUNet`` or the residual ``UNet``, small."""

    network: str = "BasicUNet"
    inputs: int = 1
    classes: int = 11


Spec = SignalNetSpec | PerceptronSpec | DigitNetSpec | EncoderDecoderSpec | PeerSpec


class _Windows(torch.autograd.Function):
    """All windows of a sequence, channels last: ``(S, B, L, C) -> (S, B, L', kernel C)``.

    The gradients of the taps are added into one tensor: as slices, each would first get a tensor
    of zeros of its own.
    """

    @staticmethod
    def forward(ctx, x: Tensor, kernel: int, stride: int) -> Tensor:
        ctx.shape, ctx.stride = x.shape, stride
        channels = x.shape[3]
        # Channels last, a window is one piece of memory.
        return x.flatten(2).unfold(2, kernel * channels, stride * channels).contiguous()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        channels = ctx.shape[3]
        last = (gradient.shape[2] - 1) * ctx.stride + 1
        total = gradient.new_zeros(ctx.shape)
        for m, tap in enumerate(gradient.split(channels, dim=3)):
            total[:, :, m : m + last : ctx.stride] += tap
        return total, None, None


class StackedConv1d(nn.Module):
    """``members`` valid 1-D convolutions side by side, channels last.

    ``weight`` has shape ``(members, kernel * in_channels, out_channels)``: the taps of a window
    stand next to each other, so that each member's convolution is one matrix product.
    """

    def __init__(self, members: int, in_channels: int, out_channels: int, kernel: int, stride: int):
        super().__init__()
        self.kernel, self.stride, self.in_channels = kernel, stride, in_channels
        self.weight = nn.Parameter(torch.empty(members, kernel * in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(members, 1, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[1]  # (S, B, L, C)
        windows = _Windows.apply(x, self.kernel, self.stride).flatten(1, 2)  # (S, B L', k C)
        y = torch.baddbmm(self.bias, windows, self.weight)  # (S, B L', O)
        return y.unflatten(1, (batch, -1))


class StackedLinear(nn.Module):
    """``members`` linear layers side by side: ``(S, B, in) -> (S, B, out)``."""

    def __init__(self, members: int, inputs: int, outputs: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class SignalNet(nn.Module):
    """:class:`SignalNetSpec` built; takes ``(S, B, length)``, gives logits ``(S, B, classes)``."""

    def __init__(self, spec: SignalNetSpec, members: int = 1):
        super().__init__()
        self.spec, self.members = spec, members
        widths = [1] + [spec.channels] * spec.layers
        self.convolutions = nn.ModuleList(
            StackedConv1d(members, before, after, spec.kernel, spec.stride)
            for before, after in pairwise(widths)
        )
        self.linear = StackedLinear(members, spec.channels * spec.sizes()[-1], spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        h = x.unsqueeze(3)  # (S, B, 40, 1)
        for convolution in self.convolutions:
            h = F.relu(convolution(h), inplace=True)  # (S, B, 19, 15), (S, B, 9, 15), (S, B, 4, 15)
        return self.linear(h.flatten(2))  # (S, B, 60) -> (S, B, 10)


class Perceptron(nn.Module):
    """:class:`PerceptronSpec` built; takes ``(S, B, ...)``, gives logits ``(S, B, classes)``."""

    def __init__(self, spec: PerceptronSpec, members: int = 1):
        super().__init__()
        self.spec, self.members = spec, members
        self.layers = nn.ModuleList(
            StackedLinear(members, before, after) for before, after in pairwise(spec.sizes)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(2)
        for layer in self.layers[:-1]:
            h = F.relu(layer(h), inplace=True)
        return self.layers[-1](h)


class DigitNet(nn.Module):
    """:class:`DigitNetSpec` built; takes ``(B, 1, 28, 28)``, gives log-probabilities ``(B, 10)``.

    The notebook asks for a softmax at the end, but its loss (``nll_loss``) expects logarithms of
    probabilities, and its example leaves out the axis. Here: log-softmax over the classes.
    """

    members = 1

    def __init__(self, spec: DigitNetSpec, members: int = 1):
        super().__init__()
        if members != 1:
            raise ValueError(f"members is {members}, but a DigitNet trains one seed at a time")
        self.spec = spec
        first, second = spec.channels
        self.conv1 = nn.Conv2d(1, first, spec.kernel)
        self.conv2 = nn.Conv2d(first, second, spec.kernel)
        self.dropout = nn.Dropout2d()
        self.linear1 = nn.Linear(spec.flat, spec.hidden)
        self.linear2 = nn.Linear(spec.hidden, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(F.max_pool2d(self.conv1(x), 2))  # (B, 10, 24, 24) -> (B, 10, 12, 12)
        h = self.dropout(self.conv2(h))  # (B, 20, 8, 8)
        h = F.relu(F.max_pool2d(h, 2))  # (B, 20, 4, 4)
        h = F.relu(self.linear1(h.flatten(1)))  # (B, 320) -> (B, 50)
        return F.log_softmax(self.linear2(h), dim=1)

    def feature_maps(self, x: Tensor) -> dict[str, Tensor]:
        """What each step makes of an input, by name, in order (evaluation mode: no dropout)."""
        maps = {"entrada": x}
        maps["convolución 1"] = self.conv1(x)
        maps["máximo y ReLU 1"] = F.relu(F.max_pool2d(maps["convolución 1"], 2))
        maps["convolución 2"] = self.conv2(maps["máximo y ReLU 1"])
        maps["máximo y ReLU 2"] = F.relu(F.max_pool2d(maps["convolución 2"], 2))
        return maps


class Block(nn.Module):
    """``count`` convolutions, each followed by normalisation and ReLU; size stays the same."""

    def __init__(self, spec: EncoderDecoderSpec, before: int, after: int, count: int, dilation=1):
        super().__init__()
        norms = {"none": nn.Identity, "batch": nn.BatchNorm2d}
        bias = spec.norm == "none"  # a normalisation brings its own

        def convolution(inputs: int, outputs: int) -> nn.Module:
            same = {"padding": dilation * (spec.kernel // 2), "dilation": dilation}
            if spec.block != "separable":
                return nn.Conv2d(inputs, outputs, spec.kernel, bias=bias, **same)
            return nn.Sequential(
                nn.Conv2d(inputs, inputs, spec.kernel, groups=inputs, bias=False, **same),
                nn.Conv2d(inputs, outputs, 1, bias=bias),
            )

        widths = [before] + [after] * count
        self.convolutions = nn.ModuleList(convolution(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            nn.GroupNorm(after // 4, after) if spec.norm == "group" else norms[spec.norm](after)
            for _ in range(count)
        )
        self.shortcut: nn.Module | None = None
        if spec.block == "residual":
            self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        last = len(self.convolutions) - 1
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            h = norm(convolution(h))
            if i == last and self.shortcut is not None:
                h = h + self.shortcut(x)
            h = F.relu(h)
        return h


class EncoderDecoder(nn.Module):
    """:class:`EncoderDecoderSpec` built; takes ``(B, C, H, W)``, gives logits ``(B, K, H, W)``.

    Any height and width of at least ``2**depth``: halving rounds down, and the way up goes to
    the sizes that the way down had.
    """

    members = 1

    def __init__(self, spec: EncoderDecoderSpec, members: int = 1):
        super().__init__()
        if members != 1:
            raise ValueError(f"members is {members}, but encoder-decoders train one seed at a time")
        self.spec = spec
        widths = (spec.inputs, *spec.channels)
        deepest = spec.channels[-1]
        self.encoder = nn.ModuleList(
            Block(spec, before, after, spec.convolutions) for before, after in pairwise(widths[:-1])
        )
        self.bottom = Block(
            spec, widths[-2], deepest, spec.bottom or spec.convolutions, spec.dilation
        )
        self.halvings = nn.ModuleList(
            nn.Conv2d(channels, channels, 2, stride=2)
            for channels in (spec.channels[:-1] if spec.down == "strided" else ())
        )
        # On the way up channels are reduced first, so that what is enlarged is cheap.
        ups = list(pairwise(reversed(spec.channels)))  # (64, 32), (32, 16)
        transposed = spec.up == "transposed"
        self.reductions = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 2, stride=2) if transposed else nn.Conv2d(a, b, 1)
            for a, b in ups
        )
        self.decoder = nn.ModuleList(
            Block(spec, b * (2 if spec.skip == "concat" else 1), b, spec.convolutions)
            for _, b in ups
        )
        self.head = nn.Conv2d(spec.width, spec.classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        spec, smallest = self.spec, 2**self.spec.depth
        if x.ndim != 4 or x.shape[1] != spec.inputs or min(x.shape[2:]) < smallest:
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (batch, {spec.inputs}, height, width) "
                f"with height and width of at least {smallest} for depth {spec.depth}"
            )
        h, kept = x, []
        for level, block in enumerate(self.encoder):
            h = block(h)  # (B, 16, 48, 48), (B, 32, 24, 24)
            full, indices = h, None
            if spec.up == "unpool":
                h, indices = F.max_pool2d(h, 2, return_indices=True)
            elif spec.down == "max":
                h = F.max_pool2d(h, 2)
            elif spec.down == "mean":
                h = F.avg_pool2d(h, 2)
            else:
                h = self.halvings[level](h)
            kept.append((full, indices))
        h = self.bottom(h)  # (B, 64, 12, 12)
        for reduce, block, (full, indices) in zip(
            self.reductions, self.decoder, reversed(kept), strict=True
        ):
            size = full.shape[2:]
            if spec.up == "transposed":
                h = reduce(h, output_size=size)  # (B, 64, 12, 12) -> (B, 32, 24, 24)
            else:
                h = self._enlarge(reduce(h), size, indices)
            if spec.skip == "add":
                h = h + full
            elif spec.skip == "concat":
                h = torch.cat([h, full], dim=1)  # (B, 64, 24, 24)
            h = block(h)  # (B, 32, 24, 24), (B, 16, 48, 48)
        return self.head(h)  # (B, 11, 48, 48)

    def _enlarge(self, h: Tensor, size: torch.Size, indices: Tensor | None) -> Tensor:
        if self.spec.up == "unpool":
            return F.max_unpool2d(h, indices, 2, output_size=size)
        smooth = {"align_corners": False} if self.spec.up == "bilinear" else {}
        return F.interpolate(h, size=size, mode=self.spec.up, **smooth)


class Peer(nn.Module):
    """:class:`PeerSpec` built, with the initialisation of its authors."""

    members = 1

    def __init__(self, spec: PeerSpec, members: int = 1):
        super().__init__()
        try:
            from monai.networks import nets
        except ImportError:
            raise ValueError(
                'the peers come from MONAI, which is not installed: pip install -e ".[peers]"'
            ) from None
        self.spec = spec
        shape = {"spatial_dims": 2, "in_channels": spec.inputs, "out_channels": spec.classes}
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


_NETWORKS: dict[type, Callable[..., nn.Module]] = {
    SignalNetSpec: SignalNet, PerceptronSpec: Perceptron, DigitNetSpec: DigitNet,
    EncoderDecoderSpec: EncoderDecoder, PeerSpec: Peer,
}  # fmt: skip


# Layers that multiply by weights; those of normalisations start as PyTorch has them.
_LINEAR_MAPS = (StackedConv1d, StackedLinear, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def build(spec: Spec, seeds: Sequence[int] = (0,), init: str = "he") -> nn.Module:
    """Build and initialise the network of a spec, one member per seed.

    ``init``: ``"he"`` (He et al. 2015, uniform, zero biases) for every layer; ``"notebook"`` as
    the function ``weights_init`` of notebooks 10.2 and 10.5, which does so for linear layers and
    leaves convolutions with PyTorch's default. Each member depends on its own seed only.
    """
    if type(spec) not in _NETWORKS:
        raise TypeError(f"no network is built from a {type(spec).__name__}")
    if init not in ("he", "notebook"):
        raise ValueError(f'init is {init!r}, expected "he" or "notebook"')
    if isinstance(spec, PeerSpec):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds[0])
            return Peer(spec, len(seeds))
    model = _NETWORKS[type(spec)](spec, len(seeds))
    for member, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed)
        for layer in model.modules():
            if isinstance(layer, _LINEAR_MAPS):
                _initialise(layer, member, init, generator)
    return model


@torch.no_grad()
def _initialise(layer: nn.Module, member: int, init: str, generator: torch.Generator) -> None:
    stacked = isinstance(layer, StackedConv1d | StackedLinear)
    weight = layer.weight[member] if stacked else layer.weight
    bias = layer.bias[member] if stacked else layer.bias  # None where a normalisation follows
    # A transposed convolution whose windows do not overlap: one value per input channel.
    by_rows = stacked or isinstance(layer, nn.ConvTranspose2d)
    fan_in = weight.shape[0] if by_rows else weight[0].numel()
    convolution = isinstance(layer, StackedConv1d | nn.Conv2d | nn.ConvTranspose2d)
    he = init == "he" or not convolution
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


@dataclass(frozen=True)
class Reach:
    """What one layer sees of the input: receptive field, distance between neighbours, start."""

    layer: str
    field: int
    jump: int
    start: float


def receptive_fields(layers: Sequence[tuple[str, int, int, int]]) -> list[Reach]:
    """Receptive field of each layer along one axis (UDL section 10.2.6).

    ``layers`` lists (name, kernel, stride, dilation), from input to output. A layer adds
    ``d (k - 1)`` steps of the size that its input's cells have on the original input:
    ``field += d (k - 1) jump``, then ``jump *= stride``. ``start`` is the position on the input
    at which the field of the first output is centred.
    """
    field, jump, start = 1, 1, 0.0
    found = []
    for name, kernel, stride, dilation in layers:
        span = dilation * (kernel - 1)
        field += span * jump
        start += span / 2 * jump
        jump *= stride
        found.append(Reach(name, field, jump, start))
    return found


def output_field(spec: EncoderDecoderSpec, size: int = 128) -> int:
    """Side of the square of input pixels that one output pixel can depend on.

    Found with gradients through a network of positive weights, where no ReLU is closed, with
    means for maxima, which see the same cells; the largest over all positions of the pixel
    relative to the cells of the deepest level.
    """
    down = "mean" if spec.down == "max" else spec.down
    up = "nearest" if spec.up == "unpool" else spec.up
    model = build(replace(spec, norm="none", down=down, up=up)).double()
    for parameter in model.parameters():
        parameter.data.abs_()
    x = torch.ones(1, spec.inputs, size, size, dtype=torch.float64, requires_grad=True)
    y = model(x)  # (1, K, size, size)
    sides = []
    for offset in range(2**spec.depth):
        place = size // 2 + offset
        (gradient,) = torch.autograd.grad(y[0, :, place, place].sum(), x, retain_graph=True)
        sides.append(int((gradient[0].sum((0, 1)) != 0).sum()))
    return max(sides)
