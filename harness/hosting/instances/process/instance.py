"""One child process: this project's model server on a loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

from harness.core import memory, tasks
from harness.hosting.instances.base import (
    Answer,
    Instance,
    InstanceFailed,
    InstanceSpec,
    Log,
    ResourceUsage,
    StreamedAnswer,
)
from harness.hosting.instances.client import ContainerClient
from harness.hosting.instances.health import ended_or_unanswered
from harness.hosting.instances.process.memory_limit import hold, limit_of
from harness.hosting.instances.process.usage import usage_of_tree
from harness.hosting.rules.instance_types import vcpus
from harness.hosting.rules.timeouts import STOP_SECONDS

_KEPT_LINES = 200
_LINE_LIMIT = 64 * 1024
_BACKLOG = 2048
# Of the harness's own environment, only what a process needs to start. The rest comes from the model's Environment.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")


class ProcessInstance(Instance):
    """``python -m model_server`` with a core and a worker for each vCPU of the instance type, and the type's memory.

    It gets no more cores than this machine has, and no more memory than most of this machine's.
    """

    def __init__(self, spec: InstanceSpec, log: Log) -> None:
        self.spec = spec
        self._log = log
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._client: ContainerClient | None = None
        self._reader: asyncio.Task[None] | None = None
        self._holding: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def workers(self) -> int:
        """One for each core, unless SAGEMAKER_MODEL_SERVER_WORKERS says otherwise."""
        setting = self.spec.environment.get("SAGEMAKER_MODEL_SERVER_WORKERS", "")
        return int(setting) if setting.isdigit() and int(setting) else len(self._cores())

    def _cores(self) -> set[int]:
        return cores_of(self.spec.number, vcpus(self.spec.instance_type), sorted(os.sched_getaffinity(0)))

    async def start(self) -> None:
        # The server gets the socket itself, so nobody else can take the port in between.
        listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        try:
            await self._start(listener)
        finally:
            listener.close()

    async def _start(self, listener: socket.socket) -> None:
        port = int(listener.getsockname()[1])
        cores = self._cores()
        workers = self.workers
        command = [sys.executable, "-m", "model_server", "--lifeline", "--server", self.spec.settings.server]
        command += [
            "--model-dir",
            str(self.spec.model_dir),
            "--port",
            str(port),
            "--listener",
            str(listener.fileno()),
            "--work-dir",
            str(self.spec.workspace),
        ]
        command += ["--workers", str(workers), "--threads", str(max(1, len(cores) // workers))]
        if self.spec.settings.responses is not None:
            command += ["--responses", str(self.spec.settings.responses)]
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # If this is cancelled, the child starts all the same, and stop() has to know of it.
        self._process = await tasks.to_the_end(
            asyncio.create_subprocess_exec(
                *command,
                env={**inherited, **self.spec.environment},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE_LIMIT,
                start_new_session=True,
                pass_fds=(listener.fileno(),),
            ),
            self._take,
        )
        with contextlib.suppress(ProcessLookupError):
            # Not by code in the child before exec, which deadlocks if a thread held a lock. Its children inherit this.
            os.sched_setaffinity(self._process.pid, cores)
        self._reader = tasks.keep(self._read_log, "reading a container's output")
        limit = limit_of(self.spec.instance_type)
        self._holding = tasks.keep(
            partial(hold, self._process.pid, limit, self._log), "holding an instance within its memory"
        )
        self._client = ContainerClient(f"http://127.0.0.1:{port}")

    def _take(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def _read_log(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:
                continue  # a line beyond the limit is dropped
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            self._last_lines.append(text)
            self._log(text)

    async def wait_ready(self, timeout: float) -> None:
        assert self._client is not None, "start() comes first"
        process = self._process
        outcome = await self._client.pinged(lambda: process is None or process.returncode is not None, timeout)
        if outcome == "ended":
            raise InstanceFailed(await self._reason())
        if outcome == "late":
            raise InstanceFailed(f"/ping did not answer 200 within {timeout:g} s. {await self._reason()}")

    async def _reason(self) -> str:
        if self._reader is not None and self._process is not None and self._process.returncode is not None:
            await asyncio.wait([self._reader], timeout=2)
        return "\n".join(self._last_lines) or "The container printed nothing."

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        assert self._client is not None, "start() comes first"
        return await self._client.invoke(body, headers, timeout)

    def stream(
        self, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        assert self._client is not None, "start() comes first"
        return self._client.stream(body, headers, timeout)

    def usage(self) -> ResourceUsage | None:
        return usage_of_tree(self.pid) if self.pid is not None else None

    async def wait_ended(self) -> str | None:
        """Any answer to a ping counts: this one's is 503 while its workers start again, TorchServe's own is 200."""
        assert self._process is not None, "start() comes first"
        assert self._client is not None
        return await ended_or_unanswered(self._process.wait(), self._client.answers)

    async def kill(self) -> None:
        """Kills every process of the model server; one that is stopped would not notice SIGTERM."""
        process = self._process
        if process is not None and process.returncode is None:
            for pid in memory.family(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await process.wait()
        await self.stop()

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()
        process = self._process
        if process is None:
            return
        await tasks.stop(self._holding)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=2)
            await tasks.stop(self._reader)


def cores_of(number: int, count: int, available: Sequence[int]) -> set[int]:
    """The cores of instance ``number`` if each has ``count``: its own while there are enough, else shared in turn."""
    count = min(count, len(available))
    return {available[(number * count + index) % len(available)] for index in range(count)}
