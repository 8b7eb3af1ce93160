"""Data sets: what they hold, how they are split, and what happens to damaged files."""

import gzip
import hashlib
import os
import pickle
import random
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from tarea2 import datasets, paths
from tarea2.datasets import MNIST_FILES, DataError, mnist_files, small

SHARED = Path(os.environ.get("TAREA2_DATA_DIR", paths.ROOT.parent / "shared" / "data"))


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder with four small files in MNIST's form, whose hashes are taken for the real ones."""
    generator = np.random.default_rng(0)
    raw = tmp_path / "raw"
    folder = raw / "mnist"
    folder.mkdir(parents=True)
    hashes = {}
    for part, count in (("train", 60), ("t10k", 20)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            content = idx(generator.integers(0, 256 if "3" in kind else 10, shape))
            hashes[f"{part}-{kind}-ubyte"] = hashlib.md5(content).hexdigest()
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
    monkeypatch.setattr(paths, "RAW", raw)
    monkeypatch.setattr(mnist_files, "MNIST_FILES", hashes)
    monkeypatch.setattr(mnist_files, "MNIST_MIRRORS", ())  # no test asks the network
    monkeypatch.delenv("TAREA2_DATA_DIR", raising=False)
    datasets.mnist.cache_clear()
    yield folder
    datasets.mnist.cache_clear()


def test_mnist1d_leaves_the_global_generators_alone():
    small._generated.cache_clear()
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    small._generated()
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


def test_mnist1d_equals_the_published_file():
    path = SHARED / "mnist1d_data.pkl"
    if not path.exists():
        pytest.skip(f"the published file is not at {path}")
    published = pickle.loads(path.read_bytes())
    ours = datasets.mnist1d(validation=0)
    for split, x, y in ((ours.train, "x", "y"), (ours.test, "x_test", "y_test")):
        np.testing.assert_allclose(split.x, published[x], atol=1e-6)  # float32
        np.testing.assert_array_equal(split.y, published[y])
    from mnist1d.data import get_dataset_args, make_dataset

    made = make_dataset(get_dataset_args())
    for field in ("x", "x_test"):
        assert np.abs(made[field] - published[field]).max() < 2e-15


@pytest.mark.parametrize(
    ("load", "sizes", "shape"),
    [
        (datasets.mnist1d, (3600, 400, 1000), (40,)),
        (datasets.digits, (1197, 300, 300), (1, 8, 8)),
    ],
)
def test_splits_are_disjoint_and_reproducible(load, sizes, shape):
    data = load()
    splits = (data.train, data.validation, data.test)
    assert tuple(len(split) for split in splits) == sizes
    assert all(split.x.shape[1:] == shape for split in splits)
    assert all(split.y.unique().tolist() == list(range(10)) for split in splits)
    rows = [{row.numpy().tobytes() for row in split.x} for split in splits]
    for first, second in combinations(rows, 2):
        assert not first & second
    load.cache_clear()
    assert load().sha256 == data.sha256


def test_the_hash_sees_any_change():
    data = datasets.digits()
    x = data.train.x.clone()
    x[0, 0, 0, 0] += 1e-6
    changed = datasets.Dataset(
        data.name, 10, datasets.Split(x, data.train.y), data.validation, data.test
    )
    assert changed.sha256 != data.sha256


def test_no_validation_leaves_all_signals_for_training():
    data = datasets.mnist1d(validation=0)
    assert (len(data.train), len(data.validation)) == (4000, 0)
    with pytest.raises(ValueError, match="validation is 4000, expected 0 to 3999"):
        datasets.mnist1d(validation=4000)


def test_mnist_is_read_from_gz_and_from_unpacked_files(small_mnist):
    data = datasets.mnist(validation=10)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [50, 10, 20]
    assert data.train.x.shape[1:] == (1, 28, 28)
    datasets.mnist.cache_clear()
    for path in small_mnist.glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert datasets.mnist(validation=10).sha256 == data.sha256


def test_mnist_is_standardised(small_mnist):
    x = datasets.mnist(validation=0).test.x * datasets.MNIST_SD + datasets.MNIST_MEAN
    raw = gzip.decompress((small_mnist / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    np.testing.assert_allclose(x.ravel() * 255, np.frombuffer(raw, np.uint8), atol=1e-3)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],  # half a download
        lambda content: gzip.compress(gzip.decompress(content)[:-1] + b"\x07"),  # altered
        lambda content: gzip.compress(gzip.decompress(content)[:-5]),  # truncated inside
        lambda content: b"<html>not found</html>",
        lambda content: b"",
    ],
)
def test_a_damaged_file_is_named_and_removed(small_mnist, damage):
    path = small_mnist / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz was damaged and has been rem"):
        datasets.mnist(validation=10)
    assert not path.exists()


