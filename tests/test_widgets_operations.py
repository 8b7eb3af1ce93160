"""The JavaScript operations and networks in a real browser, against the package."""

import base64
import json
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.datasets import load_sample_image
from torch.nn import functional as F

from pieces import sent_model
from publish.project import ROOT
from tarea2 import convolution, datasets, metrics, models, resampling, typography, widgets
from tarea2.datasets import number_words
from tarea2.datasets.images.preprocessing import Preprocessing, padded
from tarea2.datasets.images.reading import Picture
from tarea2.evaluation import predict
from tarea2.models import NumberWriter
from tarea2.predictor import Predictor
from tarea2.studies.skips import cut_skip
from tarea2.widgets import data_scripts

CASES = 200
SCRIPTS = (
    "operations", "piece", "networks", "unet-views", "photograph", "worker", "scene-composition",
    "scene-views",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """An empty page with the pieces' scripts and all data scripts, opened from disk."""
    folder = tmp_path_factory.mktemp("widgets")
    for name, text in widgets.scripts().items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    theme = ROOT / "theme" / "widgets"
    sources = [(theme / f"{name}.js").as_uri() for name in SCRIPTS]
    sources += [f"{name}.js" for name in widgets.scripts()]
    tags = "".join(f'<script src="{source}"></script>' for source in sources)
    (folder / "index.html").write_text(f"<!DOCTYPE html><meta charset=utf-8>{tags}", "utf-8")
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    page.evaluate(HELPERS)
    yield page
    page.close()


# Arrays travel as {shape, data}; the names of operations are those of the file.
HELPERS = """() => {
  window.from = ({shape, data}) => tarea.array(shape, Float64Array.from(data));
  window.to = ({shape, data}) => ({shape, data: Array.from(data)});
}"""


def sent(x: np.ndarray) -> dict:
    return {"shape": list(x.shape), "data": x.ravel().tolist()}


def received(answer: dict) -> np.ndarray:
    return np.array(answer["data"]).reshape(answer["shape"])


def ask(page, function: str, cases: list) -> list:
    """Apply a JavaScript function to every case, in one visit to the browser."""
    return page.evaluate(f"(cases) => cases.map({function})", cases)


def drawn(seed: int):
    generator = np.random.default_rng(seed)
    return generator, lambda low, high: int(generator.integers(low, high + 1))


def test_output_size(page):
    _, whole = drawn(0)
    cases = [[whole(1, 40), whole(1, 7), whole(1, 5), whole(0, 9), whole(1, 4)] for _ in range(400)]
    answers = ask(
        page, "(a) => { try { return tarea.outputSize(...a); } catch { return null; } }", cases
    )
    refused = 0
    for case, answer in zip(cases, answers, strict=True):
        try:
            assert answer == convolution.output_size(*case)
        except ValueError:
            assert answer is None
            refused += 1
    assert 10 < refused < 200


def test_conv1d(page):
    generator, whole = drawn(1)
    cases = []
    while len(cases) < CASES:
        x, kernel = generator.normal(size=whole(1, 20)), generator.normal(size=whole(1, 5))
        padding = "same" if whole(0, 1) else whole(0, 6)
        stride, dilation = whole(1, 4), whole(1, 3)
        try:
            expected = convolution.conv1d(x, kernel, stride, dilation, padding)
        except ValueError:
            continue
        cases.append(([x.tolist(), kernel.tolist(), stride, dilation, padding], expected))
    answers = ask(page, "(a) => Array.from(tarea.conv1d(...a))", [case for case, _ in cases])
    for (_, expected), answer in zip(cases, answers, strict=True):
        np.testing.assert_allclose(answer, expected, atol=1e-12)


def test_conv2d(page):
    generator, whole = drawn(2)
    cases = []
    while len(cases) < CASES:
        channels = whole(1, 4)
        x = generator.normal(size=(whole(1, 2), channels, whole(1, 8), whole(1, 8)))
        weight = generator.normal(size=(whole(1, 9), channels, whole(1, 3), whole(1, 3)))
        options = [whole(1, 4), whole(0, 4), whole(1, 3)]
        try:
            expected = convolution.conv2d(x, weight, *options)
        except ValueError:
            continue
        bias = generator.normal(size=len(weight))
        cases.append(
            ([sent(x), sent(weight), options, bias.tolist()], expected + bias[:, None, None])
        )
    answers = ask(
        page, "([x, w, o, b]) => to(tarea.conv2d(from(x), from(w), ...o, b))", [c for c, _ in cases]
    )
    for (_, expected), answer in zip(cases, answers, strict=True):
        np.testing.assert_allclose(received(answer), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("downsample", resampling.downsample), ("maxPool", resampling.max_pool),
        ("meanPool", resampling.mean_pool), ("duplicate", resampling.duplicate),
        ("bilinear", resampling.bilinear),
    ],
)  # fmt: skip
def test_resampling(page, name, function):
    generator, whole = drawn(3)
    cases = [generator.normal(0, 50, size=(whole(2, 9), whole(2, 9))) for _ in range(CASES)]
    answers = ask(page, f"(x) => to(tarea.{name}(from(x)))", [sent(x) for x in cases])
    for x, answer in zip(cases, answers, strict=True):
        np.testing.assert_allclose(received(answer), function(x), atol=1e-12)


