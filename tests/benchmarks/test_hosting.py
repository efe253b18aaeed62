"""InvokeEndpoint through the gateway on twins: throughput, added time, how true a twin is, and what many twins cost.

``make bench`` runs this. It records figures and asserts no times. Every figure is compared with another one of the same
run: the gateway with moto's server, a twin with its profile, a request through the gateway with one to the twin itself.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.profile import read_profile
from tests.benchmarks.figures import Table
from tests.benchmarks.stand import Harness, harness, moto_server
from tests.benchmarks.wire import closed_loop, direct, invocation, open_loop
from tests.profiles import a_profile, constant

PROFILE = Path(__file__).parents[2] / "fixtures" / "profiles" / "dog-breed-torchserve-2-cores.json"
CALLERS = 16
ROUNDS = 5
QUANTILES = (0.5, 0.95, 0.99)
DRAWS = 24_000


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with harness(tmp_path_factory.mktemp("harness") / "state") as running:
        yield running


def test_requests_per_second_at_1_kb(figures: Table, local: Harness) -> None:
    """The goal is 1,500 requests/s through one gateway process, on a twin without service time."""
    name = local.endpoint("null-1kb", a_profile(workers=64, service_times=(constant(0.0),)))
    body = b"x" * 1024
    ours: list[float] = []
    twin: list[float] = []
    peer: list[float] = []
    with moto_server() as moto:
        for _ in range(ROUNDS):
            for url, request, rates, count in (
                (local.url, invocation(local.url, name, body), ours, 250),
                (local.twins()[-1], direct(local.twins()[-1], body), twin, 250),
                (moto, invocation(moto, name, body), peer, 15),
            ):
                result = closed_loop([(url, request)] * CALLERS, count)
                assert set(result.statuses) == {200}, result.statuses
                rates.append(result.rate)
    rate, theirs = statistics.median(ours), statistics.median(peer)
    ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    figures.add(
        "hosting",
        f"InvokeEndpoint of 1 KB, {CALLERS} callers, on a twin without service time",
        rate,
        "requests/s",
        at_least=1500,
        peer=f"moto's server, a canned answer: {theirs:.0f}/s, {ratio:.0f} times fewer; the twin alone "
        f"{statistics.median(twin):,.0f}/s",
        short=True,
    )


def test_milliseconds_added_at_100_kb(figures: Table, local: Harness) -> None:
    """The goal is at most 1.5 ms added at the median."""
    name = local.endpoint("null-100kb", a_profile(service_times=(constant(0.0),)))
    body = b"x" * 100_000
    added, through = [], []
    twin = local.twins()[-1]
    with moto_server() as moto:
        for _ in range(ROUNDS):
            ours = closed_loop([(local.url, invocation(local.url, name, body))], 200).quantile(0.5)
            alone = closed_loop([(twin, direct(twin, body))], 200).quantile(0.5)
            added.append((ours - alone) * 1e3)
            through.append(ours * 1e3)
        peer = closed_loop([(moto, invocation(moto, name, body))], 60).quantile(0.5) * 1e3
    figures.add(
        "hosting",
        "time added to InvokeEndpoint of 100 KB, one caller, median",
        statistics.median(added),
        "ms",
        at_most=1.5,
        peer=f"{statistics.median(through):.2f} ms in all; moto's server, a canned answer: {peer:.1f} ms",
        short=True,
    )


def test_a_twins_distribution_beside_its_profile(figures: Table, local: Harness) -> None:
    """The goal is within 3 % at p50, p95 and p99, at each measured concurrency. The sampling error is shown with it."""
    profile = read_profile(PROFILE)
    local.endpoint("measured", profile, instances=40)
    twins = local.twins()[-40:]
    for level in profile.service_times:
        callers = [(url, direct(url, b"x" * 1024)) for url in twins for _ in range(level.concurrency)]
        # Each level has so many draws that the sampling error of p99 is well inside the goal.
        result = closed_loop(callers, DRAWS // len(callers))
        count = len(result.seconds)
        for probability in QUANTILES:
            # The profile's own quantiles at one standard error of the rank on either side.
            error = math.sqrt(probability * (1 - probability) / count)
            wanted = level.quantile(probability)
            low, high = level.quantile(probability - error), level.quantile(probability + error)
            got = result.quantile(probability)
            figures.add(
                "twin",
                f"difference from its profile at p{probability * 100:g}, {level.concurrency} in service",
                abs(got / wanted - 1) * 100,
                "%",
                at_most=3,
                peer=f"{got:.4f} s for {wanted:.4f} s; one standard error of {count} draws: "
                f"{low / wanted - 1:+.1%} to {high / wanted - 1:+.1%}",
            )


def test_20_twins_and_500_requests_per_second(figures: Table, local: Harness) -> None:
    """The goal is no error on 2 cores. Each twin has 2 workers of 20 ms, so the twins are a quarter busy."""
    name = local.endpoint("twenty", a_profile(service_times=(constant(0.02),)), instances=20)
    result = open_loop(local.url, invocation(local.url, name, b"x" * 1024), rate=500, seconds=20, connections=256)
    failed = sum(count for status, count in result.statuses.items() if status != 200)
    shown = ", ".join(f"{result.quantile(p) * 1e3:.0f}" for p in QUANTILES)
    figures.add(
        "hosting",
        "20 twins of 20 ms at 500 requests/s for 20 s: errors",
        failed,
        at_most=0,
        peer=f"{result.rate:.0f} requests/s answered; p50, p95, p99 {shown} ms",
        short=True,
    )


def test_memory_of_a_twin(figures: Table, tmp_path: Path) -> None:
    """The goal is at most 2 MB for each twin that has served. The process is a new one, which has no freed memory."""
    with harness(tmp_path / "state") as local:
        name = local.endpoint("first", a_profile())
        closed_loop([(local.url, invocation(local.url, name, b"x" * 1024))] * 8, 20)
        host, before = local.twin_host(), len(local.twins())
        alone = host.memory_full_info().uss
        name = local.endpoint("fifty", a_profile(), instances=50)
        closed_loop([(local.url, invocation(local.url, name, b"x" * 1024))] * 100, 40)
        many = host.memory_full_info().uss
    figures.add(
        "twin",
        "memory of one more twin",
        (many - alone) / 50 / 1e6,
        "MB",
        at_most=2,
        peer=f"the process with {before} of them has {alone / 1e6:.0f} MB",
    )
