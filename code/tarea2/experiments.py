"""The named experiments: what is trained, on what, with which recipe and which seeds.

The definitions stand in :mod:`tarea2.studies`; ``train`` does what is missing and stores each run
when it ends, ``load`` reads them back and refuses what is stale.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from tarea2 import datasets, metrics, results
from tarea2.datasets import Dataset
from tarea2.image_folder import image_folder
from tarea2.models import NumberWriter, build, member, takes_members
from tarea2.studies import encoder_decoder, final, notebooks, segmentation
from tarea2.studies.definition import Definition, best_run, rounded
from tarea2.training import OwnObjective, fit, predict

CHECKPOINTS = datasets.ROOT / "data" / "runs"

EXPERIMENTS: dict[str, tuple[Definition, ...]] = {
    "notebooks": notebooks.DEFINITIONS,
    "segmentation": segmentation.DEFINITIONS,
    "segmentation-mnist": segmentation.MNIST_DEFINITIONS,
    "encoder-decoder": encoder_decoder.DEFINITIONS,
    "final": final.DEFINITIONS,
    "check": segmentation.CHECK,
}
# Experiment -> name of a stored model -> the networks among whose runs the best is chosen.
STORED_MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "notebooks": notebooks.STORED_MODELS,
    "segmentation": segmentation.STORED_MODELS,
    "encoder-decoder": encoder_decoder.STORED_MODELS,
    "final": final.STORED_MODELS,
}


def own_images(images: Path, masks: Path) -> str:
    """Prepare the segmentation study on a folder of images and one of masks; return its name.

    Raises :class:`tarea2.datasets.DataError` where the folders do not fit together.
    """
    data = partial(image_folder, images, masks)
    dataset = data()
    name = f"segmentation-{dataset.name}"
    if name in EXPERIMENTS:
        raise ValueError(f"the folder {images} needs another name: {name} is a study of its own")
    EXPERIMENTS[name] = segmentation.study(data, dataset.train.x.shape[1], dataset.num_classes)
    STORED_MODELS[name] = {name: tuple(definition.name for definition in EXPERIMENTS[name])}
    return name


def definitions(experiment: str, only: Sequence[str] | None = None) -> list[Definition]:
    """The definitions of an experiment, or those named; raises ValueError for a wrong name."""
    if experiment not in EXPERIMENTS:
        raise ValueError(f"no experiment {experiment!r}; there are: {', '.join(EXPERIMENTS)}")
    found = {definition.name: definition for definition in EXPERIMENTS[experiment]}
    for name in only or []:
        if name not in found:
            raise ValueError(f"{experiment} has no run {name!r}; it has: {', '.join(found)}")
    return [found[name] for name in only or found]


def load(experiment: str) -> pd.DataFrame:
    """:func:`tarea2.results.load`, after checking each run against today's definition."""
    table = results.load(experiment)
    for definition in definitions(experiment):
        rows = table[table["name"] == definition.name]
        network_spec, recipe = (
            results.describe(definition.spec)[1],
            results.describe(definition.recipe)[1],
        )
        for _, row in rows.iterrows():
            for field, expected in (("spec", network_spec), ("recipe", recipe)):
                if row[field] != expected:
                    raise results.ResultError(
                        f"{definition.name}, seed {row['seed']}: field {field!r} is stale; run "
                        f"`tarea2 train {experiment} --only {definition.name} --force`"
                    )
    return table


def train(
    experiment: str,
    only: Sequence[str] | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    force: bool = False,
    progress: bool = True,
    report: Callable[[str], None] = tqdm.write,
    backend: str = "loky",
) -> int:
    """Train what is missing and return how many runs were trained.

    Each run is stored when it ends; an interrupted one goes on from its last epoch. ``backend``
    is joblib's: ``"dask"`` trains on the cluster of the Dask client that is open.
    """
    tasks = []
    for definition in definitions(experiment, only):
        wanted = definition.seeds[:seeds]
        if not force:
            wanted = tuple(s for s in wanted if definition.stored(s, experiment) is None)
        groups = [wanted] if definition.together else [(seed,) for seed in wanted]
        tasks += [(definition, group) for group in groups if group]
    # All seed 0 first: a study that is cut short has seen every network.
    tasks.sort(key=lambda task: task[1][0])
    alone = jobs == 1 and backend == "loky"
    # Several processes have one core each: their threads would only fight.
    threads = None if alone else 1
    trained = 0
    # joblib replaces a worker whose memory has grown, and warns although nothing is lost.
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
    with parallel_config(backend=backend, n_jobs=jobs):
        parallel = Parallel(return_as="generator_unordered")
        finished = parallel(
            delayed(_run)(
                experiment,
                definition,
                group,
                threads,
                progress and alone,
                CHECKPOINTS
                / experiment
                / f"{definition.name}-{'-'.join(map(str, group))}.checkpoint",
            )
            for definition, group in tasks
        )
        hidden = None if progress and len(tasks) > 1 else True
        with tqdm(finished, total=len(tasks), unit="run", disable=hidden, position=1) as bar:
            for name, group, seconds, runs in bar:
                for run, weights in runs:
                    results.save(run)
                    _store_weights(experiment, name, run["seed"], weights)
                trained += len(group)
                report(f"{name}, seed {', '.join(map(str, group))}: {seconds:.0f} s")
    if only is None and seeds is None:
        store_models(experiment)
    return trained


