"""Scaling in the simulator: decided by the live service's code, carried out with the assumed delays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.load.schedule import Piece, Schedule
from harness.load.traffic_forms import constant
from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.tracking import TargetTrackingSettings
from harness.simulator import simulate
from harness.simulator.settings import (
    CONCURRENCY,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from harness.simulator.system import Delays, System
from tests.profiles import a_profile
from tests.profiles import constant as always
from tests.scaling.fleet import virtual_variant as reference

MINUTE = 60.0


def a_stack(**members: object) -> Settings:
    members_of_variant = {"instance_type": "ml.m5.large", "max_capacity": 8, **members}
    return Settings(variants=(VariantSettings(**members_of_variant),))  # type: ignore[arg-type]


def a_system(**members: object) -> System:
    fast = a_profile(workers=64, service_times=(always(0.005),))
    return System(**{"profiles": {"ml.m5.large": fast}, **members})  # type: ignore[arg-type]


def steps(*minutes_and_rates: tuple[float, float]) -> Schedule:
    return Schedule(tuple(Piece(minutes * MINUTE, rate, rate) for minutes, rate in minutes_and_rates))


@pytest.mark.parametrize(("low", "high", "target"), [(2.0, 70.0, 1500.0), (10.0, 50.0, 900.0), (1.0, 25.0, 200.0)])
def test_desired_capacity_changes_as_the_live_decisions_in_virtual_time(low: float, high: float, target: float) -> None:
    """The reference is the loop of tests.scaling under the same load without randomness.

    With Poisson arrivals the count of a minute differs by some per cent. The loads are chosen so that no decision
    depends on that.
    """
    rates = [(20, low), (30, high), (60, low)]
    tracking = TrackingSettings(target_value=target, scale_out_cooldown=60, scale_in_cooldown=120)
    out = simulate(a_stack(tracking=(tracking,)), a_system(), steps(*rates), seed=1)

    def load(now: float) -> float:
        return 60 * (high if 20 * MINUTE <= now < 50 * MINUTE else low)

    policy = TrackingPolicy.new("p", TargetTrackingSettings(target, 60, 120))
    live = reference(policy, load, maximum=8, provisioning=180, removal=60).run(110 * MINUTE)
    changes = [(second, capacity) for second, _, capacity in out.changes]
    assert [capacity for _, capacity in changes] == [capacity for _, capacity in live.trace]
    assert (
        max(abs(change[0] - live_change[0]) for change, live_change in zip(changes, live.trace, strict=True)) <= MINUTE
    )


def test_a_published_case_of_slow_scaling() -> None:
    """re:Post "SageMaker autoscaling delay": target 1500, 20,000 a minute: more than 5 minutes out, 25 back in."""
    tracking = TrackingSettings(target_value=1500, scale_out_cooldown=10, scale_in_cooldown=100)
    traffic = steps((30, 1.0), (30, 20_000 / 60), (60, 0.5))
    out = simulate(a_stack(tracking=(tracking,), max_capacity=20), a_system(), traffic, seed=1)
    served = out.series.in_service
    risen = int(np.argmax(served > 1))
    assert risen - 30 > 5
    assert int(np.argmax(served[60:] <= 1)) > 25


def test_instances_serve_after_provisioning_and_are_billed_until_removal() -> None:
    delays = Delays(provisioning=300.0, removal=90.0)
    tracking = TrackingSettings(target_value=600)
    out = simulate(
        a_stack(tracking=(tracking,)), a_system(delays=delays), steps((10, 2.0), (30, 40.0), (60, 2.0)), seed=1
    )
    (first, _, capacity), *_ = out.changes
    assert capacity == 4
    change, minutes = int(first // MINUTE), out.series.in_service
    assert list(minutes[change : change + 5]) == [1.0] * 5
    assert minutes[change + 5] == pytest.approx(4.0)
    # What was removed is billed until it is gone.
    assert out.instance_seconds["ml.m5.large"] > 60 * out.series.in_service.sum()


def test_an_endpoint_has_only_one_update_at_a_time() -> None:
    tracking = TrackingSettings(target_value=100, scale_out_cooldown=0)
    out = simulate(a_stack(tracking=(tracking,)), a_system(), steps((10, 1.0), (10, 6.0), (40, 12.0)), seed=1)
    gaps = np.diff([second for second, _, _ in out.changes])
    assert len(gaps) >= 1
    assert gaps.min() >= 180.0


def test_a_removed_instance_has_30_seconds_to_finish() -> None:
    slow = System({"ml.m5.large": a_profile(workers=1, service_times=(always(50.0),))}, delays=Delays(removal=60.0))
    shrink = ScheduledCapacity(second_of_day=600, min_capacity=1, max_capacity=1)
    out = simulate(
        a_stack(initial_instance_count=8, min_capacity=8, schedule=(shrink,)), slow, constant(0.05, 1200.0), seed=1
    )
    assert out.series.in_service[-1] == 1
    assert out.failures["model_error"] > 0


def test_scheduled_capacity_steps_and_concurrency_scale_too() -> None:
    up = StepSettings(threshold=600, above=True, steps=(Step(adjustment=2),), cooldown=300)
    down = StepSettings(threshold=300, above=False, periods=5, steps=(Step(adjustment=-1),), cooldown=60)
    traffic = steps((10, 2.0), (30, 30.0), (60, 2.0))
    stepped = simulate(a_stack(steps=(up, down)), a_system(), traffic, seed=1)
    assert max(capacity for _, _, capacity in stepped.changes) >= 3
    assert stepped.series.desired[-1] == 1
    daily = ScheduledCapacity(second_of_day=1200, min_capacity=5, max_capacity=8)
    scheduled = simulate(a_stack(schedule=(daily,)), a_system(), traffic, seed=1)
    assert scheduled.changes[0] == (1200.0, 0, 5)
    slow = System({"ml.m5.large": a_profile(workers=4, service_times=(always(0.2),))})
    by_concurrency = TrackingSettings(metric=CONCURRENCY, target_value=2.0)
    quick = simulate(a_stack(tracking=(by_concurrency,)), slow, traffic, seed=1)
    # Thirty seconds of ten-second datapoints, and ten seconds until they are seen.
    assert 600 + 30 <= quick.changes[0][0] <= 600 + 70


def test_seconds_at_maximum_and_beyond_what_was_measured() -> None:
    measured = a_profile(workers=64, service_times=(always(0.005),), saturation_rate=20.0)
    tracking = TrackingSettings(target_value=600)
    system = System({"ml.m5.large": measured})
    out = simulate(a_stack(tracking=(tracking,), max_capacity=2), system, constant(60.0, 3600.0), seed=1)
    assert out.at_maximum > 2400
    assert out.beyond_saturation > 3000
    enough = simulate(a_stack(tracking=(tracking,), max_capacity=8), system, constant(10.0, 3600.0), seed=1)
    assert enough.beyond_saturation == 0
    assert math.isclose(enough.seconds, 3600.0)


def test_a_fast_clock_scales_sooner_in_proportion() -> None:
    """As with `harness up --speed 10`: alarms, cooldowns and instances are ten times as fast, requests are not."""
    tracking = TrackingSettings(target_value=600)
    once = simulate(a_stack(tracking=(tracking,)), a_system(), steps((10, 2.0), (50, 40.0)), seed=1)
    # A minute of the clock is six seconds of requests, so the same value of the metric takes ten times the rate.
    sped = simulate(a_stack(tracking=(tracking,)), a_system(speed=10.0), steps((1, 20.0), (5, 400.0)), seed=1)
    assert [capacity for _, _, capacity in sped.changes] == [capacity for _, _, capacity in once.changes]
    assert sped.changes[0][0] == pytest.approx(once.changes[0][0] / 10, abs=6)
