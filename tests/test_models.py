"""Networks: shapes, parameters, order of layers, initialisation, receptive fields, costs."""

import numpy as np
import pytest
import torch
from torch import nn

from tarea2 import metrics, models
from tarea2.convolution import conv1d
from tarea2.models import DigitNetSpec, PerceptronSpec, SignalNetSpec, build
from tarea2.models.unet import UNet

SIGNALS = torch.randn(1, 7, 40, generator=torch.Generator().manual_seed(0))
DIGITS = torch.randn(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("spec", "x", "parameters", "macs"),
    [
        # 10.2: 19·15·3 + 9·15·45 + 4·15·45 + 60·10
        (SignalNetSpec(), SIGNALS, 2050, 855 + 6075 + 2700 + 600),
        (PerceptronSpec(), SIGNALS, 15210, 40 * 100 + 100 * 100 + 100 * 10),
        # 10.5: 24²·10·25 + 8²·20·250 + 320·50 + 50·10
        (DigitNetSpec(), DIGITS, 21840, 144_000 + 320_000 + 16_000 + 500),
        (PerceptronSpec((784, 27, 17, 10)), DIGITS[None], 21851, 784 * 27 + 27 * 17 + 170),
    ],
)
def test_shapes_parameters_and_multiplications(spec, x, parameters, macs):
    model = build(spec)
    assert metrics.count_parameters(model) == parameters
    assert model(x).shape[-2:] == (7, 10)
    one = x[:1] if isinstance(spec, DigitNetSpec) else x[:, :1]
    assert metrics.count_macs(model, one) == macs
    assert metrics.count_parameters(build(spec)) == parameters


def test_the_signal_net_is_the_notebook_s_sequence():
    model = build(SignalNetSpec())
    reference = nn.Sequential(
        nn.Conv1d(1, 15, 3, stride=2), nn.ReLU(), nn.Conv1d(15, 15, 3, stride=2), nn.ReLU(),
        nn.Conv1d(15, 15, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(60, 10),
    )  # fmt: skip
    with torch.no_grad():
        for ours, theirs in zip(model.convolutions, reference[:6:2], strict=True):
            in_channels = theirs.in_channels
            theirs.weight.copy_(ours.weight[0].view(3, in_channels, 15).permute(2, 1, 0))
            theirs.bias.copy_(ours.bias[0, 0])
        # Ours flattens (length, channels), the notebook (channels, length).
        weight = model.linear.weight[0].view(4, 15, 10).permute(2, 1, 0).reshape(10, 60)
        reference[7].weight.copy_(weight)
        reference[7].bias.copy_(model.linear.bias[0, 0])
    torch.testing.assert_close(model(SIGNALS)[0], reference(SIGNALS[0][:, None]))


def test_a_stacked_convolution_is_the_package_s_own():
    layer = models.StackedConv1d(1, 1, 1, 3, 2)
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    y = layer(SIGNALS[..., None])[0, 0, :, 0].detach()
    expected = conv1d(SIGNALS[0, 0].numpy(), layer.weight[0, :, 0].detach().numpy(), 2, padding=0)
    np.testing.assert_allclose(y, expected, atol=1e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (3, 1), (2, 3), (5, 2)])
def test_a_stacked_convolution_has_the_right_gradients(kernel, stride):
    layer = models.StackedConv1d(2, 3, 4, kernel, stride).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(2, 5, 11, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x: layer(x), [x])


def test_the_digit_net_has_the_notebook_s_order():
    order = []
    model = build(DigitNetSpec())
    for name, layer in model.named_modules():
        if name:
            layer.register_forward_hook(lambda layer, *_, name=name: order.append(name))
    model.train()
    scores = model(DIGITS)
    assert order == ["conv1", "conv2", "dropout", "linear1", "linear2"]
    reference = nn.Sequential(
        model.conv1, nn.MaxPool2d(2), nn.ReLU(), model.conv2, nn.Dropout2d(), nn.MaxPool2d(2),
        nn.ReLU(), nn.Flatten(), model.linear1, nn.ReLU(), model.linear2, nn.LogSoftmax(dim=1),
    )  # fmt: skip
    for mode in (True, False):
        model.train(mode)
        reference.train(mode)
        torch.manual_seed(5)
        ours = model(DIGITS)
        torch.manual_seed(5)
        torch.testing.assert_close(ours, reference(DIGITS))
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(7))


def test_feature_maps_end_where_the_forward_pass_goes_on():
    model = build(DigitNetSpec()).eval()
    maps = model.feature_maps(DIGITS)
    assert [m.shape[-1] for m in maps.values()] == [28, 24, 12, 8, 4]
    hidden = torch.relu(model.linear1(maps["máximo y ReLU 2"].flatten(1)))
    torch.testing.assert_close(model.linear2(hidden).log_softmax(1), model(DIGITS))


