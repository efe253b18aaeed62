"""What an execution environment prints, in its log stream and in the tail of the invocation at hand."""

from __future__ import annotations

from harness.backend.logs import CloudWatchLogs
from harness.functions.rules.splitter import Splitter

TAIL_LIMIT = 4_096  # bytes of LogResult (botocore, Invoke)


class EnvironmentLog:
    """One execution environment's log stream, and the tail of the invocation at hand."""

    def __init__(self, logs: CloudWatchLogs, group: str, name: str) -> None:
        self.name = name
        self._logs = logs
        self._stream = (group, name)
        self._splitter = Splitter()
        self._tail = bytearray()

    def note(self, line: str) -> None:
        """A line that belongs to no invocation: INIT_START."""
        self._logs.put(self._stream, line)

    def write(self, line: str) -> None:
        """A line of Lambda's own."""
        self._logs.put(self._stream, line)
        self._tail += line.encode("utf-8", "replace")
        if not line.endswith("\n"):
            self._tail += b"\n"
        del self._tail[:-TAIL_LIMIT]

    def output(self, data: bytes) -> None:
        """What the environment's processes wrote."""
        for message in self._splitter.feed(data):
            self.write(message)

    def end_of_output(self) -> None:
        """Nothing more belongs to the invocation at hand: an unfinished line is finished."""
        for message in self._splitter.flush():
            self.write(message)

    def take_tail(self) -> bytes:
        """The last 4 KB since the last time."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail
