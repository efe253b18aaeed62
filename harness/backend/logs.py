"""Writes what instances and functions print to CloudWatch Logs, so that no request waits for it."""

from __future__ import annotations

import contextlib
from collections import deque
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.backend.flusher import Flusher

FLUSH_SECONDS = 1.0  # ours, wall time at any speed of the clock; AWS's own delay is a few seconds
PENDING_LIMIT = 4 * 1_048_576  # ours: bytes of memory for lines that wait; further lines are counted, not kept
EVENT_MEMORY = 120  # bytes of memory for a queued event, without its text
EVENT_OVERHEAD = 26  # bytes an event adds to a batch (CloudWatch Logs, PutLogEvents)
BATCH_BYTES = 1_048_576  # (CloudWatch Logs, PutLogEvents)
BATCH_EVENTS = 10_000  # (CloudWatch Logs, PutLogEvents)

Stream = tuple[str, str]  # log group, log stream
Event = tuple[int, str]  # milliseconds of Unix time, message


class CloudWatchLogs:
    """Collects log events and writes them to the backend in batches.

    Events have the backend's time: it refuses events from its future. While it does not answer, log lines are lost;
    invocations go on.
    """

    def __init__(self, backend: Backend, *, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._backend = backend
        self._pending: dict[Stream, deque[Event]] = {}
        self._bytes = 0
        self._dropped: dict[Stream, int] = {}
        self._groups: set[str] = set()
        self._streams: set[Stream] = set()
        self._flusher = Flusher(self._write_all, flush_seconds)

    def put(self, stream: Stream, message: str) -> None:
        """Queues one event. Never waits."""
        size = len(message) + EVENT_MEMORY
        if self._bytes + size > PENDING_LIMIT:
            self._dropped[stream] = self._dropped.get(stream, 0) + 1
            return
        self._bytes += size
        self._pending.setdefault(stream, deque()).append((int(self._backend.now() * 1000), message))
        self._flusher.wake()

    async def flush(self) -> None:
        """Writes all that is queued now."""
        await self._flusher.flush()

    async def close(self) -> None:
        """Writes what is left, and stops."""
        await self._flusher.close()

    async def _write_all(self) -> None:
        for stream in [*self._pending]:
            events = self._pending.pop(stream)
            if dropped := self._dropped.pop(stream, 0):
                events.append((events[-1][0], f"harness: {dropped} log lines were dropped, there were too many"))
            while batch := _batch(events):
                await self._write(stream, batch)
        self._bytes = sum(len(text) + EVENT_MEMORY for events in self._pending.values() for _, text in events)

    async def _write(self, stream: Stream, batch: list[Event]) -> None:
        events = [{"timestamp": timestamp, "message": message} for timestamp, message in batch]
        with contextlib.suppress(ClientError, BotoCoreError):
            try:
                await self._put(stream, events)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                self._groups.clear()  # somebody deleted the group or the stream
                self._streams.clear()
                await self._put(stream, events)

    async def _put(self, stream: Stream, events: list[dict[str, Any]]) -> None:
        group, name = stream
        if group not in self._groups:
            await self._create("create_log_group", logGroupName=group)
            self._groups.add(group)
        if stream not in self._streams:
            await self._create("create_log_stream", logGroupName=group, logStreamName=name)
            self._streams.add(stream)
        await self._backend.call("logs", "put_log_events", logGroupName=group, logStreamName=name, logEvents=events)

    async def _create(self, method: str, **names: str) -> None:
        try:
            await self._backend.call("logs", method, **names)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                raise


def _batch(events: deque[Event]) -> list[Event]:
    """Removes from the queue as many events as one PutLogEvents takes."""
    size = count = 0
    for _, message in islice(events, BATCH_EVENTS):
        size += len(message.encode("utf-8", "replace")) + EVENT_OVERHEAD
        if size > BATCH_BYTES and count:
            break
        count += 1
    return [events.popleft() for _ in range(count)]