def _run(
    experiment: str,
    definition: Definition,
    seeds: tuple[int, ...],
    threads: int | None,
    progress: bool,
    checkpoint: Path,
) -> tuple[str, tuple[int, ...], float, list[tuple[dict[str, Any], dict[str, torch.Tensor]]]]:
    """Train one network with some seeds; return each seed's run and weights."""
    if threads:
        torch.set_num_threads(threads)
    dataset, start = definition.data(), time.monotonic()
    trained = fit(
        definition.spec, dataset, definition.recipe, seeds, watch=definition.watch,
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    scores = {
        split: predict(trained.model, getattr(dataset, split).x)
        for split in ("validation", "test")
        if len(getattr(dataset, split)) and not isinstance(trained.model, OwnObjective)
    }
    seconds = time.monotonic() - start
    network, spec = results.describe(definition.spec)
    runs = []
    for place, seed in enumerate(seeds):
        alone = member(trained.model, place)
        run = {
            "experiment": experiment,
            "name": definition.name,
            "network": network,
            "spec": spec,
            "recipe": results.describe(definition.recipe)[1],
            "data": dataset.described(),
            "seed": seed,
            "history": {
                split: {kind: [rounded(v) for v in rows[place]] for kind, rows in kept.items()}
                for split, kept in trained.history.items()
            },
            "metrics": definition.measure(
                alone, dataset, {split: values[place] for split, values in scores.items()}
            ),
            "parameters": metrics.count_parameters(alone),
            "macs": metrics.count_macs(alone, *_example(alone, dataset)),
            "seconds": round(seconds / len(seeds), 3),
            "versions": results.versions(),
            "threads": torch.get_num_threads(),
        }
        runs.append((run, alone.state_dict()))
    return definition.name, seeds, seconds, runs


def _example(
    model: torch.nn.Module, dataset: Dataset, split: str = "train"
) -> tuple[torch.Tensor, ...]:
    """One example of a data set, as the arguments that the network takes."""
    x, y = getattr(dataset, split).x[:1], getattr(dataset, split).y[:1]
    if isinstance(model, NumberWriter):
        return x, y
    return (x[None] if takes_members(model) else x,)


# Stored models ----------------------------------------------------------------------------------


def _weights(experiment: str, name: str, seed: int) -> Path:
    return CHECKPOINTS / experiment / f"{name}-seed{seed}.weights"


def _store_weights(experiment: str, name: str, seed: int, weights: dict) -> None:
    if any(name in names for names in STORED_MODELS.get(experiment, {}).values()):
        path = _weights(experiment, name, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(weights, path)


def store_models(experiment: str) -> None:
    """Store, for each of :data:`STORED_MODELS`, the run that is best on validation.

    Weights of all runs wait in ``data/runs`` until then. A model is left as it is where runs are
    missing, or where the best one was trained on another machine.
    """
    for model_name, names in STORED_MODELS.get(experiment, {}).items():
        chosen = definitions(experiment, names)
        stored = [d.stored(seed, experiment) for d in chosen for seed in d.seeds]
        runs = [run for run in stored if run is not None]
        if len(runs) < len(stored):
            continue
        best = best_run(runs)
        weights = _weights(experiment, best["name"], best["seed"])
        if not weights.exists():
            continue
        definition = next(d for d in chosen if d.name == best["name"])
        model = build(definition.spec)
        model.load_state_dict(torch.load(weights, weights_only=True))
        fields = ("recipe", "seed", "data", "versions")
        scores = {k: v for k, v in best["metrics"].items() if isinstance(v, float)}
        card = {field: best[field] for field in fields} | {"metrics": scores, "run": best["name"]}
        results.save_model(
            model_name, model, card, example=_example(model, definition.data(), "test")
        )
