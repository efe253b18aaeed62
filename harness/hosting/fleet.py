"""The instances behind one variant: brings them up, keeps them alive, chooses one for a request, takes them down."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from harness.core import tasks
from harness.core.clock import Clock
from harness.hosting import errors
from harness.hosting.instances.base import Instance, InstanceFailed
from harness.hosting.model_data import ModelDataError
from harness.hosting.rules.outstanding import Outstanding
from harness.hosting.rules.routing import Strategy, choose_instance
from harness.hosting.rules.timeouts import DRAIN_SECONDS

log = logging.getLogger(__name__)

# What the fleet waits before it replaces an instance that died. AWS does not publish it; this is short, so that a
# rehearsal shows the replacement.
_REPLACEMENT_DELAY_SECONDS = 1.0
# Errors that keep an instance from coming up.
FAILURES = (InstanceFailed, ModelDataError, OSError)


class Chosen(NamedTuple):
    """An instance for one request. number: the number of its slot in the fleet."""

    number: int
    instance: Instance


class _Slot:
    """A place in the fleet: an instance, and the one that replaces it. first: done when the slot first serves."""

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.instance: Instance | None = None
        self.outstanding = Outstanding(now)
        self.idle = asyncio.Event()
        self.idle.set()
        self.first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None


class Fleet:
    """``desired`` instances of one variant.

    build: makes the instance of a number (unpacks its model, builds its environment); may raise one of FAILURES.
    startup_seconds: what an instance has until ``/ping`` answers 200.
    provisioning_seconds: what passes on the clock before an instance starts.
    serve_unready: whether instances that are added later take requests as soon as they are started.
    concurrent_requests: how many requests may be in flight for each instance in service; more are throttled. None is no
    limit.
    drain_seconds: wall-clock seconds in which a removed instance may finish its requests.
    changed: called whenever the number of instances in service has changed.
    """

    def __init__(
        self,
        variant: str,
        build: Callable[[int], Instance],
        clock: Clock,
        *,
        desired: int,
        strategy: Strategy,
        startup_seconds: float,
        provisioning_seconds: float = 0.0,
        serve_unready: bool = False,
        concurrent_requests: int | None = None,
        drain_seconds: float = DRAIN_SECONDS,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.variant = variant
        self.desired = desired
        self._build = build
        self._clock = clock
        self._strategy = strategy
        self._startup_seconds = startup_seconds
        self._provisioning_seconds = provisioning_seconds
        self._serve_unready = serve_unready
        self._concurrent_requests = concurrent_requests
        self._drain_seconds = drain_seconds
        self._changed = changed
        self._serving: list[_Slot] = []
        self._slots: list[_Slot] = []
        self._leaving: set[_Slot] = set()
        self._random = random.Random()  # noqa: S311 - routing, not cryptography

    @property
    def in_service(self) -> int:
        """How many instances take requests now."""
        return len(self._serving)

    @property
    def instances(self) -> Sequence[Instance]:
        """The instances that take requests now."""
        return [slot.instance for slot in self._serving if slot.instance is not None]

    def concurrency(self) -> list[float]:
        """The mean number of requests in flight since the last call, for each serving instance."""
        now = self._clock.now()
        return [slot.outstanding.mean(now) for slot in self._serving]

    async def start(self) -> None:
        """Returns when every instance is in service. Raises one of FAILURES if one cannot be brought up."""
        await self._grow(self.desired, early=False)

    async def scale(self, desired: int) -> None:
        """Returns when ``desired`` instances are in service and the newest ones beyond that are gone.

        Raises one of FAILURES if one cannot be brought up; all added instances are gone then.
        """
        former, self.desired = self.desired, desired
        try:
            await self._grow(desired, early=self._serve_unready)
        except FAILURES:
            self.desired = former
            raise
        surplus = sorted(self._slots, key=lambda slot: slot.number)[desired:]
        await self._remove(surplus, drain=True)

    async def stop(self, *, drain: bool = False) -> None:
        """Takes every instance down. drain: each may finish its requests first, within drain_seconds."""
        await self._remove([*self._slots, *self._leaving], drain=drain)

    async def _grow(self, desired: int, *, early: bool) -> None:
        used = {slot.number for slot in self._slots}
        free = [number for number in range(desired + len(used)) if number not in used]
        added = [_Slot(number, self._clock.now()) for number in free[: max(0, desired - len(self._slots))]]
        self._slots += added
        for slot in added:
            slot.task = tasks.keep(
                partial(self._keep, slot, early=early),
                "keeping an instance",
                failed=partial(self._lose, slot),
            )
        try:
            await asyncio.gather(*(slot.first for slot in added))
        except FAILURES:
            await self._remove(added, drain=False)
            raise
        finally:
            for slot in added:
                if slot.first.done() and not slot.first.cancelled():
                    slot.first.exception()  # retrieved here, because gather() reports only the first

    async def _keep(self, slot: _Slot, *, early: bool) -> None:
        """Keeps an instance in the slot: replaces one that dies, and reports a first one that cannot start."""
        await self._drop(slot)  # what is left if this was begun before
        while True:
            try:
                await self._clock.sleep(self._provisioning_seconds)
                instance = await self._bring_up(slot, early=early)
            except FAILURES as error:
                self._withdraw(slot)
                await self._drop(slot)
                if not slot.first.done():
                    if isinstance(error, InstanceFailed):
                        error.variant = self.variant
                    slot.first.set_exception(error)
                    return
                log.warning("instance %s of %s did not come up: %s", slot.number, self.variant, error)
            else:
                self._serve(slot)
                silent = await instance.wait_ended()
                self._withdraw(slot)
                log.warning("instance %s of %s %s and is replaced", slot.number, self.variant, silent or "ended")
                await self._drop(slot, kill=silent is not None)
            await self._clock.sleep(_REPLACEMENT_DELAY_SECONDS)

    async def _bring_up(self, slot: _Slot, *, early: bool) -> Instance:
        """The slot's instance, when it is ready. Raises one of FAILURES, whatever its kind raises."""
        try:
            # A thread cannot be cancelled, and writes into the instance's folder.
            instance = slot.instance = await tasks.to_the_end(tasks.in_thread(self._build, slot.number))
            await instance.start()
            if early:
                self._serve(slot)
            await instance.wait_ready(self._startup_seconds)
            return instance
        except FAILURES:
            raise
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.exception("instance %s of %s: its kind raised what no kind should", slot.number, self.variant)
            raise InstanceFailed(errors.KIND_FAILED.format(tasks.said_of(error))) from error

    def _lose(self, slot: _Slot, error: BaseException) -> None:
        """Takes a slot out of service whose task has failed; the task begins anew."""
        self._withdraw(slot)
        if not slot.first.done():
            failure = InstanceFailed(errors.KIND_FAILED.format(tasks.said_of(error)))
            failure.variant = self.variant
            slot.first.set_exception(failure)

    def _serve(self, slot: _Slot) -> None:
        if slot in self._serving:
            return
        slot.outstanding = Outstanding(self._clock.now())
        self._serving.append(slot)
        if not slot.first.done():
            slot.first.set_result(None)
        self._changed()

    def _withdraw(self, slot: _Slot) -> None:
        if slot in self._serving:
            self._serving.remove(slot)
            self._changed()

    async def _remove(self, slots: Sequence[_Slot], *, drain: bool) -> None:
        for slot in slots:
            self._withdraw(slot)
            if slot in self._slots:
                self._slots.remove(slot)
            self._leaving.add(slot)
        await tasks.settle("ending an instance", *(self._take_down(slot, drain) for slot in slots))

    async def _take_down(self, slot: _Slot, drain: bool) -> None:
        await tasks.stop(slot.task)
        if drain and not slot.idle.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._drain_seconds):
                    await slot.idle.wait()
        await self._drop(slot)
        self._leaving.discard(slot)

    async def _drop(self, slot: _Slot, *, kill: bool = False) -> None:
        if slot.instance is not None:
            # It stays in the slot until it is gone, so that stop() finds it if this is cancelled.
            instance = slot.instance
            ending = instance.kill() if kill else instance.stop()
            await tasks.attempt(ending, f"stopping instance {slot.number} of {self.variant}")
            slot.instance = None

    @contextlib.contextmanager
    def instance(self) -> Iterator[Chosen]:
        """Chooses an instance by the routing strategy and counts one request in flight on it meanwhile.

        Raises AwsError ServiceUnavailable if none is in service, ThrottlingException if concurrent_requests is reached.
        """
        if not self._serving:
            raise errors.none_in_service(self.variant)
        loads = [slot.outstanding.count for slot in self._serving]
        if self._concurrent_requests is not None and sum(loads) >= self._concurrent_requests * len(loads):
            raise errors.throttled()
        slot = self._serving[choose_instance(loads, self._strategy, self._random.random())]
        assert slot.instance is not None, "a serving slot has an instance"
        outstanding = slot.outstanding
        outstanding.enter(self._clock.now())
        slot.idle.clear()
        try:
            yield Chosen(slot.number, slot.instance)
        finally:
            outstanding.leave(self._clock.now())
            if not slot.outstanding.count:
                slot.idle.set()
