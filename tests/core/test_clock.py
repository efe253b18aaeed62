"""Wall, sped-up and virtual time."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.core.clock import VirtualClock, WallClock


async def test_a_sped_up_clock_starts_at_the_walls_time_and_runs_ahead() -> None:
    clock = WallClock(speed=100)
    begun, wall = clock.now(), time.time()
    assert abs(begun - wall) < 1
    await clock.sleep(2)
    assert clock.now() - begun >= 2
    assert time.time() - wall < 1.5


def test_time_does_not_stand_still_or_run_back() -> None:
    with pytest.raises(ValueError, match="above 0"):
        WallClock(speed=0)


async def test_a_change_of_speed_holds_for_those_who_sleep_already() -> None:
    clock, wall = WallClock(), time.monotonic()
    begun = clock.now()
    sleeping = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(0)
    clock.change_speed(1000)
    await sleeping
    assert 60 <= clock.now() - begun < 1000
    assert time.monotonic() - wall < 10
    assert clock.speed == 1000


async def test_virtual_time_wakes_sleepers_in_order() -> None:
    clock, woken = VirtualClock(100.0), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.now()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (5, 1, 3)]
    await clock.advance(4)
    assert woken == [(1, 101.0), (3, 103.0)]
    assert clock.now() == 104.0
    await clock.advance(10)
    assert woken[-1] == (5, 105.0)
    await asyncio.gather(*tasks)


async def test_virtual_time_follows_a_sleeper_that_sleeps_again() -> None:
    clock, ticks = VirtualClock(), []

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep(10)
            ticks.append(clock.now())

    task = asyncio.create_task(ticker())
    await clock.advance(100)
    assert ticks == [10, 20, 30]
    await task