def test_a_damaged_file_of_the_user_is_named_and_kept(small_mnist, tmp_path, monkeypatch):
    other = tmp_path / "mine"
    shutil.copytree(small_mnist, other / "mnist")
    path = other / "mnist" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    shutil.rmtree(small_mnist)
    monkeypatch.setenv("TAREA2_DATA_DIR", str(other))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte.gz is damaged, replace it"):
        datasets.mnist(validation=10)
    assert path.exists()


def test_without_network_one_sentence_says_what_to_do(small_mnist, monkeypatch):
    shutil.rmtree(small_mnist)
    monkeypatch.setattr(
        mnist_files, "MNIST_MIRRORS", ("http://127.0.0.1:9/a/", "http://[::1]:9/b/")
    )
    with pytest.raises(DataError) as error:
        datasets.mnist(validation=10)
    text = str(error.value)
    assert "could not be downloaded (127.0.0.1:9: ConnectionError; [::1]:9:" in text
    assert "TAREA2_DATA_DIR" in text
    assert not list(small_mnist.glob("*"))
    with pytest.raises(DataError, match="run `tarea2 data`"):
        datasets.mnist(validation=10, download=False)
    assert not datasets.mnist_is_here()


def test_a_mirror_is_used_and_a_bad_one_is_passed_over(small_mnist, tmp_path, monkeypatch):
    import functools
    import http.server
    import threading

    mirror = tmp_path / "mirror"
    small_mnist.rename(mirror)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(mnist_files, "MNIST_MIRRORS", (address + "missing/", address))
        assert len(datasets.mnist(validation=10).test) == 20
        server.shutdown()
    assert sorted(p.name for p in small_mnist.iterdir()) == sorted(f"{n}.gz" for n in _names())


