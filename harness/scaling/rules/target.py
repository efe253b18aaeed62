"""What a scalable target decides: a new capacity and the policy that asks for it, or why nothing changes.

The live service and the simulator both call this. Sources: Application Auto Scaling guide; botocore,
NotScaledReason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from harness.scaling.rules.cooldowns import Cooldowns
from harness.scaling.rules.policies import CapacityRequest, ScalingPolicy, by_capacity

NotScaledCode = Literal[
    "AutoScalingAnticipatedFlapping",
    "TargetServicePutResourceAsUnscalable",
    "AlreadyAtMaxCapacity",
    "AlreadyAtMinCapacity",
    "AlreadyAtDesiredCapacity",
]


@dataclass(frozen=True, slots=True)
class CapacityChange:
    """A new desired capacity. request: what a policy asked for, before the bounds were applied."""

    capacity: int
    request: CapacityRequest


@dataclass(frozen=True, slots=True)
class NotScaled:
    """A policy asked for a change, and nothing changes."""

    code: NotScaledCode
    request: CapacityRequest


ScalingDecision = CapacityChange | NotScaled | None


class CapacityStatus(Protocol):
    """The capacity of a resource at present.

    current: the capacity in service. desired: the capacity that was last asked for. updatable: whether the resource's
    service accepts a change now. takes_more: whether it does so even while the last change is under way, like Lambda.
    """

    @property
    def current(self) -> int: ...

    @property
    def desired(self) -> int: ...

    @property
    def updatable(self) -> bool: ...

    @property
    def takes_more(self) -> bool: ...


def fulfilled(status: CapacityStatus) -> bool:
    """Returns whether the capacity that was last asked for is in service."""
    return status.updatable and status.current == status.desired


@dataclass(slots=True)
class ScalableTarget:
    """The bounds, switches and policies of one scalable target.

    suspended_out, suspended_in: whether policies may not scale out, or in. suspended_schedule: whether scheduled
    actions do nothing. bounds_set: whether bounds were set since the capacity was last brought within them.
    """

    minimum: int
    maximum: int
    suspended_out: bool = False
    suspended_in: bool = False
    suspended_schedule: bool = False
    policies: Sequence[ScalingPolicy] = ()
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
    bounds_set: bool = field(default=True, init=False)

    def set_bounds(self, minimum: int | None, maximum: int | None) -> None:
        """Sets the bounds that are given.

        A minimum above the maximum raises the maximum, and a maximum below the minimum lowers the minimum (inferred:
        bounds that cross are never valid).
        """
        if minimum is not None:
            self.minimum, self.maximum = minimum, max(self.maximum, minimum)
        if maximum is not None:
            self.maximum, self.minimum = maximum, min(self.minimum, maximum)
        self.bounds_set = True

    def bound(self, capacity: int) -> int:
        """Returns the nearest capacity within the bounds."""
        return min(max(capacity, self.minimum), self.maximum)

    def enforce(self, status: CapacityStatus) -> int | None:
        """Returns the capacity that newly set bounds require; None if nothing has to change.

        Cooldowns do not matter, but it waits until the resource's service accepts a change.
        """
        if not self.bounds_set or not status.updatable:
            return None
        self.bounds_set = False
        capacity = self.bound(status.desired)
        return capacity if capacity != status.desired else None

    def decide_at(self, now: float, status: CapacityStatus, *, changing: bool) -> ScalingDecision:
        """Decides by the status of a resource. changing: whether no look has seen the end of the last change yet."""
        idle = status.updatable and not changing
        return self.decide(now, status.desired, updatable=idle or (status.updatable and status.takes_more))

    def decide(self, now: float, capacity: int, *, updatable: bool = True) -> ScalingDecision:
        """Decides what the alarms of the policies ask for now.

        The caller calls begin() with a change once the resource's service has accepted it. capacity: the desired
        capacity at present. updatable: False while the last change is still under way.
        The largest capacity wins. Scale-in needs the consent of every target tracking policy that may scale in (the
        guide).
        """
        base = self.cooldowns.base_for_scale_out(now, capacity)
        out_requests = [
            request for policy in self.policies if (request := policy.scale_out(capacity, base)) is not None
        ]
        if out_requests:
            return self._scale_out(capacity, max(out_requests, key=by_capacity), updatable)
        if self.suspended_in or self.cooldowns.blocks_scale_in(now):
            return None
        forbidden = any(policy.forbids_scale_in for policy in self.policies)
        in_requests = [
            request
            for policy in self.policies
            if (request := policy.scale_in(capacity)) is not None and not (forbidden and policy.tracking)
        ]
        return self._scale_in(capacity, max(in_requests, key=by_capacity), updatable) if in_requests else None

    def _scale_out(self, capacity: int, request: CapacityRequest, updatable: bool) -> ScalingDecision:
        if self.suspended_out:
            return None
        if capacity >= self.maximum:
            return NotScaled("AlreadyAtMaxCapacity", request)
        bounded = self.bound(request.capacity)
        if bounded <= capacity:
            return NotScaled("AlreadyAtDesiredCapacity", request)
        if not updatable:
            return NotScaled("TargetServicePutResourceAsUnscalable", request)
        return CapacityChange(bounded, request)

    def _scale_in(self, capacity: int, request: CapacityRequest, updatable: bool) -> ScalingDecision:
        if capacity <= self.minimum:
            return NotScaled("AlreadyAtMinCapacity", request)
        bounded = self.bound(request.capacity)
        if bounded >= capacity:
            # With one less the metric would be over its target, and the next decision would undo this one.
            return NotScaled("AutoScalingAnticipatedFlapping", request)
        if not updatable:
            return NotScaled("TargetServicePutResourceAsUnscalable", request)
        return CapacityChange(bounded, request)

    def begin(self, now: float, capacity: int, change: CapacityChange) -> None:
        """A change that was decided at ``capacity`` is under way. The caller calls cooldowns.completed() at its end."""
        if change.capacity > capacity:
            self.cooldowns.scaled_out(now, capacity, change.request.cooldown)
        else:
            self.cooldowns.scaled_in(change.request.cooldown)
