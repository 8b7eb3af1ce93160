"""Train what a study lacks, store each run when it ends, and the best weights at the end.

A network that cannot be trained is recorded, left out with a word, and costs its own runs only.
"""

from __future__ import annotations

import io
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from tarea2 import memory, metrics, paths, records, results
from tarea2.datasets import DataError, Dataset
from tarea2.evaluation import evaluate
from tarea2.models import build, save_model
from tarea2.paths import replacing
from tarea2.studies import cluster, interrupted
from tarea2.studies.definition import Definition, Stale, Study, best_run, rounded
from tarea2.training import fit

FAILED_FIELDS: records.Fields = {
    "experiment": str, "name": str, "seed": int, "key": str, "reason": str, "traceback": str,
    "versions": dict,
}  # fmt: skip


class WorkerLost(ValueError):
    """A process of this machine that was killed while it trained."""


@dataclass(frozen=True)
class Finished:
    """What came out of one task: a run and its weights for each seed, or why there are none."""

    name: str
    seeds: tuple[int, ...]
    seconds: float = 0.0
    runs: tuple[tuple[dict[str, Any], dict[str, torch.Tensor]], ...] = ()
    reason: str = ""
    traceback: str = ""


def train(
    study: Study,
    only: Sequence[str] | None = None,
    seeds: int | None = None,
    jobs: int = 1,
    force: bool = False,
    progress: bool = True,
    report: Callable[[str], None] = tqdm.write,
    client: Any = None,
) -> int:
    """Train what is missing and return how many runs were trained.

    Each run is stored when it ends; an interrupted one goes on from its last epoch. What failed
    before, with the same network, recipe and data, is not tried again without ``force``;
    :func:`failures` lists it. Nor is an interrupted training of another recipe or other data
    overwritten without it. ``client``: of a Dask cluster, on which everything is trained then.

    Raises
    ------
    tarea2.records.ResultError: a stored run that is stale or altered.
    tarea2.studies.interrupted.Unfinished: a training that this one does not go on from.
    tarea2.studies.cluster.ClusterError: a cluster that cannot train, or is lost.
    """
    paths.sweep(study.folder)
    paths.sweep(study.checkpoints)
    tasks = _tasks(study, only, seeds, force)
    alone = jobs == 1 and client is None
    calls = [
        (study.name, definition, group, None if alone else 1, progress and alone,
         interrupted.checkpoint(study, definition, group))
        for definition, group in tasks
    ]  # fmt: skip
    if client is None:
        finished = _locally(calls, jobs)
    else:
        for call in calls[:1]:
            call[-1].parent.mkdir(parents=True, exist_ok=True)  # where workers see it, they use it
        sent = [definition.data for definition, _ in tasks] if study.store else []
        finished = cluster.train(client, _train, calls, sent)
    trained = 0
    hidden = None if progress and len(tasks) > 1 else True
    definitions = {definition.name: definition for definition, _ in tasks}
    with (
        interrupted.sign_of_life(len(tasks), report if progress else None) as life,
        tqdm(finished, total=len(tasks), unit="run", disable=hidden, position=1) as bar,
    ):
        for done in bar:
            life.done += 1
            what = f"{done.name}, seed {', '.join(map(str, done.seeds))}"
            if done.reason:
                if done.traceback:  # the network's fault, not the machine's
                    _record_failure(study, definitions[done.name], done)
                report(f"{what}: left out: {done.reason}")
                continue
            for run, weights in done.runs:
                if run["data"] != definitions[done.name].data().described():
                    raise DataError(f"{what}: trained on other data than those that lie here")
                # First the weights: once the run is there, nothing trains them again.
                _store_weights(study, done.name, run["seed"], weights)
                path = results.path_of(study.name, done.name, run["seed"], study.store)
                results.save(run, path)
                _failure_file(study, done.name, run["seed"]).unlink(missing_ok=True)
            trained += len(done.seeds)
            report(f"{what}: {done.seconds:.0f} s")
    if study.store is not None or (only is None and seeds is None):
        store_models(study)
    return trained


def missing(study: Study, only: Sequence[str] | None = None, seeds: int | None = None) -> bool:
    """Whether anything of a study is still to be trained."""
    return bool(_tasks(study, only, seeds, force=False))


def _tasks(
    study: Study, only: Sequence[str] | None, seeds: int | None, force: bool
) -> list[tuple[Definition, tuple[int, ...]]]:
    """What is missing: a network and the seeds that train in one go."""
    tasks = []
    for definition in study.named(only):
        wanted = definition.seeds[:seeds]
        if not force:
            wanted = tuple(
                seed
                for seed in wanted
                if definition.stored(seed, study.name, study.store) is None
                and _failed(study, definition, seed) is None
            )
        groups = [wanted] if definition.together else [(seed,) for seed in wanted]
        tasks += [(definition, group) for group in groups if group]
    if not force:
        interrupted.refuse_losses(study, tasks)
    # All seed 0 first: a study that is cut short has seen every network.
    return sorted(tasks, key=lambda task: task[1][0])


def _locally(calls: Sequence[tuple], jobs: int) -> Iterator[Finished]:
    """Train in this process, or in several."""
    # joblib replaces a worker whose memory has grown, and warns although nothing is lost.
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
    try:
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
        yield from parallel(delayed(_train)(*call) for call in calls)
    except BrokenExecutor:
        raise WorkerLost(
            "a process that trained was killed, perhaps for want of memory; what was finished is "
            "stored: run the same command again, with a smaller --jobs, to go on"
        ) from None


