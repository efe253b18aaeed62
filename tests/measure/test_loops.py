"""How requests are sent: closed loops, open loops, a burst."""

from __future__ import annotations

import asyncio

import pytest

from harness.measure.loops import Reply, Timed, burst, closed_loop, in_order, open_loop
from tests.measure.server import Server, run


@pytest.mark.parametrize("callers", [1, 2, 5])
def test_every_request_that_counts_has_all_callers_beside_it_until_its_end(callers: int) -> None:
    server = Server(workers=5, seconds=(0.1, 0.3, 0.2))
    loop = run(closed_loop(server.ask, callers, 40))
    assert len(loop.answers) == 40
    # All but the callers' own first requests, which come one after the other within the same moment.
    assert set(server.beside[callers:]) == {callers}
    assert loop.rate == pytest.approx(callers / 0.2, rel=0.15)


def test_more_callers_than_workers_wait_and_their_rate_is_the_workers() -> None:
    loop = run(closed_loop(Server(workers=2).ask, 4, 100))
    assert loop.rate == pytest.approx(20, rel=0.02)
    assert loop.answers[50].seconds == pytest.approx(0.2)


def test_an_open_loop_starts_on_time_whatever_the_answers_do_and_times_from_the_intended_start() -> None:
    loop = run(open_loop(Server(workers=1, seconds=(0.1,)).ask, rate=20, requests=40))
    assert [answer.intended for answer in loop.answers] == pytest.approx([index / 20 for index in range(40)])
    assert loop.answers[-1].seconds == pytest.approx(40 * 0.1 - 39 / 20)
    assert loop.rate == pytest.approx(10, rel=0.1)
    assert loop.unanswered == pytest.approx(20, abs=1)


def test_the_rate_of_an_open_loop_that_is_kept_up_with_is_its_own() -> None:
    loop = run(open_loop(Server(workers=2).ask, rate=10, requests=50))
    assert loop.rate == pytest.approx(10, rel=0.02)
    assert loop.unanswered <= 1


def test_a_burst_is_sent_at_once() -> None:
    loop = run(burst(Server(workers=2, queue=3).ask, 10))
    assert {answer.begun for answer in loop.answers} == {0.0}
    assert [answer.reply.status for answer in loop.answers] == [200] * 5 + [503] * 5


@pytest.mark.parametrize(("ends", "order"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], -1.0), ([1, 2], None)])
def test_order_is_spearmans_rank_correlation(ends: list[float], order: float | None) -> None:
    assert in_order([Timed(0, 0, end, Reply(200)) for end in ends]) == order


def test_nothing_is_left_under_way_when_a_loop_is_interrupted() -> None:
    server = Server(workers=3)

    async def interrupted() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.15):
                await closed_loop(server.ask, 3, 1000)
        return len(asyncio.all_tasks())

    assert run(interrupted()) == 1
    assert server.in_service == 0


def test_a_failure_while_sending_is_the_loops() -> None:
    async def refuses() -> Reply:
        await asyncio.sleep(0.1)
        raise RuntimeError("the cap is reached")

    with pytest.raises(RuntimeError, match="the cap is reached"):
        run(closed_loop(refuses, 3, 10))
