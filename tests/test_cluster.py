"""Training on a Dask cluster of processes: checked first, equal results, a loss is said."""

import contextlib
import faulthandler
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial

import distributed
import numpy as np
import pytest
from PIL import Image

from tarea2 import checkpoints, datasets, metrics, paths, studies
from tarea2.models import EncoderDecoderSpec
from tarea2.own import study as own
from tarea2.studies import cluster, running, segmentation
from tarea2.training import fit

pytestmark = pytest.mark.install

DATA = partial(datasets.digit_scenes, counts=(64, 16, 16))
TINY = EncoderDecoderSpec(depth=1, width=4, convolutions=1)
LIMIT = 300  # seconds for a test


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """The machine that runs tests may be busy; what is measured in seconds is set there."""
    monkeypatch.setattr(cluster, "CONNECT", 60)
    monkeypatch.setattr(cluster, "ANSWER", 60)


@pytest.fixture(autouse=True)
def no_hang():
    """A cluster that never answers fails its test; one that cannot even be closed ends them all.

    The limits are far beyond what a busy machine takes.
    """
    faulthandler.dump_traceback_later(2 * LIMIT, exit=True)
    if hasattr(signal, "SIGALRM"):

        def give_up(number, frame):
            raise TimeoutError(f"a cluster did not answer for {LIMIT} s")

        before = signal.signal(signal.SIGALRM, give_up)
        signal.alarm(LIMIT)
    try:
        yield
    finally:
        if hasattr(signal, "SIGALRM"):
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    monkeypatch.setattr(paths, "CHECKPOINTS", tmp_path / "runs")
    return tmp_path


@pytest.fixture
def study(store):
    base = segmentation.DEFINITIONS[0]
    recipe = replace(segmentation.RECIPE, epochs=2)
    return studies.Study(
        "toy",
        tuple(
            replace(base, name=name, spec=spec, recipe=recipe, data=DATA, seeds=(0, 1, 2))
            for name, spec in (("plain", TINY), ("separable", replace(TINY, block="separable")))
        ),
    )


@contextlib.contextmanager
def local_cluster(workers: int):
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


def outcomes(study) -> dict[str, dict]:
    runs = {}
    for path in sorted(study.folder.glob("*.json")):
        run = json.loads(path.read_text())
        runs[path.stem] = {k: v for k, v in run.items() if k not in ("seconds", "digest")}
    return runs


def test_two_workers_of_which_one_is_killed_give_the_results_of_one_process(study, monkeypatch):
    with metrics.one_thread():
        running.train(study, progress=False, report=lambda line: None)
    here = outcomes(study)
    assert len(here) == 6
    shutil.rmtree(study.folder)
    killed = []
    with local_cluster(2) as made, cluster.connect(made.scheduler_address) as client:
        processes = client.run(os.getpid)
        assert os.getpid() not in processes.values()

        def kill_one(line):
            if not killed:
                killed.append(next(iter(processes.values())))
                os.kill(killed[0], signal.SIGKILL)

        # Were anything trained here, it would fail.
        monkeypatch.setattr(running, "_run", None)
        assert running.train(study, progress=False, report=kill_one, client=client) == 6
    assert killed
    assert outcomes(study) == here
    assert not list(study.checkpoints.glob("*.checkpoint"))


def test_one_worker_with_one_thread_trains_there_and_its_loss_is_said(study, monkeypatch):
    monkeypatch.setattr(cluster, "LOST", 2)
    monkeypatch.setattr(running, "_run", None)
    started = []
    with local_cluster(1) as made, cluster.connect(made.scheduler_address) as client:

        def lose_all(line):
            if not started:
                started.append(line)
                made.scale(0)

        with pytest.raises(cluster.ClusterError, match=r"all workers of .* are lost; .* go on"):
            running.train(study, progress=False, report=lose_all, client=client)
    assert outcomes(study)  # what was there stays


@contextlib.contextmanager
def setting(event: threading.Event):
    try:
        yield
    finally:
        event.set()