def _train(
    study: str, definition: Definition, seeds: tuple[int, ...], threads: int | None,
    progress: bool, checkpoint: Path,
) -> Finished:  # fmt: skip
    """Train one network with some seeds; what goes wrong inside it is told, not raised.

    Data that are missing and a machine that fails would fail for every network: these raise. What
    memory does not hold now may fit at another time: that is told and not recorded.
    """
    try:
        return _run(study, definition, seeds, threads, progress, checkpoint)
    except (OSError, DataError, records.ResultError, cluster.Unwanted):
        raise
    except Exception as error:
        if memory.ran_out(error):
            return Finished(definition.name, seeds, reason=memory.TOLD)
        said = paths.reason(error)
        kind = "" if isinstance(error, ArithmeticError) else f"{type(error).__name__}: "
        return Finished(
            definition.name, seeds, reason=kind + said, traceback=traceback.format_exc()
        )


def _run(
    study: str,
    definition: Definition,
    seeds: tuple[int, ...],
    threads: int | None,
    progress: bool,
    checkpoint: Path,
) -> Finished:
    if threads:
        torch.set_num_threads(threads)
    dataset, start = definition.data(), time.monotonic()
    trained = fit(
        definition.spec, dataset, definition.recipe, seeds, eval_splits=definition.eval_splits,
        checkpoint=checkpoint if checkpoint.parent.is_dir() or not threads else None,
        progress=progress,
        after_epoch=cluster.stop_when_unwanted,
    )  # fmt: skip
    with metrics.threads(trained.threads):
        evaluations = evaluate(trained.model, dataset)
    seconds = time.monotonic() - start
    network, spec = records.describe(definition.spec)
    runs = []
    for index, seed in enumerate(seeds):
        alone = trained.model.member(index)
        run = {
            "experiment": study,
            "name": definition.name,
            "network": network,
            "spec": spec,
            "recipe": records.describe(definition.recipe)[1],
            "data": dataset.described(),
            "seed": seed,
            "history": {
                split: {kind: [rounded(v) for v in rows[index]] for kind, rows in kept.items()}
                for split, kept in trained.history.items()
            },
            "metrics": definition.measure(alone, dataset, evaluations[index]),
            "parameters": metrics.count_parameters(alone),
            "macs": metrics.count_macs(alone, *alone.example(*dataset.train.first())),
            "seconds": round(seconds / len(seeds), 3),
            "versions": records.versions(),
            "threads": trained.threads,
        }
        runs.append((run, alone.state_dict()))
    return Finished(definition.name, seeds, seconds, tuple(runs))


# Failures ---------------------------------------------------------------------------------------


def failures(study: Study, only: Sequence[str] | None = None) -> dict[str, str]:
    """Networks of a study that could not be trained as they are now, and why."""
    found = {}
    for definition in study.named(only):
        for seed in definition.seeds:
            reason = _failed(study, definition, seed)
            if reason is not None:
                found[definition.name] = reason
    return found


def _failure_file(study: Study, name: str, seed: int) -> Path:
    return study.folder / "failed" / f"{name}-seed{seed}.json"


def _failed(study: Study, definition: Definition, seed: int) -> str | None:
    """Why a run failed, if it did with the same network, recipe and data."""
    path = _failure_file(study, definition.name, seed)
    if not path.exists():
        return None
    known = records.read(path, FAILED_FIELDS)
    return known["reason"] if known["key"] == definition.key() else None


def _record_failure(study: Study, definition: Definition, done: Finished) -> None:
    for seed in done.seeds:
        content = {
            "experiment": study.name, "name": done.name, "seed": seed, "key": definition.key(),
            "reason": done.reason, "traceback": done.traceback, "versions": records.versions(),
        }  # fmt: skip
        records.write(_failure_file(study, done.name, seed), content, FAILED_FIELDS, indent=1)


# Weights ----------------------------------------------------------------------------------------


def _weights(study: Study, name: str, seed: int) -> Path:
    return study.checkpoints / f"{name}-seed{seed}.weights"


def _store_weights(study: Study, name: str, seed: int, weights: dict) -> None:
    if any(name in names for names in study.stored_models.values()):
        content = io.BytesIO()  # a full disk is then an OSError, not one of PyTorch's
        torch.save(weights, content)
        with replacing(_weights(study, name, seed)) as temporary:
            temporary.write_bytes(content.getbuffer())


def _current(definition: Definition, seed: int, study: Study) -> dict[str, Any] | None:
    """A stored run; in a store of one's own, one of other data or another recipe is none."""
    try:
        return definition.stored(seed, study.name, study.store)
    except Stale:
        if study.store is None:
            raise
        return None


def _first(dataset: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """An example to store beside a model: noise of its form where data may not be passed on."""
    x, y = dataset.test.first()
    if not dataset.shareable:
        x = torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
    return x, y


def store_models(study: Study) -> None:
    """Store, for each of its ``stored_models``, the run that is best on validation.

    Weights of all runs wait in ``data/runs`` until then. A model of the project is left as it is
    where runs are missing that did not fail; any, where the best one was trained on another
    machine.
    """
    for model_name, names in study.stored_models.items():
        runs, missing = [], False
        for definition in study.named(names):
            for seed in definition.seeds:
                run = _current(definition, seed, study)
                if run is not None:
                    runs.append(run)
                elif study.store is None and _failed(study, definition, seed) is None:
                    missing = True
        best = None if missing else best_run(runs)
        if best is None:
            continue
        weights = _weights(study, best["name"], best["seed"])
        if not weights.exists():
            continue
        (definition,) = study.named([best["name"]])
        model = build(definition.spec, start=False)
        model.load_state_dict(torch.load(weights, weights_only=True))
        fields = ("recipe", "seed", "data", "versions")
        scores = {k: v for k, v in best["metrics"].items() if isinstance(v, float)}
        card = {field: best[field] for field in fields} | {"metrics": scores, "run": best["name"]}
        example = model.example(*_first(definition.data()))
        save_model(model_name, model, card, example, study.store)
