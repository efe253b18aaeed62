"""What `harness watch` draws."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from harness.local_aws.client import LocalAwsClient
from harness.local_aws.watch import picture, sparkline
from tests.support import Aws

NAME = "TargetTracking-endpoint/e/variant/v-AlarmHigh-0"


def document(**target: Any) -> dict[str, Any]:
    alarm = {"name": NAME, "state": "ALARM", "threshold": 5.0, "since": 940.0}
    policy = {
        "name": "p",
        "metric": "InvocationsPerInstance",
        "target": 5.0,
        "value": 32.5,
        "recent": [0.0, 5.0, None, 32.5],
        "alarms": [alarm],
    }
    activity = {
        "time": 990.0,
        "description": "Setting desired instance count to 4.",
        "cause": f"monitor alarm {NAME} in state ALARM triggered policy p",
        "status": "InProgress",
        "reason": None,
    }
    default_target = {
        "namespace": "sagemaker",
        "resource": "endpoint/e/variant/v",
        "minimum": 1,
        "maximum": 4,
        "current": 2,
        "desired": 4,
        "updatable": False,
        "cooldown_out": 250.0,
        "cooldown_in": 0.0,
        "policies": [policy],
        "activities": [activity],
    }
    function = {"name": "dog-breed", "running": 3, "reserved": 5, "requested": 2, "allocated": 1}
    return {"now": 1000.0, "targets": [{**default_target, **target}], "functions": [function]}


def drawn(scaling: dict[str, Any]) -> str:
    output = io.StringIO()
    Console(file=output, width=140).print(picture(scaling))
    return output.getvalue()


def test_instances_metric_alarms_cooldowns_and_concurrency_are_drawn() -> None:
    text = drawn(document())
    for part in (
        "00:16:40 UTC",
        "endpoint/e/variant/v",
        "●●○○ 2 running, 4 desired, 1 to 4  updating",
        "InvocationsPerInstance  32.5 of 5",
        "ALARM  High 5, for 60 s",
        "out 4 min, in 0 s",
        "00:16:30",
        "Setting desired instance count to 4. InProgress  monitor alarm AlarmHigh in state ALARM triggered policy p",
        "dog-breed",
        "1 of 2",
    ):
        assert part in text


def test_a_missing_resource_or_cooldown_is_said() -> None:
    assert "the resource is not there" in drawn(document(current=None, desired=None))
    assert "No scalable target is registered" in drawn({"now": 0.0, "targets": []})
    assert "in after this change" in drawn(document(cooldown_in=None))


def test_half_a_bar_is_the_target() -> None:
    assert sparkline([0.0, 5.0, None, 10.0, 1000.0], 5.0) == "▁▄ ██"


def test_what_a_harness_says_of_its_targets_is_drawn(aws: Aws) -> None:
    scaling = LocalAwsClient(aws.url).scaling()
    assert scaling.keys() == {"now", "targets", "functions"}
    assert drawn(scaling)
