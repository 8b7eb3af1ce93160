"""MNIST: found on this machine, or downloaded and checked."""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import cache
from pathlib import Path

import numpy as np
import pooch

from tarea2 import paths
from tarea2.datasets.split import DataError, Dataset, split_off
from tarea2.paths import DATA_DIR

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
MNIST_MEAN, MNIST_SD = 0.1307, 0.3081  # of the training pixels, as notebook 10.5 has them


@cache
def mnist(validation: int = 5000, download: bool = True) -> Dataset:
    """MNIST: 28×28 grey digits, standardised; 10,000 published test digits.

    Looked for in ``data/raw/mnist/``, then in ``$TAREA2_DATA_DIR/mnist/``; then downloaded, if
    ``download``. ``x`` has shape ``(n, 1, 28, 28)``.

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
    return split_off(
        "mnist", images["train"][:, None], labels["train"],
        images["t10k"][:, None], labels["t10k"], validation,
    )  # fmt: skip


def mnist_is_here() -> bool:
    """Whether MNIST can be read without a network: pages ask before they draw from it."""
    return all(_local_file(name) for name in MNIST_FILES)


def _local_file(name: str) -> Path | None:
    folders = [paths.RAW / "mnist"]
    if os.environ.get(DATA_DIR):
        folders.append(Path(os.environ[DATA_DIR]) / "mnist")
    for folder in folders:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def _mnist_file(name: str, download: bool) -> bytes:
    """Return the unpacked content of one file, from disk or from a mirror."""
    path = _local_file(name)
    if path is None and not download:
        raise DataError(
            f"MNIST's {name} is not on this machine; run `tarea2 data`, or set {DATA_DIR} to the "
            "folder that holds mnist/"
        )
    if path is None:
        path = _download(name)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{_refuse(path)}: it cannot be unpacked ({error})") from None
    if hashlib.md5(content).hexdigest() != MNIST_FILES[name]:
        raise DataError(f"{_refuse(path)}: its content is not that of MNIST's {name}")
    return content


def _refuse(path: Path) -> str:
    """Remove a damaged file of our own, so that it is fetched again; never somebody else's."""
    if paths.RAW in path.parents:
        path.unlink()
        return f"{path} was damaged and has been removed, run `tarea2 data` to fetch it again"
    return f"{path} is damaged, replace it"


def _download(name: str) -> Path:
    folder = paths.RAW / "mnist"
    reasons = []
    for mirror in MNIST_MIRRORS:
        try:
            # pooch writes to a temporary file and moves it when it is complete.
            pooch.retrieve(
                url=f"{mirror}{name}.gz",
                known_hash=None,
                path=folder,
                fname=f"{name}.gz",
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
            )
            return folder / f"{name}.gz"
        except Exception as error:  # whatever a mirror answers, the next one may do better
            reasons.append(f"{mirror.split('/')[2]}: {type(error).__name__}")
    raise DataError(
        f"MNIST's {name} could not be downloaded ({'; '.join(reasons)}); check the network, or put "
        f"the four .gz files into {folder}, or set {DATA_DIR} to the folder that holds mnist/"
    )


def _idx(content: bytes, rank: int) -> np.ndarray:
    """Read an IDX file (LeCun's format: two zeros, type, rank, big-endian sizes, values)."""
    if content[:4] != bytes([0, 0, 8, rank]):
        raise DataError(f"an IDX file of bytes with {rank} dimensions was expected")
    shape = np.frombuffer(content, ">i4", count=rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
