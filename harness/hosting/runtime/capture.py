"""Data capture: writes requests and answers to S3 (SM guide, model-monitor-data-capture-endpoint)."""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.backend.flusher import Flusher
from harness.core.clock import Clock
from harness.hosting.rules.capture import Mode, capture_line, object_key

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
"""Wall-clock seconds; ours. AWS takes a minute or two."""
# Ours: characters that may wait for the backend; beyond them requests are not captured.
_PENDING_LIMIT = 64 * 2**20


class DataCapture:
    """Samples requests and writes them to S3 in the background. What the backend refuses is lost, with a warning."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - sampling, not cryptography
        # Lines by region, destination, endpoint and variant.
        self._pending: dict[tuple[str, str, str, str], list[str]] = {}
        self._size = 0
        self._flusher = Flusher(self._write_all, FLUSH_SECONDS)

    def offer(
        self,
        config: Mapping[str, Any],
        variant: tuple[str, str, str],
        parts: Mapping[Mode, tuple[str, bytes]],
        inference_id: str | None,
    ) -> None:
        """Takes a request with the probability InitialSamplingPercentage, without waiting.

        config: DataCaptureConfig. variant: region, endpoint name and variant name. parts: as of capture_line().
        """
        if self._random.random() * 100 >= config["InitialSamplingPercentage"] or self._size > _PENDING_LIMIT:
            return
        time = datetime.fromtimestamp(self._clock.now(), UTC)
        line = capture_line(config, parts, event_id=str(uuid.uuid4()), inference_id=inference_id, time=time)
        region, endpoint, name = variant
        self._pending.setdefault((region, config["DestinationS3Uri"], endpoint, name), []).append(line)
        self._size += len(line)
        self._flusher.wake()

    async def flush(self) -> None:
        """Writes everything that is waiting."""
        await self._flusher.flush()

    async def close(self) -> None:
        await self._flusher.close()

    async def _write_all(self) -> None:
        pending, self._pending, self._size = self._pending, {}, 0
        for (region, destination, endpoint, variant), lines in pending.items():
            url = urlparse(destination)
            time = datetime.fromtimestamp(self._clock.now(), UTC)
            key = object_key(url.path, endpoint, variant, time, str(uuid.uuid4()))
            body = "".join(f"{line}\n" for line in lines).encode()
            try:
                await self._backend.call("s3", "put_object", region=region, Bucket=url.netloc, Key=key, Body=body)
            except (ClientError, BotoCoreError) as error:
                log.warning("captured data of %s could not be written to %s: %s", endpoint, destination, error)
