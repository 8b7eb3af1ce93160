"""Thousands of damaged files: each is refused in one sentence, or read as what it is.

``TAREA2_FUZZ=10000`` damages so many of each kind; a few hundred are enough for every day.
"""

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import warnings

import numpy as np
import pytest
from PIL import Image

from tarea2 import models, paths, records, results
from tarea2.commands.signal_files import read_signals
from tarea2.datasets import DataError, mnist_files
from tarea2.datasets.images import reading
from tarea2.datasets.images.preprocessing import Preprocessing

COUNT = int(os.environ.get("TAREA2_FUZZ", "300"))
INTERESTING = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\0", b"NaN", b"1e999")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A file as disks, networks and editors damage it; never the same bytes."""
    data = bytearray(content)
    while bytes(data) == content:
        for _ in range(chance.choice((1, 1, 2, 5))):
            place, kind = chance.randrange(len(data) + 1), chance.randrange(7)
            if kind == 0 and data:  # a bit
                data[place % len(data)] ^= 1 << chance.randrange(8)
            elif kind == 1:  # the end is missing
                del data[place:]
            elif kind == 2:  # a hole
                del data[place : place + chance.randrange(1, 20)]
            elif kind == 3:  # zeros
                end = min(len(data), place + chance.randrange(1, 30))
                data[place:end] = bytes(end - place)
            elif kind == 4:  # something twice
                data[place:place] = data[place : place + chance.randrange(1, 40)]
            elif kind == 5:
                data[place:place] = chance.choice(INTERESTING)
            elif data:  # another byte
                data[place % len(data)] = chance.randrange(256)
    return bytes(data)


def one_sentence_each(said: list[str], name: str) -> bool:
    """Whether something was refused, each time in one line that names the file."""
    return bool(said) and all(name in text and len(text.splitlines()) == 1 for text in said)


def picture(**options) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (12, 10, 3)).astype(np.uint8)
    image = Image.fromarray(values).convert(options.pop("mode", "RGB"))
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


PICTURES = {
    "grey.png": {"format": "PNG", "mode": "L"},
    "colour.png": {"format": "PNG"},
    "palette.png": {"format": "PNG", "mode": "P"},
    "alpha.png": {"format": "PNG", "mode": "RGBA"},
    "photo.jpg": {"format": "JPEG"},
    "grey.tif": {"format": "TIFF", "mode": "L"},
    "packed.tif": {"format": "TIFF", "compression": "tiff_lzw"},
    "float.tif": {"format": "TIFF", "mode": "F"},
    "picture.gif": {"format": "GIF", "mode": "P"},
    "picture.bmp": {"format": "BMP"},
    "picture.webp": {"format": "WEBP", "lossless": True},
    "picture.ppm": {"format": "PPM"},
}


