"""A measurement from its first request to the profile, of a server that is known exactly."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from harness.core.errors import HarnessError
from harness.core.profile import FunctionPart, Profile, parse_profile
from harness.core.progress import Steps
from harness.measure.document import LARGEST_PARTS, Origin, lines, profile_of, table
from harness.measure.loops import Ask, Reply
from harness.measure.subjects import Subject
from harness.measure.sweep import Effort, SweepResult, measure
from tests.figures import plain
from tests.measure.server import Server, run

ORIGIN = Origin(
    name="made-up",
    machine="local, a processor, 2 cores; stands in for ml.m5.large",
    what="a server of a test",
    versions={"python": "3.11"},
    model_sha256="0" * 64,
    load_seconds=1.5,
    memory=2**30,
    load_average=(0.1, 0.2),
)
VARIED = (0.08, 0.12, 0.093, 0.1, 0.107)
"""Seconds. Requests that all take the same come and go in step, as no real ones do."""
EFFORT = Effort(requests=300)


def measured(ask: Ask, *, workers: int | None = None, effort: Effort = EFFORT, away: float = 0.0) -> SweepResult:
    return run(measure(Subject(ask, 32, workers, away), effort, Steps(Console(file=io.StringIO()))))


def profile(server: Server, *, workers: int | None = None, effort: Effort = EFFORT) -> Profile:
    return profile_of(measured(server.ask, workers=workers, effort=effort), ORIGIN, None)


@pytest.mark.parametrize(("workers", "known"), [(1, None), (2, None), (2, 2), (6, None)])
def test_the_profile_is_the_server(workers: int, known: int | None) -> None:
    server_profile = profile(Server(workers=workers, seconds=(0.08, 0.12, 0.1)), workers=known)
    assert server_profile.workers == workers
    assert [level.concurrency for level in server_profile.service_times] == list(range(1, workers + 1))
    for level in server_profile.service_times:
        assert (level.quantile(0), level.quantile(1)) == pytest.approx((0.08, 0.12))
        assert level.mean == pytest.approx(0.1, rel=0.02)
    assert server_profile.saturation_rate == pytest.approx(workers / 0.1, rel=0.05)
    assert server_profile.queue_length == 100
    assert server_profile.queue is not None
    assert (server_profile.queue.answered, server_profile.queue.refused, server_profile.queue.refusal) == (
        100 + workers,
        20,
        503,
    )
    assert server_profile.queue.in_order == pytest.approx(1, abs=0.01)
    assert server_profile.answer.content() == b'["dog"]'
    assert parse_profile(server_profile.model_dump(mode="json")) == server_profile


def from_afar(server: Server, seconds: float) -> Ask:
    async def ask() -> Reply:
        await asyncio.sleep(seconds / 2)
        reply = await server.ask()
        await asyncio.sleep(seconds / 2)
        return reply

    return ask


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_way_to_an_endpoint_is_neither_service_time_nor_a_worker(workers: int) -> None:
    result = measured(from_afar(Server(workers, VARIED), 0.03), away=0.03)
    assert result.workers == workers
    assert (min(result.seconds(1)), max(result.seconds(1))) == pytest.approx((min(VARIED), max(VARIED)))


def test_an_endpoint_too_far_away_is_not_measured() -> None:
    with pytest.raises(HarnessError, match=r"Of the 200\sms that an answer takes, 100\sms are the way"):
        measured(from_afar(Server(), 0.1), away=0.1)


@settings(max_examples=15)
@given(st.integers(1, 8), st.lists(st.floats(0.01, 0.2), min_size=1, max_size=7))
@pytest.mark.unmeasured
def test_the_saturation_rate_is_at_most_what_the_server_can_answer(workers: int, seconds: Sequence[float]) -> None:
    server_profile = profile(Server(workers, seconds), workers=workers, effort=Effort(requests=240, queue=False))
    assert server_profile.saturation_rate is not None
    # 3 % may be behind at the end of a rate that was kept up with.
    assert server_profile.saturation_rate <= 1.1 * workers * len(seconds) / sum(seconds)


def test_a_model_that_fails_now_and_then_has_an_error_rate() -> None:
    server_profile = profile(Server(failing=10), workers=2)
    assert server_profile.error_rate == pytest.approx(0.1, abs=0.01)


def test_a_queue_that_holds_the_whole_burst_is_at_least_so_long_and_the_profile_says_so() -> None:
    server_profile = profile(Server(queue=10_000), workers=2)
    assert server_profile.queue is not None
    assert (server_profile.queue.refused, server_profile.queue_length) == (0, 120)
    assert "at least as long as given" in server_profile.provenance.method


def test_without_a_burst_the_queue_is_torchserves() -> None:
    server_profile = profile(Server(), workers=2, effort=Effort(requests=60, queue=False))
    assert (server_profile.queue, server_profile.queue_length) == (None, 100)


def test_many_workers_keep_the_file_small() -> None:
    server_profile = profile(Server(workers=30), workers=30, effort=Effort(requests=60))
    assert len(server_profile.service_times) == LARGEST_PARTS
    assert (server_profile.service_times[0].concurrency, server_profile.service_times[-1].concurrency) == (1, 30)


def test_no_more_is_sent_than_the_upper_bound() -> None:
    server = Server(workers=5)
    sent = 0

    async def ask() -> Reply:
        nonlocal sent
        sent += 1
        return await server.ask()

    measured(ask)
    assert sent <= EFFORT.at_most(32)


def statuses(*replies: Reply) -> Ask:
    turn: Iterator[Reply] = iter(replies)

    async def ask() -> Reply:
        return next(turn, replies[-1])

    return ask


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(503, says="ServiceUnavailable: busy"), "answered a request with 503"),
        (Reply(0, says="ClientError: refused"), "answered a request with nothing"),
        (Reply(400, body=b"no such type"), 'answered a request with 400: "no such type"'),
        (Reply(500, body=b"ValueError: dog"), "The model failed on 10 of 10 requests with 500"),
    ],
)
def test_errors_and_refusals_are_not_measured(reply: Reply, says: str) -> None:
    with pytest.raises(HarnessError, match=says):
        measured(statuses(reply))


def printed(measured_profile: Profile) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table(measured_profile))
    return str(console.file.getvalue()) + "\n".join(lines(measured_profile))  # type: ignore[attr-defined]


def test_what_is_printed_has_intervals_or_says_that_it_has_none_and_that_a_laptop_is_no_instance() -> None:
    part = FunctionPart(overhead=0.0041, cold_start=0.3, memory=67)
    shown = printed(profile_of(measured(Server().ask, workers=2), ORIGIN, part))
    assert "p95" in shown
    assert "0.1 (too few for an interval)" in shown  # p99 of 300
    assert "0.1 [0.1, 0.1]" in shown
    assert "3 (they queue)" in shown
    assert "function: 4.10 ms beside the model, cold start 300 ms, 67 MB at most" in plain(shown)
    assert "none of them is an ml.m5.large's" in shown


def test_a_server_that_never_keeps_up_has_no_saturation_and_the_profile_says_so() -> None:
    server = Server(workers=2)
    result = measured(server.ask, workers=2, effort=Effort(requests=60, queue=False))
    result.search.tried = [(10.0, 8.0, False)]
    shown = printed(profile_of(result, ORIGIN, None))
    assert "none of the rates tried was kept up with" in shown
