"""MNIST: found on this machine, or downloaded and checked."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import zlib
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from tarea2 import paths
from tarea2.datasets.download import Unavailable, damaged, fetch, source
from tarea2.datasets.split import DataError, Dataset, split_off
from tarea2.paths import DATA_DIR, reason

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MNIST_FILES = {  # MD5 of the unpacked files; a .gz may be packed in many ways
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
LARGEST = 100 * 2**20  # bytes; the largest of them has 47 million
MNIST_MEAN, MNIST_SD = 0.1307, 0.3081  # of the training pixels, as notebook 10.5 has them


@cache
def mnist(validation: int = 5000, download: bool = True) -> Dataset:
    """MNIST: 28×28 grey digits, standardised; 10,000 published test digits.

    Looked for in ``data/raw/``, then in ``$TAREA2_DATA_DIR``; then downloaded, if ``download``.
    ``x`` has shape ``(n, 1, 28, 28)``.

    Raises
    ------
    DataError: not to be had, or a file is damaged.
    """
    files = {name: _mnist_file(name, download) for name in MNIST_FILES}
    images = {
        part: (_idx(files[f"{part}-images-idx3-ubyte"], 3) / np.float32(255) - MNIST_MEAN)
        / MNIST_SD
        for part in ("train", "t10k")
    }
    labels = {part: _idx(files[f"{part}-labels-idx1-ubyte"], 1) for part in ("train", "t10k")}
    found = split_off(
        "mnist", images["train"][:, None], labels["train"],
        images["t10k"][:, None], labels["t10k"], validation,
    )  # fmt: skip
    return replace(found, shareable=False)


def mnist_is_here() -> bool:
    """Whether MNIST can be read without a network: pages ask before they draw from it."""
    return all(_local_files(name) for name in MNIST_FILES)


def _local_files(name: str) -> list[Path]:
    """Where a file of MNIST lies on this machine, under the names that are in use for it.

    torchvision keeps them in ``MNIST/raw/``; Kaggle writes ``train-images.idx3-ubyte``, or a
    folder of the file's name around it.
    """
    folders = [paths.RAW / "mnist", paths.RAW / "MNIST" / "raw"]
    if os.environ.get(DATA_DIR):
        root = Path(os.environ[DATA_DIR])
        folders += [root / "mnist", root / "MNIST" / "raw", root / "MNIST", root]
    dotted = name.replace("-idx", ".idx")
    names = (name, dotted, f"{name}.gz", f"{dotted}.gz", f"{name}/{name}", f"{dotted}/{dotted}")
    found = [folder / each for folder in folders for each in names]
    return [path for path in found if path.is_file()]


def _mnist_file(name: str, download: bool) -> bytes:
    """Return the unpacked content of one file, from disk or from a mirror."""
    wrong = []
    for path in _local_files(name):
        try:
            return _checked(name, path.read_bytes())
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror})") from None
        except DataError as error:
            wrong.append((path, error))
    if wrong:
        path, why = wrong[0]
        raise DataError(f"{damaged(path, 'tarea2 data')}: {why}")
    if not download:
        raise DataError(
            f"MNIST's {name} is not on this machine; run `tarea2 data`, or set {DATA_DIR} to the "
            "folder that holds mnist/"
        )
    return _download(name)


def _checked(name: str, content: bytes) -> bytes:
    """Unpack the content of a file, and compare it with the published digest."""
    try:
        if content[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(content)) as file:
                content = file.read(LARGEST + 1)  # a small file may unpack to anything
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"it cannot be unpacked ({reason(error)})") from None
    if content[:15].lstrip().lower().startswith((b"<html", b"<!doctype")):
        raise DataError("it is a web page")
    if hashlib.md5(content).hexdigest() != MNIST_FILES[name]:
        raise DataError(f"its content is not that of MNIST's {name}")
    return content


def _download(name: str) -> bytes:
    """Fetch a file from the first mirror that gives the right one, and keep it."""
    folder, packed, reasons = paths.RAW / "mnist", f"{name}.gz", []
    for mirror in MNIST_MIRRORS:
        published = source(folder, mirror, [packed])
        try:
            path = fetch(published, packed, partial(_checked, name), progressbar=True)
            return _checked(name, path.read_bytes())
        except Unavailable as error:
            reasons.append(f"{mirror.split('/')[2]}: {error}")
    raise DataError(
        f"MNIST's {name} could not be downloaded ({'; '.join(reasons)}); check the network, or put "
        f"the four .gz files into {folder}, or set {DATA_DIR} to the folder that holds "
        "mnist/"
    )


def _idx(content: bytes, rank: int) -> np.ndarray:
    """Read an IDX file (LeCun's format: two zeros, type, rank, big-endian sizes, values)."""
    if content[:4] != bytes([0, 0, 8, rank]):
        raise DataError(f"an IDX file of bytes with {rank} dimensions was expected")
    start = 4 + 4 * rank
    if len(content) < start:
        raise DataError(f"an IDX file of {rank} dimensions ends in its header")
    shape = np.frombuffer(content, ">u4", count=rank, offset=4).tolist()
    if math.prod(shape) != len(content) - start:
        raise DataError(
            f"an IDX file holds {len(content) - start} values, its header says "
            f"{' × '.join(map(str, shape))}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
