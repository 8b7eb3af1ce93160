"""What training several seeds together saves; prints one table: ``python benchmarks/training.py``.

Three ways to train the network of notebook 10.2, at the same epochs and with both splits measured
after each, as the notebook does: the notebook's own loop over a ``DataLoader``, the package's
loop with one seed, and with ten seeds at once. The three alternate, so that a busy machine slows
all alike; ratios of the shortest times are what to compare.
"""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from tarea2 import datasets
from tarea2.models import SignalNetSpec
from tarea2.studies.notebooks import NOTEBOOK_10_2
from tarea2.training import fit

EPOCHS = 20
REPETITIONS = 5
RECIPE = replace(NOTEBOOK_10_2, epochs=EPOCHS)


def notebook_loop(data: datasets.Dataset) -> float:
    """Train as the notebook's cells do; returns the validation error."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(1, 15, 3, stride=2), nn.ReLU(), nn.Conv1d(15, 15, 3, stride=2), nn.ReLU(),
        nn.Conv1d(15, 15, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(60, 10),
    )  # fmt: skip
    loss_function = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=RECIPE.lr, momentum=RECIPE.momentum)
    loader = DataLoader(TensorDataset(data.train.x, data.train.y), batch_size=100, shuffle=True)
    error = 1.0
    for _ in range(EPOCHS):
        for x, y in loader:
            optimiser.zero_grad()
            loss_function(model(x[:, None, :]), y).backward()
            optimiser.step()
        for split in (data.train, data.validation):
            scores = model(split.x[:, None, :])
            loss_function(scores, split.y).item()
            error = (scores.argmax(1) != split.y).float().mean().item()
    return error


def package_loop(data: datasets.Dataset, seeds: range) -> float:
    """Train with the package; returns the mean validation error."""
    trained = fit(SignalNetSpec(), data, RECIPE, seeds)
    return float(np.mean([line[-1] for line in trained.history["validation"]["error"]]))


def product_seconds(data: datasets.Dataset, seeds: range) -> float:
    """Processor seconds that the matrix products of a training take, by PyTorch's profiler."""
    with profile(activities=[ProfilerActivity.CPU]) as measured:
        package_loop(data, seeds)
    events = [e for e in measured.key_averages() if e.key in ("aten::bmm", "aten::baddbmm")]
    return sum(event.self_cpu_time_total for event in events) / 1e6


def main() -> None:
    data = datasets.mnist1d()
    ways = {
        "notebook, 1 seed": lambda: notebook_loop(data),
        "package, 1 seed": lambda: package_loop(data, range(1)),
        "package, 10 seeds": lambda: package_loop(data, range(10)),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    errors = {}
    for _ in range(REPETITIONS):
        for name, way in ways.items():
            start = time.perf_counter()
            errors[name] = way()
            times[name].append(time.perf_counter() - start)
    best = {name: min(values) for name, values in times.items()}
    table = pd.DataFrame({"seconds": best, "validation error": errors})
    print(f"{EPOCHS} epochs, {torch.get_num_threads()} threads, shortest of {REPETITIONS}")
    print(table.to_string(float_format=lambda value: f"{value:.3f}"))
    one, ten = best["package, 1 seed"], best["package, 10 seeds"]
    print(f"a seed among 10 is trained {10 * one / ten:.2f} times as fast as alone (target: 4)")
    one_product, ten_products = (product_seconds(data, range(n)) for n in (1, 10))
    print(f"matrix products, which no seed can share, take {one_product:.2f} s of processor time "
          f"for 1 seed and {ten_products:.2f} s for 10")  # fmt: skip
    print(f"the notebook's loop takes {best['notebook, 1 seed'] / one:.2f} times as long (1.3)")


if __name__ == "__main__":
    main()
