"""Reads recorded traffic: requests by minute (or any other period) from a CSV file or from CloudWatch.

CSV: the line ``timestamp,requests``, then ascending rows of an ISO 8601 timestamp (or Unix seconds) and the number of
requests in the period that begins there; ``.gz`` is read as well. JSON: what ``aws cloudwatch get-metric-data`` prints
for one metric with statistic Sum.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, shown
from harness.load.schedule import Piece, Schedule

TraceRow = tuple[datetime, float]
_LARGEST = 64 * 2**20  # bytes of a trace, unpacked; ours. A year of minutes has 20 MB


@dataclass(frozen=True)
class Trace:
    """Requests counted in periods of equal length.

    rows: the beginning of each period, ascending, and its count; a missing period had no requests.
    period: seconds; the shortest distance between two rows.
    """

    rows: tuple[TraceRow, ...]
    period: float

    def day(self, date: str) -> Trace:
        """The rows of one day (``1995-07-13``) in the trace's own time zone. Raises HarnessError if there are none."""
        rows = tuple(row for row in self.rows if row[0].date().isoformat() == date)
        if not rows:
            first, last = (row[0].date().isoformat() for row in (self.rows[0], self.rows[-1]))
            raise HarnessError(
                f"The trace has no rows of {date}: its days are {first} to {last}, name one of them, or all."
            )
        return Trace(rows, self.period)

    def schedule(self) -> Schedule:
        """The rate that was recorded: constant within each period, and zero in missing periods."""
        pieces: list[Piece] = []
        end = self.rows[0][0].timestamp()
        for moment, requests in self.rows:
            start = moment.timestamp()
            if start - end > self.period / 2:
                pieces.append(Piece(start - end, 0.0, 0.0))
            pieces.append(Piece(self.period, requests / self.period, requests / self.period))
            end = start + self.period
        return Schedule(tuple(pieces))


def read_trace(file: Path) -> Trace:
    """The trace in a .csv, .csv.gz or .json file. Raises HarnessError that says what is wrong, and in which line."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise HarnessError(
                f"The trace {file} has more than {_LARGEST:,} bytes: leave out rows, or lengthen periods."
            )
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise HarnessError(
            f"The trace {file} cannot be read ({error.strerror or 'it is not a gzip file'}): name another file."
        ) from error
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise HarnessError(f"The trace {file} cannot be read ({error}): name another file.") from error
    rows = _cloudwatch_rows(file, text) if ".json" in file.suffixes else _csv_rows(file, text)
    if len(rows) < 2:
        raise HarnessError(f"The trace {file} has {len(rows)} rows: it takes at least two to tell its period.")
    if not any(requests for _, requests in rows):
        raise HarnessError(f"The trace {file} counts no request: play one that does.")
    gaps = (second[0].timestamp() - first[0].timestamp() for first, second in pairwise(rows))
    return Trace(tuple(rows), min(gaps))


def _csv_rows(file: Path, text: str) -> list[TraceRow]:
    rows: list[TraceRow] = []
    for line, fields in enumerate(csv.reader(text.splitlines()), start=1):
        if not fields or (line == 1 and fields[0].strip().lower() == "timestamp"):
            continue
        if len(fields) != 2:
            raise HarnessError(f"{file}:{line}: a row is a timestamp and a number, not {len(fields)} fields.")
        try:
            row = _moment(fields[0].strip()), float(fields[1])
        except (ValueError, OverflowError):
            raise HarnessError(
                f"{file}:{line}: {shown(','.join(fields))} is not a timestamp (ISO 8601 or Unix seconds) and a number."
            ) from None
        _check(f"{file}:{line}", row, rows[-1] if rows else None)
        rows.append(row)
    return rows


def _cloudwatch_rows(file: Path, text: str) -> list[TraceRow]:
    try:
        results: list[dict[str, Any]] = json.loads(text)["MetricDataResults"]
        metrics = {str(result["Id"]) for result in results}
        if len(metrics) > 1:
            raise HarnessError(
                f"The trace {file} holds {len(metrics)} metrics ({', '.join(sorted(metrics))}): export one by itself."
            )
        # CloudWatch answers in pages, each with a part of the metric.
        rows = [
            (_moment(str(moment)), float(value))
            for result in results
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
        ]
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError) as error:
        raise HarnessError(
            f"The trace {file} is not what `aws cloudwatch get-metric-data` prints ({type(error).__name__}: {error})."
        ) from None
    # GetMetricData's own order is TimestampDescending (botocore).
    rows.sort()
    for index, row in enumerate(rows):
        _check(str(file), row, rows[index - 1] if index else None)
    return rows


def _moment(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check(where: str, row: TraceRow, before: TraceRow | None) -> None:
    moment, requests = row
    if not (math.isfinite(requests) and requests >= 0):
        raise HarnessError(f"{where}: {requests:g} is not a number of requests.")
    if before is not None and moment <= before[0]:
        raise HarnessError(
            f"{where}: {moment.isoformat()} does not come after {before[0].isoformat()}: sort the trace by time."
        )
