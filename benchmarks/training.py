"""What a training costs, in two tables of one run: ``python benchmarks/training.py``.

**A step**: forward pass, loss, backward pass and AdamW, in images per second: the loop that a
user of PyTorch would write (a ``DataLoader``, float32, memory as PyTorch lays it out), and the
package's in float32 and in bfloat16, for networks of the studies and those of other libraries. On
a GPU, where there is one, at sizes that keep it busy. ``ONEDNN_MAX_CPU_ISA=AVX512_CORE`` before
the command shows a processor without instructions for bfloat16.

**Several seeds together**: the network of notebook 10.2, at the same epochs and with both splits
measured after each, as the notebook does: the notebook's own loop over a ``DataLoader``, the
package's loop with one seed, and with ten seeds at once.

What is compared alternates, so that a busy machine slows all alike; ratios of the shortest times
are what to compare. On one thread processor time is measured, which other programs do not add to.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from tarea2 import datasets, precision
from tarea2.models import EncoderDecoderSpec, PeerSpec, SignalNetSpec, Spec, build
from tarea2.models.published import PUBLISHED
from tarea2.studies.camvid import CANDIDATES, CHOSEN
from tarea2.studies.notebooks import NOTEBOOK_10_2
from tarea2.studies.segmentation import COMBINATIONS
from tarea2.training import device_for, fit, train_step

STEPS = 8  # of each way, the first of which only warms up
BUSY = (256, 256, 64)  # height, width and batch with which a GPU has enough to do
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


# A step -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A network and the batches it learns from; ``least``: the gain that bfloat16 should bring."""

    name: str
    spec: Spec
    height: int = 48
    width: int = 48
    batch: int = 32
    least: float | None = None


CASES = (
    Case("best network", COMBINATIONS["wide-slow"], least=1.7),
    Case("street scenes, E", replace(CANDIDATES[CHOSEN], inputs=3), 112, 160, 4, least=1.6),
    Case("32-64-128 filters", EncoderDecoderSpec(width=32), least=2.4),
    *(Case(f"{name}, of others", PeerSpec(name)) for name in PUBLISHED if name != "UNet"),
)


def batches(case: Case, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and masks of noise for two batches: how long a step takes does not depend on them."""
    generator = torch.Generator().manual_seed(0)
    count, inputs = 2 * case.batch, case.spec.inputs
    x = torch.rand(count, inputs, case.height, case.width, generator=generator)
    y = torch.randint(0, 11, (count, case.height, case.width), generator=generator)
    return x.to(device), y.to(device)


def plain_steps(case: Case, device: torch.device) -> Iterator[None]:
    """A loop as PyTorch's tutorials write it."""
    model = build(case.spec).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    loader = DataLoader(TensorDataset(*batches(case, device)), case.batch, shuffle=True)
    model.train()
    while True:
        for x, y in loader:
            optimiser.zero_grad()
            loss_function(model(x), y).backward()
            optimiser.step()
            yield


def package_steps(case: Case, device: torch.device, name: str) -> Iterator[None]:
    """Steps of the package's loop, with a precision."""
    model = build(case.spec).to(device)
    model = model.to(memory_format=model.memory_format).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images, masks = batches(case, device)
    while True:
        for chosen in torch.randperm(len(images), device=device).split(case.batch):
            train_step(model, images[chosen][None], masks[chosen][None], optimiser, precision=name)
            yield


def seconds_of_a_step(ways: dict[str, Iterator[None]], device: torch.device) -> dict[str, float]:
    """The shortest of :data:`STEPS` that alternate between the ways."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    on_gpu = device.type == "cuda"
    clock: Callable[[], float] = time.perf_counter if on_gpu else time.process_time
    for _ in range(STEPS):
        for name, way in ways.items():
            start = clock()
            next(way)
            if on_gpu:
                torch.cuda.synchronize()
            found[name].append(clock() - start)
    return {name: min(values[1:]) for name, values in found.items()}


def steps_table(device: torch.device) -> pd.DataFrame:
    """A row for each network that is installed."""
    rows = []
    for case in CASES:
        if device.type == "cuda":
            height, width, batch = BUSY
            case = replace(case, height=height, width=width, batch=batch)
        try:
            ways = {
                "plain": plain_steps(case, device),
                "float32": package_steps(case, device, "float32"),
                "bfloat16": package_steps(case, device, "bfloat16"),
            }
            took = seconds_of_a_step(ways, device)
        except ValueError as missing:  # a library that is not installed
            print(f"left out: {missing}")
            continue
        rows.append(
            {
                "network": case.name,
                "batch": f"{case.batch} of {case.height}×{case.width}",
                **{f"{name} (images/s)": case.batch / value for name, value in took.items()},
                "to float32": took["float32"] / took["bfloat16"],
                "target": case.least,
                "to plain": took["plain"] / took["bfloat16"],
            }
        )
    return pd.DataFrame(rows)


def steps() -> None:
    device = device_for()
    torch.set_num_threads(1)
    chosen, why = precision.advised(device)
    print(f"A step on {device}, where `--precision auto` is {chosen}: {why}")
    print(steps_table(device).to_string(
        index=False, na_rep="", float_format=lambda value: f"{value:.3g}"
    ))  # fmt: skip


# Several seeds together -------------------------------------------------------------------------


def seeds_together() -> None:
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


def main() -> None:
    steps()
    print()
    seeds_together()


if __name__ == "__main__":
    main()
