"""The latencies of a run as one HdrHistogram a request name, added up over workers wherever those run.

Kept as ``latency.hlog`` in HdrHistogram's log format, with the kind and name as tag and values in microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from harness.load.histogram import Histogram

FILE = "latency.hlog"
Key = tuple[str, str]
"""Kind and name of requests."""


class Histograms:
    """Of answers without an error, from the intended start where there is one."""

    def __init__(self) -> None:
        self.by_key: dict[Key, Histogram] = {}

    def record(self, kind: str, name: str, seconds: float) -> None:
        self._of((kind, name)).record(seconds)

    def taken(self) -> dict[str, str]:
        """What was recorded since the last time, as a message; it is not kept."""
        out = {_tag(key): histogram.encode() for key, histogram in self.by_key.items()}
        self.by_key = {}
        return out

    def add(self, message: Mapping[str, str]) -> None:
        """Add what ``taken`` gave on a worker."""
        for tag, encoded in message.items():
            self._of(_key(tag)).add(Histogram.decode(encoded))

    def write(self, folder: Path, started: float, seconds: float) -> None:
        lines = [
            "#[Histogram log format version 1.3]",
            f"#[StartTime: {started:.3f} (seconds since epoch)]",
            '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
            *(
                f"Tag={_tag(key)},0.000,{seconds:.3f},{histogram.rank(histogram.total) * 1e6:.3f},{histogram.encode()}"
                for key, histogram in sorted(self.by_key.items())
            ),
        ]
        (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _of(self, key: Key) -> Histogram:
        found = self.by_key.get(key)
        if found is None:
            found = self.by_key[key] = Histogram()
        return found


def read_histograms(folder: Path) -> dict[Key, Histogram]:
    """The histograms of a run; none where it has no such file, or a line of it is broken."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[Key, Histogram] = {}
    for line in lines:
        if not line.startswith("Tag="):
            continue
        fields = line.removeprefix("Tag=").split(",")
        try:
            found[_key(fields[0])] = Histogram.decode(fields[-1])
        except ValueError:
            continue
    return found


def _tag(key: Key) -> str:
    return ":".join(quote(part, safe="") for part in key)


def _key(tag: str) -> Key:
    kind, _, name = tag.partition(":")
    return unquote(kind), unquote(name)
