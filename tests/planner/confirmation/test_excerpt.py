"""Which part of a traffic is run live, and what settings and system are there where scaling runs faster."""

from __future__ import annotations

import pytest

from harness.load.traffic import bins, read_traffic
from harness.planner.confirmation.excerpt import choose
from harness.planner.confirmation.sped_up import provisioning_at, settings_at, system_at
from harness.simulator.settings import (
    CONCURRENCY,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from tests.planner.search.stand_in import a_system
from tests.profiles import a_profile

STEP = read_traffic("steps:2/s,20/s,5/s:3h")


def test_the_steepest_rise_is_in_it_after_a_quarter() -> None:
    part = choose(STEP, seconds=120, speed=10, most=1000)
    assert part.schedule.seconds == pytest.approx(120)
    rates = bins(part.schedule, 1.0)
    assert (rates[0], rates[-1]) == pytest.approx((2, 20))
    assert list(rates > 10).index(True) == pytest.approx(36, abs=1)
    assert part.share == 1


def test_a_second_of_the_wall_has_the_requests_of_a_second_and_ten_of_the_clock() -> None:
    part = choose(read_traffic("constant:5/s:2h"), seconds=120, speed=10, most=1000)
    assert part.schedule.expected == pytest.approx(5 * 120)


def test_what_the_machine_cannot_send_is_left_out_and_the_share_known() -> None:
    part = choose(STEP, seconds=120, speed=10, most=5)
    assert part.share == pytest.approx(0.25)
    assert part.schedule.peak == pytest.approx(5)


def test_short_traffic_is_taken_whole() -> None:
    part = choose(read_traffic("spike:5/s..20/s:10min"), seconds=120, speed=10, most=1000)
    assert (part.start, part.schedule.seconds) == (0, pytest.approx(60))


def sped_up(variant: VariantSettings, *, most: float = 1000) -> VariantSettings:
    part = choose(STEP, seconds=120, speed=10, most=most)
    return settings_at(Settings(variants=(variant,)), a_system(), part, 10).variants[0]


def test_a_target_in_invocations_a_minute_is_a_tenth_at_ten_times_the_speed() -> None:
    tracking = (TrackingSettings(target_value=600), TrackingSettings(metric=CONCURRENCY, target_value=4))
    variant = sped_up(VariantSettings(instance_type="ml.m5.large", max_capacity=4, tracking=tracking))
    assert [policy.target_value for policy in variant.tracking] == [60, 4]
    assert variant.tracking[0].scale_out_cooldown == 300  # of the clock, which is sped up itself


def test_so_are_thresholds_and_steps() -> None:
    policy = StepSettings(threshold=500, above=True, steps=(Step(adjustment=1), Step(bound=100, adjustment=2)))
    (steps,) = sped_up(VariantSettings(instance_type="ml.m5.large", max_capacity=4, steps=(policy,))).steps
    assert (steps.threshold, [step.bound for step in steps.steps]) == (50, [0, 10])


def test_a_share_of_the_requests_meets_as_large_a_share_of_the_instances() -> None:
    tracking = (TrackingSettings(target_value=600),)
    variant = sped_up(VariantSettings(instance_type="ml.m5.large", max_capacity=8, tracking=tracking), most=5)
    assert (variant.min_capacity, variant.max_capacity) == (1, 2)


def test_a_schedule_stays_as_it_is_at_the_beginning() -> None:
    actions = (
        ScheduledCapacity(second_of_day=0, min_capacity=2, max_capacity=3),
        ScheduledCapacity(second_of_day=12 * 3600, min_capacity=6, max_capacity=9),
    )
    variant = sped_up(VariantSettings(instance_type="ml.m5.large", schedule=actions))
    assert (variant.min_capacity, variant.max_capacity, variant.schedule) == (2, 3, ())


def test_callers_of_a_live_run_never_repeat() -> None:
    system = system_at(a_system(), 10, 0)
    assert (system.speed, system.client.retries, system.client.timeout) == (10, 0, 70)


def test_a_twin_serves_at_the_ping_after_it_has_loaded() -> None:
    """A ping every 0.2 s of the wall is one every two of the clock."""
    assert provisioning_at(a_profile(load_seconds=12.5), 180, 10) == pytest.approx(180 - 14)
    assert provisioning_at(a_profile(load_seconds=300.0), 180, 10) == 0
