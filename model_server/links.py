"""The launcher's end of the workers' links: how many live, how many hold the model, and whether loading failed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_server.settings import ModelServerError

# How often a worker that ends while loading, without saying why (killed, out of memory), is started again.
SILENT_ENDS_ALLOWED = 2
_LONGEST_EVENT = 1 << 20


class ModelLoadError(ModelServerError):
    """The model cannot be loaded. ``traceback`` is the model code's own, for the log; it may be empty."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


@dataclass
class WorkerLinks:
    """The state of all workers, as they report it and as the ends of their links show it.

    expected: how many workers have to hold the model before the server is ready for the first time.
    """

    expected: int
    _ready: set[asyncio.StreamWriter] = field(default_factory=set)
    _all: set[asyncio.StreamWriter] = field(default_factory=set)
    _silent_ends: int = 0
    _stopping: bool = False

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.failure: asyncio.Future[ModelLoadError] = loop.create_future()
        self._everyone_ready = asyncio.Event()

    async def listen(self, path: Path) -> None:
        """Accepts links on a Unix socket."""
        self._server = await asyncio.start_unix_server(self._serve, path, limit=_LONGEST_EVENT)

    async def close(self) -> None:
        """Closes every link. The workers end by themselves, or their owner ends them."""
        self._stopping = True
        self._server.close()
        for writer in list(self._all):
            writer.close()

    @property
    def ready(self) -> int:
        """How many live workers hold the model."""
        return len(self._ready)

    async def everyone_ready(self) -> None:
        """Waits until the expected number of workers hold the model at the same time."""
        await self._everyone_ready.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._all.add(writer)
        said_failed = was_ready = False
        try:
            while line := await reader.readline():
                event: dict[str, Any] = json.loads(line)
                if event["event"] == "loaded":
                    was_ready = True
                    self._silent_ends = 0
                    self._ready.add(writer)
                    if len(self._ready) >= self.expected:
                        self._everyone_ready.set()
                elif event["event"] == "failed":
                    said_failed = True
                    self._fail(f"The model cannot be loaded: {event['error']}", event["traceback"])
        except (ConnectionError, ValueError):
            pass
        finally:
            self._all.discard(writer)
            self._ready.discard(writer)
            writer.close()
        if not said_failed and not was_ready and not self._stopping:
            self._silent_ends += 1
            if self._silent_ends > SILENT_ENDS_ALLOWED:
                self._fail(
                    "The model cannot be loaded: its worker process ended without a word each time "
                    "(killed, out of memory, or an exit in inference.py)."
                )

    def _fail(self, message: str, traceback: str = "") -> None:
        if not self.failure.done():
            self.failure.set_result(ModelLoadError(message, traceback))
