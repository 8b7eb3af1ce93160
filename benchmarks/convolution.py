"""How fast is the package's convolution? One table, one run: ``python benchmarks/convolution.py``.

Times alternate between the implementations, so that a busy machine slows both alike; ratios of
medians are what to compare. Everything runs on one thread. Memory is the peak of what NumPy
allocates inside ``conv2d``, output not counted, beside the array that im2col would hold.
"""

import statistics
import time
import tracemalloc

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from tarea2.convolution import conv2d, conv2d_loops

SHAPES = [
    ((32, 16, 28, 28), (32, 16, 3, 3)),
    ((64, 1, 28, 28), (10, 1, 5, 5)),
    ((8, 64, 56, 56), (64, 64, 3, 3)),
    ((16, 3, 64, 64), (16, 3, 5, 5)),
]
PADDING = 1
REPETITIONS = 40


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(x_shape, weight_shape, generator) -> dict:
    """Time both implementations on one shape and measure the memory of ours."""
    x = generator.standard_normal(x_shape, dtype=np.float32)
    weight = generator.standard_normal(weight_shape, dtype=np.float32)
    tensors = torch.from_numpy(x), torch.from_numpy(weight)

    def ours():
        return conv2d(x, weight, padding=PADDING)

    def theirs():
        return torch.nn.functional.conv2d(*tensors, padding=PADDING)

    difference = float(np.abs(ours() - theirs().numpy()).max())
    times = [(seconds(ours), seconds(theirs)) for _ in range(REPETITIONS)]
    numpy_time, torch_time = (statistics.median(column) for column in zip(*times, strict=True))
    tracemalloc.start()
    y = ours()
    peak = tracemalloc.get_traced_memory()[1] - y.nbytes
    tracemalloc.stop()
    im2col = y.nbytes // y.shape[1] * weight[0].size
    return {
        "x": x_shape,
        "weight": weight_shape,
        "conv2d (ms)": 1e3 * numpy_time,
        "PyTorch (ms)": 1e3 * torch_time,
        "ratio": numpy_time / torch_time,
        "difference": difference,
        "memory / im2col": peak / im2col,
    }


def main() -> None:
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    with threadpool_limits(1):
        table = pd.DataFrame([compare(*shapes, generator) for shapes in SHAPES])
        x = generator.standard_normal((1, *SHAPES[0][0][1:]), dtype=np.float32)
        weight = generator.standard_normal(SHAPES[0][1], dtype=np.float32)
        # One of the 32 samples: the loops' time grows with their number.
        loops = SHAPES[0][0][0] * seconds(lambda: conv2d_loops(x, weight, padding=PADDING))
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(f"median ratio to PyTorch: {table['ratio'].median():.2f} (target: at most 1.5)")
    factor = 1e3 * loops / table["conv2d (ms)"][0]
    print(f"conv2d_loops takes {factor:.0f} times as long on the first shape (target: 300)")


if __name__ == "__main__":
    main()
