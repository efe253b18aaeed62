"""The requests of a run by name, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from harness.core.statistics import Floats
from harness.load.answers import DROPPED, UNFINISHED
from harness.load.runs import Run


@dataclass(frozen=True)
class Requests:
    """The requests of one name as columns, ordered by start, without those that the end of the run cut off."""

    name: str
    kind: str
    start: Floats
    """Seconds since the run began."""
    seconds: Floats
    """Seconds from the intended start, or from the sending if there is none, to the last byte."""
    service: Floats
    """Seconds from the sending to the last byte."""
    late: Floats
    """Seconds from the intended start to the sending, NaN in a closed loop."""
    ok: np.ndarray[Any, np.dtype[np.bool_]]
    cold_init: Floats
    """Seconds of Init Duration, NaN if the environment was warm or nobody knows."""
    function: Floats
    """Seconds of Lambda's own Duration, NaN if nobody knows."""

    def where(self, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Requests:
        columns = (self.start, self.seconds, self.service, self.late, self.ok, self.cold_init, self.function)
        return Requests(self.name, self.kind, *(column[mask] for column in columns))

    @property
    def span(self) -> float:
        """Seconds from the first start to the last answer; shorter than the run if scenarios take turns."""
        return float((self.start + self.service).max() - self.start.min()) if len(self.start) else 0.0

    @property
    def succeeded(self) -> Requests:
        return self.where(self.ok)


def split(run: Run) -> list[Requests]:
    """The finished requests of a run by name: Lambda's first, then the endpoint's, then all others."""
    table = finished_rows(run)
    parts = [requests_of(rows_of(table, name, kind), run, name, kind) for name, kind in names(table)]
    return sorted(parts, key=place)


def place(part: Requests) -> tuple[int, str]:
    return {"lambda": 0, "endpoint": 1}.get(part.kind, 2), part.name


def run_duration(run: Run) -> float:
    if run.manifest.ended is not None:
        return max(0.0, run.manifest.ended - run.manifest.started)
    if run.requests.num_rows == 0:
        return 0.0
    ends = run.requests["start"].to_numpy() + run.requests["service_s"].to_numpy()
    return max(0.0, float(ends.max()) - run.manifest.started)


def requests_of(table: pa.Table, run: Run, name: str, kind: str) -> Requests:
    return Requests(
        name=name,
        kind=kind,
        start=table["start"].to_numpy() - run.manifest.started,
        seconds=table["response_s"].to_numpy(),
        service=table["service_s"].to_numpy(),
        late=table["late_s"].to_numpy(),
        ok=pa.compute.is_null(table["error"]).to_numpy(),
        cold_init=table["cold_init_s"].to_numpy(),
        function=table["function_s"].to_numpy(),
    )


def cut_off_rows(run: Run) -> pa.Table:
    return run.requests.filter(pa.compute.equal(run.requests["error"], UNFINISHED))


def finished_rows(run: Run) -> pa.Table:
    never_answered = pa.compute.is_in(run.requests["error"], value_set=pa.array([UNFINISHED, DROPPED]))
    return run.requests.filter(pa.compute.invert(never_answered))


def names(table: pa.Table) -> list[tuple[str, str]]:
    pairs = table.group_by(["name", "kind"]).aggregate([])
    return list(zip(values_of(pairs, "name"), values_of(pairs, "kind"), strict=True))


def rows_of(table: pa.Table, name: str, kind: str) -> pa.Table:
    both = pa.compute.and_(pa.compute.equal(table["name"], name), pa.compute.equal(table["kind"], kind))
    return table.filter(both)


def values_of(table: pa.Table, name: str) -> list[Any]:
    values: list[Any] = table[name].to_pylist()
    return values
