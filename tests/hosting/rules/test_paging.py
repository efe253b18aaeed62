"""Pages of List operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.hosting.resources import timestamp
from harness.hosting.rules.paging import in_window, page


@dataclass(frozen=True)
class Resource:
    name: str
    created: float


@given(st.integers(0, 30), st.integers(1, 10))
def test_the_pages_together_are_everything_in_order(count: int, size: int) -> None:
    resources = [Resource(f"name-{number}", float(number)) for number in range(count)]
    request: dict[str, Any] = {"MaxResults": size, "SortOrder": "Ascending"}
    seen: list[Resource] = []
    while True:
        part, token = page(resources, request)
        assert len(part) <= size
        seen += part
        if token is None:
            break
        request["NextToken"] = token
    assert seen == resources


def test_names_are_found_in_any_case_and_sorted() -> None:
    resources = [Resource("Dogs-b", 1), Resource("cats", 2), Resource("dogs-A", 3)]
    names = [resource.name for resource in page(resources, {"NameContains": "DOGS", "SortBy": "Name"})[0]]
    assert names == ["dogs-A", "Dogs-b"]


def test_a_window_includes_its_edges() -> None:
    request = {"CreationTimeAfter": timestamp(10), "CreationTimeBefore": timestamp(20)}
    assert [in_window(seconds, request) for seconds in (9, 10, 20, 21)] == [False, True, True, False]


@pytest.mark.parametrize("token", ["not base64", "bm8="])
def test_a_foreign_token_is_refused(token: str) -> None:
    with pytest.raises(AwsError, match="NextToken is not one"):
        page([], {"NextToken": token})
