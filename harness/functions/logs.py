"""The log of an execution environment."""

from __future__ import annotations

from harness.backend.logs import CloudWatchLogs
from harness.functions.rules.splitter import Splitter

TAIL_LIMIT = 4_096  # bytes of LogResult (botocore, Invoke)


class EnvironmentLog:
    """The log stream of one execution environment, and the last 4 KB of the current invocation's log."""

    def __init__(self, logs: CloudWatchLogs, group: str, name: str) -> None:
        self.name = name
        self._logs = logs
        self._stream = (group, name)
        self._splitter = Splitter()
        self._tail = bytearray()

    def note(self, line: str) -> None:
        """Write a line that belongs to no invocation, such as INIT_START."""
        self._logs.put(self._stream, line)

    def write(self, line: str) -> None:
        """Write a line or message of the current invocation."""
        self._logs.put(self._stream, line)
        self._tail += line.encode("utf-8", "replace")
        if not line.endswith("\n"):
            self._tail += b"\n"
        del self._tail[:-TAIL_LIMIT]

    def output(self, data: bytes) -> None:
        """Write the output of the environment's processes."""
        for message in self._splitter.feed(data):
            self.write(message)

    def end_of_output(self) -> None:
        """End the output of the current invocation: an unfinished line is written as a message."""
        for message in self._splitter.flush():
            self.write(message)

    def take_tail(self) -> bytes:
        """The last 4 KB written since the previous call."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail
