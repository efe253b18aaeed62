"""When an instance in service is given up because of its pings."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.clock import VirtualClock
from harness.hosting.instances import health
from harness.hosting.rules import timeouts


async def pings_until_given_up(answers: list[bool]) -> int | None:
    """How many pings were sent until the instance was given up; None if it never was. Pings come one an interval."""
    clock, sent = VirtualClock(), 0

    async def ping() -> bool:
        nonlocal sent
        sent += 1
        return answers[sent - 1] if sent <= len(answers) else True

    watching = asyncio.ensure_future(health.unanswered(ping, clock))
    for number in range(len(answers) + 1):
        await clock.advance(timeouts.PING_INTERVAL_SECONDS)
        if watching.done():
            assert watching.result() == "did not answer 3 pings in a row"
            return number + 1
    watching.cancel()
    return None


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=15))
def test_it_is_given_up_with_the_third_failure_in_a_row_and_not_before(answers: list[bool]) -> None:
    fails = "".join("1" if answer else "0" for answer in answers).find("000")
    expected = None if fails < 0 else fails + 3
    assert asyncio.run(pings_until_given_up(answers)) == expected


async def test_a_ping_that_this_process_was_too_busy_for_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGSTOP and SIGCONT of the harness itself, every instance would have been given up."""
    monkeypatch.setattr(timeouts, "PING_SECONDS", -health._LATE_SECONDS)  # as if each had taken a second too long
    assert await pings_until_given_up([False] * 10) is None


async def test_after_a_request_without_an_answer_one_failed_ping_is_enough() -> None:
    clock, doubted = VirtualClock(), asyncio.Event()

    async def ping() -> bool:
        return False

    doubted.set()
    assert await health.unanswered(ping, clock, doubted) == "answered neither a request nor a ping"
    assert clock.now() == 0


async def test_the_end_of_an_instance_is_told_from_its_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "PING_INTERVAL_SECONDS", 0.001)
    ended = asyncio.Event()

    async def ping() -> bool:
        return False

    assert "3 pings" in str(await health.ended_or_unanswered(ended.wait(), ping))
    ended.set()
    assert await health.ended_or_unanswered(ended.wait(), ping) is None
