"""A scalable target in virtual time: what a look at it does, by the rules that the live service follows.

harness.scaling.controller is the same around services that answer later and may refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.scaling.rules.alarms import Alarm, AlarmRule
from harness.scaling.rules.metric_sources import ALIAS_METRICS, VARIANT_METRICS, Predefined
from harness.scaling.rules.policies import StepAlarm, StepPolicy, TrackingPolicy
from harness.scaling.rules.settings import LAMBDA_COOLDOWN, step_settings
from harness.scaling.rules.target import Change, NotScaled, ScalableTarget, Standing, fulfilled
from harness.scaling.rules.timing import LOOK_SECONDS, MINUTE, visible_periods, window
from harness.scaling.rules.tracking import TargetTracking
from harness.simulator.settings import ProvisionedScaling, ScheduledCapacity, StepSettings, TrackingSettings
from harness.stack.scaling_tables import StepEntry, StepTable

DAY = 86_400

Datapoints = list[float | None]


class Resource(Standing, Protocol):
    """What is scaled."""

    def set_capacity(self, now: float, capacity: int) -> None: ...


@dataclass(slots=True)
class Watched:
    """A policy's alarms with the metric that they watch: its datapoints from second 0 on."""

    alarms: TrackingPolicy | StepAlarm
    datapoints: Datapoints
    period: int
    range: int

    def evaluate(self, now: float, delay: float | None) -> bool:
        """Whether they were due."""
        if not self.alarms.due(now):
            return False
        self.alarms.evaluate(now, window(self.datapoints, visible_periods(now, self.period, delay), self.range))
        return True

    def states(self) -> tuple[bool, bool]:
        """Whether an alarm that asks for more, and one that asks for less, is in ALARM."""
        if isinstance(self.alarms, TrackingPolicy):
            return self.alarms.high.state == "ALARM", self.alarms.low.state == "ALARM"
        ringing = self.alarms.alarm.state == "ALARM"
        return ringing and self.alarms.above, ringing and not self.alarms.above


@dataclass(slots=True)
class _Daily:
    action: ScheduledCapacity
    due: float


@dataclass(slots=True)
class Scaled:
    """One scalable target. delay: of its metrics, None for what harness.scaling.rules.timing says.

    activity: whether a change is under way that no look has seen the end of. asks_for_more: whether its policies want
    more than its maximum.
    """

    target: ScalableTarget
    resource: Resource
    watched: Sequence[Watched]
    schedule: Sequence[_Daily] = ()
    delay: float | None = None
    activity: bool = False
    asks_for_more: bool = field(default=False, init=False)

    def look(self, now: float) -> None:
        """Everything that is due: the end of a change, scheduled actions, alarms, a decision."""
        resource = self.resource
        if self.activity and fulfilled(resource):
            self.activity = False
            self.target.cooldowns.completed(now)
        self._run_schedule(now)
        capacity = self.target.enforce(resource)
        if capacity is not None:
            self._set(now, capacity)
        # Each is evaluated, whatever the one before it says.
        due = [watched.evaluate(now, self.delay) for watched in self.watched]
        if any(due):
            self._scale(now)

    @property
    def every(self) -> int:
        """Seconds from one look to the next at which something can be due."""
        busy = self.activity or self.target.bounds_set or any(watched.period < MINUTE for watched in self.watched)
        return LOOK_SECONDS if busy else MINUTE

    def _run_schedule(self, now: float) -> None:
        for daily in self.schedule:
            if daily.due <= now:
                daily.due += DAY
                self.target.set_bounds(daily.action.min_capacity, daily.action.max_capacity)

    def _scale(self, now: float) -> None:
        resource = self.resource
        decision = self.target.decide_at(now, resource, changing=self.activity)
        self.asks_for_more = decision is not None and decision.request.capacity > self.target.maximum
        if isinstance(decision, NotScaled):
            self.asks_for_more = self.asks_for_more and decision.code == "AlreadyAtMaxCapacity"
        elif isinstance(decision, Change):
            before = resource.desired
            self._set(now, decision.capacity)
            self.target.begin(now, before, decision)

    def _set(self, now: float, capacity: int) -> None:
        self.activity = True
        self.resource.set_capacity(now, capacity)


def daily(actions: Sequence[ScheduledCapacity]) -> list[_Daily]:
    """Scheduled actions, the first time on the first day."""
    return [_Daily(one, one.second_of_day) for one in actions]


def tracking(settings: TrackingSettings, name: str) -> TrackingPolicy:
    """A target tracking policy on a variant's metric."""
    return _tracking(
        name,
        VARIANT_METRICS[settings.metric],
        settings.target_value,
        settings.scale_out_cooldown,
        settings.scale_in_cooldown,
        settings.disable_scale_in,
    )


def provisioned_tracking(settings: ProvisionedScaling) -> TrackingPolicy:
    """The target tracking policy on the utilization of provisioned concurrency."""
    metric = ALIAS_METRICS["LambdaProvisionedConcurrencyUtilization"]
    return _tracking("provisioned", metric, settings.target_value, LAMBDA_COOLDOWN, LAMBDA_COOLDOWN, False)


def _tracking(
    name: str, metric: Predefined, target: float, out: float, into: float, disable_scale_in: bool
) -> TrackingPolicy:
    return TrackingPolicy.new(
        name,
        TargetTracking(target, out, into, disable_scale_in, metric.period, metric.datapoints),
    )


def stepping(settings: StepSettings, name: str) -> tuple[StepPolicy, StepAlarm]:
    """A step policy with the alarm that calls it, as a stack file's table becomes them."""
    entries = [StepEntry(bound=step.bound, adjustment=step.adjustment) for step in settings.steps]
    table = StepTable(
        threshold=settings.threshold,
        above=settings.above,
        evaluation_periods=settings.periods,
        steps=entries,
    )
    policy = StepPolicy(name, step_settings({**table.configuration(), "Cooldown": settings.cooldown}))
    comparison = table.alarm("", "")["ComparisonOperator"]
    rule = AlarmRule(settings.threshold, comparison, settings.periods, settings.periods, MINUTE)
    return policy, policy.watch(Alarm(name, rule))
