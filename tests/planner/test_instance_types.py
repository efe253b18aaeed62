"""The profile of each instance type that a plan may choose."""

from __future__ import annotations

import pytest

from harness.core.errors import HarnessError
from harness.planner.instance_types import at_speed, on_aws, profiles_by_type
from tests.profiles import a_profile, constant

LARGE = a_profile(workers=2, service_times=(constant(0.08), constant(0.10, 2)), saturation_rate=20.0, load_seconds=5.0)


def test_a_larger_type_has_more_workers_for_its_vcpus_and_each_as_fast_as_its_ratio_leaves() -> None:
    profiles = profiles_by_type("ml.m5.large", [(None, LARGE)], {"ml.m5.xlarge": 2.0, "ml.c5.xlarge": 2.5})
    assert set(profiles) == {"ml.m5.large", "ml.m5.xlarge", "ml.c5.xlarge"}
    assert profiles["ml.m5.large"] is LARGE
    xlarge = profiles["ml.m5.xlarge"]
    assert (xlarge.workers, xlarge.saturation_rate, xlarge.load_seconds) == (4, 40.0, 5.0)
    assert [(level.concurrency, level.mean) for level in xlarge.service_times] == [
        (1, pytest.approx(0.08)),
        (4, pytest.approx(0.10)),
    ]
    assert profiles["ml.c5.xlarge"].service_times[-1].mean == pytest.approx(0.10 * 2 / 2.5)


def test_a_ratio_of_the_stacks_own_type_takes_a_laptops_measurement_to_aws() -> None:
    profiles = profiles_by_type("ml.m5.large", [(None, LARGE)], {"ml.m5.large": 0.5, "ml.m5.xlarge": 1.0})
    assert profiles["ml.m5.large"].service_times[0].mean == pytest.approx(0.16)
    assert profiles["ml.m5.large"].saturation_rate == 10.0
    assert profiles["ml.m5.xlarge"].saturation_rate == 20.0  # against what was measured


def test_fewer_workers_keep_what_was_measured_of_one() -> None:
    four = a_profile(workers=4, service_times=(constant(0.08), constant(0.09, 2), constant(0.1, 4)))
    scaled = at_speed(four, 0.5, 2)
    assert [(level.concurrency, level.mean) for level in scaled.service_times] == [
        (1, pytest.approx(0.08)),
        (2, pytest.approx(0.1)),
    ]
    assert scaled.saturation_rate is None


def test_several_profiles_are_told_apart_by_their_types() -> None:
    other = a_profile(name="other")
    assert profiles_by_type("ml.m5.large", [(None, LARGE), ("ml.c5.large", other)], {})["ml.c5.large"] is other
    with pytest.raises(HarnessError, match=r"two profiles of ml\.m5\.large"):
        profiles_by_type("ml.m5.large", [(None, LARGE), ("ml.m5.large", other)], {})


@pytest.mark.parametrize(
    ("profiles", "ratios", "says"),
    [
        ([("ml.c5.large", LARGE)], {"ml.m5.xlarge": 2.0}, r"starts from a profile of ml\.m5\.large"),
        (
            [(None, LARGE), ("ml.c5.large", LARGE)],
            {"ml.c5.large": 2.0},
            r"ml\.c5\.large has a profile and a speed ratio",
        ),
        ([(None, LARGE)], {"large": 2.0}, r"large is not an instance type"),
    ],
)
def test_a_ratio_without_a_start_is_refused(
    profiles: list[tuple[str | None, object]], ratios: dict[str, float], says: str
) -> None:
    with pytest.raises(HarnessError, match=says):
        profiles_by_type("ml.m5.large", profiles, ratios)  # type: ignore[arg-type]


def test_a_measurement_on_an_ml_instance_says_so() -> None:
    there = LARGE.model_copy(
        update={"provenance": LARGE.provenance.model_copy(update={"machine": "ml.m5.large on AWS, us-east-1"})}
    )
    assert on_aws(there)
    assert not on_aws(LARGE)
