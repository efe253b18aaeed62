"""A policy at work: its settings, its alarms, and what it asks for now.

Pure. An alarm in ALARM asks again at every evaluation, not only when it goes there (CloudWatch guide, alarm actions:
Auto Scaling actions are repeated), so a refused change is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.steps import StepScaling, aggregate
from harness.scaling.rules.timing import MINUTE
from harness.scaling.rules.tracking import TargetTracking


@dataclass(frozen=True, slots=True)
class Request:
    """What an alarm in ALARM makes its policy ask for. cooldown: seconds, of a change that comes of it."""

    capacity: int
    cooldown: float
    policy: str
    alarm: str


class Policy(Protocol):
    """One scaling policy. tracking: whether it scales in only together with all others that track a target."""

    tracking: ClassVar[bool]
    name: str

    def scale_out(self, capacity: int, base: int) -> Request | None:
        """More than ``base``, as AlarmHigh or a step wants it; None when nothing does."""
        ...

    def scale_in(self, capacity: int) -> Request | None:
        """Less than ``capacity`` (or the same, where less would be too little); None when nothing wants it."""
        ...

    @property
    def forbids_scale_in(self) -> bool:
        """Whether no other target tracking policy may scale in: this one is not ready to."""
        ...


@dataclass(slots=True)
class TrackingPolicy:
    """A TargetTrackingScaling policy with its two alarms; evaluate() at each of the metric's periods."""

    tracking: ClassVar[bool] = True
    name: str
    settings: TargetTracking
    high: Alarm
    low: Alarm

    @classmethod
    def new(cls, name: str, settings: TargetTracking, high: str = "AlarmHigh", low: str = "AlarmLow") -> TrackingPolicy:
        """high, low: the alarms' names."""
        return cls(name, settings, Alarm(high, settings.high_rule()), Alarm(low, settings.low_rule()))

    @property
    def range(self) -> int:
        """How many datapoints evaluate() looks at."""
        return max(self.high.rule.range, self.low.rule.range)

    def due(self, now: float) -> bool:
        """Whether the alarms are evaluated now: as each of the metric's periods ends."""
        return now % self.settings.period == 0

    def evaluate(self, now: float, datapoints: Sequence[float | None]) -> None:
        """datapoints: the metric's most recent ones, oldest first, None where one is missing."""
        self.high.evaluate(now, datapoints)
        self.low.evaluate(now, datapoints)

    def scale_out(self, capacity: int, base: int) -> Request | None:
        if self.high.state != "ALARM" or self.high.value is None:
            return None
        wanted = self.settings.needed(base, self.high.value)
        return Request(wanted, self.settings.scale_out_cooldown, self.name, self.high.name)

    def scale_in(self, capacity: int) -> Request | None:
        if self.settings.disable_scale_in or self.low.state != "ALARM" or self.low.value is None:
            return None
        wanted = self.settings.scale_in(capacity, self.low.value)
        return Request(wanted, self.settings.scale_in_cooldown, self.name, self.low.name)

    @property
    def forbids_scale_in(self) -> bool:
        return not self.settings.disable_scale_in and self.low.state != "ALARM"


@dataclass(slots=True)
class StepAlarm:
    """An alarm that the user made and whose action a step scaling policy is."""

    alarm: Alarm
    difference: float = 0.0  # aggregated metric less threshold
    aggregation: Callable[[Sequence[float]], float] = max

    def due(self, now: float) -> bool:
        """Whether the alarm is evaluated now: as each of its periods ends, of a long one every minute."""
        return now % min(self.alarm.rule.period, MINUTE) == 0

    def evaluate(self, now: float, datapoints: Sequence[float | None]) -> None:
        self.alarm.evaluate(now, datapoints)
        if self.alarm.state == "ALARM":
            # Which datapoints are aggregated is not published: those that a breach is made of are taken.
            known = [value for value in datapoints if value is not None][-self.alarm.rule.datapoints_to_alarm :]
            if known:
                self.difference = self.aggregation(known) - self.alarm.rule.threshold

    @property
    def above(self) -> bool:
        return self.alarm.rule.comparison.startswith("Greater")


@dataclass(slots=True)
class StepPolicy:
    """A StepScaling policy. alarms: any number; each is evaluated on its own metric. It keeps nobody from scaling in
    (Application Auto Scaling guide: a step policy's scale-in is not blocked by target tracking either)."""

    tracking: ClassVar[bool] = False
    name: str
    settings: StepScaling
    alarms: list[StepAlarm] = field(default_factory=list)

    def aggregation(self, values: Sequence[float]) -> float:
        """The datapoints of a breach as the policy's MetricAggregationType has them."""
        return aggregate(values, self.settings.aggregation)

    def watch(self, alarm: Alarm) -> StepAlarm:
        """Adds an alarm; the caller evaluates it."""
        added = StepAlarm(alarm, aggregation=self.aggregation)
        self.alarms.append(added)
        return added

    def scale_out(self, capacity: int, base: int) -> Request | None:
        requests = [self._request(base, one) for one in self.alarms if self._direction(capacity, one) > 0]
        return max(requests, key=by_capacity, default=None)

    def scale_in(self, capacity: int) -> Request | None:
        requests = [self._request(capacity, one) for one in self.alarms if self._direction(capacity, one) < 0]
        return max(requests, key=by_capacity, default=None)

    @property
    def forbids_scale_in(self) -> bool:
        return False

    def _direction(self, capacity: int, one: StepAlarm) -> int:
        if one.alarm.state != "ALARM":
            return 0
        return self.settings.apply(capacity, one.difference, above=one.above) - capacity

    def _request(self, base: int, one: StepAlarm) -> Request:
        wanted = self.settings.apply(base, one.difference, above=one.above)
        return Request(wanted, self.settings.cooldown, self.name, one.alarm.name)


def by_capacity(request: Request) -> tuple[int, str, str]:
    """Sorts requests; names settle a tie, so that the order in which policies are kept decides nothing."""
    return request.capacity, request.policy, request.alarm
