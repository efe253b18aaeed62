"""Watches a backend outside this process: what it holds at the start, whether it answers, and what it lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.core import tasks

# Ours: a container takes longer than this to restart, so that no restart is missed.
WATCH_SECONDS = 1.0
_CONNECT_SECONDS = 2.0

log = logging.getLogger(__name__)


class BackendWatch:
    """Logs what an earlier harness left in the backend, and when the backend stops and starts to answer.

    relies_on: gives the ARNs of the S3 objects (or prefixes) that the deployed resources need. An emulator usually
    loses everything with a restart; the watch asks which of these are gone.
    """

    def __init__(
        self, backend: Backend, relies_on: Callable[[], Iterable[str]], *, interval: float = WATCH_SECONDS
    ) -> None:
        self._backend = backend
        self._relies_on = relies_on
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = tasks.keep(self._run, "watching the backend")

    async def close(self) -> None:
        await tasks.stop(self._task)

    async def _run(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):
            await self._log_contents()
        while True:
            await asyncio.sleep(self._interval)
            if await self._listens():
                continue
            stopped = time.monotonic()
            log.warning(
                "The %s does not answer: S3, logs and whatever else it does fail until it is back. "
                "Endpoints in service go on.",
                self._backend.name,
            )
            missing = await self._wait_for_missing()
            log.warning(
                "The %s is back after %.0f s. %s",
                self._backend.name,
                time.monotonic() - stopped,
                f"It has lost {', '.join(missing)}: deploy again to put that back. "
                "What else it held in memory is gone too."
                if missing
                else "All model data of what is deployed here are still there.",
            )

    async def _log_contents(self) -> None:
        """Logs whether the backend has buckets.

        Endpoints, functions, scaling and roles exist in this process, buckets in the backend: after a restart of one
        side, the other may be left alone.
        """
        buckets = [bucket["Name"] for bucket in (await self._backend.call("s3", "list_buckets"))["Buckets"]]
        if not buckets:
            log.info("The %s holds no bucket yet: nothing is deployed.", self._backend.name)
            return
        log.warning(
            "The %s still holds what was put there before (buckets: %s). The endpoints, functions and "
            "scaling policies of an earlier harness are gone: deploy again.",
            self._backend.name,
            ", ".join(buckets),
        )

    async def _listens(self) -> bool:
        parts = urlsplit(str(self._backend.at))
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def _wait_for_missing(self) -> list[str]:
        """Waits until the backend answers, and returns the ARNs that it no longer has."""
        while True:
            await asyncio.sleep(self._interval)
            with contextlib.suppress(BotoCoreError, ClientError):
                await self._backend.call("sts", "get_caller_identity")
                return [arn for arn in sorted(set(self._relies_on())) if not await self._has(arn)]

    async def _has(self, arn: str) -> bool:
        """Whether the backend has an S3 object. Raises BotoCoreError or ClientError if that is not clear."""
        bucket, _, key = arn.split(":", 5)[5].partition("/")
        try:
            answer = await self._backend.call("s3", "list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=1)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return False
            raise
        return bool(answer["KeyCount"])
