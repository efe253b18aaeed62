"""What the simulator costs and how true it is, compared with theory, SimPy and Ciw. ``make bench`` runs this.

Times are those of one core: CPU time of the process, and wall-clock time, which is longer on a busy machine.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from harness.core.prices import Prices
from harness.load.schedule import Schedule
from harness.load.traffic import read_traffic
from harness.load.traffic_forms import constant, daily_cycle
from harness.planner.plan import Objective
from harness.planner.search import engine
from harness.planner.search.find import Problem, find
from harness.simulator import simulate
from harness.simulator.settings import FunctionSettings, Settings, TrackingSettings, VariantSettings
from harness.simulator.system import FunctionProfile, System
from tests.benchmarks.figures import Table
from tests.planner.search.problems import Watched
from tests.profiles import a_profile
from tests.profiles import constant as always
from tests.simulator.systems import ONE, QUEUES, Queue, mmc, waiting_and_refused

DAY = 86_400.0
ROUNDS = 9
MEASURED = a_profile(workers=4, service_times=(always(0.08), always(0.1, 4)), saturation_rate=40.0)
SYSTEM = System({"ml.m5.xlarge": MEASURED}, FunctionProfile(0.005, 0.4))
SCALED = Settings(
    variants=(
        VariantSettings(
            instance_type="ml.m5.xlarge",
            initial_instance_count=4,
            min_capacity=2,
            max_capacity=10,
            tracking=(TrackingSettings(target_value=1500),),
        ),
    ),
    function=FunctionSettings(),
)


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result of ``work``, its CPU seconds and its wall-clock seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    simulate(SCALED, SYSTEM, Schedule((*constant(100.0, 900.0).pieces, *constant(1.0, 3600.0).pieces)), seed=1)


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_ten_million_requests_compared_with_theory(figures: Table, queue: Queue) -> None:
    """The goal is within 1 %."""
    out, cpu, _ = timed(lambda: simulate(ONE, queue.system, constant(queue.rate, 1e7 / queue.rate), seed=1))
    waiting, refused = waiting_and_refused(out, 5)
    error = waiting / queue.waiting - 1
    print(f"\n{queue.name}: {waiting:.5f} wait, theory {queue.waiting:.5f} ({100 * error:+.2f} %), ", end="")
    print(f"refused {100 * refused:.3f} %, theory {100 * queue.refused:.3f} %; {cpu:.1f} s of CPU")
    name = f"{queue.name}, 10 million requests: difference from theory"
    figures.add("simulator", name, 100 * abs(error), "%", at_most=1, peer=queue.source)
    assert abs(error) < 0.01
    assert refused == pytest.approx(queue.refused, rel=0.01)


@pytest.mark.parametrize("shape", ["constant", "daily"])
def test_a_day_at_100_requests_a_second(figures: Table, benchmark: Any, shape: str) -> None:
    """The goal is 3 s on one core for 8.64 million requests with scaling."""
    traffic = constant(100.0, DAY) if shape == "constant" else daily_cycle(20.0, 180.0, DAY)
    runs: list[tuple[Any, float, float]] = []
    benchmark.pedantic(lambda: runs.append(timed(lambda: simulate(SCALED, SYSTEM, traffic, seed=1))), rounds=3)
    out = runs[0][0]
    cpu, wall = (sorted(run[index] for run in runs)[1] for index in (1, 2))
    print(f"\na day, {shape}: {out.requests:,} requests, {len(out.changes)} changes of capacity: ", end="")
    print(f"{cpu:.2f} s of CPU ({1e9 * cpu / out.requests:.0f} ns a request), {wall:.2f} s wall-clock; medians of 3")
    name = f"a day at 100 requests/s ({shape}), scaling, one core"
    figures.add("simulator", name, cpu, "s of CPU", at_most=3, peer=f"{wall:.1f} s wall-clock", short=shape == "daily")
    assert out.changes
    assert out.requests == pytest.approx(8_640_000, rel=0.01)


# ---- other simulators

_WORKERS, _LOAD = 4, 3.2


def by_simpy(rate: float, mean: float, requests: int, seed: int) -> float:
    """The mean wait in M/M/4, with a process for each customer."""
    import simpy

    draw = random.Random(seed)
    environment = simpy.Environment()
    servers = simpy.Resource(environment, capacity=_WORKERS)
    waits: list[float] = []

    def customer() -> Any:
        arrived = environment.now
        with servers.request() as turn:
            yield turn
            waits.append(environment.now - arrived)
            yield environment.timeout(draw.expovariate(1 / mean))

    def source() -> Any:
        for _ in range(requests):
            yield environment.timeout(draw.expovariate(rate))
            environment.process(customer())

    environment.process(source())
    environment.run()
    return sum(waits) / len(waits)


def by_ciw(rate: float, mean: float, requests: int, seed: int) -> float:
    import ciw

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=rate)],
        service_distributions=[ciw.dists.Exponential(rate=1 / mean)],
        number_of_servers=[_WORKERS],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(requests)
    records = simulation.get_all_records()
    return sum(record.waiting_time for record in records) / len(records)


def stack_by_simpy(rate: float, requests: int, seed: int) -> float:
    """The mean latency of SCALED's stack without its scaling: an execution of the function holds its place while one of
    4 instances with 4 workers each serves the request."""
    import simpy

    draw = random.Random(seed)
    environment = simpy.Environment()
    function = simpy.Resource(environment, capacity=1000)
    instances = [simpy.Resource(environment, capacity=4) for _ in range(4)]
    latencies: list[float] = []

    def request() -> Any:
        arrived = environment.now
        with function.request() as execution:
            yield execution
            yield environment.timeout(0.0025)
            instance = instances[int(draw.random() * 4)]
            with instance.request() as worker:
                yield worker
                busy = instance.count
                yield environment.timeout(0.08 + 0.02 * (busy - 1) / 3)
            yield environment.timeout(0.0025)
        latencies.append(environment.now - arrived)

    def source() -> Any:
        for _ in range(requests):
            yield environment.timeout(draw.expovariate(rate))
            environment.process(request())

    environment.process(source())
    environment.run()
    return sum(latencies) / len(latencies)


def test_speed_relative_to_simpy_and_ciw_on_the_same_system(figures: Table) -> None:
    """The goal is at least 100 times as fast as either, in the same run."""
    queue = mmc(_WORKERS, _LOAD)
    fixed = SCALED.model_copy(
        update={"variants": (VariantSettings(instance_type="ml.m5.xlarge", initial_instance_count=4),)}
    )
    few, many = 20_000, 2_000_000
    spent: dict[str, list[float]] = {}
    for seed in range(ROUNDS):
        for name, requests, work in (
            ("harness, M/M/4", many, partial(simulate, ONE, queue.system, constant(queue.rate, many / queue.rate))),
            ("SimPy, M/M/4", few, partial(by_simpy, queue.rate, 0.1, few)),
            ("Ciw, M/M/4", few, partial(by_ciw, queue.rate, 0.1, few)),
            ("harness, stack", many, partial(simulate, fixed, SYSTEM, constant(100.0, many / 100))),
            ("SimPy, stack", few, partial(stack_by_simpy, 100.0, few)),
        ):
            spent.setdefault(name, []).append(timed(partial(work, seed=seed))[1] / requests)
    for name, theirs in spent.items():
        simulator, system = name.split(", ")
        if simulator == "harness":
            continue
        own = spent[f"harness, {system}"]
        # A ratio for each round, because a shared machine's speed changes between rounds.
        ratios = sorted(their_cpu / own_cpu for their_cpu, own_cpu in zip(theirs, own, strict=True))
        figures.add(
            "simulator",
            f"speed relative to {simulator} ({system})",
            statistics.median(ratios),
            "times",
            at_least=100,
            peer=f"{ROUNDS} rounds: {ratios[0]:.0f} to {ratios[-1]:.0f}; {1e6 * statistics.median(own):.2f} us of CPU "
            f"per request, {simulator} {1e6 * statistics.median(theirs):.1f}",
            short=system == "stack",
        )


# ---- a plan

_WORKER = """
import resource, sys
from tests.benchmarks.test_simulator import SCALED, SYSTEM, daily_cycle, simulate
simulate(SCALED, SYSTEM, daily_cycle(20.0, 180.0, 86_400.0), seed=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_workers_memory(figures: Table) -> None:
    """The goal is at most 1 GB for a worker process that simulates the day."""
    done = subprocess.run([sys.executable, "-c", _WORKER], capture_output=True, text=True, check=True)
    figures.add("simulator", "memory of a worker that simulates the day", int(done.stdout), "MB resident", at_most=1000)


@pytest.mark.timeout(3600)
def test_500_candidates_on_that_day(figures: Table) -> None:
    """The goal is 5 minutes on 2 cores. Candidates are screened on windows of the day (search.windows) and raced on
    all of it."""
    problem = Problem(
        base=SCALED,
        variant="AllTraffic",
        system=SYSTEM,
        traffic=read_traffic("daily:20/s..180/s"),
        objective=Objective(p99=0.5, errors=0.001),
        prices=Prices(),
        candidates=500,
        replications=5,
    )
    watched = Watched()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result, own, wall = timed(lambda: find(problem, simulate, lambda context: engine.processes(context, 2), watched))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    steps = ", ".join(f"{title} {jobs}" for title, jobs in watched.steps)
    print(f"\n{result.explored} candidates, 2 processes: {wall:.0f} s wall-clock, {cpu:.0f} s of CPU ", end="")
    print(f"(load average {os.getloadavg()[0]:.0f}); jobs: {steps}")
    runs = sum(jobs for _, jobs in watched.steps)
    cores = f"{cpu:.0f} s of CPU; {result.explored} different candidates; {len(watched.steps)} steps, {runs} runs"
    figures.add("simulator", "500 candidates on that day, 2 processes", wall, "s", at_most=300, peer=cores, short=True)
    # Half of them are neighbours of the best so far. Some of those have been tried already.
    assert result.explored > 400
    assert result.recommended is not None
