"""Dates as policies write them. Sources: IAM user guide, "Date condition operators"; W3C's note on dates and times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.rules.dates import moment

FIRST_OF_MARCH = datetime(2026, 3, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "text", ["2026-03", "2026-03-01", "2026-03-01T00:00Z", "2026-03-01T01:00:00+01:00", "2026-03-01t00:00:00.0z"]
)
def test_each_form_of_the_same_moment(text: str) -> None:
    assert moment(text) == FIRST_OF_MARCH


def test_four_digits_are_a_year_and_more_are_seconds() -> None:
    assert moment("2026") == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert moment("1700000000") == 1700000000
    assert moment("17000") == 17000


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_full_date_is_the_moment_that_it_says(when: datetime) -> None:
    assert moment(when.isoformat()) == pytest.approx(when.timestamp(), abs=1e-3)


@given(st.text(max_size=20))
def test_any_other_text_is_no_moment(text: str) -> None:
    assert moment(text) is None or isinstance(moment(text), float)


def test_years_beyond_those_of_a_calendar_are_moments() -> None:
    assert moment("292278993-01") is not None
    assert moment("-292275054-01-01") is not None
    assert moment("292278994-01-01") is None
