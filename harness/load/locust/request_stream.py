"""Writes the requests of one process to the run folder as they come, without holding the requests up."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pyarrow as pa
from gevent.event import Event

from harness.load.runs import SCHEMA

logger = logging.getLogger(__name__)

FLUSH_EVERY = 0.5
"""Seconds; a killed run loses at most this much, which leaves a slow disk room within the promised second."""

BATCH = 512
"""Rows at which a batch is written without waiting: a few thousand at once would hold the users up for milliseconds."""

RequestRow = tuple[Any, ...]
"""One value for each of SCHEMA's columns."""


class RequestStream:
    """Appends rows to one Arrow stream: ``add`` costs an append; a greenlet writes the batches in a thread of its own.

    If the file cannot be written any more (a full disk), one sentence says so, later rows are dropped, and the load
    goes on. ``on_failure`` is given the reason.
    """

    def __init__(self, path: Path, on_failure: Callable[[str], None], flush_every: float = FLUSH_EVERY) -> None:
        self.path = path
        self.failure: str | None = None
        self._on_failure = on_failure
        self._flush_every = flush_every
        self._rows: list[RequestRow] = []
        self._closing = False
        self._wake = Event()
        self._file = pa.OSFile(str(path), "wb")
        self._stream = pa.ipc.new_stream(self._file, SCHEMA)
        self._greenlet = gevent.spawn(self._flush_until_closed)

    def add(self, row: RequestRow) -> None:
        if self.failure is None:
            self._rows.append(row)
            if len(self._rows) == BATCH:
                self._wake.set()

    def close(self) -> None:
        """Write the remaining rows and end the stream. Safe to call twice."""
        self._closing = True
        self._wake.set()
        self._greenlet.join()

    def _flush_until_closed(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(self._flush_every)
            self._wake.clear()
            closing = self._closing
            rows, self._rows = self._rows, []
            if not rows or self.failure is not None:
                continue
            # In a native thread: a disk that stalls must not stop the users' greenlets.
            self._note(gevent.get_hub().threadpool.apply(self._attempt, (self._write, rows)))
        self._note(self._attempt(self._end))

    @staticmethod
    def _attempt(step: Callable[..., None], *arguments: Any) -> Exception | None:
        # Returned and not raised: gevent prints the traceback of what a thread of its pool raises.
        try:
            step(*arguments)
        except (OSError, pa.ArrowException) as error:
            return error
        return None

    def _write(self, rows: list[RequestRow]) -> None:
        columns = [
            pa.array(values, type=field.type) for field, values in zip(SCHEMA, zip(*rows, strict=True), strict=True)
        ]
        self._stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))

    def _end(self) -> None:
        self._stream.close()
        self._file.close()

    def _note(self, error: Exception | None) -> None:
        if error is None or self.failure is not None:
            return
        self.failure = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        self._rows = []
        logger.error(
            "The run is no longer recorded: %s cannot be written (%s); the load goes on, what was kept stays readable.",
            self.path,
            self.failure,
        )
        self._on_failure(self.failure)
