"""A scalable target's decision: which capacity, because of which policy, or why none.

Pure: the live service and the simulator call the same. Sources: Application Auto Scaling guide; botocore,
NotScaledReason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from harness.scaling.rules.cooldowns import Cooldowns
from harness.scaling.rules.policies import Policy, Request, by_capacity

NotScaledCode = Literal[
    "AutoScalingAnticipatedFlapping",
    "TargetServicePutResourceAsUnscalable",
    "AlreadyAtMaxCapacity",
    "AlreadyAtMinCapacity",
    "AlreadyAtDesiredCapacity",
]


@dataclass(frozen=True, slots=True)
class Change:
    """A new desired capacity. request: what asked for it, before the bounds."""

    capacity: int
    request: Request


@dataclass(frozen=True, slots=True)
class NotScaled:
    """A policy asked, and nothing is changed."""

    code: NotScaledCode
    request: Request


Decision = Change | NotScaled | None


class Standing(Protocol):
    """Where a resource stands. current: capacity in service; desired: what was last asked for; updatable: whether it
    takes a new one now; takes_more: even while it carries out the last one, as Lambda does."""

    @property
    def current(self) -> int: ...

    @property
    def desired(self) -> int: ...

    @property
    def updatable(self) -> bool: ...

    @property
    def takes_more(self) -> bool: ...


def fulfilled(standing: Standing) -> bool:
    """Whether what was last asked for is there."""
    return standing.updatable and standing.current == standing.desired


@dataclass(slots=True)
class ScalableTarget:
    """Bounds, switches and policies of one target.

    suspended_out, suspended_in: dynamic scaling that is suspended; suspended_schedule: scheduled actions. bounds_set:
    whether they were set since the capacity was last brought within them.
    """

    minimum: int
    maximum: int
    suspended_out: bool = False
    suspended_in: bool = False
    suspended_schedule: bool = False
    policies: Sequence[Policy] = ()
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
    bounds_set: bool = field(default=True, init=False)

    def set_bounds(self, minimum: int | None, maximum: int | None) -> None:
        """Sets those that are given. A minimum above the maximum moves that along, and the other way round (inferred:
        bounds that cross are never valid)."""
        if minimum is not None:
            self.minimum, self.maximum = minimum, max(self.maximum, minimum)
        if maximum is not None:
            self.maximum, self.minimum = maximum, min(self.minimum, maximum)
        self.bounds_set = True

    def bound(self, capacity: int) -> int:
        """The nearest capacity within the bounds."""
        return min(max(capacity, self.minimum), self.maximum)

    def enforce(self, standing: Standing) -> int | None:
        """The capacity that bounds which were just set ask for, None where it lies within them. It waits, cooldowns or
        not, until the resource takes one."""
        if not self.bounds_set or not standing.updatable:
            return None
        self.bounds_set = False
        capacity = self.bound(standing.desired)
        return capacity if capacity != standing.desired else None

    def decide_at(self, now: float, standing: Standing, *, changing: bool) -> Decision:
        """As ``decide``, where a resource stands. changing: whether no look has seen the end of the last change yet."""
        idle = standing.updatable and not changing
        return self.decide(now, standing.desired, updatable=idle or (standing.updatable and standing.takes_more))

    def decide(self, now: float, capacity: int, *, updatable: bool = True) -> Decision:
        """What the policies' alarms come to now; begin() a change once the service has taken it.

        capacity: the present desired one. updatable: False while the service is still carrying out the last change.
        The largest capacity wins; scale-in needs every target tracking policy that may scale in (the guide).
        """
        base = self.cooldowns.base_for_scale_out(now, capacity)
        out = [one for one in (policy.scale_out(capacity, base) for policy in self.policies) if one is not None]
        if out:
            return self._scale_out(capacity, max(out, key=by_capacity), updatable)
        if self.suspended_in or self.cooldowns.blocks_scale_in(now):
            return None
        held = any(policy.forbids_scale_in for policy in self.policies)
        into = [
            one
            for policy in self.policies
            if (one := policy.scale_in(capacity)) is not None and not (held and policy.tracking)
        ]
        return self._scale_in(capacity, max(into, key=by_capacity), updatable) if into else None

    def _scale_out(self, capacity: int, request: Request, updatable: bool) -> Decision:
        if self.suspended_out:
            return None
        if capacity >= self.maximum:
            return NotScaled("AlreadyAtMaxCapacity", request)
        wanted = self.bound(request.capacity)
        if wanted <= capacity:
            return NotScaled("AlreadyAtDesiredCapacity", request)
        if not updatable:
            return NotScaled("TargetServicePutResourceAsUnscalable", request)
        return Change(wanted, request)

    def _scale_in(self, capacity: int, request: Request, updatable: bool) -> Decision:
        if capacity <= self.minimum:
            return NotScaled("AlreadyAtMinCapacity", request)
        wanted = self.bound(request.capacity)
        if wanted >= capacity:
            # One less would take the metric over its target, and the next decision would be the reverse.
            return NotScaled("AutoScalingAnticipatedFlapping", request)
        if not updatable:
            return NotScaled("TargetServicePutResourceAsUnscalable", request)
        return Change(wanted, request)

    def begin(self, now: float, capacity: int, change: Change) -> None:
        """A change that was decided at ``capacity`` is under way: its cooldown runs; cooldowns.completed() ends it."""
        if change.capacity > capacity:
            self.cooldowns.scaled_out(now, capacity, change.request.cooldown)
        else:
            self.cooldowns.scaled_in(change.request.cooldown)
