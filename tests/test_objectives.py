"""Every loss against its formula on values made by hand, and decoding against teacher forcing."""

import math

import pytest
import torch

from tarea2 import datasets, losses, training
from tarea2.datasets import number_words
from tarea2.models import (
    AutoencoderSpec,
    NumberWriterSpec,
    PerceptronSpec,
    build,
    reconstruction_error,
    sequence_loss,
)
from tarea2.training import Recipe, fit

SCORES = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
TARGET = torch.tensor([0, 2])


def softmax(row):
    total = sum(math.exp(v) for v in row)
    return [math.exp(v) / total for v in row]


def test_cross_entropy_by_hand():
    expected = -math.log(softmax([2, 0, 1])[0]) - math.log(1 / 3)
    assert float(losses.cross_entropy(SCORES, TARGET)) == pytest.approx(expected)
    logarithms = SCORES.log_softmax(1)
    assert float(losses.cross_entropy(logarithms, TARGET)) == pytest.approx(expected)


def test_smoothed_cross_entropy_by_hand():
    p = softmax([2, 0, 1])
    truth = [0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3]
    expected = -sum(t * math.log(q) for t, q in zip(truth, p, strict=True)) + math.log(3)
    assert float(losses.smoothed_cross_entropy(SCORES, TARGET)) == pytest.approx(expected)


def test_squared_error_by_hand():
    p = softmax([2, 0, 1])
    expected = (p[0] - 1) ** 2 + p[1] ** 2 + p[2] ** 2 + 2 / 9 + 4 / 9
    assert float(losses.squared_error(SCORES, TARGET)) == pytest.approx(expected)


def test_the_loss_of_a_recipe_is_the_one_that_is_minimised():
    model = build(PerceptronSpec((2, 3)))
    x, y = torch.randn(1, 4, 2), torch.tensor([[0, 1, 2, 0]])
    for name, function in losses.LOSSES.items():
        still = torch.optim.SGD(model.parameters(), lr=0.0)
        found = training.train_step(model, x, y, still, losses.ClassLoss(name))
        assert found == pytest.approx(function(model(x)[0], y[0]).item() / 4)
    with pytest.raises(ValueError, match="loss is 'hinge', expected one of cross-entropy"):
        fit(AutoencoderSpec(2), datasets.digits(), Recipe(1, 10, 0.1, loss="hinge"))


def test_reconstruction_error_by_hand():
    x = torch.zeros(2, 1, 2, 2)
    back = x.clone()
    back[0, 0] = torch.tensor([[1.0, 2.0], [0.0, 0.0]])  # 1 + 4, and 0 for the second example
    assert float(reconstruction_error(x, back)) == pytest.approx(2.5)


def test_sequence_loss_by_hand():
    scores = torch.zeros(1, 3, 4)
    scores[0, 0, 3] = 1.0
    target = torch.tensor([[3, 2, number_words.PAD]])
    expected = (-math.log(math.e / (math.e + 3)) + math.log(4)) / 2
    assert float(sequence_loss(scores, target)) == pytest.approx(expected)


# Autoencoder ------------------------------------------------------------------------------------


def test_an_autoencoder_starts_as_a_projection():
    model = build(AutoencoderSpec(64))
    x = datasets.digits().test.x[:5]
    torch.testing.assert_close(model(x), x, atol=1e-5, rtol=0)  # 64 numbers hold everything
    assert build(AutoencoderSpec(3)).encode(x).shape == (5, 3)
    first, again = (build(AutoencoderSpec(3), (4,)).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_an_autoencoder_learns():
    recipe = Recipe(3, 64, 5e-3, optimiser="adamw", schedule="one-cycle")
    trained = fit(AutoencoderSpec(2), datasets.digits(), recipe)
    losses = trained.history["validation"]["loss"][0]
    assert losses[-1] < 0.5 * losses[0]
    x = datasets.digits().validation.x
    with torch.no_grad():
        back = trained.model.decode(trained.model.encode(x))
    assert losses[-1] == pytest.approx(float(((x - back) ** 2).sum((1, 2, 3)).mean()), rel=1e-4)


# Sequences --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def writer():
    recipe = Recipe(10, 125, 4e-3, optimiser="adamw", schedule="one-cycle")
    return fit(
        NumberWriterSpec(64, 16), datasets.numbers(5000), recipe, eval_splits=("validation",)
    ).model


def test_teacher_forcing_and_decoding_agree(writer):
    """What greedy decoding writes is, fed back as the truth, the most likely at every place."""
    x = datasets.numbers(5000).validation.x[:200]
    written = writer.greedy(x)
    with torch.no_grad():
        forced = writer(x, written).argmax(2)
    texts = number_words.decode_words
    assert texts(torch.cat([written[:, :1], forced], dim=1)) == texts(written)


def test_the_error_counts_what_greedy_decoding_gets_wrong(writer):
    split = datasets.numbers(5000).validation
    x, y = split.x[:500], split.y[:500]
    written, truth = (number_words.decode_words(t) for t in (writer.greedy(x), y))
    wrong = sum(a != b for a, b in zip(written, truth, strict=True)) / 500
    assert 0 < wrong < 1  # a network that has learnt half
    assert writer.measure(x, y)["error"] == pytest.approx(wrong)


def test_a_beam_is_never_less_likely_than_greedy(writer):
    x = datasets.numbers(5000).validation.x[:40]

    def log_likelihood(tokens):
        with torch.no_grad():
            steps = writer(x, tokens).log_softmax(2).gather(2, tokens[:, 1:, None])[..., 0]
        ended = (tokens == number_words.END).int().cumsum(1)[:, :-1] > 0
        return steps.masked_fill(ended, 0).sum(1)

    greedy, (beam, scores) = writer.greedy(x), writer.beam(x, 4)
    single, _ = writer.beam(x, 1)
    texts = number_words.decode_words
    assert texts(single) == texts(greedy)
    torch.testing.assert_close(log_likelihood(beam), scores, atol=1e-4, rtol=1e-4)
    better = scores >= log_likelihood(greedy) - 1e-4
    assert better.float().mean() >= 0.95  # a beam may lose the greedy text on its way, but rarely
