"""How long one convolution takes in its three forms: seven loops, vectorised, PyTorch's.

Measured by ``tarea2 measure`` and stored, so that every page and every form of it tells the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tarea2 import metrics, results
from tarea2.convolution import conv2d, conv2d_loops, output_size
from tarea2.records import ResultError

IMAGES, KERNELS, PADDING = (2, 16, 28, 28), (32, 16, 3, 3), 1  # (N, C, H, W), (O, C, kh, kw)
ROUNDS, FAST = 3, 20  # in each round the loops run once, the other two as often as FAST says
MEASURES = "convolution-times"


def products() -> int:
    """Multiplications of the measured convolution."""
    height, width = (
        output_size(size, kernel, padding=PADDING)
        for size, kernel in zip(IMAGES[2:], KERNELS[2:], strict=True)
    )
    return IMAGES[0] * int(np.prod(KERNELS)) * height * width


def measure(rounds: int = ROUNDS, fast: int = FAST, progress: bool = True) -> pd.DataFrame:
    """Best processor time in seconds of each form, on one thread; columns ``form``, ``seconds``.

    Processor time, because the loops take so long that a busy machine would interrupt only them;
    the forms take turns all the same.
    """
    generator = np.random.default_rng(0)
    images = generator.standard_normal(IMAGES, dtype=np.float32)
    kernels = generator.standard_normal(KERNELS, dtype=np.float32)
    tensors = torch.from_numpy(images), torch.from_numpy(kernels)
    forms: dict[str, tuple[Callable, int]] = {
        "loops": (lambda: conv2d_loops(images, kernels, padding=PADDING), 1),
        "vectorised": (lambda: conv2d(images, kernels, padding=PADDING), fast),
        "PyTorch": (lambda: torch.nn.functional.conv2d(*tensors, padding=PADDING), fast),
    }
    best = dict.fromkeys(forms, float("inf"))
    with metrics.one_thread(), threadpool_limits(1):
        for _ in tqdm(range(rounds), disable=None if progress else True):
            for form, (call, repetitions) in forms.items():
                for _ in range(repetitions):
                    start = time.process_time()
                    call()
                    best[form] = min(best[form], time.process_time() - start)
    return pd.DataFrame({"form": list(best), "seconds": list(best.values())})


def store() -> Path:
    """Measure and store; returns the file."""
    rows = measure().assign(seconds=lambda table: table["seconds"].round(9)).to_dict("records")
    return results.save_measures(
        MEASURES, {"images": IMAGES, "kernels": KERNELS, "padding": PADDING, "rows": rows}
    )


def load() -> pd.Series:
    """The stored seconds by form; raises ResultError if they are missing or of other sizes."""
    content = results.load_measures(MEASURES)
    for name, wanted in (("images", IMAGES), ("kernels", KERNELS)):
        if tuple(content.get(name, ())) != wanted:
            raise ResultError(
                f"{MEASURES}.json was measured with {name} of {content.get(name)}, expected "
                f"{list(wanted)}; run `tarea2 measure`"
            )
    return pd.DataFrame(content["rows"]).set_index("form")["seconds"]
