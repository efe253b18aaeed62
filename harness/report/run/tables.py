"""The rows of a run's report: what the generator did, the run's options, the stack's settings."""

from __future__ import annotations

from typing import Any

from harness.core import figures as text
from harness.load.validity import Validity

_LABELS = {"spawn_rate": "spawn rate (users/s)", "run_time": "run time (s)"}


def generator_rows(validity: Validity) -> list[tuple[str, str]]:
    """How the load generator performed, as rows of a label and a value."""
    rows: list[tuple[str, str]] = []
    if validity.open_loop:
        rows += [
            ("arrivals", text.count(validity.arrivals)),
            ("dropped", _share_of(validity.dropped, validity.arrivals)),
            (f"late by more than 1{text.NARROW}ms", _share_of(validity.late, validity.arrivals)),
            ("lateness", _p50_p99_max(validity.late_p50, validity.late_p99, validity.late_max)),
        ]
    if validity.lag_p50 is not None:
        rows.append(("event loop's lag", _p50_p99_max(validity.lag_p50, validity.lag_p99, validity.lag_max)))
    if validity.cpu_mean is not None:
        cpu = f"{text.number(validity.cpu_mean)} cores, at most {text.number(validity.cpu_max)}"
        rows.append(("CPU of its busiest process", cpu))
    if validity.overhead_p50 is not None and validity.overhead_cpu is not None:
        overhead = f"{text.seconds(validity.overhead_p50)}, {text.seconds(validity.overhead_cpu)} of CPU (null server)"
        rows.append(("own part of a request", overhead))
    if validity.open_loop and validity.outstanding_max is not None:
        rows.append(("requests open at once, per process", f"at most {text.count(validity.outstanding_max)}"))
    return rows


def option_rows(options: dict[str, Any]) -> list[tuple[str, str]]:
    """The run's options, as rows of a label and a value."""
    return [(_LABELS.get(name, name.replace("_", " ")), _value(value)) for name, value in options.items()]


def flattened(settings: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows of a dotted name and a value."""
    if isinstance(settings, dict) and settings:
        items = [(f"{prefix}.{key}" if prefix else str(key), value) for key, value in settings.items()]
    elif isinstance(settings, list) and any(isinstance(item, dict | list) for item in settings):
        items = [(f"{prefix}[{index}]", value) for index, value in enumerate(settings)]
    elif isinstance(settings, list):
        return [(prefix, ", ".join(map(str, settings)) or "none")]
    else:
        return [(prefix, str(settings))]
    return [row for name, value in items for row in flattened(value, name)]


def _share_of(part: int, whole: int) -> str:
    return f"{text.count(part)} ({text.percent(part / whole)})" if part else "none"


def _p50_p99_max(p50: float | None, p99: float | None, top: float | None) -> str:
    return f"p50 {text.seconds(p50)}, p99 {text.seconds(p99)}, at most {text.seconds(top)}"


def _value(value: Any) -> str:
    if value in (None, ""):
        return text.NO_FIGURE
    return f"{value:g}" if isinstance(value, float) else str(value)
