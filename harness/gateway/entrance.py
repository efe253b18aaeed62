"""What the web server calls: it stays, while the gateway behind it is replaced when the local AWS is emptied."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from harness.core.errors import AwsError
from harness.gateway.app import Gateway
from harness.gateway.http import Receive, Scope, Send

# Requests under way get this long before they are given up.
_GRACE_SECONDS = 1.0


class Entrance:
    """The ASGI application. gateway: serves the requests; set before the first one."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self._serving: set[asyncio.Task[object]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.gateway is not None, "no gateway was set"
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self.gateway(scope, receive, send)
        finally:
            self._serving.discard(task)

    @contextlib.asynccontextmanager
    async def closed(self) -> AsyncIterator[Gateway]:
        """Refuses new requests while the context lasts, and waits on entry until no other is under way.

        Those that take longer than a second are given up, and answered with 503. If the context raises, the gateway
        that was there serves again, unless it has another refusal by then.
        """
        gateway = self.gateway
        assert gateway is not None
        gateway.refusal = emptying = AwsError(
            "ServiceUnavailable", "The local AWS is being emptied (`harness reset`): try again.", 503
        )
        own = asyncio.current_task()
        try:
            others = {task for task in self._serving if task is not own}
            if others:
                _, late = await asyncio.wait(others, timeout=_GRACE_SECONDS)
                for task in late:
                    task.cancel()
                if late:
                    await asyncio.wait(late)
            yield gateway
        finally:
            if gateway.refusal is emptying:
                gateway.refusal = None