def test_bilinear_without_rounding(page):
    generator, whole = drawn(4)
    cases = [generator.normal(size=(whole(1, 7), whole(1, 7))) for _ in range(CASES)]
    answers = ask(page, "(x) => to(tarea.bilinear(from(x), false))", [sent(x) for x in cases])
    for x, answer in zip(cases, answers, strict=True):
        np.testing.assert_allclose(received(answer), resampling.bilinear(x, False), atol=1e-12)


def test_max_unpool(page):
    generator, whole = drawn(5)
    # Few different values, so that equal maxima occur.
    cases = [
        generator.integers(0, 4, (whole(2, 9), whole(2, 9))).astype(float) for _ in range(CASES)
    ]
    small = [resampling.max_pool(x) + 1 for x in cases]
    pairs = [[sent(a), sent(b)] for a, b in zip(small, cases, strict=True)]
    answers = ask(page, "([a, b]) => to(tarea.maxUnpool(from(a), from(b)))", pairs)
    for a, b, answer in zip(small, cases, answers, strict=True):
        np.testing.assert_array_equal(received(answer), resampling.max_unpool(a, b))


def test_transposed_convolution(page):
    generator, whole = drawn(6)
    cases = [
        (generator.normal(size=(whole(1, 6), whole(1, 6))),
         generator.normal(size=(whole(1, 4), whole(1, 4))), whole(1, 4))
        for _ in range(CASES)
    ]  # fmt: skip
    asked = [[sent(x[None, None]), sent(k[None, None]), s] for x, k, s in cases]
    answers = ask(
        page, "([x, k, s]) => to(tarea.transposedConvolution(from(x), from(k), s))", asked
    )
    for (x, kernel, stride), answer in zip(cases, answers, strict=True):
        expected = resampling.transposed_convolution(x, kernel, stride)
        np.testing.assert_allclose(received(answer)[0, 0], expected, atol=1e-12)


def test_transposed_convolution_of_many_channels(page):
    generator, whole = drawn(7)
    cases = [
        (generator.normal(size=(1, 3, whole(1, 5), whole(1, 5))),
         generator.normal(size=(3, whole(1, 4), 2, 2)), whole(1, 3))
        for _ in range(CASES)
    ]  # fmt: skip
    asked = [[sent(x), sent(k), s] for x, k, s in cases]
    answers = ask(
        page, "([x, k, s]) => to(tarea.transposedConvolution(from(x), from(k), s))", asked
    )
    for (x, kernel, stride), answer in zip(cases, answers, strict=True):
        expected = F.conv_transpose2d(torch.tensor(x), torch.tensor(kernel), stride=stride)
        np.testing.assert_allclose(received(answer), expected.numpy(), atol=1e-12)


