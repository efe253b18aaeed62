"""Scalable targets in virtual time: what a look at one does, by the rules that the live service follows.

harness.scaling.controller does the same for services that answer later and may refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.scaling.rules.alarms import Alarm, AlarmRule
from harness.scaling.rules.configurations import LAMBDA_COOLDOWN, step_settings
from harness.scaling.rules.metric_sources import ALIAS_METRICS, UTILIZATION_METRIC, VARIANT_METRICS, PredefinedMetric
from harness.scaling.rules.policies import StepAlarm, StepPolicy, TrackingPolicy
from harness.scaling.rules.target import CapacityChange, CapacityStatus, NotScaled, ScalableTarget, fulfilled
from harness.scaling.rules.timing import LOOK_SECONDS, MINUTE, visible_periods, window
from harness.scaling.rules.tracking import TargetTrackingSettings
from harness.simulator.settings import ProvisionedScaling, ScheduledCapacity, StepSettings, TrackingSettings
from harness.stack.scaling_tables import StepEntry, StepTable

DAY = 86_400

Datapoints = list[float | None]


class SimulatedResource(CapacityStatus, Protocol):
    """A resource whose capacity is scaled."""

    def set_capacity(self, now: float, capacity: int) -> None: ...


@dataclass(slots=True)
class WatchedMetric:
    """A metric with the alarms of a policy that watch it. datapoints: one for each period since second 0."""

    alarms: TrackingPolicy | StepAlarm
    datapoints: Datapoints
    period: int
    range: int

    def evaluate(self, now: float, delay: float | None) -> bool:
        """Evaluates the alarms if they are due, and returns whether they were."""
        if not self.alarms.due(now):
            return False
        self.alarms.evaluate(now, window(self.datapoints, visible_periods(now, self.period, delay), self.range))
        return True

    def alarm_states(self) -> tuple[bool, bool]:
        """Returns whether an alarm that asks for more, and whether one that asks for less, is in ALARM."""
        if isinstance(self.alarms, TrackingPolicy):
            return self.alarms.high.state == "ALARM", self.alarms.low.state == "ALARM"
        in_alarm = self.alarms.alarm.state == "ALARM"
        return in_alarm and self.alarms.above, in_alarm and not self.alarms.above


@dataclass(slots=True)
class _DailyAction:
    action: ScheduledCapacity
    due: float


@dataclass(slots=True)
class SimulatedTarget:
    """One scalable target.

    delay: seconds until a datapoint can be seen; None for harness.scaling.rules.timing's. changing: whether a change
    is under way whose end no look has seen yet. asks_for_more: whether the policies want more than the maximum.
    """

    target: ScalableTarget
    resource: SimulatedResource
    metrics: Sequence[WatchedMetric]
    schedule: Sequence[_DailyAction] = ()
    delay: float | None = None
    changing: bool = False
    asks_for_more: bool = field(default=False, init=False)

    def look(self, now: float) -> None:
        """Does everything that is due: notes the end of a change, runs scheduled actions, evaluates alarms, decides."""
        resource = self.resource
        if self.changing and fulfilled(resource):
            self.changing = False
            self.target.cooldowns.completed(now)
        self._run_schedule(now)
        capacity = self.target.enforce(resource)
        if capacity is not None:
            self._set(now, capacity)
        # A list, not a generator: every metric's alarms are evaluated, even after one that was due.
        evaluated = [metric.evaluate(now, self.delay) for metric in self.metrics]
        if any(evaluated):
            self._scale(now)

    @property
    def look_interval(self) -> int:
        """Seconds until the next look at which something can be due."""
        busy = self.changing or self.target.bounds_set or any(metric.period < MINUTE for metric in self.metrics)
        return LOOK_SECONDS if busy else MINUTE

    def _run_schedule(self, now: float) -> None:
        for daily in self.schedule:
            if daily.due <= now:
                daily.due += DAY
                self.target.set_bounds(daily.action.min_capacity, daily.action.max_capacity)

    def _scale(self, now: float) -> None:
        resource = self.resource
        decision = self.target.decide_at(now, resource, changing=self.changing)
        self.asks_for_more = decision is not None and decision.request.capacity > self.target.maximum
        if isinstance(decision, NotScaled):
            self.asks_for_more = self.asks_for_more and decision.code == "AlreadyAtMaxCapacity"
        elif isinstance(decision, CapacityChange):
            before = resource.desired
            self._set(now, decision.capacity)
            self.target.begin(now, before, decision)

    def _set(self, now: float, capacity: int) -> None:
        self.changing = True
        self.resource.set_capacity(now, capacity)


def daily_actions(actions: Sequence[ScheduledCapacity]) -> list[_DailyAction]:
    """Returns scheduled actions that are due for the first time on the first day."""
    return [_DailyAction(action, action.second_of_day) for action in actions]


def tracking_policy(settings: TrackingSettings, name: str) -> TrackingPolicy:
    """Makes a target tracking policy on a variant's metric."""
    return _tracking_policy(
        name,
        VARIANT_METRICS[settings.metric],
        settings.target_value,
        settings.scale_out_cooldown,
        settings.scale_in_cooldown,
        settings.disable_scale_in,
    )


def provisioned_tracking_policy(settings: ProvisionedScaling) -> TrackingPolicy:
    """Makes the target tracking policy on the utilization of provisioned concurrency."""
    metric = ALIAS_METRICS[UTILIZATION_METRIC]
    return _tracking_policy("provisioned", metric, settings.target_value, LAMBDA_COOLDOWN, LAMBDA_COOLDOWN, False)


def _tracking_policy(
    name: str,
    metric: PredefinedMetric,
    target: float,
    scale_out_cooldown: float,
    scale_in_cooldown: float,
    disable_scale_in: bool,
) -> TrackingPolicy:
    settings = TargetTrackingSettings(
        target, scale_out_cooldown, scale_in_cooldown, disable_scale_in, metric.period, metric.datapoints
    )
    return TrackingPolicy.new(name, settings)


def step_policy(settings: StepSettings, name: str) -> tuple[StepPolicy, StepAlarm]:
    """Makes a step policy and the alarm that triggers it, in the way in which a stack file's table becomes them."""
    table = StepTable(
        threshold=settings.threshold,
        above=settings.above,
        evaluation_periods=settings.periods,
        steps=[StepEntry(bound=step.bound, adjustment=step.adjustment) for step in settings.steps],
    )
    policy = StepPolicy(name, step_settings({**table.configuration(), "Cooldown": settings.cooldown}))
    comparison = table.alarm("", "")["ComparisonOperator"]
    rule = AlarmRule(settings.threshold, comparison, settings.periods, settings.periods, MINUTE)
    return policy, policy.watch(Alarm(name, rule))
