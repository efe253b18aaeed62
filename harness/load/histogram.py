"""HdrHistogram with three significant digits: a latency keeps 0.1 % whatever its size, and histograms add up.

Its encoding is HdrHistogram's own V2 format, so that HdrHistogram's tools (HistogramLogAnalyzer, the plotters) read
what ``latency_log`` writes. Source: the package documentation of HdrHistogram's Java implementation, and
AbstractHistogram's encodeIntoByteBuffer; the tests hold encodings that the reference implementation made. The Python
package ``hdrhistogram`` is not used, because it requires a setuptools that the SageMaker inference toolkit cannot run
with.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterator

DIGITS = 3
LOWEST = 1
HIGHEST = 3_600_000_000
"""An hour: longer times count as an hour. Values are whole microseconds."""
_HALF_BITS = 10
_HALF = 1 << _HALF_BITS
"""Sub-buckets of the upper half of each bucket: the least power of two with 2 x 10^3 values in both halves."""
_COOKIE = 0x1C849303 | 0x10
_COMPRESSED_COOKIE = 0x1C849304 | 0x10
_HEADER = struct.Struct(">iiiiqqd")
# More than the counts of all times up to HIGHEST take: a body that unpacks to more is not a histogram of ours.
_LARGEST_BODY = 1 << 20


class Histogram:
    """Counts of times. A time is known to 0.1 %, and below 2 ms to a microsecond. Times are in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0

    def record(self, seconds: float, times: int = 1) -> None:
        value = min(HIGHEST, max(0, round(seconds * 1e6)))
        shift = max(0, value.bit_length() - _HALF_BITS - 1)
        index = (shift << _HALF_BITS) + (value >> shift)
        self.counts[index] = self.counts.get(index, 0) + times
        self.total += times

    def add(self, other: Histogram) -> None:
        for index, times in other.counts.items():
            self.counts[index] = self.counts.get(index, 0) + times
        self.total += other.total

    def rank(self, number: int) -> float:
        """The ``number``-th smallest time, counted from 1: the upper end of its bucket."""
        seen = 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen >= number:
                return _highest_equivalent(index) / 1e6
        raise IndexError(f"There are {self.total} values, no {number}-th.")

    def quantile(self, q: float) -> float | None:
        """The smallest time that at least a share q of all times does not exceed; None if there are no times."""
        return self.rank(max(1, math.ceil(self.total * q))) if self.total else None

    def encode(self) -> str:
        """HdrHistogram's compressed V2 encoding, in base64."""
        counts = b"".join(_zigzag(number) for number in self._runs())
        body = _HEADER.pack(_COOKIE, len(counts), 0, DIGITS, LOWEST, HIGHEST, 1.0) + counts
        packed = zlib.compress(body)
        return base64.b64encode(struct.pack(">ii", _COMPRESSED_COOKIE, len(packed)) + packed).decode()

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """Read what ``encode`` wrote. Raises ValueError if the text is not such a histogram with three digits."""
        try:
            raw = base64.b64decode(text, validate=True)
            cookie, _ = struct.unpack_from(">ii", raw)
            body = zlib.decompressobj().decompress(raw[8:], _LARGEST_BODY)
            inner, length, offset, digits, lowest, _, _ = _HEADER.unpack_from(body)
        except (ValueError, struct.error, zlib.error) as error:
            raise ValueError(f"not an HdrHistogram: {error}") from None
        if (cookie, inner, offset, digits, lowest) != (_COMPRESSED_COOKIE, _COOKIE, 0, DIGITS, LOWEST):
            raise ValueError("not an HdrHistogram in V2 encoding with three digits")
        histogram, index = cls(), 0
        for number in _unzigzag(body[_HEADER.size : _HEADER.size + length]):
            if number < 0:
                index -= number
                continue
            if number:
                histogram.counts[index] = number
                histogram.total += number
            index += 1
        return histogram

    def _runs(self) -> Iterator[int]:
        """Counts in the order of their indexes, with each run of zeros as its negative length."""
        following = 0
        for index in sorted(self.counts):
            zeros = index - following
            if zeros:
                yield -zeros if zeros > 1 else 0
            yield self.counts[index]
            following = index + 1


def _highest_equivalent(index: int) -> int:
    shift = max(0, (index >> _HALF_BITS) - 1)
    return ((index - (shift << _HALF_BITS) + 1) << shift) - 1


def _zigzag(number: int) -> bytes:
    value = number * 2 if number >= 0 else -number * 2 - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _unzigzag(content: bytes) -> Iterator[int]:
    value, shift = 0, 0
    for byte in content:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value >> 1 if value % 2 == 0 else -(value >> 1) - 1
            value, shift = 0, 0