def test_dense_and_softmax(page):
    generator, whole = drawn(8)
    cases = [
        (x := generator.normal(0, 3, whole(1, 12)), generator.normal(size=(o := whole(1, 9), len(x))),
         generator.normal(size=o))
        for _ in range(CASES)
    ]  # fmt: skip
    asked = [[x.tolist(), sent(w), b.tolist()] for x, w, b in cases]
    answers = ask(
        page,
        "([x, w, b]) => { const y = tarea.dense(x, from(w), b); return [[...y], tarea.softmax(y)]; }",
        asked,
    )
    for (x, weight, bias), (scores, probabilities) in zip(cases, answers, strict=True):
        np.testing.assert_allclose(scores, weight @ x + bias, atol=1e-5)
        expected = torch.tensor(weight @ x + bias).softmax(0)
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_folded_batch_normalisation(page):
    generator, whole = drawn(9)
    asked, expected = [], []
    for _ in range(CASES):
        channels, filters = whole(1, 3), whole(1, 6)
        x = generator.normal(size=(1, channels, 6, 5))
        weight = generator.normal(size=(filters, channels, 3, 3))
        gain, shift, mean = (generator.normal(size=filters) for _ in range(3))
        variance = generator.uniform(0.1, 3, filters)
        bias = generator.normal(size=filters) if whole(0, 1) else None
        norm = {"weight": gain, "bias": shift, "mean": mean, "variance": variance}
        asked.append([sent(x), sent(weight), None if bias is None else bias.tolist(),
                      {key: value.tolist() for key, value in norm.items()}])  # fmt: skip
        tensors = [torch.tensor(value) for value in (mean, variance, gain, shift)]
        y = F.conv2d(
            torch.tensor(x), torch.tensor(weight), None if bias is None else torch.tensor(bias)
        )
        expected.append(F.batch_norm(y, *tensors).numpy())
    answers = ask(
        page,
        """([x, w, b, norm]) => {
        const folded = tarea.foldBatchNorm(from(w), b, norm);
        return to(tarea.conv2d(from(x), folded.weight, 1, 0, 1, folded.bias)); }""",
        asked,
    )
    for answer, y in zip(answers, expected, strict=True):
        np.testing.assert_allclose(received(answer), y, atol=1e-9)


def test_gru(page):
    generator, whole = drawn(10)
    asked, expected = [], []
    for _ in range(CASES):
        inputs, size = whole(1, 6), whole(1, 7)
        cell = torch.nn.GRUCell(inputs, size).double()
        for parameter in cell.parameters():
            parameter.data = torch.tensor(generator.normal(size=parameter.shape))
        x, state = generator.normal(size=inputs), generator.uniform(-1, 1, size)
        asked.append(
            [
                x.tolist(),
                state.tolist(),
                sent(cell.weight_ih.data.numpy()),
                sent(cell.weight_hh.data.numpy()),
                cell.bias_ih.tolist(),
                cell.bias_hh.tolist(),
            ]
        )
        expected.append(cell(torch.tensor(x), torch.tensor(state)).detach().numpy())
    answers = ask(
        page,
        """([x, h, wi, wh, bi, bh]) => Array.from(tarea.gru(x, Float64Array.from(h),
        {inputWeight: from(wi), stateWeight: from(wh), inputBias: bi, stateBias: bh}))""",
        asked,
    )
    for answer, state in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer, state, atol=1e-6)


def test_numbers_are_written_as_on_the_page(page):
    generator, whole = drawn(11)
    values = [float(v) for v in generator.normal(0, 10.0 ** generator.integers(-2, 7, CASES))]
    ends = [[-0.0001, 2], [0, 0], [12345, 0], [float("nan"), 2]]
    cases = [[round(v, 6), whole(0, 4)] for v in values] + ends
    answers = ask(page, "([v, d]) => tarea.number(v, d)", cases)
    differing = [
        (case, answer)
        for case, answer in zip(cases, answers, strict=True)
        if answer != typography.number(*case)
    ]
    assert differing == []
    whole_numbers = [int(v) for v in generator.integers(-(10**7), 10**7, CASES)]
    answers = ask(page, "(v) => tarea.number(v)", whole_numbers)
    assert answers == [str(typography.number(v)) for v in whole_numbers]


