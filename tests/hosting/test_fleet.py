"""A variant's fleet, on instances that the test holds in its hands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.clock import VirtualClock
from harness.core.errors import AwsError
from harness.hosting.fleet import Fleet
from harness.hosting.instances.base import Answer, Instance, InstanceFailed
from harness.hosting.model_data import ModelDataError
from harness.hosting.rules.timeouts import DRAIN_SECONDS


class HandInstance(Instance):
    """An instance that is ready, fails and ends when the test says so."""

    def __init__(self, number: int, failure: str = "") -> None:
        self.number = number
        self.failure = failure
        self.ready = asyncio.Event()
        self.ready.set()
        self.ended = asyncio.Event()
        self.hold = asyncio.Event()
        self.hold.set()
        self.silent: str | None = None
        self.stopped = self.killed = False
        self.served = 0

    async def start(self) -> None: ...

    async def wait_ready(self, timeout: float) -> None:
        await self.ready.wait()
        if self.failure:
            raise InstanceFailed(self.failure)

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        self.served += 1
        await self.hold.wait()
        return Answer(200, "OK", {}, b"%d" % self.number)

    async def wait_ended(self) -> str | None:
        await self.ended.wait()
        return self.silent

    async def kill(self) -> None:
        self.killed = True
        await self.stop()

    async def stop(self) -> None:
        self.stopped = True
        self.ended.set()


class Yard:
    """Builds the instances of a fleet and keeps them all."""

    def __init__(self, *failures: str) -> None:
        self.built: list[HandInstance] = []
        self.open = True
        self._failures = list(failures)

    def build(self, number: int) -> HandInstance:
        self.built.append(HandInstance(number, self._failures.pop(0) if self._failures else ""))
        if not self.open:
            self.built[-1].ready.clear()
        return self.built[-1]

    def fleet(self, clock: VirtualClock, desired: int = 1, strategy: Any = "RANDOM", **members: Any) -> Fleet:
        return Fleet("v", self.build, clock, desired=desired, strategy=strategy, startup_seconds=60, **members)

    @property
    def alive(self) -> list[HandInstance]:
        return [instance for instance in self.built if not instance.stopped]


async def ask(fleet: Fleet) -> Answer:
    """Sends one request, as the invoker does."""
    with fleet.instance() as (_, instance):
        return await instance.invoke(b"", {}, 1)


async def until(condition: object) -> None:
    for _ in range(500):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not come to that")


async def test_every_instance_is_in_service_when_start_returns() -> None:
    yard = Yard()
    fleet = yard.fleet(VirtualClock(), desired=3)
    await fleet.start()
    assert fleet.in_service == 3
    await fleet.stop()
    assert fleet.in_service == 0
    assert all(instance.stopped for instance in yard.built)


async def test_an_instance_that_cannot_start_fails_the_fleet_with_its_own_words() -> None:
    fleet = Yard("", "no module named torch").fleet(VirtualClock(), desired=2)
    with pytest.raises(InstanceFailed, match="no module named torch"):
        await fleet.start()
    await fleet.stop()


async def test_model_data_that_cannot_be_unpacked_fails_the_fleet() -> None:
    def build(number: int) -> HandInstance:
        raise ModelDataError("not a tar.gz")

    fleet = Fleet("v", build, VirtualClock(), desired=1, strategy="RANDOM", startup_seconds=60)
    with pytest.raises(ModelDataError, match=r"not a tar\.gz"):
        await fleet.start()
    await fleet.stop()


@pytest.mark.parametrize("step", ["build", "start", "wait_ready"])
async def test_an_exception_that_no_kind_should_raise_fails_the_fleet_and_is_logged(
    step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> Any:
        raise ValueError(f"{step} is broken")

    yard = Yard()
    fleet = yard.fleet(VirtualClock()) if step != "build" else Fleet(
        "v", fail, VirtualClock(), desired=1, strategy="RANDOM", startup_seconds=60
    )  # fmt: skip
    if step != "build":
        monkeypatch.setattr(HandInstance, step, fail)
    with pytest.raises(InstanceFailed, match=f"The kind of instance raised ValueError: {step} is broken"):
        await fleet.start()
    await fleet.stop()
    assert "Traceback" in caplog.text


async def test_an_instance_that_dies_is_replaced_and_the_others_go_on() -> None:
    clock, yard = VirtualClock(), Yard()
    fleet = yard.fleet(clock, desired=2)
    await fleet.start()
    dead = yard.built[0]
    dead.ended.set()
    await until(lambda: fleet.in_service == 1)
    assert (await ask(fleet)).body == b"%d" % yard.built[1].number
    await clock.advance(2)
    await until(lambda: fleet.in_service == 2)
    assert yard.built[2].number == dead.number
    await fleet.stop()


async def test_an_instance_that_does_not_answer_its_pings_is_killed_and_replaced() -> None:
    clock, yard = VirtualClock(), Yard()
    fleet = yard.fleet(clock)
    await fleet.start()
    hung = yard.built[0]
    hung.silent = "did not answer 3 pings in a row"
    hung.ended.set()
    await until(lambda: fleet.in_service == 0)
    await until(lambda: hung.killed)
    await clock.advance(2)
    await until(lambda: fleet.in_service == 1)
    await fleet.stop()
    assert [instance.killed for instance in yard.built] == [True, False]


async def test_an_instance_whose_end_fails_is_let_go() -> None:
    """So that an endpoint can be deleted whatever its kind raises."""
    yard = Yard()
    fleet = yard.fleet(VirtualClock(), desired=2)
    await fleet.start()

    async def fail() -> None:
        raise RuntimeError("a defect of the kind")

    yard.built[0].stop = fail  # type: ignore[method-assign]
    await fleet.stop()
    assert (fleet.in_service, yard.built[1].stopped) == (0, True)


async def test_a_replacement_that_does_not_come_up_is_tried_again() -> None:
    clock, yard = VirtualClock(), Yard("", "broken")
    fleet = yard.fleet(clock)
    await fleet.start()
    yard.built[0].ended.set()
    await until(lambda: fleet.in_service == 0)
    with pytest.raises(AwsError, match="No instance of variant v is in service"):
        await ask(fleet)
    for _ in range(3):
        await clock.advance(2)
        await asyncio.sleep(0.02)
    await until(lambda: fleet.in_service == 1)
    await fleet.stop()


async def test_least_outstanding_requests_spreads_what_is_in_flight() -> None:
    yard = Yard()
    fleet = yard.fleet(VirtualClock(), desired=2, strategy="LEAST_OUTSTANDING_REQUESTS")
    await fleet.start()
    for instance in yard.built:
        instance.hold.clear()
    requests = [asyncio.create_task(ask(fleet)) for _ in range(6)]
    await until(lambda: sum(instance.served for instance in yard.built) == 6)
    assert [instance.served for instance in yard.built] == [3, 3]
    for instance in yard.built:
        instance.hold.set()
    await asyncio.gather(*requests)
    await fleet.stop()


async def test_a_request_beyond_the_limit_of_all_instances_is_throttled() -> None:
    """SageMaker has no queue; its limit grows with the instances (opensearch ml-commons#2429)."""
    yard = Yard()
    fleet = yard.fleet(VirtualClock(), desired=2, concurrent_requests=3)
    await fleet.start()
    for instance in yard.built:
        instance.hold.clear()
    requests = [asyncio.create_task(ask(fleet)) for _ in range(6)]
    await until(lambda: sum(instance.served for instance in yard.built) == 6)
    with pytest.raises(AwsError) as refused:
        await ask(fleet)
    assert (refused.value.code, refused.value.status) == ("ThrottlingException", 400)
    for instance in yard.built:
        instance.hold.set()
    await asyncio.gather(*requests)
    await ask(fleet)
    await fleet.stop()


async def test_scaled_up_and_down_while_it_serves() -> None:
    yard = Yard()
    fleet = yard.fleet(VirtualClock(), desired=1)
    await fleet.start()
    await fleet.scale(4)
    assert (fleet.in_service, fleet.desired) == (4, 4)
    await fleet.scale(2)
    assert (fleet.in_service, [instance.number for instance in yard.alive]) == (2, [0, 1])
    await fleet.scale(3)
    assert sorted(instance.number for instance in yard.alive) == [0, 1, 2]
    await fleet.stop()
    assert not yard.alive


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_a_fleet_reaches_every_count_that_it_is_scaled_to(counts: list[int]) -> None:
    async def run() -> None:
        yard = Yard()
        fleet = yard.fleet(VirtualClock(), desired=1)
        await fleet.start()
        for count in counts:
            await fleet.scale(count)
            assert fleet.in_service == len(yard.alive) == fleet.desired == count
            assert sorted(instance.number for instance in yard.alive) == list(range(count))
        await fleet.stop()

    asyncio.run(run())


async def test_if_one_instance_cannot_be_brought_up_none_is_added() -> None:
    yard = Yard("", "", "no memory")
    fleet = yard.fleet(VirtualClock())
    await fleet.start()
    with pytest.raises(InstanceFailed, match="no memory"):
        await fleet.scale(3)
    assert (fleet.in_service, fleet.desired, len(yard.alive)) == (1, 1, 1)
    await fleet.stop()


async def test_a_removed_instance_gets_no_new_request_and_finishes_what_it_has() -> None:
    yard, clock = Yard(), VirtualClock()
    fleet = yard.fleet(clock, desired=2, strategy="LEAST_OUTSTANDING_REQUESTS")
    await fleet.start()
    for instance in yard.built:
        instance.hold.clear()
    requests = [asyncio.create_task(ask(fleet)) for _ in range(2)]
    await until(lambda: sum(instance.served for instance in yard.built) == 2)
    scaling = asyncio.create_task(fleet.scale(1))
    await until(lambda: fleet.in_service == 1)
    kept, leaving = yard.built
    requests += [asyncio.create_task(ask(fleet)) for _ in range(3)]
    await until(lambda: kept.served == 4)
    assert (leaving.served, leaving.stopped, scaling.done()) == (1, False, False)
    leaving.hold.set()
    await scaling
    assert leaving.stopped
    kept.hold.set()
    assert sorted(answer.body for answer in await asyncio.gather(*requests)) == [b"0", b"0", b"0", b"0", b"1"]
    await fleet.stop()


async def test_a_removed_instance_has_30_wall_clock_seconds_at_any_speed() -> None:
    assert DRAIN_SECONDS == 30
    yard, clock = Yard(), VirtualClock()
    fleet = yard.fleet(clock, drain_seconds=0.3)
    await fleet.start()
    yard.built[0].hold.clear()
    request = asyncio.create_task(ask(fleet))
    await until(lambda: yard.built[0].served == 1)
    scaling = asyncio.create_task(fleet.scale(0))
    await until(lambda: fleet.in_service == 0)
    begun = time.monotonic()
    await clock.advance(3600)
    await scaling
    assert time.monotonic() - begun >= 0.25
    assert yard.built[0].stopped
    yard.built[0].hold.set()
    await request


async def test_stop_after_a_cancelled_scaling_leaves_nothing_behind() -> None:
    yard, clock = Yard(), VirtualClock()
    fleet = yard.fleet(clock, desired=2)
    await fleet.start()
    for instance in yard.built:
        instance.hold.clear()
    requests = [asyncio.create_task(ask(fleet)) for _ in range(8)]
    await until(lambda: sum(instance.served for instance in yard.built) == 8)
    scaling = asyncio.create_task(fleet.scale(1))
    await until(lambda: fleet.in_service == 1)
    scaling.cancel()
    await asyncio.gather(scaling, return_exceptions=True)
    await fleet.stop()
    assert not yard.alive
    for instance in yard.built:
        instance.hold.set()
    await asyncio.gather(*requests)


async def test_an_added_instance_serves_only_when_it_is_ready() -> None:
    yard = Yard()
    fleet = yard.fleet(VirtualClock())
    await fleet.start()
    yard.open = False
    scaling = asyncio.create_task(fleet.scale(2))
    await until(lambda: len(yard.built) == 2)
    await asyncio.sleep(0.01)
    assert fleet.in_service == 1
    yard.built[1].ready.set()
    await scaling
    assert fleet.in_service == 2
    await fleet.stop()


async def test_with_serve_unready_an_added_instance_takes_requests_too_early() -> None:
    """The error spike of aws/sagemaker-inference-toolkit#138, as an option."""
    yard = Yard()
    fleet = yard.fleet(VirtualClock(), serve_unready=True)
    await fleet.start()
    yard.open = False
    await fleet.scale(2)
    assert (fleet.in_service, yard.built[1].ready.is_set()) == (2, False)
    await fleet.stop()


async def test_with_serve_unready_the_first_instances_still_have_to_be_ready() -> None:
    yard = Yard("broken")
    fleet = yard.fleet(VirtualClock(), serve_unready=True)
    with pytest.raises(InstanceFailed, match="broken"):
        await fleet.start()
    await fleet.stop()


async def test_provisioning_takes_its_time_on_the_clock() -> None:
    yard, clock = Yard(), VirtualClock()
    fleet = yard.fleet(clock, provisioning_seconds=300)
    starting = asyncio.create_task(fleet.start())
    await clock.advance(299)
    assert not yard.built
    await clock.advance(1)
    await starting
    assert fleet.in_service == 1
    await fleet.stop()
