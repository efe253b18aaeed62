"""Twins: the profile's queue, errors and times, and the process that holds them all."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from harness.core.clock import Clock, VirtualClock, WallClock
from harness.hosting.instances.base import InstanceFailed, InstanceSpec
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.instances.twin import TwinKind
from harness.hosting.instances.twin.instance import TwinInstance
from tests.model_server.serving import ROOT
from tests.profiles import a_profile, constant


class Twins:
    """Twins of one kind object."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.kind = TwinKind(clock or WallClock())
        self.running: list[TwinInstance] = []

    def build(self, **profile: Any) -> TwinInstance:
        settings = LocalSettings("twin", profile=a_profile(**profile))
        spec = InstanceSpec("e", "v", len(self.running), "ml.m5.large", Path(), Path(), {}, settings)
        twin = self.kind.build(spec, lambda line: None)
        self.running.append(twin)
        return twin

    async def start(self, **profile: Any) -> TwinInstance:
        twin = self.build(**profile)
        await twin.start()
        await twin.wait_ready(10)
        return twin

    async def host_pid(self) -> int:
        return (await self.kind.host()).pid

    async def close(self) -> None:
        await asyncio.gather(*(twin.stop() for twin in self.running))
        await self.kind.close()


@pytest.fixture
async def twins() -> AsyncIterator[Twins]:
    running = Twins()
    yield running
    await running.close()


async def test_beyond_its_workers_and_its_queue_it_answers_503_as_torchserve_does(twins: Twins) -> None:
    twin = await twins.start(workers=2, queue_length=3, service_times=(constant(0.2),))
    answers = await asyncio.gather(*(twin.invoke(b"{}", {}, 10) for _ in range(9)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [503] * 4
    refused = next(answer for answer in answers if answer.status == 503)
    assert json.loads(refused.body)["type"] == "ServiceUnavailableException"
    assert "has no worker to serve inference request" in json.loads(refused.body)["message"]


async def test_errors_come_at_the_profiles_rate_after_their_service_time(twins: Twins) -> None:
    twin = await twins.start(error_rate=1.0, service_times=(constant(0.1),))
    begun = time.monotonic()
    assert (await twin.invoke(b"{}", {}, 10)).status == 500
    assert time.monotonic() - begun >= 0.1


async def test_a_caller_that_gives_up_leaves_its_job_with_the_worker(twins: Twins) -> None:
    """A model server does not notice: what it began, it ends."""
    twin = await twins.start(workers=1, service_times=(constant(0.4),))
    with pytest.raises(TimeoutError):
        await twin.invoke(b"{}", {}, 0.05)
    begun = time.monotonic()
    assert (await twin.invoke(b"{}", {}, 10)).status == 200
    assert 0.6 < time.monotonic() - begun < 0.95


async def test_it_answers_503_until_it_is_loaded_on_the_harnesss_clock() -> None:
    clock = VirtualClock()
    twins = Twins(clock)
    twin = twins.build(load_seconds=300)
    await twin.start()
    await clock.advance(299)
    assert (await twin.invoke(b"{}", {}, 10)).status == 503
    ready = asyncio.ensure_future(twin.wait_ready(360))
    await asyncio.sleep(0.5)
    assert not ready.done()
    await clock.advance(1)
    await ready
    assert (await twin.invoke(b"{}", {}, 10)).status == 200
    await twins.close()


async def test_a_twin_that_loads_too_long_fails_by_the_same_clock() -> None:
    """5 minutes where AWS waits for 4 (SM guide, your-algorithms-inference-code)."""
    clock = VirtualClock()
    twins = Twins(clock)
    twin = twins.build(load_seconds=300)
    await twin.start()
    ready = asyncio.ensure_future(twin.wait_ready(240))
    await clock.advance(239)
    assert not ready.done()
    await clock.advance(1)
    with pytest.raises(InstanceFailed, match="200 within 240 s: profile made-up loads for 300 s"):
        await ready
    await twins.close()


async def test_its_port_knows_the_container_contract_only(twins: Twins) -> None:
    twin = await twins.start()
    assert twin.url is not None
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{twin.url}/ping") as answer:
            assert answer.status == 200
        async with session.get(f"{twin.url}/models") as answer:
            assert answer.status == 404


async def test_its_service_times_are_the_profiles(twins: Twins) -> None:
    """Never less, and the quickest little more than one of no service time is; `make bench` has the figures."""
    took: dict[float, list[float]] = {0.03: [], 0.0: []}
    busy, idle = [await twins.start(service_times=(constant(seconds),)) for seconds in took]
    for _ in range(15):
        for twin, seconds in ((busy, 0.03), (idle, 0.0)):
            begun = time.monotonic()
            await twin.invoke(b"x" * 100_000, {}, 10)
            took[seconds].append(time.monotonic() - begun)
    assert min(took[0.03]) >= 0.03
    assert min(took[0.03]) - min(took[0.0]) < 0.045


async def test_fifty_twins_live_in_one_process_and_killing_one_leaves_the_others(twins: Twins) -> None:
    for _ in range(50):
        twins.build()
    await asyncio.gather(*(twin.start() for twin in twins.running))
    await asyncio.gather(*(twin.wait_ready(20) for twin in twins.running))
    assert len({twin.url for twin in twins.running}) == 50
    await twins.running[7].kill()
    await twins.running[7].wait_ended()
    others = [twin for index, twin in enumerate(twins.running) if index != 7]
    answers = await asyncio.gather(*(twin.invoke(b"{}", {}, 10) for twin in others))
    assert {answer.status for answer in answers} == {200}
    assert psutil.Process(await twins.host_pid()).children() == []


async def test_the_end_of_their_process_ends_all_twins_and_the_next_twin_starts_a_new_one(twins: Twins) -> None:
    first, second = await twins.start(), await twins.start()
    os.kill(await twins.host_pid(), signal.SIGKILL)
    async with asyncio.timeout(5):
        await asyncio.gather(first.wait_ended(), second.wait_ended())
    third = await twins.start()
    assert (await third.invoke(b"{}", {}, 10)).status == 200


async def test_twins_end_with_the_harness_however_it_ends(tmp_path: Path) -> None:
    script = tmp_path / "harness_stand_in.py"
    script.write_text(
        "import asyncio\n"
        "from tests.hosting.instances.test_twin import Twins\n"
        "async def main():\n"
        "    twins = Twins()\n"
        "    await twins.start()\n"
        "    print(await twins.host_pid(), flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    host = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(host.wait, 5)


async def test_a_twin_without_a_profile_says_what_to_do(twins: Twins) -> None:
    spec = InstanceSpec("e", "v", 0, "ml.m5.large", Path(), Path(), {}, LocalSettings("twin"))
    with pytest.raises(InstanceFailed, match=r"name one under \[local\] profile"):
        twins.kind.build(spec, print)
