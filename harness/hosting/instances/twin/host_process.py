"""The harness's end of the process that holds the twins."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from typing import Any

from harness.hosting.instances.base import InstanceFailed

_STOP_SECONDS = 5.0
_GONE = "The process that holds the twins ended."
# Of the harness's own environment, what a Python process needs to start.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class HostProcess:
    """A running host process, with the commands that it takes and its twins by number."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.ended = asyncio.Event()
        self._process = process
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._twins: dict[int, asyncio.Event] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> HostProcess:
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "harness.hosting.instances.twin.host"),
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
        """The number of a new twin. ``ended`` is set when the twin ends, by itself or with the process."""
        number = next(self._numbers)
        self._twins[number] = ended
        return number

    async def ask(self, do: str, twin: int, **more: Any) -> dict[str, Any]:
        """Sends one command and returns its answer. Raises InstanceFailed if the process has ended."""
        if self.ended.is_set():
            raise InstanceFailed(_GONE)
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": do, "twin": twin, **more}).encode() + b"\n")
        try:
            return await answer
        finally:
            self._pending.pop(number, None)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            pending = self._pending.get(answer["id"])
            if pending is not None and not pending.done():
                pending.set_result(answer)
            if answer.get("ended"):
                self._twins.pop(answer["twin"], asyncio.Event()).set()
        await self._process.wait()
        self.ended.set()
        for pending in self._pending.values():
            if not pending.done():
                pending.set_exception(InstanceFailed(_GONE))
        for ended in self._twins.values():
            ended.set()

    async def close(self) -> None:
        """Ends the process, by ending its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(asyncio.shield(self._reader), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._reader