@pytest.mark.parametrize("name", PICTURES)
def test_damaged_pictures(name, tmp_path):
    content, path, chance = picture(**PICTURES[name]), tmp_path / name, random.Random(name)
    path.write_bytes(content)
    whole, refused = reading.read(path), []
    for _ in range(max(1, COUNT // len(PICTURES))):
        path.write_bytes(damaged(content, chance))
        try:
            found = reading.read(path)
            composed = reading.composed(found)
            scale = reading.full_scale([composed])
            values = Preprocessing(scale=scale).image(composed)
        except DataError as error:
            refused.append(str(error))
            continue
        assert values.shape == (1, *found.size)
        assert values.dtype == np.uint8
        assert np.isfinite(composed.values).all()
        white = 255 if composed.values.dtype == np.uint8 else scale
        assert 0 <= composed.values.min() <= composed.values.max() <= white
        if name.endswith(".png"):  # it has checksums: what is read is what was drawn
            assert np.array_equal(found.values, whole.values)
    assert one_sentence_each(refused, name)


@pytest.mark.parametrize("form", ["comma", "semicolon", "tab", "npy"])
def test_damaged_signals(form, tmp_path):
    values = np.random.default_rng(1).normal(size=(3, 40)).round(5)
    if form == "npy":
        path = tmp_path / "signals.npy"
        np.save(path, values)
    else:
        path = tmp_path / "signals.csv"
        separator = {"comma": ",", "semicolon": ";", "tab": "\t"}[form]
        text = "\n".join(separator.join(f"{v:.5f}" for v in row) for row in values) + "\n"
        path.write_text(text.replace(".", ",") if form == "semicolon" else text)
    content, chance, refused = path.read_bytes(), random.Random(form), []
    for _ in range(max(1, COUNT // 4)):
        spoilt = damaged(content, chance)
        path.write_bytes(spoilt)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = read_signals(path, 40)
        except DataError as error:
            refused.append(str(error))
            continue
        assert found.values.shape[1:] == (40,)
        assert np.isfinite(found.values).all()
        if form != "npy":  # no line is left out silently
            lines = [
                line for line in spoilt.decode("latin-1").splitlines()
                if line.strip() and line.lstrip()[0] != "#"
            ]  # fmt: skip
            assert len(found.values) == len(lines) - sum("line" in r for r in found.remarks)
    assert one_sentence_each(refused, path.name)


def test_damaged_idx_files(monkeypatch):
    values = np.random.default_rng(2).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    content = bytes([0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 28, 0, 0, 0, 28]) + values.tobytes()
    name = "t10k-images-idx3-ubyte"
    monkeypatch.setitem(mnist_files.MNIST_FILES, name, hashlib.md5(content).hexdigest())
    packed, chance, refused = gzip.compress(content, mtime=0), random.Random(3), 0
    for _ in range(COUNT):
        try:  # whatever is accepted is the published content
            assert mnist_files._checked(name, damaged(packed, chance)) == content
        except DataError:
            refused += 1
        try:
            found = mnist_files._idx(damaged(content, chance), 3)
            assert found.ndim == 3
        except DataError:
            refused += 1
    assert refused > COUNT / 2


@pytest.fixture
def stored(tmp_path, monkeypatch):
    for kind in ("RESULTS", "MODELS"):
        monkeypatch.setattr(paths, kind, tmp_path / kind.lower())
    (tmp_path / "models").mkdir()
    for path in paths.STORED.glob("models/autoencoder-2.*"):
        shutil.copy(path, tmp_path / "models")
    (tmp_path / "results" / "check").mkdir(parents=True)
    shutil.copy(paths.STORED / "results" / "check" / "tiny-seed0.json", tmp_path / "results/check")
    return tmp_path


def test_damaged_results(stored):
    path = stored / "results" / "check" / "tiny-seed0.json"
    content, chance, refused = path.read_bytes(), random.Random(4), []
    whole = results.read(path)
    for _ in range(COUNT):
        path.write_bytes(damaged(content, chance))
        try:
            assert results.read(path) == whole  # a blank more or less
        except records.ResultError as error:
            refused.append(str(error))
    assert len(refused) > COUNT / 2
    assert one_sentence_each(refused, "tiny-seed0.json")


def test_damaged_cards_and_weights(stored):
    chance, refused = random.Random(5), []
    card_path = stored / "models" / "autoencoder-2.json"
    whole = json.loads(card_path.read_text())
    for suffix in (".json", ".safetensors"):
        path = card_path.with_suffix(suffix)
        content = path.read_bytes()
        for _ in range(max(1, COUNT // 2)):
            path.write_bytes(damaged(content, chance))
            try:
                assert models.load_model("autoencoder-2")[1] == whole
            except records.ResultError as error:
                refused.append(str(error))
        path.write_bytes(content)
    assert len(refused) > COUNT / 2
    assert one_sentence_each(refused, "autoencoder-2")


def test_damaged_golden_examples(stored):
    path, chance = stored / "models" / "autoencoder-2.golden.safetensors", random.Random(6)
    content, refused = path.read_bytes(), 0
    for _ in range(max(1, COUNT // 10)):
        path.write_bytes(damaged(content, chance))
        try:
            models.load_golden("autoencoder-2")
        except records.ResultError:
            refused += 1
    assert refused
