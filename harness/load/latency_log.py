"""The latencies of a run as one HdrHistogram for each request name, added up over all workers.

They are kept as ``latency.hlog`` in HdrHistogram's log format; the tag is kind and name, values are in microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from harness.load.histogram import Histogram

FILE = "latency.hlog"
KindAndName = tuple[str, str]
"""The kind and the name of requests."""


class LatencyLog:
    """Latencies of answers without an error, counted from the intended start if there is one."""

    def __init__(self) -> None:
        self.histograms: dict[KindAndName, Histogram] = {}

    def record(self, kind: str, name: str, seconds: float) -> None:
        self._histogram((kind, name)).record(seconds)

    def take(self) -> dict[str, str]:
        """Take what was recorded since the last call out of the log, as a message for ``add``."""
        message = {_tag(key): histogram.encode() for key, histogram in self.histograms.items()}
        self.histograms = {}
        return message

    def add(self, message: Mapping[str, str]) -> None:
        """Add what ``take`` gave on a worker."""
        for tag, encoded in message.items():
            self._histogram(_kind_and_name(tag)).add(Histogram.decode(encoded))

    def write(self, folder: Path, started: float, seconds: float) -> None:
        lines = [
            "#[Histogram log format version 1.3]",
            f"#[StartTime: {started:.3f} (seconds since epoch)]",
            '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
            *(
                f"Tag={_tag(key)},0.000,{seconds:.3f},{histogram.rank(histogram.total) * 1e6:.3f},{histogram.encode()}"
                for key, histogram in sorted(self.histograms.items())
            ),
        ]
        (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _histogram(self, key: KindAndName) -> Histogram:
        histogram = self.histograms.get(key)
        if histogram is None:
            histogram = self.histograms[key] = Histogram()
        return histogram


def read_latency_log(folder: Path) -> dict[KindAndName, Histogram]:
    """The histograms in a run's folder: none if it has no log; a broken line is left out."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    histograms: dict[KindAndName, Histogram] = {}
    for line in lines:
        if not line.startswith("Tag="):
            continue
        fields = line.removeprefix("Tag=").split(",")
        try:
            histograms[_kind_and_name(fields[0])] = Histogram.decode(fields[-1])
        except ValueError:
            continue
    return histograms


def _tag(key: KindAndName) -> str:
    return ":".join(quote(part, safe="") for part in key)


def _kind_and_name(tag: str) -> KindAndName:
    kind, _, name = tag.partition(":")
    return unquote(kind), unquote(name)
