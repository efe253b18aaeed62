"""Figures have three significant digits and a unit, and are never rounded to a false 0 or 100 %."""

import math

import pytest

from harness.core import figures as text
from harness.core.statistics import Estimate
from tests.figures import plain


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0.00 ms"),
        (0.004372, "4.37 ms"),
        (0.0123, "12.3 ms"),
        (0.1523, "152 ms"),
        (0.99949, "999 ms"),
        (0.9996, "1.00 s"),
        (1.5234, "1.52 s"),
        (61.5, "61.5 s"),
        (1234.5, "1,234 s"),
        (-0.002, "-2.00 ms"),
        (None, "–"),
    ],
)
def test_seconds(value: float | None, words: str) -> None:
    assert plain(text.seconds(value)) == words


def test_a_range_names_a_shared_unit_once() -> None:
    assert plain(text.seconds_range(0.196, 0.214)) == "196–214 ms"
    assert plain(text.seconds_range(0.9, 1.2)) == "900 ms–1.20 s"


def test_an_interval_or_why_there_is_none() -> None:
    assert plain(text.interval(Estimate(0.2, 0.196, 0.214, 368))) == "196–214 ms"
    assert text.interval(Estimate(0.2, None, None, 368)) == "not established (needs at least 368 requests)"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0 %"),
        (0.0000001, "< 0.0001 %"),
        (0.00001, "0.001 %"),
        (0.0024, "0.24 %"),
        (0.1234, "12.3 %"),
        (0.9985, "99.85 %"),
        (0.99999, "> 99.99 %"),
        (1.0, "100 %"),
        (12.345, "1,234 %"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_percent(value: float | None, words: str) -> None:
    assert plain(text.percent(value)) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.0421, "+4.21 %"), (-0.123, "−12.3 %"), (0.0004, "0 %"), (-12, "−1,200 %")]
)
def test_signed_percent(value: float, words: str) -> None:
    assert plain(text.signed_percent(value)) == words


def test_percent_range() -> None:
    assert plain(text.percent_range(Estimate(0.01, 0.005, 0.02, 1))) == "0.5–2 %"
    assert text.percent_range(Estimate(None, None, None, 1)) == "–"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0 s"),
        (0.3, "300 ms"),
        (0.05, "50 ms"),
        (3.214, "3.21 s"),
        (59.0, "59 s"),
        (60.0, "1 min"),
        (125.2, "2 min 5 s"),
        (3780.0, "1 h 3 min"),
        (7200.0, "2 h"),
    ],
)
def test_length_of_time(value: float, words: str) -> None:
    assert plain(text.length_of_time(value)) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(23.04, "23.0/s"), (1234.5, "1,234/s"), (0.0, "0/s"), (0.05, "3.00/min"), (0.0001, "0.36/h"), (None, "–")],
)
def test_rate(value: float | None, words: str) -> None:
    assert text.rate(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "$0"),
        (0.00001, "< $0.0001"),
        (0.0576, "$0.0576"),
        (0.1234, "$0.123"),
        (0.5, "$0.50"),
        (12.3, "$12.30"),
        (1234.0, "$1,234"),
        (None, "–"),
    ],
)
def test_dollars(value: float | None, words: str) -> None:
    assert plain(text.dollars(value)) == words


@pytest.mark.parametrize(
    ("value", "words"), [(3.0, "3"), (0.1234, "0.123"), (12.34, "12.3"), (1234.5, "1,234"), (None, "–")]
)
def test_number(value: float | None, words: str) -> None:
    assert text.number(value) == words


def test_counts_and_moments() -> None:
    assert text.count(1234) == "1,234"
    assert text.count(1, "request") == "1 request"
    assert text.count(2, "request") == "2 requests"
    assert (text.signed_number(0.123), text.signed_number(-3)) == ("+0.123", "−3")
    assert text.moment(0) == "1970-01-01 00:00:00 UTC"
    assert plain(text.gibibytes(8 * 2**30)) == "8.0 GiB"