class Mirror:
    """An HTTP server on this machine; ``answers`` maps a folder to what its files become."""

    def __init__(self, folder, answers):
        import http.server
        import threading

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                _, place, name = self.path.split("/")
                status, body, length = answers[place]((folder / name).read_bytes())
                self.send_response(status)
                self.send_header("Content-Length", str(length or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/"


DAMAGES = {
    "html": lambda b: (200, b"<!DOCTYPE html><html>log in</html>", None),
    "deflate": lambda b: (200, b[:40] + bytes(20) + b[60:], None),
    "half": lambda b: (200, b[: len(b) // 2], None),
    "cut": lambda b: (200, b[: len(b) // 2], len(b)),
    "other": lambda b: (200, gzip.compress(gzip.decompress(b) + b"1"), None),
    "empty": lambda b: (200, b"", None),
    "missing": lambda b: (404, b"no", None),
    "bomb": lambda b: (200, gzip.compress(bytes(mnist_files.LARGEST + 10)), None),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_a_mirror_answers_the_next_one_is_asked(
    small_mnist, tmp_path, monkeypatch, damage
):
    monkeypatch.setattr(mnist_files, "LARGEST", 2**20)  # a hundred of those take seconds to unpack
    folder = tmp_path / "mirror"
    small_mnist.rename(folder)
    mirror = Mirror(folder, DAMAGES | {"good": lambda b: (200, b, None)})
    bad = f"{mirror.address}{damage}/"
    monkeypatch.setattr(mnist_files, "MNIST_MIRRORS", (bad, f"{mirror.address}good/"))
    assert len(datasets.mnist(validation=10).test) == 20
    datasets.mnist.cache_clear()
    shutil.rmtree(small_mnist)
    monkeypatch.setattr(mnist_files, "MNIST_MIRRORS", (bad,))
    with pytest.raises(DataError, match=r"could not be downloaded \(127.0.0.1") as error:
        datasets.mnist(validation=10)
    assert ("it is a web page" in str(error.value)) == (damage == "html")
    assert not list(small_mnist.glob("*"))  # nothing of it stays, nor .part files
    mirror.server.shutdown()


FORMS = (
    "MNIST/raw/{name}",  # torchvision
    "MNIST/raw/{name}.gz",
    "mnist/{dotted}",  # Kaggle
    "mnist/{name}/{name}",
    "mnist/{dotted}.gz",
)


@pytest.mark.parametrize(
    ("place", "form"),
    # Without a folder of its own it is found in a folder of the user only.
    [*((place, form) for place in ("raw", "mine") for form in FORMS), ("mine", "{name}.gz")],
)
def test_the_names_of_other_tools_are_found(small_mnist, tmp_path, monkeypatch, form, place):
    root = tmp_path / "raw" if place == "raw" else tmp_path / "mine"
    kept = {path.name[:-3]: path.read_bytes() for path in small_mnist.iterdir()}
    shutil.rmtree(small_mnist)
    if place == "mine":
        monkeypatch.setenv("TAREA2_DATA_DIR", str(root))
    for name, content in kept.items():
        path = root / form.format(name=name, dotted=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if form.endswith("gz") else gzip.decompress(content))
    assert datasets.mnist_is_here()
    assert len(datasets.mnist(validation=10).test) == 20


def test_a_damaged_file_beside_a_good_one_does_no_harm(small_mnist):
    path = small_mnist / "t10k-labels-idx1-ubyte"
    path.write_bytes(b"damaged")  # the .gz beside it is right
    assert len(datasets.mnist(validation=10).test) == 20


def test_a_folder_that_cannot_be_written_is_not_the_networks_fault(
    small_mnist, tmp_path, monkeypatch
):
    shutil.rmtree(small_mnist.parent)
    small_mnist.parent.write_text("a file where the folder should be")
    monkeypatch.setattr(mnist_files, "MNIST_MIRRORS", ("http://127.0.0.1:9/a/",))
    with pytest.raises(DataError, match="mnist cannot be written") as error:
        datasets.mnist(validation=10)
    assert "network" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected"),
        (bytes([0, 0, 8, 3]), "ends in its header"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 5, 1]), "holds 1 values, its header says 5"),
        (bytes([0, 0, 8, 1, 255, 255, 255, 255, 1]), "holds 1 values"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 1, 1]), "expected"),
    ],
)
def test_an_idx_header_that_lies_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        mnist_files._idx(content, content[3] if len(content) > 3 else 1)


def _names():
    return list(datasets.MNIST_FILES)


def test_the_real_mnist_where_it_is(monkeypatch):
    if (SHARED / "mnist").exists():
        monkeypatch.setenv("TAREA2_DATA_DIR", str(SHARED))
    if not datasets.mnist_is_here():
        pytest.skip("MNIST is not on this machine")
    data = datasets.mnist(download=False)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [55_000, 5_000, 10_000]
    whole = torch.cat([data.train.x, data.validation.x])
    assert abs(float(whole.mean())) < 1e-3
    assert abs(float(whole.std()) - 1) < 1e-3
    assert data.test.y[:5].tolist() == [7, 2, 1, 0, 4]


def test_digits_like_mnist_have_its_form():
    split = datasets.digits_like_mnist()
    assert split.x.shape == (1797, 1, 28, 28)
    assert float(split.x[:, :, :4].max()) == pytest.approx(
        -datasets.MNIST_MEAN / datasets.MNIST_SD, abs=1e-6
    )


def test_the_published_hashes_are_those_of_the_issue():
    assert set(MNIST_FILES.values()) == {
        "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637",
    }  # fmt: skip
