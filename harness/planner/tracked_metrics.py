"""The metrics that target tracking can go by: how each is named, converted and said.

A further metric is one class here, one entry of ``METRICS``, and what the simulator needs to follow it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from harness.core import figures as text
from harness.core.profile import Profile
from harness.planner.search import sizing
from harness.scaling.rules.metric_sources import VariantMetric
from harness.simulator import settings
from harness.simulator.settings import TrackingSettings


class TrackingMetric(ABC):
    """A predefined metric of a variant.

    ``policy_name`` is the name of its policy in a stack that is planned. ``unit`` follows a target value in a sentence,
    ``short_unit`` where there is little room.
    """

    name: ClassVar[VariantMetric]
    policy_name: ClassVar[str]
    unit: ClassVar[str]
    short_unit: ClassVar[str]

    @abstractmethod
    def value(self, profile: Profile, rate: float) -> float:
        """The metric's value where one instance answers ``rate`` requests a second."""

    @abstractmethod
    def target(self, profile: Profile, level: float) -> float:
        """The target value under which one instance bears ``level`` requests a second, as a person would write it."""

    @abstractmethod
    def at_speed(self, target_value: float, speed: float) -> float:
        """The target value on a clock that runs ``speed`` times as fast as requests do."""

    def meaning(self, target_value: float) -> str:
        """What a target value comes to, in other words; empty where there is nothing to add."""
        return ""

    def instances(self, profile: Profile, rate: float, target_value: float) -> int:
        """Instances that a policy holds at a steady rate, in requests a second."""
        return sizing.instances(self.value(profile, rate), target_value)


class InvocationsPerInstance(TrackingMetric):
    """Invocations a minute of each instance, on average."""

    name = settings.INVOCATIONS
    policy_name = "invocations-per-instance"
    unit = "invocations a minute per instance"
    short_unit = "a minute each"

    def value(self, profile: Profile, rate: float) -> float:
        return rate * 60

    def target(self, profile: Profile, level: float) -> float:
        return round(level * 60, 6)

    def at_speed(self, target_value: float, speed: float) -> float:
        return target_value / speed

    def meaning(self, target_value: float) -> str:
        """``11.5/s``, or ``one request every 12 s``."""
        a_second = target_value / 60
        return text.rate(a_second) if a_second >= 1 else f"one request every {text.length_of_time(1 / a_second)}"


class ConcurrentRequests(TrackingMetric):
    """Requests at one instance at once, in service and waiting, at ten-second resolution."""

    name = settings.CONCURRENCY
    policy_name = "concurrent-requests-per-model"
    unit = "concurrent requests per model"
    short_unit = "at once each"

    def value(self, profile: Profile, rate: float) -> float:
        return sizing.concurrency(profile, rate)

    def target(self, profile: Profile, level: float) -> float:
        return max(0.01, sizing.rounded(self.value(profile, level)))

    def at_speed(self, target_value: float, speed: float) -> float:
        return target_value


INVOCATIONS, CONCURRENCY = InvocationsPerInstance(), ConcurrentRequests()
METRICS: Mapping[VariantMetric, TrackingMetric] = {metric.name: metric for metric in (INVOCATIONS, CONCURRENCY)}


def metric_of(policy: TrackingSettings) -> TrackingMetric:
    return METRICS[policy.metric]
