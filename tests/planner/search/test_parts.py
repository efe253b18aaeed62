"""Sizing, demand, windows and warm starts: what the search leans on before anything is simulated."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.load.schedule import Piece, Schedule
from harness.load.traffic import Traffic, read_traffic
from harness.load.traffic_forms import DAY, constant
from harness.planner.search import sizing, windows
from harness.planner.search.demand import demand
from harness.planner.search.warm_start import held, on_clock, standing, warm_started
from harness.simulator.settings import (
    CONCURRENCY,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from tests.planner.search.stand_in import LARGE, a_system
from tests.profiles import a_profile
from tests.profiles import constant as always


@pytest.mark.parametrize(("servers", "load", "waits"), [(1, 0.5, 0.5), (2, 1.0, 1 / 3), (5, 4.0, 0.5541)])
def test_erlang_c_is_the_tables(servers: int, load: float, waits: float) -> None:
    assert sizing.erlang_c(servers, load) == pytest.approx(waits, abs=1e-4)


def test_at_saturation_every_request_waits() -> None:
    assert sizing.erlang_c(2, 2.0) == 1.0
    assert sizing.saturation(a_profile(workers=2, service_times=(always(0.1),))) == pytest.approx(20.0)


def test_requests_at_once_are_rate_times_time() -> None:
    assert sizing.concurrency(LARGE, 1.0) == pytest.approx(0.1, rel=0.05)
    assert sizing.concurrency(LARGE, 18.0) > 18.0 * 0.1
    assert sizing.instances(0.0, 5.0) == 1
    assert sizing.instances(10.0, 5.0) == 2
    assert sizing.instances(10.1, 5.0) == 3


def test_demand_is_read_off_the_traffic() -> None:
    rates = demand(read_traffic("steps:5/s,20/s,5/s:3h"))
    assert (rates.first, rates.trough, rates.peak, rates.minute) == (5.0, 5.0, 20.0, 20.0)
    assert rates.mean == pytest.approx(10.0)
    assert rates.sustained == 20.0
    assert rates.hours is None
    assert rates.share(0.5).peak == 10.0


def test_a_short_peak_is_not_what_the_traffic_sustains() -> None:
    assert demand(read_traffic("spike:10/s..25/s:1d:12h:5min")).sustained == 10.0


def test_hours_of_the_day_are_known_where_days_are_said_or_seen_to_be_alike() -> None:
    hours = demand(read_traffic("daily:2/s..40/s")).hours
    assert hours is not None
    assert max(range(24), key=lambda hour: hours[hour]) in (11, 12)
    shape = Schedule((Piece(DAY / 2, 1.0, 1.0), Piece(DAY / 2, 9.0, 9.0)))
    noon = datetime(2026, 1, 1, 4, tzinfo=UTC)
    assert demand(Traffic("one recorded day", shape, noon)).hours is None
    two = demand(Traffic("two", Schedule(shape.pieces * 2), noon)).hours
    assert two is not None
    assert (two[3], two[4], two[15], two[16]) == (9.0, 1.0, 1.0, 9.0)  # by UTC, from 4 o'clock on


def test_short_traffic_is_simulated_whole() -> None:
    (window,) = windows.screened(read_traffic("constant:20/s:1h"), 1)
    assert (window.whole, window.weight, window.start) == (True, 1.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_windows_stand_for_the_whole_and_the_busiest_is_among_them(seed: int) -> None:
    traffic = read_traffic("spike:2/s..60/s:2d:20h:20min")
    chosen = windows.screened(traffic, seed)
    covered = sum(window.weight * window.traffic.seconds for window in chosen)
    assert covered == pytest.approx(traffic.schedule.seconds)
    (busiest,) = (window for window in chosen if window.traffic.peak == 60.0)
    assert busiest.weight == 1.0
    assert busiest.traffic.pieces[0].seconds >= 900  # the rise comes when the setting has run for a while
    assert len(chosen) == 1 + windows.SCREENED_STRATA
    assert sum(window.traffic.expected for window in chosen) <= windows.SCREENED_REQUESTS * 1.05
    assert not any(window.whole for window in chosen)


def test_a_day_of_very_many_requests_has_shorter_windows() -> None:
    chosen = windows.screened(read_traffic("daily:100/s..1000/s"), 1)
    assert len(chosen) == 2 + windows.SCREENED_STRATA
    assert {round(window.traffic.seconds) for window in chosen} == {900}
    assert [window.start for window in chosen] == sorted(window.start for window in chosen)


def test_the_figures_are_of_the_whole_traffic_unless_it_is_very_much() -> None:
    day = read_traffic("constant:100/s:24h")
    assert len(windows.final(day, 1)) == 1
    fortnight = windows.final(read_traffic("daily:50/s..500/s:14d"), 1)
    assert len(fortnight) == 2 + windows.FINAL_STRATA
    covered = sum(window.weight * window.traffic.seconds for window in fortnight)
    assert covered == pytest.approx(14 * DAY)
    expected = sum(window.weight * window.traffic.expected for window in fortnight)
    assert expected == pytest.approx(275 * 14 * DAY, rel=0.1)


def scaled(**members: object) -> VariantSettings:
    return VariantSettings(instance_type="ml.m5.large", max_capacity=8, **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variant", "count"),
    [
        (VariantSettings(instance_type="ml.m5.large", initial_instance_count=3), 3),
        (scaled(tracking=(TrackingSettings(target_value=600),)), 4),
        (scaled(tracking=(TrackingSettings(target_value=5),)), 8),
        (scaled(min_capacity=6, tracking=(TrackingSettings(target_value=600),)), 6),
        (scaled(tracking=(TrackingSettings(target_value=10_000, metric=CONCURRENCY),)), 1),
        (scaled(steps=(StepSettings(threshold=1000, above=True, steps=(Step(adjustment=1),)),)), 3),
    ],
)
def test_a_window_begins_with_the_instances_that_are_held_at_its_rate(variant: VariantSettings, count: int) -> None:
    assert held(variant, a_system(), 40.0) == count


def test_a_schedule_is_moved_to_the_windows_clock_and_the_last_action_is_in_force() -> None:
    actions = (
        ScheduledCapacity(second_of_day=8 * 3600, min_capacity=4, max_capacity=4),
        ScheduledCapacity(second_of_day=20 * 3600, min_capacity=1, max_capacity=2),
    )
    variant = scaled(schedule=actions)
    (moved,) = on_clock(Settings(variants=(variant,)), 9 * 3600).variants
    assert [(action.second_of_day, action.min_capacity) for action in moved.schedule] == [
        (11 * 3600, 1),
        (23 * 3600, 4),
    ]
    begun = standing(moved, a_system(), 1.0)
    assert (begun.min_capacity, begun.max_capacity, begun.initial_instance_count) == (4, 4, 4)


def test_variants_share_the_rate_by_their_weights() -> None:
    policy = (TrackingSettings(target_value=600),)
    heavy = scaled(name="heavy", initial_variant_weight=3.0, tracking=policy)
    light = scaled(name="light", initial_variant_weight=1.0, tracking=policy)
    begun = warm_started(Settings(variants=(heavy, light)), a_system(), 80.0)
    assert [variant.initial_instance_count for variant in begun.variants] == [6, 2]


def test_a_flat_traffic_has_no_trough_of_its_own() -> None:
    rates = demand(Traffic("flat", constant(3.0, 3600.0)))
    assert rates.trough == rates.peak == rates.mean == rates.first == pytest.approx(3.0)
