"""An endpoint's statuses (botocore, EndpointStatus)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.hosting.rules.lifecycle import SERVING, Event, Status, after

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/dogs"


def after_all(*events: Event) -> Status:
    status: Status = "Creating"
    for event in events:
        status = after(status, event, ARN)
    return status


def test_created_updated_and_deleted() -> None:
    assert after_all(Event.READY, Event.UPDATE, Event.READY) == "InService"
    assert after_all(Event.READY, Event.DELETE) == "Deleting"


def test_an_update_that_fails_ends_in_service_again() -> None:
    assert after_all(Event.READY, Event.UPDATE, Event.ROLL_BACK) == "RollingBack"
    assert after_all(Event.READY, Event.UPDATE, Event.ROLL_BACK, Event.READY) == "InService"


def test_a_failed_endpoint_can_only_be_deleted() -> None:
    assert after_all(Event.FAILED, Event.DELETE) == "Deleting"
    with pytest.raises(AwsError, match="Cannot update failed endpoint"):
        after("Failed", Event.UPDATE, ARN)


@pytest.mark.parametrize("event", [Event.UPDATE, Event.DELETE])
@pytest.mark.parametrize("status", ["Creating", "Updating", "RollingBack", "Deleting"])
def test_an_endpoint_in_progress_refuses_updates_and_deletion(status: Status, event: Event) -> None:
    with pytest.raises(AwsError) as refused:
        after(status, event, ARN)
    assert (refused.value.code, refused.value.message) == (
        "ValidationException",
        f'Cannot update in-progress endpoint "{ARN}".',
    )


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_once_in_service_it_serves_until_it_is_deleted(events: list[Event]) -> None:
    status = after("Creating", Event.READY, ARN)
    for event in events:
        try:
            status = after(status, event, ARN)
        except (AwsError, ValueError):
            continue
        # A deletion that failed leaves it Failed, as it had begun to take the instances down.
        assert (status in SERVING) == (status not in ("Deleting", "Failed"))


def test_an_impossible_event_is_an_error_of_the_harness() -> None:
    with pytest.raises(ValueError, match="cannot meet READY"):
        after("InService", Event.READY, ARN)
