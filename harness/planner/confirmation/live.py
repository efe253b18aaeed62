"""Runs a stack of twins on a local AWS of its own, under a schedule that locust plays."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness.core import figures as text
from harness.core import tasks
from harness.core.environment import client_environment
from harness.core.errors import HarnessError
from harness.core.profile import Profile
from harness.hosting.rules.timeouts import CLIENT_SECONDS
from harness.load.headless import LOCUSTFILE, run_locust, target_options
from harness.load.requests import finished_rows
from harness.load.runs import Run, read_run
from harness.load.schedule import Schedule
from harness.load.schedule_file import write_schedule
from harness.load.validity import judge
from harness.local_aws import daemon
from harness.local_aws.invocation import invoke_function
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.tables import Stack

_PROBES = 30
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """The figures of a live run.

    p50, p95, p99: seconds; None if nothing was answered. errors: share of the requests; None, like throttles, if none
    was sent. mean_instances: of all variants together; None if the endpoint was not seen. overhead: seconds that the
    function takes beside the model, on the idle stack; None without a function. started: environments of the function
    that started while requests were answered. reasons: why the run is not valid; empty if it is.
    """

    requests: int
    p50: float | None
    p95: float | None
    p99: float | None
    errors: float | None
    throttles: int | None
    mean_instances: float | None
    overhead: float | None
    started: int
    reasons: tuple[str, ...]


def run_live(
    stack: Stack,
    profile: Profile,
    schedule: Schedule,
    arrivals: Sequence[float],
    speed: float,
    executions: int,
    say: Callable[[str], None],
) -> LiveFigures:
    """Brings the stack of twins up, loads it, and takes it down again; nothing is left running, also after an error.

    arrivals: seconds from the beginning of the load to each request. executions: of the function, all at once and
    before the load, to leave their environments warm.
    """
    with tempfile.TemporaryDirectory(prefix="harness-confirmation-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        payload, schedule_file = scratch / "payload.json", scratch / "schedule.json"
        payload.write_bytes(_payload(stack))
        write_schedule(schedule_file, schedule, arrivals)
        options = LocalAwsOptions(region=stack.region, speed=speed)
        with daemon.TemporaryLocalAws(scratch / "local-aws", options) as running:
            StackDeployment(stack, administrator_session(running.url), running.url, say).run(build=False)
            overhead = _overhead(stack, running.url, payload.read_bytes(), profile, executions)
            arguments = ["-f", str(LOCUSTFILE), "GivenArrivals"]
            # The run ends with its schedule; locust's --run-time only ends one that hangs.
            arguments += ["--run-time", f"{math.ceil(schedule.seconds + CLIENT_SECONDS)}s"]
            arguments += ["--schedule", str(schedule_file), "--payload", str(payload)]
            arguments += ["--via", "lambda" if stack.function else "endpoint", *target_options(stack)]
            environment = {**os.environ, **client_environment(running.url, stack.region)}
            say(f"{text.count(len(arrivals), 'request')} in {text.length_of_time(schedule.seconds)}")
            with _instances(stack, running.url) as counted:
                folder = run_locust(arguments, environment, scratch / "runs", scratch / "locust.log", schedule.seconds)
        return live_figures(read_run(folder), len(arrivals), counted, overhead)


def _payload(stack: Stack) -> bytes:
    """The function's event; a twin's answer does not depend on it."""
    function = stack.function
    return stack.path(function.event).read_bytes() if function and function.event else b"{}"


def _overhead(stack: Stack, url: str, payload: bytes, profile: Profile, executions: int) -> float | None:
    """Seconds that an invocation of a warm environment takes on this idle machine, without the twin's own time.

    It leaves ``executions`` environments warm. None for a stack without a function.
    """
    if stack.function is None:
        return None
    called = stack.function.qualified_name
    # The first invocation starts cold, and its error says what is wrong with the stack.
    answer, _, failed = invoke_function(url, stack.region, called, payload)
    if failed:
        raise HarnessError(f"{stack.function.name} answered with an error ({failed}): {answer}")
    # All threads share a client: making one takes longer than an invocation.
    config = Config(max_pool_connections=max(1, executions), retries={"total_max_attempts": 1})
    session = administrator_session(url)
    client: Any = session.client("lambda", region_name=stack.region, endpoint_url=url, config=config)

    def invoke() -> float:
        begun = time.perf_counter()
        client.invoke(FunctionName=called, Payload=payload)["Payload"].read()
        return time.perf_counter() - begun

    with ThreadPoolExecutor(max(1, executions)) as threads:
        # Each invocation holds its environment while the others start.
        warmed = [threads.submit(invoke) for _ in range(executions)]
    for invocation in warmed:
        if (error := invocation.exception()) is not None and not _throttled(error):
            raise error
    return max(0.0, statistics.median(invoke() for _ in range(_PROBES)) - profile.service_times[0].quantile(0.5))


def _throttled(error: BaseException) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "TooManyRequestsException"


@contextmanager
def _instances(stack: Stack, url: str) -> Iterator[list[int]]:
    """Counts the instances twice a second while the context lasts; yields the list of counts."""
    counts: list[int] = []
    ended = threading.Event()
    client: Any = administrator_session(url).client("sagemaker", region_name=stack.region, endpoint_url=url)

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            try:
                variants = client.describe_endpoint(EndpointName=stack.endpoint.name)["ProductionVariants"]
            except (ClientError, BotoCoreError):
                continue
            counts.append(sum(variant["CurrentInstanceCount"] for variant in variants))

    looking = tasks.thread(look, "counting instances")
    try:
        yield counts
    finally:
        ended.set()
        looking.join()


def live_figures(run: Run, arrivals: int, instances: list[int], overhead: float | None) -> LiveFigures:
    """The figures of a recorded run. arrivals: how many requests were to be sent. instances: counted during the run."""
    table = finished_rows(run)
    sent = table.num_rows
    good = table.filter(pyarrow.compute.is_null(table["error"]))["response_s"].to_numpy()
    throttled = pyarrow.compute.sum(pyarrow.compute.equal(table["status"], 429)).as_py() or 0

    def percentile(q: float) -> float | None:
        return float(np.quantile(good, q, method="higher")) if len(good) else None

    return LiveFigures(
        requests=sent,
        p50=percentile(0.50),
        p95=percentile(0.95),
        p99=percentile(0.99),
        errors=1 - len(good) / sent if sent else None,
        throttles=int(throttled) if sent else None,
        mean_instances=statistics.fmean(instances) if instances else None,
        overhead=overhead,
        started=pyarrow.compute.count(table["cold_init_s"]).as_py(),
        reasons=tuple(judge(run).reasons) if sent else (_nothing_sent(arrivals),),
    )


def _nothing_sent(arrivals: int) -> str:
    if not arrivals:
        return "Nothing was measured: no request arrives in this part of the traffic."
    return (
        f"Nothing was measured: of {text.count(arrivals, 'request')} none was finished, so the load never reached the "
        "stack of twins. Run the plan again, or with --no-confirm."
    )