def test_numbers_are_read_with_comma_and_point(page):
    generator, whole = drawn(12)
    values = [round(float(v), 3) for v in generator.normal(0, 100, CASES)]
    texts = [str(v) if whole(0, 1) else str(typography.number(v)) for v in values]
    assert ask(page, "(t) => tarea.parseNumber(t)", texts) == values
    refused = ["", "abc", "1,2,3", "--1", "1e400", "∞", "NaN", "0x10", "1 2"]
    answers = ask(
        page,
        "(t) => { try { return tarea.parseNumber(t); } catch (e) { return e.message; } }",
        refused,
    )
    assert all(isinstance(answer, str) and answer.endswith(".") for answer in answers)


# Networks -------------------------------------------------------------------------------------

RUN = {
    "segmentation": "(x) => Array.from(tarea.encoderDecoder(net)(from32(x)).scores.data)",
    "segmentation-baseline": "(x) => Array.from(tarea.encoderDecoder(net)(from32(x)).scores.data)",
    "mnist-notebook": "(x) => tarea.digitNet(net)(from32(x)).probabilities.map(Math.log)",
    "autoencoder-2": """(x) => { const {encode, decode} = tarea.autoencoder(net);
        return Array.from(decode(encode(Float32Array.from(x.data)))); }""",
    "mnist-dense": "(x) => tarea.perceptron(net)(from32(x)).probabilities.map(Math.log)",
    "mnist1d": "(x) => Array.from(tarea.dilatedNet(net)(x.data).scores)",
}


def inputs_of(model: str) -> torch.Tensor:
    """Fifty drawn inputs that look like the network's data, or like nothing."""
    generator = torch.Generator().manual_seed(50)
    shape = {
        "segmentation": (1, 48, 48),
        "segmentation-baseline": (1, 48, 48),
        "mnist-notebook": (1, 28, 28),
        "mnist-dense": (1, 28, 28),
        "autoencoder-2": (1, 8, 8),
        "mnist1d": (40,),
    }[model]
    x = torch.rand(50, *shape, generator=generator)
    smooth = F.avg_pool1d(x.flatten(0, -2), 5, 1, 2).view_as(x)
    signal = model.startswith("mnist")
    return torch.cat([x[:25], smooth[25:]]) * (4 if signal else 1) - (2 if signal else 0)


@pytest.mark.parametrize("model", list(RUN))
def test_a_network_gives_what_pytorch_gives(page, model):
    built = sent_model(model)
    x = inputs_of(model)
    (golden_x,), golden_y = models.load_golden(model)
    x = torch.cat([golden_x[:1].reshape(1, *x.shape[1:]), x])
    with torch.no_grad():
        expected = (built(x[None])[0] if built.stacked else built(x)).flatten(1).numpy()
    if model == "mnist-dense":  # gives logits
        expected = torch.tensor(expected).log_softmax(1).numpy()
    if model not in data_scripts.HALF:
        given = golden_y[0].flatten()
        given = given.log_softmax(0) if model == "mnist-dense" else given
        np.testing.assert_allclose(expected[0], given.numpy(), atol=1e-4)
    setup = f"""() => {{ window.net = tarea.network("{widgets.network(model)[0]}");
        window.from32 = ({{shape, data}}) => tarea.array(shape, Float32Array.from(data)); }}"""
    page.evaluate(setup)
    answers = ask(page, RUN[model], [sent(row[None].numpy()) for row in x])
    np.testing.assert_allclose(np.array(answers), expected, atol=1e-4)


def steps_of(model, x: torch.Tensor, cut: int | None) -> list[torch.Tensor]:
    """What every step of an encoder-decoder gives, in the order of the JavaScript, by its modules."""
    found, kept = [x], []

    def take(h: torch.Tensor) -> torch.Tensor:
        found.append(h)
        return h

    def block(part, h):
        for layer, norm in zip(part.convolutions, part.norms, strict=True):
            h = take(F.relu(norm(layer(h))))
        return h

    h, depth = x, model.spec.depth
    for level, part in enumerate(model.encoder):
        kept.append(block(part, h))
        h = take(model.halvings[level](kept[-1]) if model.halvings else F.max_pool2d(kept[-1], 2))
    h = block(model.bottom, h)
    for step, part in enumerate(model.decoder):
        level = depth - 1 - step
        h = take(F.interpolate(take(model.reductions[step](h)), scale_factor=2, mode="nearest"))
        if model.spec.skip == "concat":
            h = take(torch.cat([h, kept[level] * (level != cut)], 1))
        h = block(part, h)
    take(model.head(h))
    return found


