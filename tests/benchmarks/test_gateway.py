"""What the gateway costs: the time that it adds for one caller, the time until it is up, and each process's memory.

``make bench`` runs this. It records figures and asserts no times. The model server's memory is in test_model_server.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.backend.client import connect
from harness.local_aws.daemon import STATE_VARIABLE
from tests.benchmarks.figures import Table
from tests.benchmarks.stand import REGION, Harness, harness, moto_server
from tests.benchmarks.wire import closed_loop, direct, invocation
from tests.model_server.serving import free_port
from tests.profiles import a_profile, constant

ROUNDS = 5
HANDLER = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with harness(tmp_path_factory.mktemp("harness") / "state") as running:
        yield running


@pytest.mark.parametrize("size", [200, 100_000])
def test_milliseconds_added_for_one_caller(figures: Table, local: Harness, size: int) -> None:
    name = local.endpoint(f"null-{size}", a_profile(service_times=(constant(0.0),)))
    twin, body = local.twins()[-1], b"x" * size
    added, moto_ms = [], []
    with moto_server() as moto:
        for _ in range(ROUNDS):
            ours = closed_loop([(local.url, invocation(local.url, name, body))], 200).quantile(0.5)
            alone = closed_loop([(twin, direct(twin, body))], 200).quantile(0.5)
            added.append((ours - alone) * 1e3)
            moto_ms.append(closed_loop([(moto, invocation(moto, name, body))], 30).quantile(0.5) * 1e3)
    figures.add(
        "gateway",
        f"time added to a request of {size:,} bytes, one caller, median",
        statistics.median(added),
        "ms",
        peer=f"moto's server answers with a canned body in {statistics.median(moto_ms):.1f} ms",
        short=size == 200,
    )


def test_seconds_until_a_local_aws_answers(figures: Table, tmp_path: Path) -> None:
    """`harness up` and one call, and the time that pytest reports for the fixture ``aws``. The peer is moto's server
    and one call."""
    up, fixture, moto = [], [], []
    for attempt in range(ROUNDS):
        begun = time.monotonic()
        with moto_server() as url:
            moto.append(time.monotonic() - begun + seconds_of_a_call(url))
        begun = time.monotonic()
        with up_by_command(tmp_path / str(attempt)) as url:
            up.append(time.monotonic() - begun + seconds_of_a_call(url))
        fixture.append(seconds_of_the_fixture(tmp_path))
    comparison = f"moto's server to its first answer {statistics.median(moto):.2g} s"
    figures.add(
        "gateway", "from harness up to its first answered call", statistics.median(up), "s", peer=comparison, short=True
    )
    figures.add(
        "pytest plugin", "the fixture aws, without a model", statistics.median(fixture), "s", at_most=2, peer=comparison
    )


def seconds_of_a_call(url: str) -> float:
    client = connect("sts", url, REGION, "test", "test")
    begun = time.monotonic()
    client.get_caller_identity()
    return time.monotonic() - begun


@contextlib.contextmanager
def up_by_command(state: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "harness.cli.entry"]
    environment = {**os.environ, STATE_VARIABLE: str(state)}
    subprocess.run([*command, "up", "--port", str(port)], env=environment, check=True, capture_output=True)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        subprocess.run([*command, "down", "--port", str(port)], env=environment, check=True, capture_output=True)


def seconds_of_the_fixture(folder: Path) -> float:
    (folder / "test_it.py").write_text("def test_it(aws): pass\n")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "--durations=0", "-vv", "test_it.py"]
    output = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    setup = re.search(r"([0-9.]+)s setup", output)
    assert setup, output
    return float(setup[1])


def test_memory_of_each_process(figures: Table, local: Harness) -> None:
    """Unique and resident memory of the gateway with moto in it, a Lambda environment, and the process of the twins."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = local.client("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    functions = local.client("lambda")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", HANDLER)
    functions.create_function(
        FunctionName="echo",
        Role=role,
        Runtime="python3.12",
        Handler="code.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    functions.invoke(FunctionName="echo", Payload=b"{}")
    local.endpoint("one", a_profile())
    for process in [psutil.Process(local.pid), *psutil.Process(local.pid).children(recursive=True)]:
        memory = process.memory_full_info()
        command = " ".join(process.cmdline())
        kind = "gateway" if process.pid == local.pid else "twins" if "twin.host" in command else "Lambda environment"
        figures.add(
            "memory", f"{kind}, unique set size", memory.uss / 1e6, "MB", peer=f"{memory.rss / 1e6:.0f} MB resident"
        )
