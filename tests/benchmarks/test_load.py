"""What the load generator costs and how true it is. ``make bench`` runs this. Peers are measured in the same run.

- CPU time per request of ``EndpointUser`` and of ``Boto3User``, in locust, against a null server.
- The highest open-loop rate at which one worker's event loop and arrivals are less than 1 and 5 ms late at the 99th
  percentile.
- Percentiles against a server that stands still for 1 s in 10, compared with the closed form, a closed loop, and two
  programs if they are on the PATH: ``wrk2`` (giltene/wrk2 on GitHub; ``make`` builds it) and ``wrk`` (in Debian).
"""

from __future__ import annotations

import itertools
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.compute
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from harness.core.sigv4 import SigningCredentials, signed_headers
from harness.load.runs import Run
from harness.load.validity import Validity, judge
from tests.benchmarks.figures import Table
from tests.load.locust.locusts import ROOT, locust, only_run

ROUNDS = 3
REQUESTS = 1500
SIGNATURES = 5000
RATES = (100, 200, 400, 800, 1600, 2400, 3200, 4000, 4800)

USERS = """
import time
from harness.load.locust.boto3_user import Boto3User
from harness.load.locust.users import EndpointUser

BODY = b"x" * SIZE


def count(user):
    for number in range(REQUESTS + 100):
        if number == 100:
            cpu = time.process_time()
        user.invoke_endpoint("null", BODY, "application/json")
    print("CPU", (time.process_time() - cpu) / REQUESTS, flush=True)
    user.environment.runner.quit()


class Own(EndpointUser):
    tasks = [count]


class Sdk(Boto3User):
    tasks = [count]
"""

OPEN_LOOP = """
from locust import task
import harness.load.locust.record_runs
from harness.load.locust.open_loop import OpenLoop
from harness.load.locust.options import add_option
from harness.load.traffic_forms import constant
from harness.load.locust.users import EndpointUser

add_option("--rate", "", "requests a second")


class Steady(OpenLoop, EndpointUser):
    @classmethod
    def schedule(cls, environment):
        return constant(float(environment.parsed_options.rate), environment.parsed_options.run_time)

    @task
    def ask(self):
        self.invoke_endpoint("server", b"x" * 100, "application/json")


class Closed(EndpointUser):
    @task
    def ask(self):
        self.invoke_endpoint("server", b"x" * 100, "application/json")
"""


@contextmanager
def serving(*command: str) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.communicate()


def cpu_per_request(folder: Path, user: str, size: int, url: str) -> float:
    folder.mkdir(parents=True, exist_ok=True)
    source = USERS.replace("SIZE", str(size)).replace("REQUESTS", str(REQUESTS))
    (folder / "locustfile.py").write_text(source)
    done = locust(user, "--host", url, "-t", "60s", "--only-summary", runs=folder / "runs", cwd=folder)
    cpu = re.search(r"CPU ([\d.e-]+)", done.stdout)
    assert cpu is not None, done.stderr
    return float(cpu[1])


def test_a_signature_beside_botocores_signer(figures: Table) -> None:
    """CPU time of one thread. botocore needs a request object, which the harness does not; making it is not counted."""
    url, body, headers = "http://127.0.0.1:4566/endpoints/null/invocations", b"x" * 100, {"Host": "127.0.0.1:4566"}
    key, theirs = (
        SigningCredentials("AKIA", "secret"),
        SigV4Auth(BotocoreCredentials("AKIA", "secret"), "sagemaker", "us-east-1"),
    )
    botocore_us, own_us = [], []
    for _ in range(ROUNDS):
        aws_requests = [AWSRequest("POST", url, dict(headers), body) for _ in range(SIGNATURES)]
        begun = time.process_time()
        for request in aws_requests:
            theirs.add_auth(request)
        between = time.process_time()
        for _ in range(SIGNATURES):
            signed = signed_headers(
                key, "us-east-1", "sagemaker",
                method="POST", path="/endpoints/null/invocations", query="", headers=headers, body=body, at=time.time(),
            )  # fmt: skip
        botocore_us.append((between - begun) / SIGNATURES * 1e6)
        own_us.append((time.process_time() - between) / SIGNATURES * 1e6)
        assert set(signed) == set(aws_requests[-1].headers.keys())
    ratio = statistics.median(botocore / own for botocore, own in zip(botocore_us, own_us, strict=True))
    figures.add(
        "load",
        "CPU time of botocore's signer per request of 100 bytes, relative to the harness's own",
        ratio,
        "times",
        peer=f"botocore {statistics.median(botocore_us):.3g} us, the harness {statistics.median(own_us):.3g} us",
    )


@pytest.mark.parametrize(("size", "at_least"), [(100, 5.0), (100_000, 2.5)])
def test_cpu_per_request_beside_boto3(figures: Table, tmp_path: Path, size: int, at_least: float) -> None:
    own, sdk = [], []
    with serving("harness.load.null_server") as url:
        for number in range(ROUNDS):
            own.append(cpu_per_request(tmp_path / f"own{number}", "Own", size, url))
            sdk.append(cpu_per_request(tmp_path / f"sdk{number}", "Sdk", size, url))
    ratio = statistics.median(second / first for first, second in zip(own, sdk, strict=True))
    figures.add(
        "load",
        f"CPU time of boto3 in locust per request of {size:,} bytes, relative to EndpointUser",
        ratio,
        "times",
        at_least=at_least,
        peer=f"boto3 {statistics.median(sdk) * 1000:.2f} ms, EndpointUser {statistics.median(own) * 1000:.2f} ms",
        short=size == 100,
    )


