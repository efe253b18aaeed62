"""The harness's end of the process that holds the twins."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from harness.core import tasks
from harness.hosting.instances.base import InstanceFailed
from harness.hosting.instances.health import unanswered
from harness.hosting.rules import timeouts

_STOP_SECONDS = 5.0
_GONE = "The process that holds the twins ended."
# Of the harness's own environment, what a Python process needs to start.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class HostProcess:
    """A running host process, with the commands that it takes and its twins by number.

    It is pinged like a container in service, by a command. If it hangs it is killed, and all its twins have ended.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.ended = asyncio.Event()
        self._process = process
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._twins: dict[int, Callable[[str | None], object]] = {}
        self._silent: str | None = None
        self._reader = tasks.start(
            self._read(), "reading what the twins' process says", failed=lambda error: self._end()
        )
        self._pinging = tasks.keep(self._watch, "pinging the twins' process")

    @classmethod
    async def start(cls) -> HostProcess:
        left: list[asyncio.subprocess.Process] = []
        try:
            return cls(
                await tasks.to_the_end(
                    asyncio.create_subprocess_exec(
                        *(sys.executable, "-m", "harness.hosting.instances.twin.host"),
                        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                        stdin=asyncio.subprocess.PIPE,
                        stdout=asyncio.subprocess.PIPE,
                        start_new_session=True,
                    ),
                    left.append,
                )
            )
        except asyncio.CancelledError:
            for process in left:
                await cls(process).close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def register(self, ended: Callable[[str | None], object]) -> int:
        """The number of a new twin.

        ended: called when the twin ends, by itself or with the process; with a sentence's end that says so if the
        process did not answer any more.
        """
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
            if answer.get("ended") and (ended := self._twins.pop(answer["twin"], None)) is not None:
                ended(None)
        await self._process.wait()
        self._end()

    def _end(self) -> None:
        """Ends the process if it lives, and with it everything that waits for it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self.ended.set()
        for pending in self._pending.values():
            if not pending.done():
                pending.set_exception(InstanceFailed(_GONE))
        for ended in self._twins.values():
            ended(self._silent)
        self._twins.clear()

    async def _watch(self) -> None:
        self._silent = await unanswered(self._answers)
        self._end()

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(timeouts.PING_SECONDS):
                await self.ask("ping", 0)
        except (TimeoutError, InstanceFailed):
            return False
        return True

    async def close(self) -> None:
        """Ends the process, by ending its input."""
        await tasks.stop(self._pinging)
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait([self._reader], timeout=_STOP_SECONDS)
        self._end()
        await self._process.wait()
        await tasks.stop(self._reader)
