"""A policy at work: its settings, its alarms, and the capacity that it asks for now.

An alarm in ALARM asks again at every evaluation, not only when it goes into ALARM (CloudWatch guide, alarm actions:
Auto Scaling actions are repeated). A change that was refused is therefore tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.steps import StepScalingSettings, aggregate
from harness.scaling.rules.timing import MINUTE
from harness.scaling.rules.tracking import TargetTrackingSettings


@dataclass(frozen=True, slots=True)
class CapacityRequest:
    """What a policy asks for because of an alarm in ALARM. cooldown: seconds of cooldown after the change."""

    capacity: int
    cooldown: float
    policy: str
    alarm: str


class ScalingPolicy(Protocol):
    """One scaling policy. tracking: whether it scales in only if all other target tracking policies agree."""

    tracking: ClassVar[bool]
    name: str

    def scale_out(self, capacity: int, base: int) -> CapacityRequest | None:
        """Returns a request for more than ``base``, by AlarmHigh or a step; None if no alarm asks for more."""
        ...

    def scale_in(self, capacity: int) -> CapacityRequest | None:
        """Returns a request for less than ``capacity``, or for the same if less would be too little; None if no alarm
        asks for less."""
        ...

    @property
    def forbids_scale_in(self) -> bool:
        """Whether this policy is not ready to scale in, so that no other target tracking policy may do so."""
        ...


@dataclass(slots=True)
class TrackingPolicy:
    """A TargetTrackingScaling policy with its two alarms. The caller calls evaluate() at the end of each period."""

    tracking: ClassVar[bool] = True
    name: str
    settings: TargetTrackingSettings
    high: Alarm
    low: Alarm

    @classmethod
    def new(
        cls, name: str, settings: TargetTrackingSettings, high: str = "AlarmHigh", low: str = "AlarmLow"
    ) -> TrackingPolicy:
        """Makes a policy. high, low: the names of its alarms."""
        return cls(name, settings, Alarm(high, settings.high_rule()), Alarm(low, settings.low_rule()))

    @property
    def range(self) -> int:
        """The number of datapoints that evaluate() looks at."""
        return max(self.high.rule.range, self.low.rule.range)

    def due(self, now: float) -> bool:
        """Returns whether the alarms are evaluated now, which is when a period of the metric ends."""
        return now % self.settings.period == 0

    def evaluate(self, now: float, datapoints: Sequence[float | None]) -> None:
        """Evaluates both alarms. datapoints: the most recent ones, the oldest first; None if one is missing."""
        self.high.evaluate(now, datapoints)
        self.low.evaluate(now, datapoints)

    def scale_out(self, capacity: int, base: int) -> CapacityRequest | None:
        if self.high.state != "ALARM" or self.high.value is None:
            return None
        needed = self.settings.needed(base, self.high.value)
        return CapacityRequest(needed, self.settings.scale_out_cooldown, self.name, self.high.name)

    def scale_in(self, capacity: int) -> CapacityRequest | None:
        if self.settings.disable_scale_in or self.low.state != "ALARM" or self.low.value is None:
            return None
        next_capacity = self.settings.scale_in(capacity, self.low.value)
        return CapacityRequest(next_capacity, self.settings.scale_in_cooldown, self.name, self.low.name)

    @property
    def forbids_scale_in(self) -> bool:
        return not self.settings.disable_scale_in and self.low.state != "ALARM"


@dataclass(slots=True)
class StepAlarm:
    """An alarm that the user made, with a step scaling policy as its action."""

    alarm: Alarm
    difference: float = 0.0  # the aggregated metric minus the threshold
    aggregation: Callable[[Sequence[float]], float] = max

    def due(self, now: float) -> bool:
        """Returns whether the alarm is evaluated now: at the end of its periods, and at least once a minute."""
        return now % min(self.alarm.rule.period, MINUTE) == 0

    def evaluate(self, now: float, datapoints: Sequence[float | None]) -> None:
        self.alarm.evaluate(now, datapoints)
        if self.alarm.state == "ALARM":
            # Which datapoints are aggregated is not published. We take those that make up the breach.
            known = [value for value in datapoints if value is not None][-self.alarm.rule.datapoints_to_alarm :]
            if known:
                self.difference = self.aggregation(known) - self.alarm.rule.threshold

    @property
    def above(self) -> bool:
        return self.alarm.rule.comparison.startswith("Greater")


@dataclass(slots=True)
class StepPolicy:
    """A StepScaling policy. alarms: any number, each evaluated on its own metric.

    It does not keep other policies from scaling in, and target tracking does not keep it from scaling in (Application
    Auto Scaling guide).
    """

    tracking: ClassVar[bool] = False
    name: str
    settings: StepScalingSettings
    alarms: list[StepAlarm] = field(default_factory=list)

    def aggregation(self, values: Sequence[float]) -> float:
        """Aggregates the datapoints of a breach by the policy's MetricAggregationType."""
        return aggregate(values, self.settings.aggregation)

    def watch(self, alarm: Alarm) -> StepAlarm:
        """Adds an alarm. The caller evaluates it."""
        step_alarm = StepAlarm(alarm, aggregation=self.aggregation)
        self.alarms.append(step_alarm)
        return step_alarm

    def scale_out(self, capacity: int, base: int) -> CapacityRequest | None:
        requests = [self._request(base, alarm) for alarm in self.alarms if self._direction(capacity, alarm) > 0]
        return max(requests, key=by_capacity, default=None)

    def scale_in(self, capacity: int) -> CapacityRequest | None:
        requests = [self._request(capacity, alarm) for alarm in self.alarms if self._direction(capacity, alarm) < 0]
        return max(requests, key=by_capacity, default=None)

    @property
    def forbids_scale_in(self) -> bool:
        return False

    def _direction(self, capacity: int, step_alarm: StepAlarm) -> int:
        if step_alarm.alarm.state != "ALARM":
            return 0
        return self.settings.apply(capacity, step_alarm.difference, above=step_alarm.above) - capacity

    def _request(self, base: int, step_alarm: StepAlarm) -> CapacityRequest:
        capacity = self.settings.apply(base, step_alarm.difference, above=step_alarm.above)
        return CapacityRequest(capacity, self.settings.cooldown, self.name, step_alarm.alarm.name)


def by_capacity(request: CapacityRequest) -> tuple[int, str, str]:
    """A sort key for requests. Names settle a tie, so that the order of the policies decides nothing."""
    return request.capacity, request.policy, request.alarm