def open_loop(folder: Path, url: str, rate: float, seconds: int) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "locustfile.py").write_text(OPEN_LOOP)
    locust(
        "Steady", "--host", url, "--rate", str(rate), "-t", f"{seconds}s", "--only-summary",
        runs=folder / "runs", cwd=folder,
    )  # fmt: skip
    return only_run(folder / "runs")


@pytest.mark.parametrize("milliseconds", [1, 5])
def test_the_highest_rate_that_one_worker_sends_on_time(
    figures: Table, offered: dict[int, Validity], milliseconds: int
) -> None:
    """Every lower rate has to be on time too. If the machine wakes a sleeping loop more than 1 ms late, as shared
    virtual cores do, no rate is within 1 ms; the lag at the lowest rate shows it."""
    on_time = itertools.takewhile(lambda item: lateness(item[1]) < milliseconds / 1000, offered.items())
    held = max((rate for rate, _ in on_time), default=0)
    lowest = min(offered)
    figures.add(
        "load",
        f"highest rate of one worker with loop lag and lateness below {milliseconds} ms at p99",
        held,
        "requests/s",
        peer=f"at {lowest} requests/s, where it mostly sleeps, {lateness(offered[lowest]) * 1000:.1f} ms",
        short=milliseconds == 5,
    )


def lateness(validity: Validity) -> float:
    assert validity.lag_p99 is not None
    assert validity.late_p99 is not None
    return max(validity.lag_p99, validity.late_p99)


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Validity]:
    """The generator's validity at each rate."""
    folder = tmp_path_factory.mktemp("offered")
    with serving("harness.load.null_server") as url:
        return {rate: judge(open_loop(folder / str(rate), url, rate, 6)) for rate in RATES}


def test_a_stall_of_1_s_in_10_shows_as_its_closed_form(figures: Table, tmp_path: Path) -> None:
    base, stall, every = 0.005, 1.0, 10.0
    quantiles = (0.5, 0.9, 0.95, 0.99, 0.999)
    with serving("tests.load.locust.known_latency", str(base), str(stall), str(every)) as url:
        run = open_loop(tmp_path / "open", url, 100, 40)
        (tmp_path / "locustfile.py").write_text(OPEN_LOOP)
        locust("Closed", "-u", "1", "--host", url, "-t", "20s", "--only-summary", runs=tmp_path / "runs", cwd=tmp_path)
        wrk, wrk2 = wrk_percentiles(url), wrk2_percentiles(url, quantiles)
    closed = only_run(tmp_path / "runs")
    # Arrivals at any moment: P(latency > base + x) = (stall - x) / every.
    form = [base + max(0.0, stall - (1 - q) * every) for q in quantiles]
    columns = {"closed form": form, "open loop": percentiles(run, quantiles)}
    if wrk2 is not None:
        columns["wrk2"] = wrk2
    columns["closed loop, locust"] = percentiles(closed, quantiles)
    for name, values in columns.items():
        shown = ", ".join(f"p{q * 100:g} {value * 1000:.1f} ms" for q, value in zip(quantiles, values, strict=True))
        print(f"\n{name}: {shown}", end="")
    print(f"\nwrk, with the omitted requests added: {wrk or 'not installed'}")
    others = [f"{name} {values[3] * 1000:.0f} ms" for name, values in columns.items() if name != "open loop"]
    figures.add(
        "load",
        "p99 of a server that stands still for 1 s in 10",
        columns["open loop"][3] * 1000,
        "ms",
        peer=", ".join(others),
        short=True,
    )
    for seen, expected in list(zip(columns["open loop"], wrk2 or form, strict=True))[2:]:
        assert seen == pytest.approx(expected, abs=0.1)
    assert columns["closed loop, locust"][3] < 0.1


def percentiles(run: Run, quantiles: tuple[float, ...]) -> list[float]:
    seconds: list[float] = pyarrow.compute.quantile(run.requests["response_s"], list(quantiles)).to_pylist()
    return seconds


def wrk2_percentiles(url: str, quantiles: tuple[float, ...]) -> list[float] | None:
    """The seconds that wrk2 measures at the same rate. It also counts from a schedule, after calibrating for 10 s."""
    program = shutil.which("wrk2")
    if program is None:
        return None
    done = subprocess.run(
        [program, "-t1", "-c10", "-d40s", "-R100", "--latency", url],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    # Value in ms, percentile, count, 1 / (1 - percentile).
    spectrum = re.findall(r"^\s+([\d.]+)\s+([\d.]+)\s+\d+\s+[\d.inf]+$", done.stdout, re.MULTILINE)
    return [next(float(value) / 1000 for value, at in spectrum if float(at) >= q) for q in quantiles]


def wrk_percentiles(url: str) -> str | None:
    """The percentiles that wrk (the Debian package ``wrk``) prints for one connection.

    It sends in a closed loop and then adds the requests that it did not send while it waited (stats_correct in its
    stats.c). The result is close to that of wrk2, which sends them.
    """
    program = shutil.which("wrk")
    if program is None:
        return None
    done = subprocess.run(
        [program, "-t1", "-c1", "-d20s", "--latency", url], capture_output=True, text=True, timeout=60, check=True
    )
    lines = re.findall(r"^\s+(\d\d)%\s+(\S+)$", done.stdout, re.MULTILINE)
    return ", ".join(f"p{q} {value}" for q, value in lines)
