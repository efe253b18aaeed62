"""The last calls of users and roles are bounded, and told with the most recent first."""

from __future__ import annotations

import pytest

from harness.access.rules import last_access
from harness.access.rules.last_access import LastAccesses


def test_the_last_call_of_each_action_counts_the_most_recent_first() -> None:
    accesses = LastAccesses()
    for at, action in enumerate(("s3:GetObject", "sqs:SendMessage", "s3:GetObject")):
        accesses.add("AROA1", action, at, "us-east-1")
    accesses.add("AROA2", "s3:GetObject", 9, "us-east-1")
    assert [(access.action, access.at) for access in accesses.of(["AROA1"])] == [
        ("s3:GetObject", 2),
        ("sqs:SendMessage", 1),
    ]


def test_the_call_that_is_the_longest_ago_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_access, "_MOST_ENTRIES", 2)
    accesses = LastAccesses()
    for at, action in enumerate(("s3:A", "s3:B", "s3:A", "s3:C")):
        accesses.add("AROA1", action, at, "us-east-1")
    assert [access.action for access in accesses.of(["AROA1"])] == ["s3:C", "s3:A"]


def test_passing_a_role_is_not_tracked() -> None:
    accesses = LastAccesses()
    accesses.add("AROA1", "iam:PassRole", 0, "us-east-1")
    assert accesses.of(["AROA1"]) == []
