"""What containers print, in CloudWatch Logs (SM guide, logging-cloudwatch)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.hosting.instances.base import InstanceSpec, Log
from tests.hosting.hands import Held


def streams(held: Held, name: str) -> dict[str, list[str]]:
    held.aws.run(held.aws.local.hosting.logs.flush())
    logs, group = held.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    found: dict[str, list[str]] = {}
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        events: Any = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        found[stream["logStreamName"]] = [event["message"] for event in events]
    return found


def test_each_instance_has_a_stream_of_its_own(held: Held) -> None:
    name = held.endpoint(held.config({"name": "a", "count": 2}, {"name": "b"}))
    (instance,) = held.hands.of(name, "b")
    instance.log("")
    instance.log("loaded 133 breeds")
    lines_by_stream = streams(held, name)
    assert sorted(stream.split("/")[0] for stream in lines_by_stream) == ["a", "a", "b"]
    assert all(re.fullmatch(r"[ab]/i-[0-9a-f]{17}", stream) for stream in lines_by_stream)
    assert sorted(lines_by_stream.values()) == [["started"], ["started"], ["started", "loaded 133 breeds"]]


def test_a_replacement_has_a_new_stream(held: Held) -> None:
    name = held.endpoint(held.config())
    (instance,) = held.hands.of(name)

    async def end() -> None:
        instance.ended.set()

    held.aws.run(end())
    held.until(lambda: instance.stopped)
    held.advance(1)
    held.until(lambda: len(streams(held, name)) == 2)


def test_a_kind_may_log_while_it_builds_an_instance_in_a_thread(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    build = held.hands.build

    def build_and_say(spec: InstanceSpec, log: Log) -> Any:
        log("built in a thread")
        return build(spec, log)

    monkeypatch.setattr(held.hands, "build", build_and_say)
    name = held.endpoint(held.config())
    held.until(lambda: list(streams(held, name).values()) == [["built in a thread", "started"]])
