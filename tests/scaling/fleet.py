"""The instances of a variant in virtual time, scaled by the rules: load, metric, alarms, decision, instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.target import CapacityChange, NotScaled, ScalableTarget
from harness.scaling.rules.timing import visible_periods, window

STEP = 10  # seconds; load and instances change at multiples of it


@dataclass
class VirtualVariant:
    """One variant under a load.

    load: invocations per minute at a given time. provisioning, removal: seconds of an update that adds, or removes.
    trace: each change as (time, desired capacity).
    """

    target: ScalableTarget
    policy: TrackingPolicy
    load: Callable[[float], float]
    active: int = 1
    desired: int = 1
    provisioning: float = 120
    removal: float = 60
    now: float = 0
    delay: float | None = None
    ready_at: float | None = None
    series: list[float | None] = field(default_factory=list)
    trace: list[tuple[float, int]] = field(default_factory=list)
    serving: list[tuple[float, int]] = field(default_factory=list)
    refusals: list[tuple[float, str]] = field(default_factory=list)

    def run(self, until: float) -> VirtualVariant:
        period = self.policy.settings.period
        while self.now < until:
            self._measure(period)
            self.now += STEP
            if self.ready_at is not None and self.now >= self.ready_at:
                self.ready_at, self.active = None, self.desired
                self.serving.append((self.now, self.active))
                self.target.cooldowns.completed(self.now)
            if self.now % period == 0:
                self._evaluate(period)
        return self

    def _measure(self, period: int) -> None:
        # Every request adds 1 / (instances active at that moment); the period's Sum is the datapoint.
        index = int(self.now // period)
        self.series += [0.0] * (index + 1 - len(self.series))
        self.series[index] = (self.series[index] or 0.0) + self.load(self.now) * STEP / 60 / self.active

    def _evaluate(self, period: int) -> None:
        end = visible_periods(self.now, period, self.delay)
        self.policy.evaluate(self.now, window(self.series, end, self.policy.range))
        decision = self.target.decide(self.now, self.desired, updatable=self.ready_at is None)
        if isinstance(decision, NotScaled):
            self.refusals.append((self.now, decision.code))
        if isinstance(decision, CapacityChange):
            adds = decision.capacity > self.desired
            self.target.begin(self.now, self.desired, decision)
            self.desired = decision.capacity
            self.ready_at = self.now + (self.provisioning if adds else self.removal)
            self.trace.append((self.now, self.desired))


def virtual_variant(
    policy: TrackingPolicy, load: Callable[[float], float], *, minimum: int = 1, maximum: int, **settings: float
) -> VirtualVariant:
    variant = VirtualVariant(ScalableTarget(minimum, maximum, policies=[policy]), policy, load)
    for name, value in settings.items():
        setattr(variant, name, value)
    return variant
