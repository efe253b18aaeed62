"""Measures Lambda's own part: what an execution takes without the model, a cold start, and the memory.

On this machine the function runs on a local AWS of its own, with a twin as its model that always takes the same time.
For a deployed function, CloudWatch says how long the model took. Times are in seconds.
"""

from __future__ import annotations

import base64
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness.core.errors import HarnessError
from harness.core.profile import FunctionPart, Profile, Provenance, SampleAnswer, ServiceTimes
from harness.load.answers import report_times
from harness.local_aws import daemon
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.scaling_tables import ScalingTable
from harness.stack.tables import Stack
from harness.stack.twins import on_twins

EXECUTIONS = 30
COLD_STARTS = 5
MODEL_SECONDS = 0.05
"""The seconds that the twin takes: its own scatter is small in comparison."""
_METRIC_SECONDS = 240.0
_METRIC_POLL_SECONDS = 5.0
_READ_SECONDS = 910  # Lambda runs for at most 15 minutes
_MEMORY = re.compile(r"^REPORT RequestId: .*\tMax Memory Used: (\d+) MB", re.MULTILINE)

Spend = Callable[[float | None], None]
"""To be called with None before an invocation, when it raises an error if that may not be sent; then with its
duration."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Execution:
    """What a REPORT line says. memory: MB. init: None if the environment was warm."""

    duration: float
    init: float | None
    memory: float | None


def part_of(executions: Sequence[Execution], overhead: float) -> FunctionPart | None:
    """The function's part. overhead: as in profile.FunctionPart.

    None if the overhead is negative, which means that the function does not wait for the model.
    """
    if overhead < 0:
        return None
    cold_starts = [execution.init for execution in executions if execution.init is not None]
    return FunctionPart(
        overhead=round(overhead, 6),
        cold_start=round(statistics.median(cold_starts), 6) if cold_starts else None,
        memory=max((execution.memory for execution in executions if execution.memory is not None), default=None),
    )


def measure_here(stack: Stack, answer: SampleAnswer, scratch: Path, say: Say) -> FunctionPart:
    """Measures the function on a local AWS of its own, which it then ends. scratch: an empty folder.

    Raises HarnessError if the function fails, or does not wait for the endpoint.
    """
    alone = _with_twin(stack, answer, scratch)
    name, payload = _called(alone)
    with daemon.TemporaryLocalAws(
        scratch / "local-aws", LocalAwsOptions(region=stack.region, provisioning_seconds=0)
    ) as running:
        session = administrator_session()
        say("bringing it up before a twin")
        StackDeployment(alone, session, running.url, lambda step: None).run(build=False)
        client = _client(session, running.url, stack.region)
        say(f"{COLD_STARTS} cold starts")
        cold = [_cold_start(client, alone, number, payload) for number in range(COLD_STARTS)]
        say(f"{EXECUTIONS} executions")
        warm = [execute(client, name, payload) for _ in range(EXECUTIONS)]
    overhead = statistics.median(execution.duration for execution in warm) - MODEL_SECONDS
    part = part_of([*cold, *warm], overhead)
    if part is None:
        raise HarnessError(
            f"The function {name} ended before its model could have answered, so that it does not wait for the "
            "endpoint: leave its part out with --no-function."
        )
    return part


def measure_deployed(
    session: boto3.Session, url: str | None, stack: Stack, variant: str, spend: Spend, say: Say
) -> FunctionPart | None:
    """Measures the deployed function, while nobody else uses its endpoint.

    It changes nothing, so that it sees a cold start only if the first execution is one. The endpoint's metric
    ModelLatency says how long the model took; None if the metric does not come, or counts the requests of others.
    """
    name, payload = _called(stack)
    client = _client(session, url, stack.region)
    cloudwatch = session.client("cloudwatch", region_name=stack.region, endpoint_url=url)
    begun = time.time() // 60 * 60
    say(f"{EXECUTIONS} executions")
    executions = []
    for _ in range(EXECUTIONS):
        spend(None)
        executions.append(execute(client, name, payload))
        spend(executions[-1].duration)
    say("waiting for the endpoint's ModelLatency")
    seconds = _model_seconds(cloudwatch, stack.endpoint.name, variant, begun)
    if seconds is None:
        return None
    # The metric is a mean, so that this has to be the mean of the same requests.
    return part_of(executions, statistics.fmean(execution.duration for execution in executions) - seconds)


def _with_twin(stack: Stack, answer: SampleAnswer, scratch: Path) -> Stack:
    """The stack with a twin in place of the model, with on-demand concurrency and without scaling."""
    function = stack.function
    assert function is not None
    quantiles = ServiceTimes.of(1, [MODEL_SECONDS])
    constant = Profile(
        name="constant",
        provenance=Provenance(
            measured_at=datetime.now(UTC), machine="none", method="a constant, to measure a function before it"
        ),
        workers=1,
        service_times=(quantiles,),
        load_seconds=0,
        memory=0,
        answer=answer,
    )
    on_demand = {
        "alias": None,
        "reserved_concurrent_executions": None,
        "provisioned_concurrent_executions": None,
    }
    return on_twins(stack, constant, scratch=scratch).model_copy(
        update={"function": function.model_copy(update=on_demand), "scaling": ScalingTable()}
    )


def _called(stack: Stack) -> tuple[str, bytes]:
    function = stack.function
    assert function is not None
    return function.qualified_name, stack.read_event()


def _client(session: boto3.Session, url: str | None, region: str) -> Any:
    config = Config(read_timeout=_READ_SECONDS, retries={"total_max_attempts": 1})
    return session.client("lambda", region_name=region, endpoint_url=url, config=config)


def _cold_start(client: Any, stack: Stack, number: int, payload: bytes) -> Execution:
    """An execution after a change of the environment variables, which ends the existing environments."""
    function = stack.function
    assert function is not None
    variables = {**function.environment, "HARNESS_MEASURES_COLD_START": str(number)}
    client.update_function_configuration(FunctionName=function.name, Environment={"Variables": variables})
    client.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig={"Delay": 1})
    return execute(client, function.name, payload)


def execute(client: Any, function: str, payload: bytes) -> Execution:
    """Invokes the function. Raises HarnessError if it fails, or its log has no REPORT line."""
    try:
        answer = client.invoke(FunctionName=function, Payload=payload, LogType="Tail")
    except (ClientError, BotoCoreError) as error:
        raise HarnessError(f"The function {function} cannot be measured: {error}") from None
    tail = str(answer.get("LogResult", ""))
    if answer.get("FunctionError"):
        text = answer["Payload"].read().decode("utf-8", "replace")
        raise HarnessError(
            f"The function {function} failed on the stack's event ({answer['FunctionError']}): {text[:300]}. Mend the "
            "event, or leave its part out with --no-function."
        )
    duration, init = report_times(tail)
    if duration is None:
        raise HarnessError(f"The log of {function} has no REPORT line: leave its part out with --no-function.")
    memory = _MEMORY.search(base64.b64decode(tail).decode("utf-8", "replace"))
    return Execution(duration, init, float(memory[1]) if memory else None)


def _model_seconds(cloudwatch: Any, endpoint: str, variant: str, begun: float) -> float | None:
    """The mean of ModelLatency since ``begun``, in seconds, once it counts all executions; None if it counts others
    too."""
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    for _ in _polls(_METRIC_SECONDS, _METRIC_POLL_SECONDS):
        try:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName="ModelLatency",
                Dimensions=dimensions,
                StartTime=datetime.fromtimestamp(begun, UTC),
                EndTime=datetime.fromtimestamp(begun + 23 * 3600, UTC),
                Period=60,
                Statistics=["Sum", "SampleCount"],
            )["Datapoints"]
        except (ClientError, BotoCoreError):
            return None
        count = sum(point["SampleCount"] for point in points)
        if count >= EXECUTIONS:
            total = sum(point["Sum"] for point in points)
            return float(total / count / 1e6) if count == EXECUTIONS else None
    return None


def _polls(seconds: float, every: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(every)
