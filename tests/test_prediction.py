"""``tarea2 predict`` as a user calls it: what it writes, and what it says of bad input."""

import numpy as np
import pytest
import torch
from PIL import Image

import command
from tarea2 import datasets, models
from tarea2.commands import prediction
from tarea2.datasets import number_words
from tarea2.datasets.images.reading import LARGEST_FILE


def run_cli(monkeypatch, *arguments: str) -> int:
    return command.run_cli(monkeypatch, "predict", *arguments)


@pytest.fixture
def signals(tmp_path):
    x = datasets.mnist1d().test.x[:5].numpy()
    np.save(tmp_path / "five.npy", x)
    np.savetxt(tmp_path / "five.csv", x, delimiter=",")
    return tmp_path


def test_signals_from_both_kinds_of_file(signals, monkeypatch, capsys):
    assert run_cli(monkeypatch, "mnist1d", str(signals / "five.npy")) == 0
    first = capsys.readouterr().out
    assert run_cli(monkeypatch, "mnist1d", str(signals / "five.csv")) == 0
    assert capsys.readouterr().out == first
    assert first.splitlines()[0].split() == ["class", "probability"]
    table = prediction.classify_signals(signals / "five.npy")
    assert (table["class"] == datasets.mnist1d().test.y[:5].numpy()).sum() >= 4
    assert table["probability"].between(0.1, 1).all()
    np.save(signals / "one.npy", np.zeros(40))
    assert len(prediction.classify_signals(signals / "one.npy")) == 1


def nan(folder):
    x = np.zeros((3, 40))
    x[1, 7] = np.nan
    np.save(folder / "bad.npy", x)


def short(folder):
    np.save(folder / "bad.npy", np.zeros((2, 39)))


def cube(folder):
    np.save(folder / "bad.npy", np.zeros((2, 40, 3)))


def objects(folder):
    np.save(folder / "bad.npy", np.array([{"a": 1}]), allow_pickle=True)


def noise(folder):
    (folder / "bad.npy").write_bytes(b"\x93NUMPY nothing")


def huge(folder):
    with (folder / "bad.npy").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nan, "bad.npy: signal 2 holds NaN or infinity"),
        (short, "bad.npy holds an array of shape (2, 39), expected one signal of 40 values"),
        (cube, "bad.npy holds an array of shape (2, 40, 3)"),
        (objects, "bad.npy cannot be read as numbers"),
        (noise, "bad.npy cannot be read as numbers"),
        (huge, "bad.npy has 100 MB; at most 100 MB are read"),
    ],
)
def test_bad_signals_are_refused_in_one_sentence(tmp_path, monkeypatch, capsys, spoil, message):
    spoil(tmp_path)
    assert run_cli(monkeypatch, "mnist1d", str(tmp_path / "bad.npy")) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a,b\n1,2\n", "a.csv, line 2 holds 2 values, expected one signal of 40"),
        ("a.csv", "", "a.csv cannot be read as numbers"),
        ("a.csv", "1,2\n1,2,3\n", "a.csv, line 1 holds 2 values"),
        ("a.xls", "1 2 3", "a.xls ends in '.xls', expected .csv or .npy"),
    ],
)
def test_bad_texts_are_refused(tmp_path, monkeypatch, capsys, name, text, message):
    (tmp_path / name).write_text(text)
    assert run_cli(monkeypatch, "mnist1d", str(tmp_path / name)) == 1
    assert message in capsys.readouterr().err
    assert run_cli(monkeypatch, "mnist1d", str(tmp_path / "none.csv")) == 1
    assert "none.csv is not a file" in capsys.readouterr().err


def test_an_image_becomes_a_mask(tmp_path, monkeypatch, capsys):
    scene = datasets.scenes("test", 1)
    picture = (scene.x[0, 0].numpy() * 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "scene.png")
    out = tmp_path / "mask.png"
    assert run_cli(monkeypatch, "segmentation", str(tmp_path / "scene.png"), "-o", str(out)) == 0
    text = capsys.readouterr().out
    assert "background" in text
    assert f"the mask is in {out}" in text
    with Image.open(out) as mask:
        assert mask.mode == "P"
        found = torch.from_numpy(np.array(mask)).long()
    assert (found == scene.y[0]).float().mean() > 0.9
    assert not list(tmp_path.glob(".*"))
    # Any size, and colours become grey.
    Image.fromarray(np.repeat(picture[:37, :41, None], 3, axis=2)).save(tmp_path / "odd.png")
    table = prediction.segment_image(tmp_path / "odd.png", out)
    assert table["pixels"].sum() == 37 * 41


