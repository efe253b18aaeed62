"""One twin: it answers over HTTP from a measured capacity profile, with many others in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from harness.core import tasks
from harness.core.clock import Clock
from harness.core.profile import Profile
from harness.hosting.instances.base import Answer, Instance, InstanceFailed, Log
from harness.hosting.instances.client import ContainerClient
from harness.hosting.instances.twin.host_process import HostProcess


class TwinInstance(Instance):
    """One twin. It loads on the harness's clock for as long as the profile says; its service times are wall-clock time.

    host: gives the running process that holds the twins.
    """

    def __init__(self, host: Callable[[], Awaitable[HostProcess]], profile: Profile, clock: Clock, log: Log) -> None:
        self._find_host = host
        self._profile = profile
        self._clock = clock
        self._log = log
        self._host: HostProcess | None = None
        self._number = 0
        self._client: ContainerClient | None = None
        self._loading: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._silent: str | None = None

    @property
    def url(self) -> str | None:
        """Where the twin listens, once started."""
        return self._client.url if self._client else None

    async def start(self) -> None:
        self._host = await self._find_host()
        self._number = self._host.register(self._end)
        started = await self._host.ask("start", self._number, profile=self._profile.model_dump(mode="json"))
        self._client = ContainerClient(f"http://127.0.0.1:{started['port']}")
        self._loading = tasks.start(
            self._load(self._host), "the loading of a twin", failed=lambda error: self._end(None)
        )

    async def _load(self, host: HostProcess) -> None:
        await self._clock.sleep(self._profile.load_seconds)
        with contextlib.suppress(InstanceFailed):
            await host.ask("load", self._number)
            self._log(f"twin of {self._profile.name} loaded")

    async def wait_ready(self, timeout: float) -> None:
        assert self._client is not None, "start() comes first"
        loads_too_long = self._profile.load_seconds > timeout
        outcome = await (
            self._given_up(timeout) if loads_too_long else self._client.pinged(self._ended.is_set, timeout)
        )
        if outcome == "ended":
            raise InstanceFailed("The twin ended before it was loaded.")
        if outcome == "late":
            seconds = self._profile.load_seconds
            raise InstanceFailed(
                f"/ping did not answer 200 within {timeout:g} s: profile {self._profile.name} loads for {seconds:g} s."
            )

    async def _given_up(self, timeout: float) -> Literal["ended", "late"]:
        """Waits on the clock, like the loading, for a twin that cannot be ready within ``timeout``."""
        await tasks.first(self._ended.wait(), self._clock.sleep(timeout))
        return "ended" if self._ended.is_set() else "late"

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        assert self._client is not None, "start() comes first"
        return await self._client.invoke(body, headers, timeout)

    def _end(self, silent: str | None) -> None:
        self._silent = silent
        self._ended.set()

    async def wait_ended(self) -> str | None:
        """The process that holds the twins is pinged for all of them (HostProcess)."""
        await self._ended.wait()
        return self._silent

    async def kill(self) -> None:
        """Ends the twin as ``kill -9`` ends a process: requests in flight get no answer. The other twins go on."""
        if self._host is not None and not self._ended.is_set():
            with contextlib.suppress(InstanceFailed):
                await self._host.ask("kill", self._number)
            self._ended.set()

    async def stop(self) -> None:
        await tasks.stop(self._loading)
        if self._client is not None:
            await self._client.close()
        await self.kill()
