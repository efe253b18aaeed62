"""What Lambda costs here: warm and cold invocations through boto3, fifty environments at once, and growth.

``make bench`` runs this. In the benchmark of growth the backend is a process of its own, so that the logs and metrics
that moto keeps do not count as growth of the harness.
"""

from __future__ import annotations

import gc
import json
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from harness.backend.client import connect
from harness.local_aws.options import LocalAwsOptions
from tests.benchmarks.figures import Table
from tests.benchmarks.stand import REGION, Harness, harness, moto_server
from tests.functions.conftest import zipped
from tests.support import Aws, running_aws, unique

WARM_SECONDS = 0.005
PROCESSES = 5
COLD_SECONDS = 0.150
ENVIRONMENTS = 50
INVOCATIONS = 10_000
GROWTH_BYTES = 3_000_000  # of resident memory over INVOCATIONS; 300 bytes for each would show
# The version of this Python. Newer runtimes poll from a thread, on AWS too, which takes half a millisecond more.
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
PID = "import os, time\ndef handler(event, context):\n    time.sleep(event or 0)\n    return os.getpid()"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A local AWS in its own process, as `harness up` starts it."""
    with harness(tmp_path_factory.mktemp("harness") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def role(local: Harness) -> str:
    return role_in(local.client("iam"))


def role_in(iam: Any) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


def create(url: str, role: str, source: str = PID) -> tuple[Any, str]:
    client, name = connect("lambda", url, REGION, "test", "test"), unique("bench")
    client.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": zipped(source)},
        Timeout=60,
    )
    return client, name


def invoke(client: Any, name: str, event: Any = None) -> Any:
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


def test_a_warm_invocation_through_boto3(figures: Table, tmp_path: Path) -> None:
    """The goal is 5 ms. Several local AWSs are measured, because a virtual core can run at half its speed for the whole
    life of one of them.

    More than half of the time is boto3's own work. For comparison the same call goes to moto's server, which answers
    without running anything.
    """
    ours: list[float] = []
    peer: list[float] = []
    with moto_server() as moto:
        simple = json.dumps({"lambda": {"use_docker": False}}).encode()
        urllib.request.urlopen(f"{moto}/moto-api/config", simple).close()
        canned, answered = create(moto, role_in(connect("iam", moto, REGION, "test", "test")))
        for number in range(PROCESSES):
            with harness(tmp_path / str(number)) as local:
                client, name = create(local.url, role_in(local.client("iam")))
                ours.append(median_seconds(partial(invoke, client, name)))
            peer.append(median_seconds(partial(read, canned, answered)))
    figures.add(
        "Lambda",
        "a warm invocation through boto3, median",
        statistics.median(ours) * 1000,
        "ms",
        at_most=WARM_SECONDS * 1000,
        peer=f"medians of {PROCESSES} local AWSs: {milliseconds(ours)}; moto's server, which runs nothing, "
        f"in between: {milliseconds(peer)}",
        short=True,
    )


def read(client: Any, name: str) -> Any:
    return client.invoke(FunctionName=name)["Payload"].read()


def median_seconds(call: Callable[[], Any], warmup: int = 20, rounds: int = 200) -> float:
    for _ in range(warmup):
        call()
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def milliseconds(seconds: list[float]) -> str:
    return ", ".join(f"{value * 1000:.1f}" for value in sorted(seconds)) + " ms"


def test_a_cold_start_of_a_handler_that_imports_nothing(
    figures: Table, benchmark: BenchmarkFixture, local: Harness, role: str
) -> None:
    client, name = create(local.url, role, "def handler(event, context): return event")
    invoke(client, name)

    def retire() -> None:
        client.update_function_configuration(FunctionName=name, Description=unique("new"))

    benchmark.pedantic(invoke, args=(client, name), setup=retire, rounds=20)
    figures.add(
        "Lambda",
        "a cold start of a handler that imports nothing, median",
        benchmark.stats["median"] * 1000,
        "ms",
        at_most=COLD_SECONDS * 1000,
        short=True,
    )


def test_fifty_environments_at_once(figures: Table, local: Harness, role: str) -> None:
    client, name = create(local.url, role)
    started = time.monotonic()
    with ThreadPoolExecutor(ENVIRONMENTS) as threads:
        pids = set(threads.map(lambda _: invoke(client, name, 8), range(ENVIRONMENTS)))
    assert len(pids) == ENVIRONMENTS
    proportional = sorted(psutil.Process(pid).memory_full_info().pss for pid in pids)[ENVIRONMENTS // 2]
    resident = sorted(psutil.Process(pid).memory_info().rss for pid in pids)[ENVIRONMENTS // 2]
    figures.add("Lambda", f"{ENVIRONMENTS} cold starts at once with 8 s of work each", time.monotonic() - started, "s")
    figures.add(
        "Lambda",
        "memory of an idle environment, proportional set size",
        proportional / 1e6,
        "MB",
        peer=f"{resident / 1e6:.1f} MB resident",
    )
    client.delete_function(FunctionName=name)


@pytest.fixture
def apart() -> Iterator[Aws]:
    """A local AWS whose backend is another process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    moto = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with running_aws(LocalAwsOptions(port=0, backend_url=f"http://127.0.0.1:{port}")) as aws:
            yield aws
    finally:
        moto.terminate()
        moto.wait()


@pytest.mark.timeout(1_800)  # for twenty thousand invocations
def test_ten_thousand_invocations_leave_nothing_behind(figures: Table, apart: Aws) -> None:
    client, name = create(apart.url, apart.role())
    me = psutil.Process()

    def state() -> tuple[int, int, int]:
        gc.collect()
        return me.memory_info().rss, me.num_fds(), len(me.children(recursive=True))

    def run(times: int) -> None:
        for _ in range(times):
            invoke(client, name)

    run(INVOCATIONS)  # fills the buffers that keep metrics for a minute and log lines for a second
    before = state()
    started = time.monotonic()
    run(INVOCATIONS)
    seconds = time.monotonic() - started
    after = state()
    figures.add(
        "Lambda",
        f"memory growth over {INVOCATIONS:,} invocations",
        (after[0] - before[0]) / 1e6,
        "MB",
        at_most=GROWTH_BYTES / 1e6,
        peer=f"in {seconds:.0f} s; descriptors {before[1]}, then {after[1]}; processes {before[2]}, then {after[2]}",
    )
    assert after[0] - before[0] < GROWTH_BYTES
    assert after[1] <= before[1] + 2  # connections to the backend come and go
    assert after[2] == before[2]