@pytest.mark.parametrize(
    ("model", "cut"),
    [("segmentation", None), ("segmentation", 0), ("segmentation", 1), ("segmentation-baseline", None)],
)  # fmt: skip
def test_every_step_of_an_encoder_decoder_is_pytorchs(page, model, cut):
    built = sent_model(model)
    x = inputs_of(model)[[0, 1, 30]]
    with torch.no_grad(), nullcontext() if cut is None else cut_skip(built, cut):
        expected = steps_of(built, x, cut)
        torch.testing.assert_close(expected[-1], built(x))
    page.evaluate(
        f"""() => {{ window.run = tarea.encoderDecoder(tarea.network("{widgets.network(model)[0]}"));
        window.from32 = ({{shape, data}}) => tarea.array(shape, Float32Array.from(data)); }}"""
    )
    answers = ask(
        page,
        f"(x) => run(from32(x), {{ skips: (level) => level !== {-1 if cut is None else cut} }}).steps.map(({{ maps }}) => to(maps))",
        [sent(row[None].numpy()) for row in x],
    )
    for place, steps in enumerate(answers):
        assert len(steps) == len(expected)
        for ours, theirs in zip(steps, expected, strict=True):
            np.testing.assert_allclose(received(ours)[0], theirs[place].numpy(), atol=1e-4)


@pytest.mark.parametrize(("model", "cut"), [("segmentation", None), ("segmentation", 1), ("segmentation-baseline", None)])  # fmt: skip
def test_receptive_squares_are_what_gradients_find(page, model, cut):
    card = models.load_model(model)[1]["spec"]
    # Positive weights and means, where no ReLU is closed: as models.output_field finds fields.
    down = "mean" if card["down"] == "max" else card["down"]
    spec = models.EncoderDecoderSpec(
        **{**card, "width": 2, "growth": 1.0, "norm": "none", "down": down}
    )
    network = models.build(spec).double().eval()
    for parameter in network.parameters():
        parameter.data.abs_()
    size = 48
    x = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    steps = steps_of_means(network, x, cut)
    name = widgets.network(model)[0]
    page.evaluate(
        f"""() => {{ const net = tarea.network("{name}");
        window.steps = tarea.encoderDecoder(net)(tarea.array([1, 1, {size}, {size}]), {{ skips: (level) => level !== {-1 if cut is None else cut} }}).steps; }}"""
    )
    _, whole = drawn(15)
    for place in range(1, len(steps)):
        high = steps[place].shape[-1] - 1
        row, column = whole(0, high), whole(0, high)
        answer = page.evaluate(f"tarea.receptive(steps, {place}, [{row}, {column}])")
        gradients = torch.autograd.grad(
            steps[place][..., row, column].sum(), steps[: place + 1], retain_graph=True, allow_unused=True
        )  # fmt: skip
        for field, gradient, step in zip(answer, gradients, steps, strict=False):
            if gradient is None or not gradient.any():
                assert field is None
                continue
            limit = step.shape[-1] - 1
            rows, columns = (gradient[0].sum(0).sum(axis).nonzero().flatten() for axis in (1, 0))
            for found, (first, last) in ((rows, field["rows"]), (columns, field["columns"])):
                assert (int(found[0]), int(found[-1])) == (max(0, first), min(limit, last))


def steps_of_means(network, x: torch.Tensor, cut: int | None) -> list[torch.Tensor]:
    """As ``steps_of``, with means for maxima, which see the same cells."""
    with patch.object(F, "max_pool2d", F.avg_pool2d):
        return steps_of(network, x, cut)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """A photograph, larger and smaller than the network's, upright and lying, and noise."""
    photograph = load_sample_image("china.jpg")
    noise = np.random.default_rng(18).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    return [photograph[:300, :400], photograph[::3, ::5], photograph[:200:2, :60], noise]


