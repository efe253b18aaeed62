"""Splits the output of an environment into log messages.

One stream carries two things: printed text, in which each line is a message, and the frames of awslambdaric's
FramedTelemetryLogSink, each of which is one message, even with several lines. A frame consists of ``a5 5a 00 TT``, four
bytes of length, eight bytes of time, and the text. A single stream keeps the order of the messages. Printed text cannot
contain the first bytes of a frame, because no UTF-8 character begins with ``a5``.
"""

from __future__ import annotations

FRAME = b"\xa5\x5a\x00"
HEADER = 16
LONGEST = 262_144  # bytes of a message; a longer one is cut (CloudWatch Logs quotas, event size)


class Splitter:
    """Splits bytes that arrive in pieces of any size. Holds at most one message of LONGEST bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0  # bytes still to come of a frame that was cut

    def feed(self, data: bytes) -> list[str]:
        """Add data and return the messages that are now complete. A line keeps its end of line."""
        self._buffer += data
        messages: list[str] = []
        position = 0
        frame = self._buffer.find(FRAME)
        while True:
            if self._skip:
                skipped = min(self._skip, len(self._buffer) - position)
                self._skip -= skipped
                position += skipped
            if 0 <= frame < position:
                frame = self._buffer.find(FRAME, position)
            end = self._frame(position) if frame == position else self._line(position, frame)
            if end is None:
                break
            start = position + HEADER if frame == position else position
            messages.append(_text(self._buffer[start:end]))
            position = end
        del self._buffer[:position]
        return messages

    def flush(self) -> list[str]:
        """Return an unfinished line as a message. A frame that is still being written stays in the buffer."""
        if not self._buffer or self._buffer.startswith(FRAME):
            return []
        rest = _text(self._buffer)
        self._buffer.clear()
        return [rest]

    def _frame(self, position: int) -> int | None:
        if len(self._buffer) < position + HEADER:
            return None
        length = int.from_bytes(self._buffer[position + 4 : position + 8], "big")
        kept = min(length, LONGEST)
        end = position + HEADER + kept
        if len(self._buffer) < end:
            return None
        self._skip = length - kept
        return end

    def _line(self, position: int, frame: int) -> int | None:
        limit = position + LONGEST
        newline = self._buffer.find(b"\n", position, limit if frame < 0 else min(frame, limit))
        if newline >= 0:
            return newline + 1
        if 0 <= frame <= limit:
            return frame  # an unfinished line before a frame is a separate message
        return limit if len(self._buffer) > limit else None


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "replace")
