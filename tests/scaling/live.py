"""The same scenario live, on twins behind the gateway at some speed, and in virtual time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.tracking import TargetTrackingSettings
from tests.scaling.fleet import virtual_variant
from tests.scaling.twins import members, twin_endpoint
from tests.support import Aws

MINUTE = 60
_NAP, _JITTER = 0.1, 0.02
"""Seconds of sleep after which the clock is looked at, and by which a sleep is longer on a quiet machine."""


@dataclass(frozen=True)
class Scenario:
    """A load of ``per_minute`` invocations from 0 to ``load_ends`` on 1 to ``maximum`` instances; clock seconds."""

    target: float = 5
    per_minute: float = 30
    load_ends: float = 7 * MINUTE
    lasts: float = 27 * MINUTE
    maximum: int = 3
    provisioning: float = 90
    scale_out_cooldown: int = 60
    scale_in_cooldown: int = 60

    def virtual(self) -> list[tuple[float, int]]:
        """Computes each change as (time, desired capacity)."""
        settings = TargetTrackingSettings(self.target, self.scale_out_cooldown, self.scale_in_cooldown)
        load = lambda now: self.per_minute if now < self.load_ends else 0.0  # noqa: E731
        run = virtual_variant(TrackingPolicy.new("p", settings), load, maximum=self.maximum)
        run.provisioning, run.removal = self.provisioning, 10
        return run.run(self.lasts).trace

    def live(self, aws: Aws) -> tuple[list[tuple[float, int]], float]:
        """Reads the same changes from describe_scaling_activities of a local AWS, whose clock may run fast.

        Returns them with the clock's seconds for which the machine let this process wait: it may be as late by then.
        """
        clock, speed = aws.local.clock, aws.local.options.speed
        name = twin_endpoint(aws, provisioning_seconds=self.provisioning)
        client, target = aws.client("application-autoscaling"), members(name)
        client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=self.maximum)
        client.put_scaling_policy(
            **target,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": self.target,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                "ScaleOutCooldown": self.scale_out_cooldown,
                "ScaleInCooldown": self.scale_in_cooldown,
            },
        )
        begins = (clock.now() // MINUTE + 1) * MINUTE
        time.sleep((begins - clock.now()) / speed)
        load = threading.Thread(target=self._load, args=(aws, name, begins))
        load.start()
        stalled = 0.0
        while clock.now() < begins + self.lasts:
            before = time.monotonic()
            time.sleep(_NAP)
            stalled += max(0.0, time.monotonic() - before - _NAP - _JITTER)
        load.join()
        activities = client.describe_scaling_activities(**target)["ScalingActivities"]
        changes = [
            (activity["StartTime"].timestamp() - begins, int(activity["Description"].split()[-1].rstrip(".")))
            for activity in reversed(activities)
        ]
        return changes, stalled * speed

    def _load(self, aws: Aws, name: str, begins: float) -> None:
        runtime, clock, speed = aws.client("sagemaker-runtime"), aws.local.clock, aws.local.options.speed
        interval = MINUTE / self.per_minute
        for number in range(int(self.load_ends / interval)):
            due = begins + (number + 0.5) * interval
            time.sleep(max(0.0, (due - clock.now()) / speed))
            runtime.invoke_endpoint(EndpointName=name, Body=b"{}", ContentType="application/json")


def differences(live: list[tuple[float, int]], virtual: list[tuple[float, int]]) -> list[float]:
    """Returns the seconds between the changes of two runs, which must have the same capacities."""
    assert [capacity for _, capacity in live] == [capacity for _, capacity in virtual], (live, virtual)
    return [abs(first - second) for (first, _), (second, _) in zip(live, virtual, strict=True)]