@pytest.mark.skipif(os.name == "nt", reason="there Ctrl-C reaches the workers too")
def test_a_worker_stops_after_its_epoch_when_its_client_is_stopped(store, study):
    (plain, _) = study.definitions
    long = replace(plain, recipe=replace(plain.recipe, epochs=2000), seeds=(0,))
    study = replace(study, definitions=(long,))
    checkpoint = study.checkpoints / "plain-0.checkpoint"
    stopped = threading.Event()
    with local_cluster(1) as made:

        def stop_after_some_epochs():
            while not checkpoint.exists():
                time.sleep(0.05)
            # On a loaded machine one was lost, once; then, as anybody would, once more.
            while not stopped.is_set():
                os.kill(os.getpid(), signal.SIGINT)
                stopped.wait(20)

        threading.Thread(target=stop_after_some_epochs, daemon=True).start()
        with (
            pytest.raises(KeyboardInterrupt),
            cluster.connect(made.scheduler_address) as client,
            setting(stopped),
        ):
            running.train(study, progress=False, report=str, client=client)
        with cluster.connect(made.scheduler_address) as client:
            # The worker runs one task at a time: this one when the other has ended.
            client.submit(os.getpid, pure=False).result()
    done = checkpoints.read(checkpoint)["done"]
    assert 0 < done < 2000
    assert not outcomes(study)
    # The same command goes on there, on a cluster or here.
    went_on = []

    def first(epoch):
        went_on.append(epoch)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(long.spec, DATA(), long.recipe, (0,), eval_splits=long.eval_splits,
            checkpoint=checkpoint, after_epoch=first)  # fmt: skip
    assert went_on == [done + 1]


def test_where_no_worker_runs_it_an_epoch_never_stops():
    cluster.stop_when_unwanted(1)


def test_own_images_are_sent_to_workers_that_do_not_see_them(store):
    for kind in ("images", "masks"):
        (store / kind).mkdir()
        for place in range(10):
            mask = np.zeros((16, 16), np.uint8)
            mask[place : place + 6, 4:9] = 1
            values = mask * 180 + 20 if kind == "images" else mask
            Image.fromarray(values).save(store / kind / f"{place}.png")
    mine = own.prepare(
        store / "images", store / "masks", store=store / "mine", training=own.Training(epochs=1)
    ).study
    shutil.rmtree(store / "images")
    with local_cluster(1) as made, cluster.connect(made.scheduler_address) as client:
        only = ["baseline"]
        assert running.train(mine, only, 1, progress=False, report=str, client=client) == 1


def test_a_cluster_without_workers_is_refused():
    with (
        local_cluster(0) as made,
        pytest.raises(cluster.ClusterError, match="has no worker; start one with `dask worker"),
        cluster.connect(made.scheduler_address),
    ):
        pass


def test_a_worker_that_trains_two_at_a_time_is_refused():
    """Both would draw from one generator of random numbers."""
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as made,
        pytest.raises(cluster.ClusterError, match=r"takes 2 networks at a time.*--nthreads 1"),
        cluster.connect(made.scheduler_address),
    ):
        pass


def test_what_is_waited_for_adds_up_to_15_seconds_at_most(monkeypatch):
    """Seconds that are asked for, not those that pass: the machine may be busy with others."""
    monkeypatch.undo()
    assert cluster.CONNECT + cluster.WORKERS + cluster.ANSWER <= 15
    assert cluster.LOST + cluster.ANSWER + 2 < 30


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("", "has tarea2 of another kind, here it is"),
        ("raise ImportError('tarea2')", "has tarea2 of another kind, here it is"),
    ],
)
def test_a_worker_with_another_version_is_refused(tmp_path, module, message):
    (tmp_path / "tarea2").mkdir()
    (tmp_path / "tarea2" / "__init__.py").write_text(module)
    with local_cluster(0) as made:
        worker = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_worker", made.scheduler_address,
             "--nthreads", "1", "--no-nanny", "--no-dashboard"],
            env=os.environ | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with distributed.Client(made.scheduler_address) as client:
                client.wait_for_workers(1, timeout=60)
            with (
                pytest.raises(cluster.ClusterError, match=message),
                cluster.connect(made.scheduler_address),
            ):
                pass
        finally:
            worker.kill()
            worker.wait()


def test_a_worker_without_the_package_is_refused(monkeypatch):
    """The worker's environment is this one, so that it is asked for a package nobody has."""
    asked = cluster._ABOUT.replace("find_spec('tarea2')", "find_spec('tarea3')")
    assert asked != cluster._ABOUT
    monkeypatch.setattr(cluster, "_ABOUT", asked)
    with (
        local_cluster(1) as made,
        pytest.raises(cluster.ClusterError, match="lacks the package tarea2: install it there"),
        cluster.connect(made.scheduler_address),
    ):
        pass
