"""The same answers whoever computes them: this process, worker processes, or a Dask scheduler's workers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import numpy as np
import psutil
import pytest

from harness.core.errors import HarnessError
from harness.planner.search import engine
from harness.planner.search.find import SearchResult, context, find
from harness.planner.search.replication import Replication, SimulationJob
from harness.simulator.outcome import SimulationOutcome
from tests.planner.search.problems import Watched, a_problem, here
from tests.planner.search.stand_in import a_system, simulate
from tests.planner.search.test_estimates import SETTINGS

PROBLEM = a_problem("constant:10/s:2h", candidates=12)
CONTEXT = context(PROBLEM, simulate)
JOBS = [SimulationJob(SETTINGS, a_system(), "screening", seed) for seed in range(8)]


def fingerprint(answers: Sequence[Replication]) -> list[tuple[float, float, int]]:
    return [
        (replication.requests, float(replication.counts @ replication.edges[:-1]), replication.peak_instances)
        for replication in answers
    ]


EXPECTED = fingerprint(engine.ThisProcess(CONTEXT).map(JOBS))


def fail(*_: object, seed: int) -> SimulationOutcome:
    raise ValueError(f"seed {seed} is no good")


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_worker_processes_answer_as_this_one_does_and_are_gone_afterwards() -> None:
    ended = []
    before = children()
    with engine.processes(CONTEXT, 2) as pool:
        assert pool.workers == 2
        answers = pool.map(JOBS, lambda: ended.append(1))
        assert children() > before
    assert fingerprint(answers) == EXPECTED
    assert len(ended) == len(JOBS)
    left = {process for process in children() - before if "spawn_main" in " ".join(psutil.Process(process).cmdline())}
    assert not left


def test_one_worker_is_this_process() -> None:
    before = children()
    with engine.processes(CONTEXT, 1) as pool:
        assert fingerprint(pool.map(JOBS)) == EXPECTED
        assert children() == before


def test_an_error_in_a_worker_is_raised_here() -> None:
    with (
        engine.processes(context(PROBLEM, fail), 2) as pool,
        pytest.raises(ValueError, match="seed 0 is no good"),
    ):
        pool.map(JOBS[:1])


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Dask's own scheduler and two worker processes, as a user starts them, on loopback."""
    from distributed.utils import open_port

    address = f"tcp://127.0.0.1:{open_port()}"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    there = ["--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"]
    own = ["--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", "/tmp"]
    processes = [
        subprocess.Popen([*dask, "scheduler", *there], **quiet),  # type: ignore[call-overload]
        subprocess.Popen([*dask, "worker", address, *own], **quiet),  # type: ignore[call-overload]
        subprocess.Popen([*dask, "worker", address, *own], **quiet),  # type: ignore[call-overload]
    ]
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with engine.dask(CONTEXT, address) as pool:
                    if pool.workers == 2:
                        break
            except HarnessError:
                pass
            assert time.monotonic() < deadline, "Dask did not come up"
            time.sleep(0.2)
        yield address
    finally:
        for process in reversed(processes):  # a worker that loses its scheduler looks for it first
            process.terminate()
            process.wait(20)


def test_a_dask_schedulers_workers_answer_as_this_process_does(scheduler: str) -> None:
    ended = []
    with engine.dask(CONTEXT, scheduler) as pool:
        answers = pool.map(JOBS, lambda: ended.append(1))
    assert fingerprint(answers) == EXPECTED
    assert len(ended) == len(JOBS)


@pytest.mark.unmeasured
def test_a_plan_is_the_same_whoever_computes_it(scheduler: str) -> None:
    def over_dask(held: object) -> object:
        return engine.dask(held, scheduler)  # type: ignore[arg-type]

    def over_processes(held: object) -> object:
        return engine.processes(held, 2)  # type: ignore[arg-type]

    results: list[SearchResult] = [
        find(PROBLEM, simulate, engines, Watched())  # type: ignore[arg-type]
        for engines in (here, over_processes, over_dask)
    ]
    assert results[0].recommended is not None
    assert results[1] == results[0]
    assert results[2] == results[0]


@pytest.mark.parametrize(
    "address",
    ["", "foo", ":", "127.0.0.1:8786", "http://x:1", "tls://x:1", "inproc://x", "tcp://x", "tcp://:1", "tcp://x:port",
     "tcp://x:99999", "tcp://x:0", "tcp://[x:1", "tcp://x:1/y"],
)  # fmt: skip
def test_an_address_that_no_scheduler_has_is_refused(address: str) -> None:
    with pytest.raises(HarnessError, match=r"is not a scheduler's address: give --dask tcp://HOST:8786\."):
        engine.check_address(address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://scheduler:8786", "tcp://[::1]:8786"])
def test_a_schedulers_address(address: str) -> None:
    engine.check_address(address)


def test_where_no_scheduler_answers_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_CONNECT_SECONDS", 0.5)
    with (
        pytest.raises(HarnessError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1"),
        engine.dask(CONTEXT, "tcp://127.0.0.1:1"),
    ):
        pass


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(HarnessError, match=r"pip install 'sagemaker-harness\[dask\]'"),
        engine.dask(CONTEXT, "tcp://x:1"),
    ):
        pass


@pytest.mark.unmeasured
def test_a_worker_that_the_kernel_ends_is_reported_with_advice() -> None:
    with (
        engine.processes(context(PROBLEM, kill_oneself), 2) as pool,
        pytest.raises(HarnessError, match="try fewer with --jobs"),
    ):
        pool.map(JOBS[:2])


def kill_oneself(*_: object, seed: int) -> SimulationOutcome:
    psutil.Process().kill()
    raise AssertionError(seed)


def test_answers_come_in_the_order_of_the_jobs() -> None:
    backwards = engine.ThisProcess(CONTEXT).map(JOBS[::-1])
    assert fingerprint(backwards)[::-1] == EXPECTED
    assert np.all(backwards[0].counts >= 0)
