"""Reads how the load generator fared, which ``load.locust.generator_monitor`` wrote down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.load.histogram import Histogram


@dataclass(frozen=True)
class Overhead:
    """What one signed request of 100 bytes to a null server costs the generator: CPU and time, in seconds."""

    cpu_s: float
    p50_s: float
    p99_s: float


@dataclass(frozen=True)
class Sample:
    """One second of a process.

    at: its end, Unix seconds. cpu: cores used. outstanding: requests under way. lag: how late the event loop turned.
    """

    at: float
    cpu: float
    outstanding: int
    lag: Histogram


@dataclass(frozen=True)
class GeneratorLog:
    """The log of one process. name: of its file. overhead: None if it could not be measured."""

    name: str
    overhead: Overhead | None
    samples: list[Sample] = field(default_factory=list)


def read_generator_logs(folder: Path) -> tuple[GeneratorLog, ...]:
    """The logs of all processes of a run; lines that cannot be read, such as a cut-off last one, are left out."""
    return tuple(_read(path) for path in sorted(folder.glob("generator*.jsonl")))


def _read(path: Path) -> GeneratorLog:
    overhead, samples = None, []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            members: dict[str, Any] = json.loads(line)
            if "null" in members:
                null = members["null"]
                overhead = Overhead(*(float(null[name]) for name in ("cpu_s", "p50_s", "p99_s"))) if null else None
                continue
            lag = Histogram.decode(members["lag"])
            samples.append(Sample(float(members["at"]), float(members["cpu"]), int(members["outstanding"]), lag))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return GeneratorLog(path.stem, overhead, samples)
