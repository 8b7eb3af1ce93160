"""The encoder-decoder builder: every field, odd sizes, counts by hand, published networks."""

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tarea2 import metrics, models, resampling
from tarea2.models import EncoderDecoderSpec, PeerSpec, build
from tarea2.studies import segmentation

PLAIN = EncoderDecoderSpec(depth=1, width=2, convolutions=1, norm="none", skip="none", classes=3)
SMALL = EncoderDecoderSpec(width=4, classes=3)


@pytest.mark.parametrize(
    ("changes", "parameters", "macs"),
    [
        # 1→2, 2→4, 4→2 by 1×1, 2→2, head 2→3: kernels of 9 and a bias each.
        ({}, 20 + 76 + 10 + 38 + 9, 16 * 18 + 4 * 72 + 4 * 8 + 16 * 36 + 16 * 6),
        # The decoder convolves 4 channels instead of 2.
        ({"skip": "concat"}, 20 + 76 + 10 + 74 + 9, 288 + 288 + 32 + 16 * 72 + 96),
        ({"skip": "add"}, 20 + 76 + 10 + 38 + 9, 288 + 288 + 32 + 576 + 96),
        # Normalisation has a scale and a shift per channel, and takes the convolution's bias.
        ({"norm": "batch"}, (18 + 4) + (72 + 8) + 10 + (36 + 4) + 9, 288 + 288 + 32 + 576 + 96),
        # A kernel per channel without bias, then 1×1.
        (
            {"block": "separable"},
            (9 + 2 + 2) + (18 + 8 + 4) + 10 + (18 + 4 + 2) + 9,
            16 * 11 + 4 * 26 + 32 + 16 * 22 + 96,
        ),
        # Shortcuts of 1×1 where the channels change.
        ({"block": "residual"}, 153 + (2 + 2) + (8 + 4), 1280 + 16 * 2 + 4 * 8),
        # A 2×2 convolution that keeps its channels, at half the size.
        ({"down": "strided"}, 153 + 16 + 2, 1280 + 4 * 16),
        # 2×2 kernels from 4 to 2 channels instead of 1×1 ones.
        ({"up": "transposed"}, 153 - 10 + 34, 1280 - 32 + 4 * 32),
    ],
)
def test_parameters_and_multiplications_by_hand(changes, parameters, macs):
    model = build(replace(PLAIN, **changes))
    assert metrics.count_parameters(model) == parameters
    assert metrics.count_macs(model, torch.zeros(1, 1, 4, 4)) == macs


FIELDS = {
    "depth": st.integers(1, 3),
    "width": st.sampled_from([4, 8]),
    "growth": st.sampled_from([1.0, 2.0]),
    "convolutions": st.integers(1, 2),
    "bottom": st.sampled_from([None, 1, 3]),
    "kernel": st.sampled_from([1, 3, 5]),
    "dilation": st.integers(1, 2),
    "block": st.sampled_from(["plain", "residual", "separable"]),
    "norm": st.sampled_from(["none", "batch", "group"]),
    "down": st.sampled_from(["max", "mean", "strided"]),
    "up": st.sampled_from(["nearest", "bilinear", "transposed", "unpool"]),
    "skip": st.sampled_from(["none", "add", "concat"]),
    "inputs": st.sampled_from([1, 3]),
    "classes": st.integers(2, 5),
}


@settings(max_examples=40)
@given(fields=st.fixed_dictionaries(FIELDS), height=st.integers(8, 19), width=st.integers(8, 19))
def test_every_spec_runs_forward_and_backward_at_any_size(fields, height, width):
    if fields["up"] == "unpool":
        fields["down"] = "max"
    spec = EncoderDecoderSpec(**fields)
    model = build(spec).train()
    scores = model(torch.randn(2, spec.inputs, height, width))
    assert scores.shape == (2, spec.classes, height, width)
    scores.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("name", list(segmentation.FACTORS))
