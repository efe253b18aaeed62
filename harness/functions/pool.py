"""The execution environments of one version of one function's code and configuration."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from harness.core import folders, tasks
from harness.core.errors import AwsError
from harness.functions.environment import Environment
from harness.functions.errors import service
from harness.functions.host import Code, Host
from harness.functions.logs import EnvironmentLog
from harness.functions.role import RENEWAL_SECONDS, RoleSession
from harness.functions.rules import report
from harness.functions.rules.concurrency import Start
from harness.functions.rules.configuration import Configuration
from harness.functions.rules.result import Invocation, InvocationResult

STARTS_AT_ONCE = 8  # ours: provisioned environments that are prepared at the same time


class Pool:
    """The environments of one deployment. Of several idle environments, the most recently used one is taken.

    provision() creates the provisioned environments, which are kept. An on-demand environment is created when a request
    needs one, and ends after a time without requests. cold_starts: number of on-demand environments created. The pool
    removes its code once it is retired and its last environment has ended.
    """

    def __init__(self, configuration: Configuration, role: RoleSession, host: Host, code: Code) -> None:
        self.configuration = configuration
        self.cold_starts = 0
        self._role = role
        self._host = host
        self._code = code
        self._idle: list[Environment] = []
        self._provisioned: list[Environment] = []
        self._wanted = 0
        self._busy: set[Environment] = set()
        self._ending: set[Environment] = set()
        self._users = 0
        self._retired = False
        self._killed = False
        self._expiry: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def environments(self) -> list[Environment]:
        return [*self._idle, *self._provisioned, *self._busy]

    @property
    def finished(self) -> bool:
        """Whether the pool is retired and nothing in it runs any more."""
        return self._retired and self._users == 0

    @property
    def warm(self) -> bool:
        """Whether a usable on-demand environment is idle."""
        self._drop_unfit(self._idle)
        return bool(self._idle)

    def invoke(self, invocation: Invocation, start: Start) -> Coroutine[Any, Any, InvocationResult]:
        """Run one invocation in an environment that serves nothing else meanwhile. Raises AwsError if there is none.

        The call itself takes the environment, not the first step of the coroutine. So an environment that the caller
        saw as warm is reserved for this request, and a request made before the pool is retired still has the code.
        """
        self._users += 1
        if start is Start.PROVISIONED:
            self._drop_unfit(self._provisioned)
        idle = {Start.PROVISIONED: self._provisioned, Start.WARM: self._idle, Start.COLD: None}[start]
        environment = idle.pop() if idle else None
        if environment is not None:
            self._busy.add(environment)
        return self._invoke(invocation, environment, start is Start.PROVISIONED)

    async def _invoke(self, invocation: Invocation, taken: Environment | None, provisioned: bool) -> InvocationResult:
        try:
            environment = taken or await self._make(provisioned)
            try:
                return await environment.invoke(invocation)
            finally:
                await self._give_back(environment)
        finally:
            self._users -= 1
            await self._clean()

    async def provision(self, executions: int) -> bool:
        """Change the number of provisioned environments. Returns whether all of them could be initialized."""
        self._wanted = executions
        surplus = self._provisioned[executions:]
        del self._provisioned[executions:]
        self._users += 1
        try:
            await tasks.settle("ending an environment", *(self._end(environment) for environment in surplus))
            return await self._fill()
        finally:
            self._users -= 1
            await self._clean()

    async def retire(self) -> None:
        """Stop using the environments: end idle ones now and each busy one after its invocation."""
        self._retired = True
        if self._expiry is not None:
            self._expiry.cancel()
        idle = [*self._idle, *self._provisioned]
        self._idle, self._provisioned = [], []
        # Among those that are ending may be one whose end has failed.
        ends = (self._end(environment) for environment in {*idle, *self._ending})
        await tasks.settle("ending an environment", *ends, *self._background)
        await self._clean()

    async def kill(self) -> None:
        """Retire the pool, end busy environments too and create no more."""
        self._killed = True
        await self.retire()
        await tasks.settle("ending an environment", *(self._end(environment) for environment in self._busy))

    async def _fill(self) -> bool:
        while (missing := self._missing()) > 0:
            tries = (self._make(True) for _ in range(min(missing, STARTS_AT_ONCE)))
            results = await tasks.outcomes(*tries)
            started = [result for result in results if isinstance(result, Environment)]
            all_initialized = len(started) == len(results) and all(environment.idle for environment in started)
            returned = (self._give_back(environment, refill=False) for environment in started)
            await tasks.settle("keeping a provisioned environment", *returned)
            if not all_initialized:
                return False
        return True

    def _missing(self) -> int:
        if self._retired:
            return 0
        return self._wanted - len(self._provisioned) - sum(environment.provisioned for environment in self._busy)

    async def _make(self, provisioned: bool) -> Environment:
        credentials = self._role.credentials(self.configuration.timeout)
        if self._killed:
            raise service("Lambda is shutting down.")
        identity = uuid.uuid4().hex
        stream = report.stream_name(self.configuration.version, identity, datetime.now(UTC).timestamp())
        log = EnvironmentLog(self._host.logs, self.configuration.log_group, stream)
        folder = self._host.workspace / identity
        try:
            environment = Environment(
                self.configuration, credentials, log, self._host, self._code, folder=folder, provisioned=provisioned
            )
        except OSError as error:
            raise _no_room(error) from error
        self._busy.add(environment)
        if not provisioned:
            self.cold_starts += 1
        try:
            await environment.start()
        except OSError as error:
            await self._give_back(environment)
            raise _no_room(error) from error
        except BaseException:
            self._busy.discard(environment)
            self._ending.add(environment)
            self._start(self._end(environment))
            raise
        return environment

    async def _give_back(self, environment: Environment, *, refill: bool = True) -> None:
        self._busy.discard(environment)
        if environment.idle and not self._retired:
            if not environment.provisioned:
                environment.idle_since = self._host.clock.now()
                self._idle.append(environment)
                if self._expiry is None:
                    self._expiry = tasks.keep(self._expire, "ending idle environments")
                return
            if len(self._provisioned) + sum(busy.provisioned for busy in self._busy) < self._wanted:
                self._provisioned.append(environment)
                return
        self._ending.add(environment)
        await self._end(environment)
        if environment.provisioned and refill and self._missing() > 0:
            self._start(self._fill())

    def _drop_unfit(self, idle: list[Environment]) -> None:
        """End idle environments whose process has ended or whose credentials would expire during a request."""
        now, seconds = datetime.now(UTC), self.configuration.timeout + RENEWAL_SECONDS
        while idle and not (idle[-1].idle and idle[-1].credentials.last_for(seconds, now)):
            self._ending.add(idle[-1])
            self._start(self._give_up(idle.pop()))

    async def _give_up(self, environment: Environment) -> None:
        await self._end(environment)
        if environment.provisioned:
            await self._fill()

    async def _expire(self) -> None:
        """End on-demand environments that were idle for the host's idle_seconds, the longest idle first."""
        while self._idle:
            clock = self._host.clock
            await clock.sleep(self._idle[0].idle_since + self._host.idle_seconds - clock.now())
            while self._idle and clock.now() - self._idle[0].idle_since >= self._host.idle_seconds:
                self._ending.add(self._idle[0])
                self._start(self._end(self._idle.pop(0)))
        self._expiry = None

    async def _end(self, environment: Environment) -> None:
        await environment.close()
        self._ending.discard(environment)

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = tasks.start(work, "ending or replacing an environment")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _clean(self) -> None:
        if self._retired and self._users == 0:
            await tasks.in_thread(folders.remove, self._code.folder)


def _no_room(error: OSError) -> AwsError:
    return service(f"No execution environment could be started: {error.strerror}.")