@pytest.mark.parametrize(
    ("size", "output", "message"),
    [
        ((3, 60), "m.png", "both sides must be"),
        ((2100, 20), "m.png", "x.png is 2100×20; both sides must be"),
        ((48, 48), "m.jpg", "m.jpg ends in '.jpg', expected .png"),
        ((48, 48), "none/m.png", "its folder does not exist"),
    ],
)
def test_images_that_do_not_fit_are_refused(tmp_path, monkeypatch, capsys, size, output, message):
    Image.new("L", size).save(tmp_path / "x.png")
    target = str(tmp_path / output)
    assert run_cli(monkeypatch, "segmentation", str(tmp_path / "x.png"), "-o", target) == 1
    assert message in capsys.readouterr().err
    (tmp_path / "y.png").write_text("no image")
    good = str(tmp_path / "m.png")
    assert run_cli(monkeypatch, "segmentation", str(tmp_path / "y.png"), "-o", good) == 1
    assert "y.png cannot be read as an image" in capsys.readouterr().err
    assert not (tmp_path / "m.png").exists()


def test_numbers_are_written(monkeypatch, capsys):
    assert run_cli(monkeypatch, "numbers", "21021", "7") == 0
    out = capsys.readouterr().out
    assert "veintiún mil veintiuno" in out
    assert "siete" in out
    for bad, message in (("siete", "is not a whole number"), ("123456", "more than 5 digits")):
        assert run_cli(monkeypatch, "numbers", bad) == 1
        assert message in capsys.readouterr().err
    assert run_cli(monkeypatch, "numbers", "--", "-4") == 1
    assert "-4 is negative" in capsys.readouterr().err


def test_every_short_number_and_unseen_long_ones_are_written_right():
    """As num2words has them; what the card says of the long ones is what comes out."""
    model, card = models.load_model("numbers")
    numbers = range(number_words.SHORT)
    written = number_words.decode_words(model.greedy(number_words.encode_numbers(numbers)))
    wrong = [n for n, name in zip(numbers, written, strict=True) if name != number_words.words(n)]
    assert not wrong
    test = datasets.numbers_for_use().test
    found, truth = (number_words.decode_words(t) for t in (model.greedy(test.x), test.y))
    share = sum(a != b for a, b in zip(found, truth, strict=True)) / len(truth)
    assert share <= 0.01
    assert share == pytest.approx(card["metrics"]["test_error"], abs=1e-3)


@pytest.mark.parametrize("number", [0, 1, 4, 7, 10, 100, 101, 500, 933, 1000, 1001, 21_021, 99_999])
def test_what_people_ask_first_is_right(number):
    table = prediction.write_numbers([str(number)])
    assert table["words"].tolist() == [number_words.words(number)]
    assert table["probability"][0] > 0.5  # more than all other names together


def test_no_answer_is_empty_even_of_a_network_that_wants_to_say_nothing():
    model = models.build(models.NumberWriterSpec())
    with torch.no_grad():
        model.head.bias[[number_words.END, number_words.PAD, number_words.START]] += 50
    tokens, likelihood = model.beam(number_words.encode_numbers(range(30)))
    assert all(number_words.decode_words(tokens))
    assert torch.isfinite(likelihood).all()


def test_a_beam_of_many_is_that_of_each_alone():
    model = models.load_best("numbers")
    x = number_words.encode_numbers([0, 17, 933, 21_021, 99_999])
    tokens, likelihood = model.beam(x)
    for row, place in zip(x, range(len(x)), strict=True):
        alone, score = model.beam(row[None])
        assert torch.equal(alone[0], tokens[place])
        torch.testing.assert_close(score[0], likelihood[place], atol=1e-5, rtol=1e-4)
