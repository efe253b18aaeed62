"""One execution environment: it is initialized once and then runs one invocation at a time."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import time
from dataclasses import replace
from pathlib import Path

from harness.access.service_roles import RoleCredentials
from harness.core import folders, memory, tasks
from harness.core.clock import WallClock
from harness.functions.host import Code, Host
from harness.functions.logs import EnvironmentLog
from harness.functions.process import Process
from harness.functions.rules import report, result
from harness.functions.rules.configuration import Configuration
from harness.functions.rules.result import Invocation, InvocationResult
from harness.functions.runtime_api import RuntimeApi
from harness.functions.storage import StorageWatch
from harness.functions.variables import environment_variables

log = logging.getLogger(__name__)

INIT_LIMIT = 10.0  # seconds; a longer initialization is repeated inside the invocation (Lambda guide, lifecycle)
POLL_SECONDS = 0.05  # ours, wall-clock: interval of measuring memory and /tmp while the process runs
POLL_SHARE = 0.1  # ours: largest share of the time spent on measuring, even if many processes were forked


class Environment:
    """An execution environment: a process group that runs awslambdaric, with its Runtime API, folder and log stream.

    One environment may have two processes in turn: if the initialization of the first fails or takes too long, Lambda
    repeats it in a second process inside the invocation. After any other end of its process, an environment is not used
    again. provisioned: whether it belongs to provisioned concurrency. idle_since: time of the host's clock. Raises
    OSError if the machine has no room for it.
    """

    def __init__(
        self,
        configuration: Configuration,
        credentials: RoleCredentials,
        log: EnvironmentLog,
        host: Host,
        code: Code,
        *,
        folder: Path,
        provisioned: bool = False,
    ) -> None:
        self.configuration = configuration
        self.credentials = credentials
        self.provisioned = provisioned
        self.idle_since = 0.0
        self._log = log
        self._host = host
        self._clock = WallClock()
        self._code = code
        self._folder = folder
        self._api = RuntimeApi(self)
        limit = configuration.memory_size * memory.MEGABYTE
        self._cgroup = host.cgroups.create(folder.name, limit) if host.cgroups else None
        self._process = Process(self._on_output, self._on_exit, self._cgroup)
        self._storage = StorageWatch(folder / "tmp", configuration.storage * memory.MEGABYTE)
        self._turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._gone.set()
        self._ready = False
        self._returncode: int | None = None
        self._invocation: Invocation | None = None
        self._result: InvocationResult | None = None
        self._init_error: InvocationResult | None = None
        self._init_duration: float | None = None
        self._init_timed_out = False
        self._closed = False
        self._out_of_memory = False
        self._kills = 0
        self._peak = 0
        self._poll: asyncio.TimerHandle | None = None
        self._blind = False

    @property
    def idle(self) -> bool:
        """Whether the runtime waits for an invocation."""
        return self._ready

    # ---- called by the pool

    async def start(self) -> None:
        """Run the init phase of a cold start. If it fails, invoke() repeats it.

        Raises OSError if the machine cannot run another process.
        """
        (self._folder / "tmp").mkdir(parents=True)
        await self._api.start()
        self._log.note(self.configuration.runtime_version_line + "\n")
        duration = await self._initialize(INIT_LIMIT)
        if self._ready:
            self._init_duration = duration
            return
        await self._stop()
        self._log.write(report.init_report(duration, "init", self._init_status()))

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Run one invocation, log it and return its result."""
        started = self._clock.now()
        timeout = float(self.configuration.timeout)
        init, self._init_duration = self._init_duration, None
        if self._ready:
            self._log.write(report.start(invocation.request_id, self.configuration.version))
            answer = await self._deliver(invocation, timeout)
        else:
            answer = await self._restart_and_deliver(invocation, timeout)
        return self._finish(invocation, answer, (self._clock.now() - started) * 1000, init)

    async def close(self) -> None:
        """Kill its processes and remove its folder. A running invocation ends as after a crash."""
        self._closed = True
        await self._stop()
        self._api.close()
        await tasks.in_thread(self._remove)

    def _remove(self) -> None:
        if self._cgroup is not None:
            self._cgroup.remove()
        folders.remove(self._folder)

    # ---- called by the Runtime API (see runtime_api.Runtime)

    @property
    def response_limit(self) -> int | None:
        return result.RESPONSE_LIMIT if self._invocation is None or self._invocation.synchronous else None

    def asks(self) -> None:
        self._ready = True
        self._end_turn()

    def responds(self, request_id: str, payload: bytes | None) -> int:
        if not self._is_current(request_id):
            return 400
        self._result = result.too_large() if payload is None else InvocationResult(payload)
        return 202 if payload is not None else 413

    def fails(self, request_id: str, payload: bytes | None, error_type: str) -> int:
        if not self._is_current(request_id):
            return 400
        self._result = result.too_large() if payload is None else result.raised(payload, error_type or "Unhandled")
        return 202 if payload is not None else 413

    def fails_to_start(self, payload: bytes, error_type: str) -> int:
        self._init_error = result.init_failed(payload, error_type)
        return 202

    # ---- the process

    async def _initialize(self, limit: float) -> float:
        """Start a process and wait at most ``limit`` seconds until it asks for an invocation or ends.

        Returns the duration in milliseconds.
        """
        variables = environment_variables(
            self.configuration,
            self.credentials,
            code=self._code,
            tmp=None if self._host.private_tmp else self._folder / "tmp",
            home=self._folder / "home",
            runtime_api=self._api.address,
            endpoint_url=self._host.endpoint_url,
            log_stream=self._log.name,
            provisioned=self.provisioned,
        )
        settings = {
            "handler": self.configuration.handler,
            "path": self._code.python_path(self.configuration.runtime),
            "tmp": str(self._folder / "tmp") if self._host.private_tmp else None,
            "code": str(self._code.folder),
            "storage": self.configuration.storage * memory.MEGABYTE,
        }
        self._init_error = None
        if self._closed:
            self._returncode = -signal.SIGKILL
            return 0.0
        self._new_turn()
        started = self._clock.now()
        self._process.start(settings, variables, self._code.task)
        self._gone.clear()
        self._watch()
        self._init_timed_out = not await self._turn_ends(limit)
        self._end_watch()
        self._process.drain()
        return (self._clock.now() - started) * 1000

    async def _restart_and_deliver(self, invocation: Invocation, timeout: float) -> InvocationResult:
        started = self._clock.now()
        duration = await self._initialize(timeout)
        if not self._ready:
            await self._stop()
            self._log.write(report.init_report(duration, "invoke", self._init_status()))
        self._log.write(report.start(invocation.request_id, self.configuration.version))
        if self._ready:
            return await self._deliver(invocation, timeout - (self._clock.now() - started))
        if self._init_error is not None:
            return self._init_error
        return self._time_out(invocation) if self._init_timed_out else self._exit(invocation)

    async def _deliver(self, invocation: Invocation, seconds: float) -> InvocationResult:
        self._invocation, self._result, self._ready = invocation, None, False
        self._new_turn()
        self._watch()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            # Wall-clock time, because the handler compares it with the wall clock.
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
            "Lambda-Runtime-Trace-Id": result.trace_header(time.time(), secrets.token_hex(12), secrets.token_hex(8)),
        }
        if invocation.client_context is not None:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        self._api.deliver(headers, invocation.payload)
        in_time = await self._turn_ends(seconds)
        self._end_watch()
        self._process.drain()
        self._invocation = None
        if not in_time:
            await self._stop()
            return self._time_out(invocation)
        if self._result is not None and not self._out_of_memory:
            return self._result
        await self._stop()
        return self._exit(invocation)

    def _finish(
        self, invocation: Invocation, answer: InvocationResult, duration: float, init: float | None
    ) -> InvocationResult:
        size = self.configuration.memory_size
        if answer.timed_out:
            duration = self.configuration.timeout * 1000.0
        used = size if self._out_of_memory else min(size, -(-self._peak // memory.MEGABYTE))
        self._log.end_of_output()
        self._log.write(report.end(invocation.request_id))
        self._log.write(report.Report(invocation.request_id, duration, size, used, init, answer.status).line())
        return replace(answer, log_tail=self._log.take_tail(), duration=duration)

    def _time_out(self, invocation: Invocation) -> InvocationResult:
        seconds = float(self.configuration.timeout)
        self._log.end_of_output()
        self._log.write(report.timed_out(invocation.request_id, seconds, time.time()))
        return result.timed_out(invocation.request_id, seconds)

    def _exit(self, invocation: Invocation) -> InvocationResult:
        assert self._returncode is not None
        reason = result.exit_reason(self._returncode)
        self._log.end_of_output()
        self._log.write(report.exited(invocation.request_id, reason))
        return result.exited(invocation.request_id, reason, out_of_memory=self._out_of_memory)

    def _init_status(self) -> str:
        if self._init_error is not None:
            return self._init_error.status or ""
        if self._init_timed_out:
            return result.TIMEOUT_STATUS
        return "Status: error\tError Type: Runtime.ExitError"

    async def _stop(self) -> None:
        """Kill the process group and wait until it has ended and its output is read."""
        self._ready = False
        self._process.kill()
        await self._gone.wait()

    def _on_output(self, data: bytes) -> None:
        self._log.output(data)

    def _on_exit(self, returncode: int) -> None:
        self._ready = False
        self._returncode = returncode
        self._gone.set()
        self._end_turn()

    # ---- turns: a turn lasts from when the runtime becomes busy until it asks for an invocation again or ends

    def _new_turn(self) -> None:
        self._turn = asyncio.get_running_loop().create_future()

    def _end_turn(self, in_time: bool = True) -> None:
        if not self._turn.done():
            self._turn.set_result(in_time)

    async def _turn_ends(self, seconds: float) -> bool:
        """Wait for the end of the turn; whether it came within this many wall-clock seconds."""
        alarm = asyncio.get_running_loop().call_later(seconds, self._end_turn, False)
        try:
            return await self._turn
        finally:
            alarm.cancel()

    def _is_current(self, request_id: str) -> bool:
        return self._invocation is not None and self._invocation.request_id == request_id

    # ---- memory and /tmp: measured while the process runs, and the process's own peak at the end

    def _watch(self) -> None:
        self._out_of_memory = False
        self._poll = asyncio.get_running_loop().call_later(POLL_SECONDS, self._look)

    def _look(self) -> None:
        started = time.monotonic()
        try:
            family = memory.family(self._process.pid)
            self._check_memory(memory.resident(family))
            self._storage.look(family)
        except Exception:
            if not self._blind:  # said once
                log.exception("the memory and /tmp of %s could not be measured", self.configuration.reference.name)
            self._blind = True
        finally:  # a look that fails must not be the last one
            wait = max(POLL_SECONDS, (time.monotonic() - started) / POLL_SHARE)
            self._poll = asyncio.get_running_loop().call_later(wait, self._look)

    def _end_watch(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        self._check_memory(memory.peak(self._process.pid))

    def _check_memory(self, used: int) -> None:
        """Check whether memory ran out. With a cgroup the kernel enforces the size; without one this method kills."""
        self._peak = max(self._peak, used)
        if self._cgroup is not None:
            kills, self._kills = self._kills, self._cgroup.out_of_memory_kills
            self._out_of_memory = self._out_of_memory or self._kills > kills
        elif used > self.configuration.memory_size * memory.MEGABYTE:
            self._out_of_memory = True
        if self._out_of_memory:
            self._ready = False
            self._process.kill()
