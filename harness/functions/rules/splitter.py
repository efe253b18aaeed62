"""An environment's output, cut into log messages. Pure.

One stream carries both what the code prints, one message a line, and awslambdaric's frames, one message each whatever
lines it has (its FramedTelemetryLogSink): a frame is ``a5 5a 00 TT``, four bytes of length, eight of time, the text.
One stream keeps their order, and no printed text holds these bytes: ``a5`` begins no UTF-8 character.
"""

from __future__ import annotations

FRAME = b"\xa5\x5a\x00"
HEADER = 16
LONGEST = 262_144  # bytes of a message; a longer one is cut (CloudWatch Logs quotas, event size)


class Splitter:
    """Cuts bytes as they come, in any pieces. Holds at most one message of LONGEST bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0  # what is left of a frame that was cut

    def feed(self, data: bytes) -> list[str]:
        """The messages that are complete with this data; a line keeps its end of line."""
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
        """What is left of an unfinished line; a frame that is still being written stays."""
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
            return frame  # an unfinished line before a frame is a message of its own
        return limit if len(self._buffer) > limit else None


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "replace")
