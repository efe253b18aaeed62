"""Engines compute jobs: in this process, on all cores of this machine, or on the workers of a Dask scheduler.

Replications come in the order of their jobs, and every engine gives the same ones.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from harness.core import tasks
from harness.core.errors import HarnessError, shown
from harness.planner.search.replication import Context, Replication, SimulationJob, run

Done = Callable[[], None]
"""A function to call as each job ends."""

_CONNECT_SECONDS = 10


class Engine(Protocol):
    """Computes the jobs of one context."""

    @property
    def workers(self) -> int: ...

    def map(self, jobs: Sequence[SimulationJob], done: Done = ...) -> list[Replication]: ...


def _ignored() -> None:
    return


class ThisProcess:
    """Computes one job after the other in this process."""

    workers = 1

    def __init__(self, context: Context) -> None:
        self._context = context

    def map(self, jobs: Sequence[SimulationJob], done: Done = _ignored) -> list[Replication]:
        replications = []
        for job in jobs:
            replications.append(run(self._context, job))
            done()
        return replications


class Processes:
    """Computes jobs in processes of this machine, each of which has a copy of the context."""

    def __init__(self, pool: concurrent.futures.ProcessPoolExecutor, workers: int) -> None:
        self._pool = pool
        self.workers = workers

    def map(self, jobs: Sequence[SimulationJob], done: Done = _ignored) -> list[Replication]:
        futures = [self._pool.submit(_run, job) for job in jobs]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
                done()
        except concurrent.futures.process.BrokenProcessPool:
            raise HarnessError(
                "A worker of the planner was stopped from outside, for want of memory perhaps: try fewer with --jobs."
            ) from None
        return [future.result() for future in futures]


class Dask:
    """Computes jobs on the workers of a Dask scheduler, to which the context is sent once."""

    def __init__(self, client: Any, context: Context) -> None:
        self._client = client
        self._context = client.scatter(context, broadcast=True)
        self.workers = max(1, sum(client.nthreads().values()))

    def map(self, jobs: Sequence[SimulationJob], done: Done = _ignored) -> list[Replication]:
        import distributed

        as_completed: Any = distributed.as_completed
        futures = [self._client.submit(run, self._context, job, pure=False) for job in jobs]
        try:
            for future in as_completed(futures, loop=self._client.loop):
                future.result()
                done()
        except (distributed.KilledWorker, concurrent.futures.CancelledError):
            raise HarnessError(
                "The Dask scheduler lost the workers that planned: see their logs, and give them 1 GB each."
            ) from None
        replications: list[Replication] = self._client.gather(futures)
        return replications


@contextlib.contextmanager
def processes(context: Context, workers: int | None = None) -> Iterator[Engine]:
    """Starts worker processes, by default one for each core; ends them all with the context, also after an error."""
    count = workers or os.cpu_count() or 1
    if count == 1:
        yield ThisProcess(context)
        return
    # Workers are fresh interpreters: forked ones would inherit the locks of this one's threads and numba's state.
    spawn = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(count, spawn, _begin, (context, os.getpid()))
    try:
        with _ignoring_interrupts():
            for ready in [pool.submit(int) for _ in range(count)]:
                ready.add_done_callback(lambda _: None)
        yield Processes(pool, count)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def check_address(address: str) -> None:
    """Raises HarnessError if a scheduler cannot have this address.

    distributed would raise from its client's finalizer too, after this command has ended.
    """
    try:
        url = urllib.parse.urlsplit(address)
        usable = url.scheme == "tcp" and bool(url.hostname) and bool(url.port) and not (url.path or url.query)
    except ValueError:  # a port that is not a number, or an address that cannot be one
        usable = False
    if not usable:
        raise HarnessError(f"{shown(address)} is not a scheduler's address: give --dask tcp://HOST:8786.")


@contextlib.contextmanager
def dask(context: Context, address: str) -> Iterator[Engine]:
    """Uses the workers of the scheduler at ``address`` (``tcp://HOST:8786``), which need this package too.

    address: as check_address() takes it. Raises HarnessError if Dask is not installed, nothing answers, or the
    scheduler has no worker.
    """
    try:
        import distributed
    except ImportError:
        raise HarnessError(
            "Planning on Dask takes its package: pip install 'sagemaker-harness[dask]', or leave --dask out."
        ) from None
    connect: Any = distributed.Client
    try:
        client = connect(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise HarnessError(f"No Dask scheduler answers at {address} ({type(error).__name__}).") from None
    with client:
        if not client.nthreads():
            raise HarnessError(f"The Dask scheduler at {address} has no worker: start one with `dask worker`.")
        yield Dask(client, context)


@contextlib.contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Processes started within ignore Ctrl-C from their first instruction: the parent ends its workers itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_context: Context | None = None  # of a worker process


def _begin(context: Context, parent: int) -> None:
    global _context  # noqa: PLW0603 - a worker process belongs to one context
    _context = context
    tasks.thread(lambda: _end_after(parent), "ending a worker with its parent")


def _end_after(parent: int) -> None:
    """Ends this worker once its parent is gone, since a killed parent cannot end it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run(job: SimulationJob) -> Replication:
    assert _context is not None, "a worker begins with its context"
    return run(_context, job)
