"""Scaling with nothing replaced: gateway, SageMaker's fleet of twins, metrics and alarms, on a sped-up clock."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.backend.metrics import Metrics, Series
from harness.core.clock import VirtualClock
from harness.local_aws.options import LocalAwsOptions
from tests.scaling.live import Scenario, differences
from tests.support import REGION, Aws, running_aws, unique

SPEED = 60


@pytest.fixture(scope="module")
def fast() -> Iterator[Aws]:
    with running_aws(LocalAwsOptions(port=0, speed=SPEED)) as local_aws:
        yield local_aws


def test_live_and_virtual_time_make_the_same_changes_within_one_evaluation_period(fast: Aws) -> None:
    scenario = Scenario()
    (live, stalled), virtual = scenario.live(fast), scenario.virtual()
    assert [capacity for _, capacity in virtual] == [3, 2, 1]
    assert max(differences(live, virtual)) <= 60 + stalled


HANDLER = "import time\ndef handler(event, context):\n    time.sleep(event)\n"


def test_provisioned_concurrency_follows_its_utilization(fast: Aws) -> None:
    client, lambda_ = fast.client("application-autoscaling"), fast.client("lambda", read_timeout=70)
    name = unique("busy")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("f.py", HANDLER)
    lambda_.create_function(
        FunctionName=name, Role=fast.role(), Handler="f.handler", Runtime="python3.12", Timeout=30,
        Code={"ZipFile": packed.getvalue()}, Publish=True,
    )  # fmt: skip
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    target = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    # It has none, so it is brought to the minimum at once.
    client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    wait_for(lambda: provisioned(lambda_, name) == (1, 1))
    client.put_scaling_policy(
        **target, PolicyName="p", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"},
            "ScaleOutCooldown": 600,
        },
    )  # fmt: skip
    until = time.monotonic() + 30
    # Every execution uses the only environment fully. There are fewer than 10 a second: more would spill over.
    while provisioned(lambda_, name)[1] == 1:
        assert time.monotonic() < until, fast.local.scaling.snapshot()
        lambda_.invoke(FunctionName=name, Qualifier="live", Payload=b"0.2")
    wait_for(lambda: provisioned(lambda_, name) == (2, 2))
    newest, first = client.describe_scaling_activities(**target)["ScalingActivities"]
    assert first["Cause"] == "minimum capacity was set to 1"
    assert "AlarmHigh" in newest["Cause"]


def provisioned(lambda_: Any, name: str) -> tuple[int, int]:
    """Returns the allocated and the requested number."""
    config = lambda_.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    return (
        config["AllocatedProvisionedConcurrentExecutions"],
        config["RequestedProvisionedConcurrentExecutions"],
    )


def wait_for(met: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_metrics_carry_the_sped_up_time(fast: Aws) -> None:
    # So far ahead that CloudWatch would refuse it from a client with a wrong clock.
    clock, namespace = VirtualClock(time.time() + 5 * 3600), unique("Ahead")
    metrics = Metrics(fast.local.backend, clock)
    metrics.record(Series(namespace, "m", (), "Count", REGION), 3.0)
    fast.run(metrics.close())
    ahead = datetime.fromtimestamp(clock.now(), UTC)
    (datapoint,) = fast.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName="m", Period=60, Statistics=["Sum"],
        StartTime=ahead - timedelta(minutes=2), EndTime=ahead + timedelta(minutes=2),
    )["Datapoints"]  # fmt: skip
    assert datapoint["Sum"] == 3.0
