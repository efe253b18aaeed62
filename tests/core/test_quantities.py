"""The parsers of quantities take what people write on a command line, and explain what they refuse."""

from __future__ import annotations

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
def test_a_refused_time_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(HarnessError, match=r"is not a time: give a number above 0 and a unit, such as 1\.5s"):
        quantities.parse_duration(text)


@pytest.mark.parametrize(("text", "rate"), [("20/s", 20.0), ("1200/min", 20.0), ("3600/h", 1.0), ("0/s", 0.0)])
def test_a_rate_has_a_unit_of_time(text: str, rate: float) -> None:
    assert quantities.parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["20", "20 s", "-1/s", "many/s"])
def test_a_refused_rate_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(HarnessError, match="is not a rate: give requests and a unit of time, such as 20/s"):
        quantities.parse_rate(text)


@pytest.mark.parametrize(("text", "share"), [("0.1%", 0.001), ("0.001", 0.001), ("0%", 0.0), ("100%", 1.0)])
def test_a_share_may_be_in_percent(text: str, share: float) -> None:
    assert quantities.parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["101%", "5", "-1%", "some"])
def test_a_refused_share_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(HarnessError, match="is not a share of the requests"):
        quantities.parse_share(text)


def test_a_ratio_names_an_instance_type() -> None:
    assert quantities.parse_ratio("ml.m5.xlarge=2.0") == ("ml.m5.xlarge", 2.0)
    for text in ("ml.m5.xlarge", "=2", "ml.m5.xlarge=fast", "ml.m5.xlarge=0", "ml.m5.xlarge=inf"):
        with pytest.raises(HarnessError, match="is not a speed ratio"):
            quantities.parse_ratio(text)
