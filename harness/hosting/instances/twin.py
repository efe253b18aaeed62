"""An instance as a twin: it answers over HTTP from a measured capacity profile, fifty of them in one process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

from harness.core.clock import Clock
from harness.core.profile import Profile
from harness.hosting.instances.base import Answer, InstanceFailed, InstanceSpec, Log
from harness.hosting.instances.client import ContainerClient

_STOP_SECONDS = 5.0
_GONE = "The process that holds the twins ended."
# Of the harness's own environment, what a Python process needs to start.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class TwinKind:
    """The kind ``twin``. Its process starts with the first twin and ends with the harness, however that ends."""

    needs_model_data = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._host: _Host | None = None
        self._starting = asyncio.Lock()

    def build(self, spec: InstanceSpec, log: Log) -> TwinInstance:
        if spec.settings.profile is None:
            raise InstanceFailed("A twin answers from a profile: name one under [local] profile.")
        return TwinInstance(self, spec.settings.profile, self._clock, log)

    async def host(self) -> _Host:
        """The running process; a new one where the last has died."""
        async with self._starting:
            if self._host is None or self._host.ended.is_set():
                self._host = await _Host.start()
            return self._host

    async def close(self) -> None:
        if self._host is not None:
            await self._host.close()


class TwinInstance:
    """One twin. It loads for as long as the profile says on the harness's clock; its service times are wall time."""

    def __init__(self, kind: TwinKind, profile: Profile, clock: Clock, log: Log) -> None:
        self._kind = kind
        self._profile = profile
        self._clock = clock
        self._log = log
        self._host: _Host | None = None
        self._number = 0
        self._client: ContainerClient | None = None
        self._loading: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def url(self) -> str | None:
        """Where it listens, once started."""
        return self._client.url if self._client else None

    async def start(self) -> None:
        self._host = await self._kind.host()
        self._number = self._host.register(self._ended)
        started = await self._host.ask("start", self._number, profile=self._profile.model_dump(mode="json"))
        self._client = ContainerClient(f"http://127.0.0.1:{started['port']}")
        self._loading = asyncio.create_task(self._load(self._host))

    async def _load(self, host: _Host) -> None:
        await self._clock.sleep(self._profile.load_seconds)
        with contextlib.suppress(InstanceFailed):
            await host.ask("load", self._number)
            self._log(f"twin of {self._profile.name} loaded")

    async def wait_ready(self, timeout: float) -> None:
        assert self._client is not None, "start() comes first"
        loads_too_long = self._profile.load_seconds > timeout
        found = await (self._given_up(timeout) if loads_too_long else self._client.pinged(self._ended.is_set, timeout))
        if found == "ended":
            raise InstanceFailed("The twin ended before it was loaded.")
        if found == "late":
            seconds = self._profile.load_seconds
            raise InstanceFailed(
                f"/ping did not answer 200 within {timeout:g} s: profile {self._profile.name} loads for {seconds:g} s."
            )

    async def _given_up(self, timeout: float) -> Literal["ended", "late"]:
        """Loading takes its time on the clock, and so does waiting for it in vain."""
        waits = [asyncio.ensure_future(self._ended.wait()), asyncio.ensure_future(self._clock.sleep(timeout))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return "ended" if self._ended.is_set() else "late"

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        assert self._client is not None, "start() comes first"
        return await self._client.invoke(body, headers, timeout)

    async def wait_ended(self) -> None:
        await self._ended.wait()

    async def kill(self) -> None:
        """What ``kill -9`` is to a process: what is in flight gets no answer. The other twins go on."""
        if self._host is not None and not self._ended.is_set():
            with contextlib.suppress(InstanceFailed):
                await self._host.ask("kill", self._number)
            self._ended.set()

    async def stop(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])
        if self._client is not None:
            await self._client.close()
        await self.kill()


class _Host:
    """The harness's end of the process that holds the twins."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.ended = asyncio.Event()
        self._process = process
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._twins: dict[int, asyncio.Event] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> _Host:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "harness.hosting.instances.twin_host"),
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        )
        try:
            return cls(await asyncio.shield(starting))
        except asyncio.CancelledError:
            await cls(await starting).close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def register(self, ended: asyncio.Event) -> int:
        """The number of a new twin. ``ended`` is set when it ends, by itself or with the process."""
        number = next(self._numbers)
        self._twins[number] = ended
        return number

    async def ask(self, do: str, twin: int, **more: Any) -> dict[str, Any]:
        """One command and its answer. Raises InstanceFailed when the process is gone."""
        if self.ended.is_set():
            raise InstanceFailed(_GONE)
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, "twin": twin, **more}).encode() + b"\n")
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            asked = self._asked.get(answer["id"])
            if asked is not None and not asked.done():
                asked.set_result(answer)
            if answer.get("ended"):
                self._twins.pop(answer["twin"], asyncio.Event()).set()
        await self._process.wait()
        self.ended.set()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(InstanceFailed(_GONE))
        for ended in self._twins.values():
            ended.set()

    async def close(self) -> None:
        """The end of its input is the end of the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.shield(self._reader), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._reader