def test_each_factor_of_the_study_changes_the_network(name):
    spec = replace(segmentation.REFERENCE, **segmentation.FACTORS[name])
    assert sum(
        getattr(spec, field) != getattr(segmentation.REFERENCE, field)
        for field in spec.__dataclass_fields__
    ) == len(segmentation.FACTORS[name]) == 1  # fmt: skip
    x = torch.randn(1, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    reference = build(segmentation.REFERENCE).eval()(x)
    assert not torch.allclose(build(spec).eval()(x), reference)


def test_a_pass_is_what_the_operations_of_the_notebook_give():
    """One level, unpooling: convolution, pooling and unpooling of notebook 10.4, one by one."""
    spec = EncoderDecoderSpec(1, 1, 1.0, 1, norm="none", up="unpool", skip="none", classes=2)
    model = build(spec)
    x = torch.rand(1, 1, 6, 6)
    encoder, bottom = model.encoder[0].convolutions[0], model.bottom.convolutions[0]
    h = F.relu(encoder(x))
    pooled = torch.from_numpy(resampling.max_pool(h[0, 0].detach().numpy()))
    deep = model.reductions[0](F.relu(bottom(pooled[None, None].float())))
    up = resampling.max_unpool(deep[0, 0].detach().numpy(), h[0, 0].detach().numpy())
    out = F.relu(model.decoder[0].convolutions[0](torch.from_numpy(up)[None, None].float()))
    torch.testing.assert_close(model(x), model.head(out))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"block": "dense"}, "block is 'dense', expected one of plain, residual, separable"),
        ({"skip": "both"}, "skip is 'both', expected one of none, add, concat"),
        ({"depth": 0}, "depth is 0, expected at least 1"),
        ({"bottom": 0}, "bottom is 0, expected at least 1 or None"),
        ({"growth": 0.5}, "growth is 0.5, expected at least 1"),
        ({"kernel": 4}, "kernel is 4, expected an odd size"),
        ({"up": "unpool", "down": "mean"}, 'needs the positions that down="max" remembers'),
        ({"norm": "group", "width": 6}, "6, 12, 24: choose multiples of 4"),
    ],
)
def test_an_impossible_spec_is_refused_with_the_reason(fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        EncoderDecoderSpec(**fields)


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (1, 1, 3, 8), (1, 8, 8)])
def test_an_image_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(batch, 1, height, width\) with height and"):
        build(SMALL)(torch.zeros(shape))
    with pytest.raises(ValueError, match="EncoderDecoderSpec trains one seed at a time"):
        build(SMALL, (0, 1))


def test_the_layers_of_a_spec_give_its_receptive_field():
    spec = EncoderDecoderSpec(depth=2, convolutions=1)
    # 3, then 2×2 at stride 2, at jump 2: 3, 2×2, at jump 4: 3.
    assert models.receptive_fields(spec.layers())[-1].size == 1 + 2 + 1 + 4 + 2 + 8
    model = build(replace(spec, norm="none", width=2, down="mean"))
    x = torch.randn(1, 1, 48, 48, requires_grad=True)
    h = x
    for block in model.encoder:  # without ReLU: a dead unit would see nothing
        h = F.avg_pool2d(block.convolutions[0](h), 2)
    h = model.bottom.convolutions[0](h)
    (gradient,) = torch.autograd.grad(h[0, :, 6, 6].sum(), x)
    assert len(gradient[0, 0].abs().sum(0).nonzero()) == 18


@pytest.mark.parametrize(
    ("changes", "side"),
    [
        # Three pixels lie in two cells of the deepest level, whose convolution sees four of them:
        # eight pixels, and one more to each side for the first convolution.
        ({}, 10),
        # Straight past the bottom too, but not further than through it.
        ({"skip": "concat"}, 10),
        # Without 3×3 kernels a pixel sees its own cell.
        ({"kernel": 1}, 2),
        # Five pixels lie in up to three cells, which see seven.
        ({"kernel": 5}, 2 * 7 + 4),
    ],
)
def test_the_field_of_an_output_pixel_by_hand(changes, side):
    assert models.output_field(replace(PLAIN, **changes), size=40) == side


def test_seeds_decide_the_weights():
    for spec in (SMALL, replace(SMALL, up="transposed", norm="none")):
        first, again, other = (build(spec, (seed,)).state_dict() for seed in (1, 1, 2))
        assert all(torch.equal(first[k], again[k]) for k in first)
        assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.mark.parametrize("network", ["BasicUNet", "UNet"])
def test_published_networks_run(network):
    model = build(PeerSpec(network))
    assert model(torch.zeros(1, 1, 48, 48)).shape == (1, 11, 48, 48)
    assert isinstance(next(model.parameters()), nn.Parameter)
    state = build(PeerSpec(network), (0,)).state_dict()
    again = build(PeerSpec(network), (0,)).state_dict()
    assert all(torch.equal(state[k], again[k]) for k in state)
