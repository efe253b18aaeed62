"""Provisioned concurrency: requested, prepared, allocated, and moved when its alias moves to another version."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from harness.core import tasks
from harness.core.clock import Clock
from harness.functions.pool import Pool
from harness.functions.rules.concurrency import FunctionConcurrency, ProvisionedConcurrency
from harness.functions.rules.configuration import timestamp

INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"  # StatusReason as recorded from AWS
Status = Literal["IN_PROGRESS", "READY", "FAILED"]


class Provisioning:
    """The provisioned environments of one version: their numbers and status. The pool holds the environments."""

    def __init__(self, concurrency: FunctionConcurrency, pool: Pool, clock: Clock, preparation: float) -> None:
        self.concurrency = ProvisionedConcurrency(concurrency, 0)
        self.status: Status = "IN_PROGRESS"
        self._pool = pool
        self._clock = clock
        self._preparation = preparation
        self._task: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        """Whether provisioned environments are requested."""
        return self.concurrency.requested > 0

    def request(self, executions: int, instead_of: Provisioning | None = None) -> None:
        """Request a number of environments. Those of ``instead_of`` serve until these do, and are released then."""
        self.cancel()
        self.status = "IN_PROGRESS"
        self.concurrency.request(executions)
        self._task = tasks.start(
            self._allocate(executions, instead_of),
            "allocating provisioned concurrency",
            failed=lambda error: self._give_up(instead_of),
        )

    def _give_up(self, instead_of: Provisioning | None) -> None:
        """End an allocation that has failed itself. What was prepared is ended."""
        self.status = "FAILED"
        for provisioning in (self, instead_of):
            if provisioning is not None:
                provisioning.concurrency.request(0)
                tasks.start(provisioning._pool.provision(0), "ending provisioned environments")

    async def release(self) -> None:
        """Release all environments. Running executions continue."""
        self.cancel()
        self.concurrency.request(0)
        await self._pool.provision(0)

    def cancel(self) -> None:
        """Stop preparing environments."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _allocate(self, executions: int, instead_of: Provisioning | None) -> None:
        if executions > self.concurrency.allocated:
            await self._clock.sleep(self.concurrency.allocation_seconds(self._preparation))
        if await self._pool.provision(executions):
            if instead_of is not None:
                instead_of.concurrency.request(0)
            self.concurrency.allocate(executions)
            self.status = "READY"
        else:
            self.status = "FAILED"
            self.concurrency.request(0)
            await self._pool.provision(0)
        if instead_of is not None:
            await instead_of.release()


@dataclass(slots=True, eq=False)
class ProvisionedConfig:
    """The setting of PutProvisionedConcurrencyConfig for a version or an alias.

    previous: while an alias moves to another version, the environments of the version that it left. They serve until
    the new ones do.
    """

    requested: int
    modified: datetime
    current: Provisioning
    previous: Provisioning | None = None

    def response(self) -> dict[str, Any]:
        """The members that the answers to Put, Get and List share. A failed request has no environments."""
        current = self.current.concurrency.allocated
        serving = current + (self.previous.concurrency.allocated if self.previous else 0)
        status = self.current.status
        response: dict[str, Any] = {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AllocatedProvisionedConcurrentExecutions": 0 if status == "FAILED" else serving,
            "AvailableProvisionedConcurrentExecutions": 0 if status == "FAILED" else serving,
            "Status": status,
            "LastModified": timestamp(self.modified),
        }
        if status == "FAILED":
            response["StatusReason"] = INIT_FAILURE
        return response

    async def move(self, target: Provisioning) -> None:
        """Move to another version. The present environments serve until those of the new version are ready."""
        if self.previous is not None:
            await self.previous.release()
        self.current.cancel()
        self.current.concurrency.supersede()
        self.previous, self.current = self.current, target
        target.request(self.requested, self.previous)

    async def release(self) -> None:
        """Release all environments."""
        await self.current.release()
        if self.previous is not None:
            await self.previous.release()