@pytest.mark.parametrize("spec", [SignalNetSpec(), PerceptronSpec()])
def test_members_do_not_touch_each_other(spec):
    together = build(spec, (3, 4, 5))
    for place, seed in enumerate((3, 4, 5)):
        alone = build(spec, (seed,))
        torch.testing.assert_close(together(SIGNALS.expand(3, 7, 40))[place], alone(SIGNALS)[0])
        torch.testing.assert_close(together.member(place)(SIGNALS), alone(SIGNALS))
    loss = together(SIGNALS.expand(3, 7, 40))[1].square().sum()
    loss.backward()
    for parameter in together.parameters():
        assert parameter.grad[0].abs().sum() == parameter.grad[2].abs().sum() == 0


def test_the_same_seed_gives_the_same_weights():
    for spec in (SignalNetSpec(), PerceptronSpec(), DigitNetSpec()):
        first, second, other = build(spec, (1,)), build(spec, (1,)), build(spec, (2,))
        pairs = zip(first.parameters(), second.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        assert not torch.equal(next(first.parameters()), next(other.parameters()))


@pytest.mark.parametrize(("init", "factor"), [("he", 2), ("notebook", 1 / 3)])
def test_the_variance_of_convolutions_is_that_of_the_scheme(init, factor):
    model = build(SignalNetSpec(channels=200, layers=2), (0,), init)
    model.requires_grad_(False)
    layer = model.convolutions[1]
    assert float(layer.weight.var()) == pytest.approx(factor / 600, rel=0.02)
    assert (float(layer.bias.abs().sum()) == 0) == (init == "he")
    linear = model.linear
    assert float(linear.weight.var()) == pytest.approx(2 / linear.weight.shape[1], rel=0.05)
    assert float(linear.bias.abs().sum()) == 0


def test_receptive_fields_are_what_a_gradient_sees():
    model = build(SignalNetSpec(), (0,))
    layers = models.receptive_fields([("a", 3, 2, 1)] * 3)
    assert [(r.size, r.jump) for r in layers] == [(3, 2), (7, 4), (15, 8)]
    x = torch.randn(1, 1, 40, requires_grad=True)
    h = x.unsqueeze(3)
    for layer, reach in zip(model.convolutions, layers, strict=True):
        h = layer(h)  # no ReLU: a dead unit would see nothing
        (gradient,) = torch.autograd.grad(h[0, 0, 1].sum(), x, retain_graph=True)
        seen = gradient[0, 0].nonzero().flatten()
        assert len(seen) == reach.size
        assert float(seen.float().mean()) == reach.start + reach.jump


def test_dilation_widens_the_field():
    assert models.receptive_fields([("a", 3, 1, 1), ("b", 3, 1, 4)])[-1].size == 11


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match="no network is built from a dict"):
        build({})
    with pytest.raises(ValueError, match="init is 'xavier'"):
        build(SignalNetSpec(), init="xavier")
    with pytest.raises(ValueError, match="DigitNetSpec trains one seed at a time, but 2"):
        build(DigitNetSpec(), (0, 1))
    with pytest.raises(ValueError, match="kernel covers"):
        build(SignalNetSpec(length=5))


def test_confusion_matrix_by_hand():
    target, prediction = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 0])
    matrix = metrics.confusion_matrix(target, prediction, 3)
    np.testing.assert_array_equal(matrix, [[1, 1, 0], [0, 1, 0], [1, 0, 0]])
    assert metrics.pixel_accuracy(matrix) == 0.5
    from sklearn.metrics import confusion_matrix

    generator = torch.Generator().manual_seed(0)
    target, prediction = torch.randint(10, (2, 500), generator=generator)
    np.testing.assert_array_equal(
        metrics.confusion_matrix(target, prediction, 10),
        confusion_matrix(target, prediction, labels=range(10)),
    )
    with pytest.raises(ValueError, match="target has shape"):
        metrics.confusion_matrix(torch.tensor([0, 1]), torch.tensor([0]), 2)
    with pytest.raises(ValueError, match="prediction holds 0 to 5, expected 0 to 2"):
        metrics.confusion_matrix(torch.tensor([0, 1]), torch.tensor([0, 5]), 3)


def test_the_unet_without_options_gives_the_scores_of_the_stored_one():
    stored = models.load_best("segmentation")
    written = UNet().eval()
    written.load_state_dict(stored.state_dict())
    x = torch.rand(3, 1, 48, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(written(x), stored(x))
    written.train()(x).sum().backward()
    assert all(parameter.grad is not None for parameter in written.parameters())


def test_the_measured_field_stays_within_the_possible_one():
    spec = models.EncoderDecoderSpec(depth=1, width=4, convolutions=1)
    x = torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    field = models.measured_field(models.build(spec), x)
    assert field.sum() == pytest.approx(1, abs=1e-5)
    assert (field >= 0).all()
    first, last = models.input_range(spec, 24)
    inside = torch.zeros_like(field, dtype=torch.bool)
    inside[first : last + 1, first : last + 1] = True
    assert field[inside].sum() == pytest.approx(1, abs=1e-5)
    assert (field[~inside] == 0).all()
    assert 4 < (field > 0).sum() <= (last - first + 1) ** 2
