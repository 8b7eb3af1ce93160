"""Train what a study lacks, store each run when it ends, and the best weights at the end."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed, parallel_config
from tqdm import tqdm

from tarea2 import metrics, paths, records, results
from tarea2.models import build, save_model
from tarea2.paths import replacing
from tarea2.studies.definition import Definition, Study, best_run, rounded
from tarea2.training import fit, predict


def train(
    study: Study,
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
    for definition in study.named(only):
        wanted = definition.seeds[:seeds]
        if not force:
            wanted = tuple(s for s in wanted if definition.stored(s, study.name) is None)
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
                study.name,
                definition,
                group,
                threads,
                progress and alone,
                paths.CHECKPOINTS
                / study.name
                / f"{definition.name}-{'-'.join(map(str, group))}.checkpoint",
            )
            for definition, group in tasks
        )
        hidden = None if progress and len(tasks) > 1 else True
        with tqdm(finished, total=len(tasks), unit="run", disable=hidden, position=1) as bar:
            for name, group, seconds, runs in bar:
                for run, weights in runs:
                    results.save(run)
                    _store_weights(study, name, run["seed"], weights)
                trained += len(group)
                report(f"{name}, seed {', '.join(map(str, group))}: {seconds:.0f} s")
    if only is None and seeds is None:
        store_models(study)
    return trained


def _run(
    study: str,
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
        if len(getattr(dataset, split)) and not trained.model.own_objective
    }
    seconds = time.monotonic() - start
    network, spec = records.describe(definition.spec)
    runs = []
    for place, seed in enumerate(seeds):
        alone = trained.model.member(place)
        run = {
            "experiment": study,
            "name": definition.name,
            "network": network,
            "spec": spec,
            "recipe": records.describe(definition.recipe)[1],
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
            "macs": metrics.count_macs(alone, *alone.example(*dataset.train.first())),
            "seconds": round(seconds / len(seeds), 3),
            "versions": records.versions(),
            "threads": torch.get_num_threads(),
        }
        runs.append((run, alone.state_dict()))
    return definition.name, seeds, seconds, runs


def _weights(study: str, name: str, seed: int) -> Path:
    return paths.CHECKPOINTS / study / f"{name}-seed{seed}.weights"


def _store_weights(study: Study, name: str, seed: int, weights: dict) -> None:
    if any(name in names for names in study.stored_models.values()):
        with replacing(_weights(study.name, name, seed)) as temporary:
            torch.save(weights, temporary)


def store_models(study: Study) -> None:
    """Store, for each of its ``stored_models``, the run that is best on validation.

    Weights of all runs wait in ``data/runs`` until then. A model is left as it is where runs are
    missing, or where the best one was trained on another machine.
    """
    for model_name, names in study.stored_models.items():
        chosen = study.named(names)
        stored = [d.stored(seed, study.name) for d in chosen for seed in d.seeds]
        runs = [run for run in stored if run is not None]
        if len(runs) < len(stored):
            continue
        best = best_run(runs)
        weights = _weights(study.name, best["name"], best["seed"])
        if not weights.exists():
            continue
        definition = next(d for d in chosen if d.name == best["name"])
        model = build(definition.spec)
        model.load_state_dict(torch.load(weights, weights_only=True))
        fields = ("recipe", "seed", "data", "versions")
        scores = {k: v for k, v in best["metrics"].items() if isinstance(v, float)}
        card = {field: best[field] for field in fields} | {"metrics": scores, "run": best["name"]}
        save_model(model_name, model, card, model.example(*definition.data().test.first()))
