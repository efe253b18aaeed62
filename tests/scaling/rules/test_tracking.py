"""The alarms that target tracking makes, and the capacities that it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scaling.rules.tracking import (
    HIGH_RESOLUTION,
    LOW_RATIO,
    ONE_MINUTE,
    UTILIZATION,
    TargetTrackingSettings,
)


def test_a_target_of_1500_has_its_alarms_at_1500_and_1350() -> None:
    # re:Post, "SageMaker autoscaling delay": 3 of 3 minutes above the target, 15 of 15 below 90 % of it.
    settings = TargetTrackingSettings(1500)
    high, low = settings.high_rule(), settings.low_rule()
    assert (high.threshold, high.comparison, high.datapoints_to_alarm, high.evaluation_periods, high.period) == (
        1500,
        "GreaterThanThreshold",
        3,
        3,
        60,
    )
    assert (low.threshold, low.comparison, low.datapoints_to_alarm, low.evaluation_periods) == (
        1350,
        "LessThanThreshold",
        15,
        15,
    )
    assert high.treat_missing_data == low.treat_missing_data == "missing"


def test_the_high_resolution_metric_scales_out_in_30_s_and_in_after_15_minutes() -> None:
    settings = TargetTrackingSettings(5, period=10, datapoints=HIGH_RESOLUTION)
    assert settings.high_rule().evaluation_periods * settings.high_rule().period == 30
    assert settings.low_rule().evaluation_periods * settings.low_rule().period == 900
    assert settings.low_threshold == 4.5


def test_lambdas_utilization_has_its_alarms_at_70_and_63_percent() -> None:
    # aws-cdk#23088.
    settings = TargetTrackingSettings(0.7, datapoints=UTILIZATION)
    assert (settings.high_rule().threshold, settings.low_threshold) == (0.7, 0.63)
    assert settings.high_rule().datapoints_to_alarm == 3


def test_the_documentation_states_the_same_numbers() -> None:
    documented = Path(__file__, "../../../../docs/how-true.md").resolve().read_text()
    high, low = ONE_MINUTE.high, ONE_MINUTE.low
    assert (
        f"AlarmHigh {high} of {high} minutes above the target, AlarmLow {low} of {low} below {LOW_RATIO:.0%}".replace(
            "%", " %"
        )
        in documented
    )
    assert f"{HIGH_RESOLUTION.high} and {HIGH_RESOLUTION.low} ten-second datapoints" in documented
    assert UTILIZATION.high == UTILIZATION.low
    assert f"70 % and 63 %, {UTILIZATION.low} datapoints each" in documented


@pytest.mark.parametrize(
    ("capacity", "value", "expected"),
    [(1, 1501, 2), (1, 3000, 2), (1, 3001, 3), (2, 20_000, 27), (3, 1500, 3), (10, 150, 1), (4, 0, 0)],
)
def test_scale_out_is_in_proportion_and_rounded_up(capacity: int, value: float, expected: int) -> None:
    assert TargetTrackingSettings(1500).needed(capacity, value) == expected


@pytest.mark.parametrize(
    ("capacity", "value", "expected"), [(14, 0, 13), (30, 0, 27), (2, 700, 1), (2, 800, 2), (1, 0, 0)]
)
def test_scale_in_is_gradual_and_never_goes_below_the_need(capacity: int, value: float, expected: int) -> None:
    assert TargetTrackingSettings(1500).scale_in(capacity, value) == expected


@given(st.integers(1, 1000), st.floats(0.01, 1e6), st.floats(0, 1e6))
def test_the_needed_capacity_brings_the_metric_to_the_target(capacity: int, target: float, value: float) -> None:
    needed = TargetTrackingSettings(target).needed(capacity, value)
    if needed:
        assert capacity * value / needed <= target * (1 + 1e-6)
    if needed > 1:
        assert capacity * value / (needed - 1) >= target * (1 - 1e-6)
