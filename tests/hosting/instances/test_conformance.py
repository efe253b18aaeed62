"""What every kind of instance does alike: the same tests on a process, a container and a twin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.hosting.instances.base import InstanceFailed, InvocationFailed
from tests.hosting.instances.kinds import BENCHES, NEVER, Bench

pytestmark = pytest.mark.torch

JSON = {"Content-Type": "application/json", "Accept": "application/json"}
START_SECONDS = 60.0


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    of_kind = BENCHES[request.param](tmp_path)
    yield of_kind
    await of_kind.close()


async def test_it_serves_after_ping_is_200_with_its_workers_and_within_the_timeout(bench: Bench) -> None:
    instance = bench.build(seconds=0.4)
    await instance.start()
    await instance.wait_ready(START_SECONDS)
    answer = await instance.invoke(b"{}", JSON, 60)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body

    begun = time.monotonic()
    answers = await asyncio.gather(*(instance.invoke(b"x" * 100_000, JSON, 60) for _ in range(4)))
    took = time.monotonic() - begun
    assert [answer.status for answer in answers] == [200] * 4
    # Four requests of 0.4 s on two workers: two rounds, neither one by one nor all at once.
    assert 0.75 < took < 1.5

    with pytest.raises(TimeoutError):
        await instance.invoke(b"{}", JSON, 0.1)

    ended = asyncio.ensure_future(instance.wait_ended())
    await asyncio.sleep(0)
    assert not ended.done()
    ended.cancel()


async def test_an_instance_killed_in_mid_request_has_ended_and_answers_nothing_more(bench: Bench) -> None:
    instance = bench.build(seconds=30)
    await instance.start()
    await instance.wait_ready(START_SECONDS)
    requests = [asyncio.ensure_future(instance.invoke(b"{}", JSON, 60)) for _ in range(3)]
    await asyncio.sleep(0.3)
    await bench.kill(instance)
    for request in requests:
        with pytest.raises(InvocationFailed):
            await request
    async with asyncio.timeout(20):
        await instance.wait_ended()
    with pytest.raises(InvocationFailed):
        await instance.invoke(b"{}", JSON, 5)


async def test_an_instance_that_is_not_ready_in_time_fails(bench: Bench) -> None:
    instance = bench.build(load=NEVER)
    await instance.start()
    with pytest.raises(InstanceFailed, match=r"/ping .*200 within 1\.5 s"):
        await instance.wait_ready(1.5)
    await instance.stop()


async def test_a_cancelled_start_leaves_nothing_behind(bench: Bench) -> None:
    instance = bench.build(load=NEVER)
    starting = asyncio.ensure_future(_bring_up(instance))
    await asyncio.sleep(0.05)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await instance.stop()


async def test_stop_before_start_and_a_second_stop_do_nothing(bench: Bench) -> None:
    instance = bench.build()
    await instance.stop()
    await instance.stop()


async def _bring_up(instance: object) -> None:
    await instance.start()  # type: ignore[attr-defined]
    await instance.wait_ready(START_SECONDS)  # type: ignore[attr-defined]
