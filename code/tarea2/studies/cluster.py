"""Training on a Dask cluster: everything is checked before it is sent, and a loss is said.

Tasks go to the workers and never run here, however few these are. A worker that dies costs
nothing but time: its task goes to another one, which goes on from the last checkpoint where both
see the same disk.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from tarea2 import paths
from tarea2.datasets import Dataset

CONNECT, WORKERS, ANSWER, LOST = 4, 4, 6, 15  # seconds that are waited at most
# Asked of every worker: light, so that a busy one answers, and sent as text, so that one without
# the package answers too.
_START = "dask worker --nthreads 1"
_ABOUT = (
    "{'tarea2': __import__('tarea2.paths', fromlist=['paths']).digest_of_package(),"
    " 'torch': __import__('importlib.metadata').metadata.version('torch').split('+')[0]}"
    " if __import__('importlib.util').util.find_spec('tarea2') else 'no package'"
)


class ClusterError(ValueError):
    """A cluster that cannot train, or does so no longer; the message says what to do."""


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address, with workers that can train.

    Raises
    ------
    ClusterError, within 15 s: Dask is not installed, no scheduler answers, there is no worker, or
        one without the package, or with another version of it.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "Dask is not installed; run `pip install dask distributed` in this environment"
        ) from None
    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address} ({error})") from None
    with client:
        check(client)
        yield client


def check(client: Any) -> None:
    """Refuse a cluster without workers, or whose workers share a process or lack this package."""
    address = client.scheduler.address
    try:
        client.wait_for_workers(1, timeout=WORKERS)
    except (TimeoutError, Late):
        raise ClusterError(
            f"the cluster at {address} has no worker; start one with `{_START} {address}`, in "
            "an environment with this package"
        ) from None
    for worker, threads in client.nthreads().items():
        if threads > 1:  # they would draw from one generator of random numbers
            raise ClusterError(
                f"the worker {worker} takes {threads} networks at a time, and seeds hold for one; "
                f"start it with `{_START} {address}`, with --nworkers for more of them"
            )
    mine = {"tarea2": paths.digest_of_package(), "torch": torch.__version__.split("+")[0]}
    for worker, found in _ask(client, _ABOUT).items():
        if found == "no package":
            raise ClusterError(
                f"the worker {worker} lacks the package tarea2: install it there, in the version "
                "that is here"
            )
        theirs = found if isinstance(found, dict) else {}
        for what, value in mine.items():
            if theirs.get(what) != value:
                raise ClusterError(
                    f"the worker {worker} has {what} {theirs.get(what, 'of another kind')}, here "
                    f"it is {value}: install the same there"
                )


def _ask(client: Any, expression: str) -> dict[str, Any]:
    """The value of an expression on every worker; an error of a worker counts as its value."""
    pool = ThreadPoolExecutor(1)
    asked = pool.submit(client.run, eval, expression, on_error="return")
    try:
        return asked.result(timeout=ANSWER)
    except Late:
        raise ClusterError(
            f"workers of {client.scheduler.address} do not answer within {ANSWER} s; restart them"
        ) from None
    finally:
        pool.shutdown(wait=False)


class Unwanted(Exception):
    """A task whose client was stopped, or is gone: nobody waits for its result."""


def stop_when_unwanted(epoch: int) -> None:
    """Called on a worker after each epoch: raise :class:`Unwanted` once the task is cancelled.

    Dask takes back what has not begun, and lets go on what has. Elsewhere this does nothing.
    """
    if "distributed.worker" not in sys.modules:
        return
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # no worker runs this
        return
    task = worker.state.tasks.get(worker.get_current_task())
    if task is None or task.state == "cancelled":
        raise Unwanted(f"stopped after epoch {epoch}: its client is gone")


class Sent:
    """Stands for a function that reads data, on a machine that need not see the files."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __call__(self) -> Dataset:
        return self.dataset


def _with_data(dataset: Dataset, function: Callable[..., Any], call: tuple) -> Any:
    """On the worker: a task whose data came along."""
    study, definition, *others = call
    return function(study, replace(definition, data=Sent(dataset)), *others)


def train(
    client: Any,
    function: Callable[..., Any],
    calls: Sequence[tuple],
    sent: Sequence[Callable[[], Dataset]] = (),
) -> Iterator[Any]:
    """Call a function on the workers and give its results as they come, in any order.

    Parameters
    ----------
    calls: arguments; the second one is a definition.
    sent: for each call, the function whose data are sent along, because files of this machine
        are needed; none where workers make or fetch the data themselves.

    Raises
    ------
    ClusterError: all workers were lost for :data:`LOST` seconds, or the scheduler was.
    """
    from distributed import KilledWorker, wait

    waiting: dict[Any, tuple] = {}
    scattered: dict[Callable, Any] = {}
    for index, call in enumerate(calls):
        if sent:
            source = sent[index]
            if source not in scattered:
                scattered[source] = client.scatter(source(), broadcast=True, hash=False)
            # The definition must not carry the function that reads files of this machine.
            light = (call[0], replace(call[1], data=None), *call[2:])
            future = client.submit(_with_data, scattered[source], function, light, pure=False)
        else:
            future = client.submit(function, *call, pure=False)
        waiting[future] = call
    total, alive = len(waiting), time.monotonic()
    while waiting:
        try:
            done = wait(list(waiting), timeout=2, return_when="FIRST_COMPLETED").done
        except (TimeoutError, Late):
            done = set()
        # A result that is lost with its worker is computed again, and waited for.
        done = {future for future in done if future.status != "lost"}
        if not done:
            if _workers(client):
                alive = time.monotonic()
            elif time.monotonic() - alive > LOST:
                raise ClusterError(
                    f"all workers of {client.scheduler.address} are lost; "
                    f"{total - len(waiting)} of {total} tasks are done and stored: start workers "
                    "and run the same command again to go on"
                )
            continue
        for future in done:
            call = waiting[future]
            if future.status == "cancelled":
                raise ClusterError(
                    "the scheduler of the cluster is lost; what was finished is stored: start it "
                    "again and run the same command to go on"
                )
            try:
                result = future.result(timeout=2)
            except (TimeoutError, Late):
                break  # its worker may just have gone
            except KilledWorker:
                raise ClusterError(
                    f"{call[1].name}: every worker that trained it died, perhaps for want of "
                    "memory; what was finished is stored: start larger workers and run the same "
                    "command again"
                ) from None
            del waiting[future]
            yield result
            future.release()


def _workers(client: Any) -> int:
    """How many workers there are now; none where the scheduler does not tell."""
    pool = ThreadPoolExecutor(1)
    try:
        return len(pool.submit(client.ncores).result(timeout=ANSWER))
    except (OSError, Late, ValueError):
        return 0
    finally:
        pool.shutdown(wait=False)
