"""The stored times of one convolution in its three forms."""

import json

import pytest

from tarea2 import convolution_times, paths, results
from tarea2.convolution import output_size
from tarea2.records import ResultError


def test_the_multiplications_are_those_of_the_seven_loops():
    (n, c, height, width), (o, _, kh, kw) = convolution_times.IMAGES, convolution_times.KERNELS
    out = [output_size(size, k, padding=1) for size, k in ((height, kh), (width, kw))]
    assert convolution_times.products() == n * o * out[0] * out[1] * c * kh * kw


def test_the_forms_are_measured_on_the_same_convolution(monkeypatch):
    monkeypatch.setattr(convolution_times, "IMAGES", (1, 2, 8, 8))
    monkeypatch.setattr(convolution_times, "KERNELS", (3, 2, 3, 3))
    table = convolution_times.measure(rounds=1, fast=2, progress=False).set_index("form")
    assert list(table.index) == ["loops", "vectorised", "PyTorch"]
    assert (table["seconds"] > 0).all()


def test_times_of_other_sizes_are_refused(tmp_path, monkeypatch):
    stored = results.load_measures(convolution_times.MEASURES)
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    results.save_measures(convolution_times.MEASURES, stored | {"images": [1, 1, 4, 4]})
    with pytest.raises(ResultError, match=r"images of \[1, 1, 4, 4\].*tarea2 measure"):
        convolution_times.load()
    path = tmp_path / "measures" / f"{convolution_times.MEASURES}.json"
    content = json.loads(path.read_text())
    content["rows"][0]["seconds"] /= 2
    path.write_text(json.dumps(content))
    with pytest.raises(ResultError):
        convolution_times.load()


def test_the_stored_loops_are_the_slowest():
    times = convolution_times.load()
    assert times["loops"] > 100 * times["vectorised"] > 0
    assert 0.1 < times["vectorised"] / times["PyTorch"] < 10  # the page: one order of magnitude
