"""Examples of botocore's StepAdjustment and of the Application Auto Scaling guide's step scaling page."""

from __future__ import annotations

import pytest

from harness.scaling.rules.steps import StepAdjustment, StepScalingSettings, aggregate

LADDER = (StepAdjustment(10, 0, 10), StepAdjustment(20, 10, 20), StepAdjustment(30, 20, None))


@pytest.mark.parametrize(("metric", "expected"), [(50, 11), (59.9, 11), (60, 12), (70, 13), (500, 13), (49, 10)])
def test_above_the_threshold_the_lower_bound_is_included(metric: float, expected: int) -> None:
    policy = StepScalingSettings("PercentChangeInCapacity", LADDER)
    assert policy.apply(10, metric - 50, above=True) == expected


@pytest.mark.parametrize(("metric", "expected"), [(50, 9), (40.1, 9), (40, 7), (0, 7), (51, 10)])
def test_below_the_threshold_the_upper_bound_is_included(metric: float, expected: int) -> None:
    policy = StepScalingSettings(
        "PercentChangeInCapacity", (StepAdjustment(-10, -10, 0), StepAdjustment(-30, None, -10))
    )
    assert policy.apply(10, metric - 50, above=False) == expected


@pytest.mark.parametrize(
    ("percent", "capacity", "expected"), [(127, 10, 22), (10, 4, 5), (-10, 4, 3), (-33, 20, 14), (25, 4, 5)]
)
def test_a_percentage_is_rounded_toward_zero_but_changes_at_least_one(
    percent: int, capacity: int, expected: int
) -> None:
    assert (
        StepScalingSettings("PercentChangeInCapacity", (StepAdjustment(percent, 0),)).apply(capacity, 1, above=True)
        == expected
    )


def test_25_percent_of_4_with_a_minimum_of_2_adds_2() -> None:
    # botocore, MinAdjustmentMagnitude.
    policy = StepScalingSettings("PercentChangeInCapacity", (StepAdjustment(25, 0),), min_adjustment_magnitude=2)
    assert policy.apply(4, 1, above=True) == 6


def test_the_minimum_applies_to_removals_too() -> None:
    policy = StepScalingSettings("PercentChangeInCapacity", (StepAdjustment(-10, None, 0),), min_adjustment_magnitude=3)
    assert policy.apply(10, -1, above=False) == 7


def test_exact_and_absolute_changes() -> None:
    assert StepScalingSettings("ExactCapacity", (StepAdjustment(3, 0),)).apply(10, 1, above=True) == 3
    assert StepScalingSettings("ChangeInCapacity", (StepAdjustment(-30, None, 0),)).apply(10, -1, above=False) == 0


def test_datapoints_are_averaged_unless_the_policy_says_otherwise() -> None:
    assert [aggregate([1.0, 2.0, 6.0], how) for how in ("Average", "Minimum", "Maximum")] == [3.0, 1.0, 6.0]
    assert StepScalingSettings("ExactCapacity", ()).aggregation == "Average"
