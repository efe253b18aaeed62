"""What people write on the planner's command line, and what they read back."""

from __future__ import annotations

import math

import pytest

from harness.core import quantities
from harness.core.errors import HarnessError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5s", 1.5),
        ("300ms", 0.3),
        ("10min", 600.0),
        ("10m", 600.0),
        ("1h", 3600.0),
        ("2d", 172_800.0),
        (" .5 s", 0.5),
    ],
)
def test_a_time_has_a_unit(text: str, seconds: float) -> None:
    assert quantities.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "1.5", "0s", "-1s", "1 week", "s", "1e400s"])
def test_what_is_no_time_is_said_with_an_example(text: str) -> None:
    with pytest.raises(HarnessError, match=r"is no time: give a number above 0 and a unit, such as 1\.5s"):
        quantities.parse_duration(text)


@pytest.mark.parametrize(("text", "rate"), [("20/s", 20.0), ("1200/min", 20.0), ("3600/h", 1.0), ("0/s", 0.0)])
def test_a_rate_has_a_unit_of_time(text: str, rate: float) -> None:
    assert quantities.parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["20", "20 s", "-1/s", "many/s"])
def test_what_is_no_rate_is_said_with_an_example(text: str) -> None:
    with pytest.raises(HarnessError, match="is no rate: give requests and a unit of time, such as 20/s"):
        quantities.parse_rate(text)


@pytest.mark.parametrize(("text", "share"), [("0.1%", 0.001), ("0.001", 0.001), ("0%", 0.0), ("100%", 1.0)])
def test_a_share_may_be_of_a_hundred(text: str, share: float) -> None:
    assert quantities.parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["101%", "5", "-1%", "some"])
def test_what_is_no_share_is_said_with_an_example(text: str) -> None:
    with pytest.raises(HarnessError, match="is no share of the requests"):
        quantities.parse_share(text)


def test_a_ratio_is_of_an_instance_type() -> None:
    assert quantities.parse_ratio("ml.m5.xlarge=2.0") == ("ml.m5.xlarge", 2.0)
    for text in ("ml.m5.xlarge", "=2", "ml.m5.xlarge=fast", "ml.m5.xlarge=0", "ml.m5.xlarge=inf"):
        with pytest.raises(HarnessError, match="is no speed ratio"):
            quantities.parse_ratio(text)


def test_figures_are_said_in_units_that_fit_their_size() -> None:
    seconds = [quantities.say_seconds(each) for each in (0.0871, 1.53, 119.0, 720.0, 12_600.0, None, math.nan)]
    assert seconds == ["87.1 ms", "1.53 s", "119 s", "12 min", "3.5 h", "-", "-"]
    assert [quantities.say_rate(each) for each in (23.04, 0.0, 0.05)] == ["23/s", "0/s", "3/min"]
    assert [quantities.say_share(each) for each in (0.0, 0.00123, 0.25, None)] == ["0%", "0.12%", "25.0%", "-"]
    assert [quantities.say_dollars(each) for each in (0.1234, 12.3, 1234.0)] == ["$0.1234", "$12.30", "$1,234"]
