"""Whether a backend outside this process is there: what it holds at the start, when it goes, what it has lost after."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend

# Ours: a container takes longer than this to come up again, so none is missed.
WATCH_SECONDS = 1.0
_CONNECT_SECONDS = 2.0
_NOT_FOUND = ("NoSuchEntity", "NoSuchBucket")

log = logging.getLogger(__name__)


class BackendWatch:
    """Logs what an earlier harness left in the backend, and two sentences for each time that the backend is away.

    relies_on: ARNs of the roles and S3 objects (or prefixes) that what is deployed here was made with. An emulator that
    was restarted usually kept nothing: which of them are gone is asked, not assumed.
    """

    def __init__(
        self, backend: Backend, relies_on: Callable[[], Iterable[str]], *, interval: float = WATCH_SECONDS
    ) -> None:
        self._backend = backend
        self._relies_on = relies_on
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            await self._say_what_is_there()
        while True:
            await asyncio.sleep(self._interval)
            if await self._listens():
                continue
            left = time.monotonic()
            log.warning(
                "The backend at %s does not answer: S3, IAM, logs and whatever else it does fail until it is back. "
                "Endpoints in service go on.",
                self._backend.url,
            )
            missing = await self._missing_once_back()
            log.warning(
                "The backend at %s is back after %.0f s. %s",
                self._backend.url,
                time.monotonic() - left,
                f"It has lost {', '.join(missing)}: deploy again to put that back. "
                "What else it held in memory is gone too."
                if missing
                else "All roles and model data of what is deployed here are still there.",
            )

    async def _say_what_is_there(self) -> None:
        """Endpoints, functions and scaling live in this process, roles and buckets in the backend: after a restart one
        side may be gone and the other not."""
        buckets = [bucket["Name"] for bucket in (await self._backend.call("s3", "list_buckets"))["Buckets"]]
        if not buckets:
            log.info("The backend at %s holds no bucket yet: nothing is deployed.", self._backend.url)
            return
        log.warning(
            "The backend at %s still holds what was put there before (buckets: %s). The endpoints, functions and "
            "scaling policies of an earlier harness are gone: deploy again.",
            self._backend.url,
            ", ".join(buckets),
        )

    async def _listens(self) -> bool:
        parts = urlsplit(self._backend.url)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def _missing_once_back(self) -> list[str]:
        """Waits until the backend answers for everything that is relied on; the ARNs that it no longer has."""
        while True:
            await asyncio.sleep(self._interval)
            with contextlib.suppress(BotoCoreError, ClientError):
                await self._backend.call("sts", "get_caller_identity")
                return [arn for arn in sorted(set(self._relies_on())) if not await self._has(arn)]

    async def _has(self, arn: str) -> bool:
        """Raises BotoCoreError or ClientError when the backend gives no clear answer."""
        service, place = arn.split(":")[2], arn.split(":", 5)[5]
        try:
            if service == "iam":
                await self._backend.call("iam", "get_role", RoleName=place.rsplit("/", 1)[-1])
            else:
                bucket, _, key = place.partition("/")
                found = await self._backend.call("s3", "list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=1)
                return bool(found["KeyCount"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_FOUND:
                return False
            raise
        return True