def test_a_picture_is_reduced_as_the_package_does(page, pictures):
    generator, whole = drawn(19)
    drawn_ones = [
        generator.integers(0, 256, (whole(3, 60), whole(3, 60), 3), dtype=np.uint8) for _ in range(40)
    ]  # fmt: skip
    differing = []
    for picture in [*drawn_ones, *pictures[:1]]:
        size = whole(3, 60), whole(3, 60)
        preprocessing = Preprocessing(colours=True, size=size)
        expected = preprocessing.image(Picture("x", picture)).astype(int)
        answer = page.evaluate(
            "([x, h, w]) => to(tarea.resizePicture(tarea.array(x.shape, Uint8ClampedArray.from(x.data)), h, w))",
            [sent(picture.transpose(2, 0, 1)), *size],
        )
        found = received(answer).astype(int)
        assert np.abs(found - expected).max() <= 1  # Pillow sums in fixed point
        differing.append((found != expected).mean())
    assert np.mean(differing) < 0.02


def test_a_photograph_is_answered_as_by_the_package(page, pictures):
    model, card = models.load_model("camvid")
    exact, rounded = Predictor.from_card(model, card), sent_model("camvid")
    page.evaluate(
        f'() => {{ window.run = tarea.encoderDecoder(tarea.network("{widgets.network("camvid")[0]}")); }}'
    )
    for picture in pictures:
        x = exact.preprocessing.image(Picture("x", picture))
        with torch.no_grad():
            batch = torch.from_numpy(padded(x, exact.divisor).copy())[None].float() / 255
            expected = rounded(batch)[0, :, :120]
            plain = model(batch)[0, :, :120]
        # What the page reduces itself may differ by a grey level: the same reduced picture is given.
        answer = page.evaluate(
            "(x) => to(tarea.photograph.scoresOf(run, tarea.array(x.shape, Uint8ClampedArray.from(x.data))))",
            sent(x),
        )
        scores = received(answer)
        np.testing.assert_allclose(scores, expected.numpy(), atol=2e-3)
        assert (scores.argmax(0) == plain.argmax(0).numpy()).mean() > 0.995


@pytest.mark.parametrize("name", sorted(data_scripts.HALF - {"camvid"}))
def test_weights_of_16_bits_name_the_same_pixels(name):
    test = datasets.scenes("test", 200)
    exact, sent = (
        predict(m, test.x)[0].argmax(1) for m in (models.load_model(name)[0], sent_model(name))
    )
    assert not torch.equal(models.load_model(name)[0].head.weight, sent_model(name).head.weight)
    assert (exact != sent).float().mean() < 1e-4
    scores = [metrics.mean_iou(metrics.confusion_matrix(test.y, y, 11)) for y in (exact, sent)]
    assert scores[0] == pytest.approx(scores[1], abs=5e-4)


def test_numbers_of_16_bits_are_numpys(page):
    generator, _ = drawn(20)
    values = np.concatenate([generator.normal(size=200), [0, -0.0, 6e-8, -6.1e-5, 65504, 1e-4]])
    halves = values.astype("<f2")
    text = base64.b64encode(halves.tobytes()).decode()
    answer = page.evaluate("(text) => Array.from(tarea.halves(text))", text)
    assert answer == halves.astype(float).tolist()


def test_where_and_what_are_the_metrics(page):
    generator, _ = drawn(16)
    masks = generator.integers(0, 11, (CASES, 2, 40)) * (generator.random((CASES, 2, 40)) < 0.4)
    masks[0] = 0
    answers = ask(page, "([a, b]) => tarea.whereAndWhat(a, b)", masks.tolist())
    for (truth, found), answer in zip(masks, answers, strict=True):
        cm = metrics.confusion_matrix(truth, found, 11)
        where, what = metrics.foreground_iou(cm), metrics.foreground_accuracy(cm)
        assert answer["where"] == pytest.approx(where, nan_ok=True)
        assert answer["what"] == pytest.approx(what, nan_ok=True)
        assert answer["both"] == cm[1:, 1:].sum()


