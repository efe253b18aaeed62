"""Examples of botocore's StepAdjustment and of the Application Auto Scaling guide's step scaling page."""

from __future__ import annotations

import pytest

from harness.scaling.rules.steps import StepAdjustment, StepScaling, aggregate

LADDER = (StepAdjustment(10, 0, 10), StepAdjustment(20, 10, 20), StepAdjustment(30, 20, None))


@pytest.mark.parametrize(("metric", "wanted"), [(50, 11), (59.9, 11), (60, 12), (70, 13), (500, 13), (49, 10)])
def test_above_the_threshold_the_lower_bound_is_inside(metric: float, wanted: int) -> None:
    policy = StepScaling("PercentChangeInCapacity", LADDER)
    assert policy.apply(10, metric - 50, above=True) == wanted


@pytest.mark.parametrize(("metric", "wanted"), [(50, 9), (40.1, 9), (40, 7), (0, 7), (51, 10)])
def test_below_the_threshold_the_upper_bound_is_inside(metric: float, wanted: int) -> None:
    policy = StepScaling("PercentChangeInCapacity", (StepAdjustment(-10, -10, 0), StepAdjustment(-30, None, -10)))
    assert policy.apply(10, metric - 50, above=False) == wanted


@pytest.mark.parametrize(
    ("percent", "capacity", "wanted"), [(127, 10, 22), (10, 4, 5), (-10, 4, 3), (-33, 20, 14), (25, 4, 5)]
)
def test_a_percentage_is_cut_off_but_is_never_less_than_one(percent: int, capacity: int, wanted: int) -> None:
    assert (
        StepScaling("PercentChangeInCapacity", (StepAdjustment(percent, 0),)).apply(capacity, 1, above=True) == wanted
    )


def test_25_percent_of_4_with_a_minimum_of_2_is_2() -> None:
    # botocore, MinAdjustmentMagnitude.
    policy = StepScaling("PercentChangeInCapacity", (StepAdjustment(25, 0),), min_adjustment_magnitude=2)
    assert policy.apply(4, 1, above=True) == 6


def test_a_minimum_holds_downward_too() -> None:
    policy = StepScaling("PercentChangeInCapacity", (StepAdjustment(-10, None, 0),), min_adjustment_magnitude=3)
    assert policy.apply(10, -1, above=False) == 7


def test_exact_and_absolute_changes() -> None:
    assert StepScaling("ExactCapacity", (StepAdjustment(3, 0),)).apply(10, 1, above=True) == 3
    assert StepScaling("ChangeInCapacity", (StepAdjustment(-30, None, 0),)).apply(10, -1, above=False) == 0


def test_datapoints_are_averaged_unless_the_policy_says_otherwise() -> None:
    assert [aggregate([1.0, 2.0, 6.0], how) for how in ("Average", "Minimum", "Maximum")] == [3.0, 1.0, 6.0]
    assert StepScaling("ExactCapacity", ()).aggregation == "Average"
