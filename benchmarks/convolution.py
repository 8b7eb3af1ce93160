"""How fast is the package's convolution? One table, one run: ``python benchmarks/convolution.py``.

Processor times alternate between the implementations, so that a busy machine slows them alike;
the ratio of the shortest is what to compare. Everything runs on one thread. The column "product
alone" is a plain matrix product with as many multiplications, whose inputs lie ready in the cache:
so much of PyTorch's time NumPy's linear algebra needs, the rest is conv2d's own. It depends on
the processor instructions that both libraries choose, which the first line names: OpenBLAS keeps
to AVX2 where the environment says ``OPENBLAS_CORETYPE=Haswell``, PyTorch with
``ONEDNN_MAX_CPU_ISA=AVX2``; only with the same ones for both are the operations compared.
Memory is the peak of what NumPy allocates inside ``conv2d``, output
not counted, beside the array that im2col would hold.
"""

import os
import statistics
import time
import tracemalloc

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from tarea2.convolution import PRODUCT_COLUMNS, conv2d, conv2d_loops

SHAPES = [
    ((32, 16, 28, 28), (32, 16, 3, 3)),
    ((64, 1, 28, 28), (10, 1, 5, 5)),
    ((8, 64, 56, 56), (64, 64, 3, 3)),
    ((16, 3, 64, 64), (16, 3, 5, 5)),
]
PADDING = 1
REPETITIONS = 100


def seconds(call) -> float:
    """Processor time of this thread, the only one: what other programs take is not counted."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def product_alone(y_shape, weight):
    """A product of the weights with as many columns as the output has positions."""
    samples, filters, height, width = y_shape
    kernels = weight.reshape(filters, -1)
    columns = np.ones((kernels.shape[1], PRODUCT_COLUMNS), np.float32)
    count = -(-samples * height * width // PRODUCT_COLUMNS)
    columns = np.broadcast_to(columns, (count, *columns.shape))
    out = np.empty((count, filters, PRODUCT_COLUMNS), np.float32)
    return lambda: np.matmul(kernels, columns, out=out)


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
    calls = {"conv2d": ours, "PyTorch": theirs, "product": product_alone(ours().shape, weight)}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(REPETITIONS):
        for name, call in calls.items():
            times[name].append(1e3 * seconds(call))
    best = {name: min(values) for name, values in times.items()}
    median = {name: statistics.median(values) for name, values in times.items()}
    tracemalloc.start()
    y = ours()
    peak = tracemalloc.get_traced_memory()[1] - y.nbytes
    tracemalloc.stop()
    im2col = y.nbytes // y.shape[1] * weight[0].size
    return {
        "x": x_shape,
        "weight": weight_shape,
        "conv2d (ms)": best["conv2d"],
        "PyTorch (ms)": best["PyTorch"],
        "ratio": best["conv2d"] / best["PyTorch"],
        "of medians": median["conv2d"] / median["PyTorch"],
        "product alone": best["product"] / best["PyTorch"],
        "difference": difference,
        "memory / im2col": peak / im2col,
    }


def main() -> None:
    torch.set_num_threads(1)
    instructions = os.environ.get("ONEDNN_MAX_CPU_ISA") or torch.backends.cpu.get_cpu_capability()
    blas = {library.get("architecture") for library in threadpool_info()} - {None}
    print(f"NumPy multiplies with OpenBLAS kernels for {', '.join(sorted(blas)) or 'unknown'}; "
          f"PyTorch convolves with {instructions}")  # fmt: skip
    generator = np.random.default_rng(0)
    with threadpool_limits(1):
        table = pd.DataFrame([compare(*shapes, generator) for shapes in SHAPES])
        x = generator.standard_normal((1, *SHAPES[0][0][1:]), dtype=np.float32)
        weight = generator.standard_normal(SHAPES[0][1], dtype=np.float32)
        # One of the 32 samples: the loops' time grows with their number.
        loops = SHAPES[0][0][0] * seconds(lambda: conv2d_loops(x, weight, padding=PADDING))
    print(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(f"ratio to PyTorch: median {table['ratio'].median():.2f} (target: at most 1.15), "
          f"largest {table['ratio'].max():.2f} (target: at most 1.4)")  # fmt: skip
    factor = 1e3 * loops / table["conv2d (ms)"][0]
    print(f"conv2d_loops takes {factor:.0f} times as long on the first shape (target: 300)")


if __name__ == "__main__":
    main()