def masks_of_scenes(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """True masks ``(count, 48, 48)`` of a few squares, and answers that differ in some of them."""
    generator, whole = drawn(seed)
    truths = np.zeros((count, 48, 48), dtype=np.int64)
    for truth in truths:
        for _ in range(whole(0, 4)):
            i, j, size = whole(0, 40), whole(0, 40), whole(2, 9)
            truth[i : i + size, j : j + size] = whole(1, 10)
    found = truths.copy()
    wrong = generator.random(found.shape) < generator.uniform(0, 0.2, (count, 1, 1))
    found[wrong] = generator.integers(0, 11, found.shape)[wrong]
    return truths, found


def test_a_scene_is_scored_as_by_the_package(page):
    truths, found = masks_of_scenes(21, 40)
    cases = [[t.ravel().tolist(), f.ravel().tolist()] for t, f in zip(truths, found, strict=True)]
    answers = ask(
        page,
        """([t, f]) => { const ious = tarea.scene.iouOf(t, f);
          return { ious, mean: tarea.scene.meanIou(ious), where: tarea.scene.whereWrong(t, f) }; }""",
        cases,
    )
    for truth, mask, answer in zip(truths, found, answers, strict=True):
        matrix = metrics.confusion_matrix(torch.tensor(truth), torch.tensor(mask), 11)
        ious = [np.nan if value is None else value for value in answer["ious"]]
        np.testing.assert_allclose(ious, metrics.iou(matrix), atol=1e-12)
        mean = np.nan if answer["mean"] is None else answer["mean"]
        np.testing.assert_allclose(mean, metrics.mean_iou(matrix), atol=1e-12)
        t, f = torch.tensor(truth)[None], torch.tensor(mask)[None]
        counts = metrics.boundary_counts(t, f, torch.ones_like(t).bool())
        assert answer["where"]["edge"] == counts[0, 0]
        assert answer["where"]["inside"] + answer["where"]["background"] == counts[1, 0]


def test_regions_are_scipys(page):
    truths, _ = masks_of_scenes(22, 60)
    answers = ask(
        page, "(mask) => tarea.scene.regionsOf(mask)", [t.ravel().tolist() for t in truths]
    )
    named = 0
    for truth, answer in zip(truths, answers, strict=True):
        expected = []
        for label in range(1, 11):
            parts, count = ndimage.label(truth == label)
            sizes = [int((parts == k + 1).sum()) for k in range(count)]
            expected += [(label, size) for size in sizes if size >= 12]
        assert sorted((part["label"], part["size"]) for part in answer) == sorted(expected)
        for part in answer:
            assert truth[part["row"], part["column"]] == part["label"]
        named += len(answer)
    assert named > 60


def test_scores_are_read_as_probabilities(page):
    generator, _ = drawn(23)
    scores = generator.normal(0, 3, (1, 11, 48, 48)).astype(np.float32)
    answer = page.evaluate(
        """(x) => { const { found, sure, shares } = tarea.scene.read(from(x));
          return { found: Array.from(found), sure: Array.from(sure), shares: Array.from(shares) }; }""",
        sent(scores),
    )
    expected = torch.tensor(scores).softmax(1)[0]
    np.testing.assert_allclose(answer["shares"], expected.flatten(), atol=1e-6)
    assert answer["found"] == expected.argmax(0).flatten().tolist()
    np.testing.assert_allclose(answer["sure"], expected.max(0).values.flatten(), atol=1e-6)


def test_a_worker_answers_the_last_question_that_waits(page):
    name = widgets.network("segmentation-baseline")[0]
    answer = page.evaluate(
        """(name) => new Promise((resolve) => {
          const stored = tarea.network(name), run = tarea.encoderDecoder(stored), seen = [];
          const image = (level) => new Float32Array(48 * 48).fill(level);
          const side = tarea.beside(stored, (scores, { level }) => {
            const own = run(tarea.array([1, 1, 48, 48], image(level))).scores;
            seen.push([level, own.data.every((value, k) => value === scores.data[k])]);
            if (!side.busy()) resolve(seen);
          });
          for (const level of [0.1, 0.5, 0.9]) side.ask({ shape: [1, 1, 48, 48], image: image(level), whole: true, level });
        })""",
        name,
    )
    assert answer == [[0.1, True], [0.9, True]]


def test_the_cells_of_a_window_add_up_to_the_convolution(page):
    generator, whole = drawn(17)
    for _ in range(60):
        x = generator.normal(size=(whole(3, 7), whole(3, 7)))
        kernel = generator.normal(size=(whole(1, 3), whole(1, 3)))
        stride, padding, dilation = whole(1, 3), whole(0, 2), whole(1, 2)
        try:
            y = convolution.conv2d(x[None, None], kernel[None, None], stride, padding, dilation)[
                0, 0
            ]
        except ValueError:
            continue
        i, j = whole(0, y.shape[0] - 1), whole(0, y.shape[1] - 1)
        cells = page.evaluate(
            """([x, kernel, i, j, stride, padding, dilation]) => tarea.windowCells((r, c) => x[r]?.[c], kernel, i, j,
            { stride, top: padding, left: padding, dilation })""",
            [x.tolist(), kernel.tolist(), i, j, stride, padding, dilation],
        )
        assert sum(cell["weight"] * cell["value"] for cell in cells) == pytest.approx(y[i, j])
        for cell in cells:
            inside = 0 <= cell["r"] < x.shape[0] and 0 <= cell["c"] < x.shape[1]
            assert cell["inside"] == inside
            assert cell["value"] == (x[cell["r"], cell["c"]] if inside else 0)


def test_the_number_writer_writes_the_packages_words(page):
    writer, _ = models.load_model("numbers-compact")
    assert isinstance(writer, NumberWriter)
    generator, _ = drawn(13)
    numbers = sorted(
        {0, 1, 21, 21_021, 31_500, 99_999, *generator.integers(0, 100_000, 220).tolist()}
    )
    greedy = number_words.decode_words(writer.greedy(number_words.encode_numbers(numbers)))
    name = widgets.network("numbers-compact")[0]
    page.evaluate(f'() => {{ window.writer = tarea.numberWriter(tarea.network("{name}")); }}')
    answers = ask(page, "(n) => writer.write(n).text", numbers)
    assert len(numbers) >= 200
    assert answers == greedy
    assert (
        np.mean([a == number_words.words(n) for n, a in zip(numbers, answers, strict=True)]) > 0.99
    )


def test_every_step_of_the_number_writer_has_pytorchs_scores(page):
    writer, _ = models.load_model("numbers-compact")
    generator, _ = drawn(14)
    numbers = generator.integers(0, 100_000, 51).tolist()
    name = widgets.network("numbers-compact")[0]
    page.evaluate(f'() => {{ window.writer = tarea.numberWriter(tarea.network("{name}")); }}')
    answers = ask(
        page,
        "(n) => writer.write(n).steps.map((s) => ({token: s.token, scores: Array.from(s.scores)}))",
        numbers,
    )
    for number, steps in zip(numbers, answers, strict=True):
        tokens = torch.tensor([[number_words.START, *(step["token"] for step in steps)]])
        with torch.no_grad():
            expected = writer(number_words.encode_numbers([number]), tokens)[0].numpy()
        np.testing.assert_allclose([step["scores"] for step in steps], expected, atol=1e-4)


def test_other_weights_than_the_pages_are_refused(page):
    message = page.evaluate(
        "() => { try { tarea.network('segmentation-000'); } catch (e) { return e.message; } }"
    )
    assert "no son los suyos" in message


def test_a_script_names_its_content():
    scripts = widgets.scripts()
    networks = {name: text for name, text in scripts.items() if not name.startswith("vega-")}
    for name, text in networks.items():
        content = json.loads(text.removeprefix(f'tarea.receive("{name}",').removesuffix(");\n"))
        assert set(content) >= {"spec", "shapes", "weights"}
    assert len(networks) == len(widgets.NETWORKS) == len(scripts) - 1  # and the chart library
