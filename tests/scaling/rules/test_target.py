"""What a scalable target decides: cooldowns, bounds, several policies, switches. Each row names its fact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from harness.scaling.rules.alarms import Alarm, AlarmRule, AlarmState
from harness.scaling.rules.cooldowns import Cooldowns
from harness.scaling.rules.policies import ScalingPolicy, StepPolicy, TrackingPolicy
from harness.scaling.rules.steps import StepAdjustment, StepScalingSettings
from harness.scaling.rules.target import CapacityChange, NotScaled, ScalableTarget, fulfilled
from harness.scaling.rules.tracking import TargetTrackingSettings


def tracking(
    value: float, high: AlarmState = "OK", low: AlarmState = "OK", *, name: str = "tracking", **settings: Any
) -> TrackingPolicy:
    """A policy with target 10 whose alarms are in these states with this value."""
    policy = TrackingPolicy.new(name, TargetTrackingSettings(10, **settings))
    policy.high.state, policy.low.state = high, low
    policy.high.value = policy.low.value = value
    return policy


def above(value: float, **settings: Any) -> TrackingPolicy:
    return tracking(value, high="ALARM", **settings)


def below(value: float, **settings: Any) -> TrackingPolicy:
    return tracking(value, low="ALARM", **settings)


def steps(change: int, *, name: str = "steps", state: AlarmState = "ALARM", cooldown: float = 300) -> StepPolicy:
    adjustment = StepAdjustment(change, 0, None) if change > 0 else StepAdjustment(change, None, 0)
    policy = StepPolicy(name, StepScalingSettings("ChangeInCapacity", (adjustment,), cooldown=cooldown))
    comparison = "GreaterThanThreshold" if change > 0 else "LessThanThreshold"
    watched = policy.watch(Alarm(f"{name}-alarm", AlarmRule(50, comparison, 1, 1)))  # type: ignore[arg-type]
    if state == "ALARM":
        watched.evaluate(0, [60.0 if change > 0 else 40.0])
    return policy


def target(*policies: ScalingPolicy, minimum: int = 1, maximum: int = 10, **switches: Any) -> ScalableTarget:
    return ScalableTarget(minimum, maximum, policies=policies, **switches)


def decided(scalable: ScalableTarget, capacity: int, now: float = 0.0, *, updatable: bool = True) -> int | str | None:
    decision = scalable.decide(now, capacity, updatable=updatable)
    if isinstance(decision, CapacityChange):
        scalable.begin(now, capacity, decision)
        return decision.capacity
    return decision.code if isinstance(decision, NotScaled) else None


@pytest.mark.parametrize(
    ("fact", "policies", "capacity", "expected"),
    [
        ("no alarm, no change", [tracking(10)], 3, None),
        ("insufficient data, no change", [tracking(0, "INSUFFICIENT_DATA", "INSUFFICIENT_DATA")], 3, None),
        ("scale-out in proportion", [above(25)], 2, 5),
        ("never over the maximum", [above(1000)], 2, 10),
        ("at the maximum already", [above(25)], 10, "AlreadyAtMaxCapacity"),
        ("above the maximum, set there by hand", [above(25)], 12, "AlreadyAtMaxCapacity"),
        ("scale-in by one of few", [below(1)], 5, 4),
        ("never under the minimum", [below(0)], 2, 1),
        ("at the minimum already", [below(0)], 1, "AlreadyAtMinCapacity"),
        ("one less would be over the target", [below(8.9)], 2, "AutoScalingAnticipatedFlapping"),
        ("the largest of several", [above(15), above(35, name="b")], 2, 7),
        ("out if any policy asks for it", [below(1), above(15, name="b")], 2, 3),
        ("in only if all policies ask for it", [below(1), tracking(9.5, name="b")], 4, None),
        (
            "in if all policies ask for it, to the largest",
            [below(1), below(8, name="b")],
            4,
            "AutoScalingAnticipatedFlapping",
        ),
        ("missing data holds scale-in back", [below(1), tracking(0, low="INSUFFICIENT_DATA", name="b")], 4, None),
        (
            "a policy that never scales in does not hold it back",
            [below(1), tracking(9, name="b", disable_scale_in=True)],
            4,
            3,
        ),
        ("DisableScaleIn", [below(1, disable_scale_in=True)], 4, None),
        ("target tracking does not hold a step's scale-in back", [steps(-2), tracking(9.5, name="b")], 5, 3),
        ("a step and target tracking: the largest", [steps(4), above(15)], 4, 8),
        ("a step policy without alarm holds nothing back", [below(1), steps(-2, state="OK")], 4, 3),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_decisions(fact: str, policies: Sequence[ScalingPolicy], capacity: int, expected: int | str | None) -> None:
    assert decided(target(*policies), capacity) == expected, fact
    assert decided(target(*reversed(policies)), capacity) == expected, fact


@pytest.mark.parametrize(
    ("switches", "policy", "expected"),
    [
        ({"suspended_out": True}, above(25), None),
        ({"suspended_out": True}, below(1), 3),
        ({"suspended_in": True}, below(1), None),
        ({"suspended_in": True}, above(25), 10),
        ({"suspended_schedule": True}, above(25), 10),
    ],
)
def test_suspended_scaling(switches: dict[str, bool], policy: ScalingPolicy, expected: int | None) -> None:
    # botocore, SuspendedState: each direction by itself.
    assert decided(target(policy, **switches), 4) == expected


@dataclass(frozen=True)
class Status:
    current: int
    desired: int
    updatable: bool = True
    takes_more: bool = False


@pytest.mark.parametrize(
    ("status", "there"),
    [(Status(2, 2), True), (Status(1, 2), False), (Status(2, 2, updatable=False), False)],
)
def test_a_change_is_over_when_its_capacity_is_in_service(status: Status, there: bool) -> None:
    assert fulfilled(status) is there


def test_new_bounds_are_enforced_once_and_wait_for_the_service() -> None:
    scalable = target(minimum=2, maximum=4)
    assert scalable.enforce(Status(1, 1, updatable=False)) is None
    assert scalable.enforce(Status(1, 1)) == 2
    assert scalable.enforce(Status(1, 1)) is None
    scalable.set_bounds(None, 3)
    assert scalable.enforce(Status(4, 4)) == 3
    scalable.set_bounds(1, None)
    assert scalable.enforce(Status(3, 3)) is None


@pytest.mark.parametrize(
    ("status", "changing", "scales"),
    [
        (Status(2, 2), False, True),
        (Status(2, 2), True, False),
        (Status(1, 2, takes_more=True), True, True),
        (Status(1, 2, updatable=False), False, False),
    ],
)
def test_a_change_waits_for_the_last_one_unless_the_service_accepts_more(
    status: Status, changing: bool, scales: bool
) -> None:
    assert isinstance(target(above(25)).decide_at(0, status, changing=changing), CapacityChange) is scales


@pytest.mark.parametrize("policy", [above(25), below(1)])
def test_an_endpoint_that_is_updating_cannot_be_updated_again(policy: ScalingPolicy) -> None:
    scalable = target(policy)
    assert decided(scalable, 4, updatable=False) == "TargetServicePutResourceAsUnscalable"
    assert isinstance(scalable.decide(60, 4), CapacityChange)  # tried again: nothing was begun by the refusal


class TestScaleOutCooldown:
    def test_capacity_just_added_counts_toward_the_next_decision(self) -> None:
        policy = above(30)
        scalable = target(policy)
        assert decided(scalable, 1, now=0) == 3
        assert decided(scalable, 3, now=60) == "AlreadyAtDesiredCapacity"  # one instance at 30 needs 3: they are coming

    def test_a_larger_scale_out_is_not_held_back(self) -> None:
        policy = above(30)
        scalable = target(policy)
        decided(scalable, 1, now=0)
        policy.high.value = 50
        assert decided(scalable, 3, now=60) == 5

    def test_after_it_decisions_start_from_the_present_capacity(self) -> None:
        scalable = target(above(30))
        decided(scalable, 1, now=0)
        assert decided(scalable, 3, now=299) == "AlreadyAtDesiredCapacity"
        assert decided(scalable, 3, now=300) == 9

    def test_a_step_of_3_during_the_cooldown_of_2_adds_1(self) -> None:
        # botocore, StepScalingPolicyConfiguration (Cooldown).
        small, large = steps(2, name="small"), steps(3, name="large", state="OK")
        scalable = target(small, large, maximum=20)
        assert decided(scalable, 10, now=0) == 12
        large.alarms[0].evaluate(60, [70.0])
        assert decided(scalable, 12, now=60) == 13
        assert decided(scalable, 13, now=120) == "AlreadyAtDesiredCapacity"

    def test_it_does_not_hold_scale_in_back(self) -> None:
        policy = above(30)
        scalable = target(policy)
        decided(scalable, 1, now=0)
        scalable.policies = [below(1)]
        assert decided(scalable, 3, now=60) == 2

    def test_a_cooldown_of_zero_holds_nothing_back(self) -> None:
        scalable = target(above(30, scale_out_cooldown=0))
        assert [decided(scalable, 1, now=0), decided(scalable, 3, now=0)] == [3, 9]


class TestScaleInCooldown:
    def test_it_holds_scale_in_back_from_the_completion_on(self) -> None:
        # botocore: "after a scale-in activity completes before another scale-in activity can start".
        scalable = target(below(1, scale_in_cooldown=100))
        assert decided(scalable, 5, now=0) == 4
        assert decided(scalable, 4, now=1000) is None
        scalable.cooldowns.completed(1000)
        assert decided(scalable, 4, now=1099) is None
        assert decided(scalable, 4, now=1100) == 3

    def test_a_scale_out_acts_at_once_and_cancels_it(self) -> None:
        scalable = target(below(1))
        decided(scalable, 5, now=0)
        scalable.cooldowns.completed(10)
        scalable.policies = [above(20)]
        assert decided(scalable, 4, now=20) == 8
        scalable.policies = [below(1)]
        assert decided(scalable, 8, now=30) == 7

    def test_a_long_one_delays_removing_instances_not_adding_them(self) -> None:
        # Write-up E reads its 300 s the other way round.
        scalable = target(below(1, scale_in_cooldown=300))
        decided(scalable, 3, now=0)
        scalable.cooldowns.completed(0)
        scalable.policies = [above(20, scale_out_cooldown=30)]
        assert decided(scalable, 2, now=1) == 4


def test_no_cooldown_runs_at_first() -> None:
    cooldowns = Cooldowns()
    assert not cooldowns.blocks_scale_in(0.0)
    assert cooldowns.base_for_scale_out(0.0, 3) == 3
