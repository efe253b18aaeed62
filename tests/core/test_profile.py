"""The capacity profile: its file, and service times drawn from it."""

from __future__ import annotations

import json
import random
import statistics
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.core.profile import LONGEST_SAMPLE, Profile, SampleAnswer, ServiceTimes, parse_profile, read_profile
from tests.profiles import a_profile, constant

SHIPPED = sorted((Path(__file__).parents[2] / "fixtures" / "profiles").glob("*.json"))
SECONDS = st.floats(0, 1e3)


@given(st.lists(SECONDS, min_size=1, max_size=50), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise_with_the_probability_and_stay_within_the_sample(
    sample: list[float], first: float, second: float
) -> None:
    times = ServiceTimes.of(1, sample)
    low, high = sorted((first, second))
    assert times.quantile(low) <= times.quantile(high) + 1e-9
    assert min(sample) - 1e-6 <= times.quantile(low) and times.quantile(high) <= max(sample) + 1e-6


def test_a_samples_quantiles_are_those_of_its_order_statistics() -> None:
    sample = [0.4, 0.1, 0.3, 0.2]
    times = ServiceTimes.of(1, sample, points=301)
    assert times.quantile(0) == 0.1
    assert times.quantile(1) == 0.4
    assert times.quantile(0.5) == pytest.approx(statistics.median(sample), abs=1e-6)
    assert times.mean == pytest.approx(statistics.fmean(sample), abs=1e-6)


def test_draws_have_the_distribution_that_was_measured() -> None:
    """Inverse transform: the empirical distribution of draws is the table's (Kolmogorov-Smirnov at 0.1 %)."""
    rng = random.Random(7)
    times = ServiceTimes.of(1, [rng.lognormvariate(-2, 0.4) for _ in range(2000)])
    profile = a_profile(service_times=(times,))
    draws = sorted(profile.service_time(1, rng.random()) for _ in range(5000))
    worst = max(abs(times.quantile((index + 0.5) / 5000) - draw) / draw for index, draw in enumerate(draws[50:-50], 50))
    assert worst < 0.1
    assert statistics.fmean(draws) == pytest.approx(times.mean, rel=0.02)


def test_between_measured_levels_of_concurrency_each_quantile_is_interpolated() -> None:
    profile = a_profile(workers=8, service_times=(constant(0.1), constant(0.2, concurrency=5)))
    assert [round(profile.service_time(n, 0.5), 3) for n in (1, 2, 3, 5, 8)] == [0.1, 0.125, 0.15, 0.2, 0.2]


@given(st.integers(1, 12), st.floats(0, 1, exclude_max=True))
def test_a_service_time_lies_between_the_least_and_the_most_measured(in_service: int, draw: float) -> None:
    profile = a_profile(workers=8, service_times=(constant(0.1), constant(0.3, concurrency=4)))
    assert 0.1 <= profile.service_time(in_service, draw) <= 0.3


def test_errors_come_at_their_rate() -> None:
    profile = a_profile(error_rate=0.25)
    assert [profile.fails(draw) for draw in (0.0, 0.2499, 0.25, 0.99)] == [True, True, False, False]
    assert not a_profile(error_rate=0).fails(0.0)
    assert a_profile(error_rate=1).fails(0.9999)


def test_a_profile_comes_back_from_its_own_file(tmp_path: Path) -> None:
    profile = a_profile(service_times=(ServiceTimes.of(1, [0.1, 0.2, 3e-05]),), saturation_rate=12.5)
    file = tmp_path / "p.json"
    file.write_text(profile.to_json())
    assert read_profile(file) == profile
    assert len(file.read_text().splitlines()) < 40, "a distribution is one line"


def test_a_short_answer_is_kept_and_a_long_one_has_its_size() -> None:
    assert SampleAnswer.of("application/json", b"[1]").content() == b"[1]"
    long = SampleAnswer.of("text/plain", b"x" * (LONGEST_SAMPLE + 1))
    assert long.body is None
    assert len(long.content()) == LONGEST_SAMPLE + 1


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_profile_is_small_and_says_how_it_was_measured(file: Path) -> None:
    profile = read_profile(file)
    assert file.stem == profile.name
    assert file.stat().st_size < 20_000
    assert profile.provenance.machine and profile.provenance.method and profile.provenance.model_sha256
    assert [level.concurrency for level in profile.service_times] == list(range(1, profile.workers + 1))
    # The most that was answered is about what the workers can: the levels agree with the saturation rate.
    assert profile.saturation_rate == pytest.approx(profile.workers / profile.service_times[-1].mean, rel=0.25)


def test_there_is_a_shipped_profile() -> None:
    assert SHIPPED


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"version": 2}, "version: Input should be 1"),
        ({"workers": 0}, "workers: Input should be greater than or equal to 1"),
        ({"error_rate": 1.5}, "error_rate: Input should be less than or equal to 1"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"load_seconds": float("nan")}, "load_seconds: Input should be"),
        ({"service_times": []}, "service_times: Tuple should have at least 1 item"),
        ({"service_times": [{"concurrency": 2, "quantiles": [0.1] * 101}]}, "concurrency must rise from 1, not [2]"),
        ({"service_times": [{"concurrency": 1, "quantiles": [0.1] * 9}]}, "at least 101 items"),
        (
            {"service_times": [{"concurrency": 1, "quantiles": [0.2, *([0.1] * 100)]}]},
            "quantiles must not fall",
        ),
        (
            {"workers": 1, "service_times": [{"concurrency": n, "quantiles": [0.1] * 101} for n in (1, 2)]},
            "2 requests cannot be in service on 1 workers",
        ),
        ({"answer": {"size": 2, "body": "QQ=="}}, "body holds 1 bytes, size says 2"),
        ({"answer": {"size": 2, "body": "?"}}, "body must be base64"),
    ],
)
def test_a_wrong_profile_is_refused_with_the_first_thing_wrong(change: dict[str, Any], sentence: str) -> None:
    document = {**a_profile().model_dump(mode="json"), **change}
    with pytest.raises(HarnessError) as raised:
        parse_profile(document)
    assert str(raised.value).startswith("The profile is not a capacity profile of version 1: ")
    assert sentence in str(raised.value)


def test_a_file_that_is_no_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"Cannot read the profile .*none.json: No such file"):
        read_profile(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(HarnessError, match="is not JSON"):
        read_profile(tmp_path / "text.json")
    (tmp_path / "other.json").write_text(json.dumps({"version": 1}))
    with pytest.raises(HarnessError, match=r"The profile .*other.json is not a capacity profile of version 1: name:"):
        read_profile(tmp_path / "other.json")


def test_an_empty_sample_is_no_distribution() -> None:
    with pytest.raises(ValueError, match="at least one measured time"):
        ServiceTimes.of(1, [])


def test_the_interface_is_of_frozen_values() -> None:
    profile: Profile = a_profile()
    with pytest.raises(ValueError, match="frozen"):
        profile.workers = 3
