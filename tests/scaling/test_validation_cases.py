"""Published observations of real endpoints, replayed in virtual time with the settings that they state."""

from __future__ import annotations

import itertools

import pytest

from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.tracking import HIGH_RESOLUTION, TargetTrackingSettings
from tests.scaling.fleet import VirtualVariant, virtual_variant

MINUTE = 60


class TestCase1:
    """re:Post "SageMaker autoscaling delay": target 1500, scale-out cooldown 10 s, scale-in 100 s, 20,000 invocations
    a minute: more than 5 minutes to the scale-out, more than 25 minutes to scale back in after the load stops."""

    LOAD_ENDS = 40 * MINUTE

    def replay(self, starts: float = 0.0) -> VirtualVariant:
        settings = TargetTrackingSettings(1500, scale_out_cooldown=10, scale_in_cooldown=100)
        load = lambda now: 20_000.0 if starts <= now < self.LOAD_ENDS else 0.0  # noqa: E731
        return virtual_variant(TrackingPolicy.new("p", settings), load, maximum=14).run(3 * 60 * MINUTE)

    @pytest.mark.parametrize("starts", [0.0, 10.0, 30.0, 50.0])
    def test_more_than_5_minutes_to_the_scale_out(self, starts: float) -> None:
        # Wherever in its minute the load begins: 3 datapoints, their delay, and the instances' provisioning.
        served, _ = self.replay(starts).serving[0]
        assert 5 * MINUTE < served - starts <= 8 * MINUTE

    def test_the_scale_out_goes_straight_to_what_the_load_needs(self) -> None:
        # ceil(20000 / 1500) = 14.
        assert self.replay().trace[0] == (5 * MINUTE, 14)

    def test_more_than_25_minutes_to_scale_back_in(self) -> None:
        run = self.replay()
        first = next(time for time, desired in run.trace if desired < 14)
        assert 15 * MINUTE < first - self.LOAD_ENDS < 20 * MINUTE
        assert run.active == 1
        assert run.serving[-1][0] - self.LOAD_ENDS > 25 * MINUTE

    def test_every_scale_in_waits_for_the_last_and_its_cooldown(self) -> None:
        down = [time for time, desired in self.replay().trace if desired < 14]
        assert all(later - earlier >= 60 + 100 for earlier, later in itertools.pairwise(down))


class TestCase2:
    """aws/amazon-sagemaker-examples, optimize_endpoint_scaling.ipynb: one ml.c5.large saturates at 9,068 invocations a
    minute; min 1, max 8, target 4,987, cooldowns 10 s and 100 s; closed-loop users reached 39,783 a minute."""

    SATURATION = 9_068.0
    REACHED = 39_783.0
    # Invocations a minute and mean latency in ms, read off the notebook's chart.
    BENCHMARK = ((4_990, 10), (6_370, 10), (8_350, 17), (8_870, 25), (8_900, 48))

    def replay(self) -> VirtualVariant:
        settings = TargetTrackingSettings(4_987, scale_out_cooldown=10, scale_in_cooldown=100)
        run = virtual_variant(TrackingPolicy.new("p", settings), lambda now: 0.0, maximum=8, provisioning=60)
        # Closed loop: the users get what the instances give.
        run.load = lambda now: min(self.REACHED, run.active * self.SATURATION)
        return run.run(60 * MINUTE)

    def test_the_target_is_below_the_rate_at_which_latency_rises(self) -> None:
        flat = [rate for rate, latency in self.BENCHMARK if latency == 10]
        assert min(flat) * 0.97 <= 4_987 <= max(flat) and max(rate for rate, _ in self.BENCHMARK) < self.SATURATION

    def test_the_first_extra_instance_serves_about_6_minutes_after_the_first_breaching_minute(self) -> None:
        assert self.replay().serving[0][0] == pytest.approx(6 * MINUTE, abs=MINUTE)

    def test_a_saturated_fleet_doubles_at_most_until_it_keeps_up(self) -> None:
        # A saturated instance shows 9,068, 1.82 times the target, however many users wait.
        run = self.replay()
        assert run.trace[0][1] == 2
        assert run.desired == 8
        assert run.load(run.now) / run.active == pytest.approx(4_987, rel=0.01)

    def test_the_cooldown_shorter_than_the_update_has_no_effect(self) -> None:
        times = [time for time, _ in self.replay().trace]
        assert all(later - earlier >= 60 for earlier, later in itertools.pairwise(times))


class TestCase3:
    """A public workshop: ml.m5.large, target 5, min 1, max 4, about 130 invocations a minute for 5 minutes: AlarmHigh
    first INSUFFICIENT_DATA, in ALARM after about 5 minutes, desired straight from 1 to 4."""

    def test_insufficient_data_then_alarm_after_5_minutes_and_4_at_once(self) -> None:
        run = virtual_variant(
            TrackingPolicy.new("p", TargetTrackingSettings(5)), lambda now: 130.0 if now < 300 else 0.0, maximum=4
        )
        states = []
        while run.now < 10 * MINUTE:
            run.run(run.now + MINUTE)
            states.append(run.policy.high.state)
        assert states[:4] == ["INSUFFICIENT_DATA"] * 4
        assert states[4] == "ALARM"
        assert run.trace == [(5 * MINUTE, 4)]


def test_the_high_resolution_metric_is_seen_in_well_under_a_minute() -> None:
    settings = TargetTrackingSettings(5, period=10, datapoints=HIGH_RESOLUTION)
    run = virtual_variant(TrackingPolicy.new("p", settings), lambda now: 600.0, maximum=4)
    run.run(120)
    assert run.trace[0] == (40, 4)


def test_an_idle_endpoint_goes_to_its_minimum_because_its_metric_is_a_real_zero() -> None:
    # SageMaker guide, endpoint-auto-scaling-prerequisites.
    run = virtual_variant(
        TrackingPolicy.new("p", TargetTrackingSettings(100)), lambda now: 0.0, maximum=4, active=4, desired=4
    )
    run.run(2 * 60 * MINUTE)
    assert run.active == 1
    assert run.refusals[-1][1] == "AlreadyAtMinCapacity"


def test_a_minute_in_which_the_count_changes_is_no_sum_over_todays_count() -> None:
    # SageMaker guide, monitoring-cloudwatch: each request adds 1 / (instances active at that moment).
    run = virtual_variant(TrackingPolicy.new("p", TargetTrackingSettings(1e9)), lambda now: 600.0, maximum=4)
    run.ready_at, run.desired = 30, 3
    run.run(60)
    assert run.series[0] == pytest.approx(300 + 300 / 3)
