"""Computes the figures of a run's report. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute

from harness.core.statistics import (
    Estimate,
    Floats,
    mean,
    observations_needed,
    percentile,
    percentile_by_rank,
    share,
    warm_up,
)
from harness.load.latency_log import read_latency_log
from harness.load.requests import (
    Requests,
    cut_off_rows,
    finished_rows,
    names,
    place,
    requests_of,
    rows_of,
    run_duration,
    split,
    values_of,
)
from harness.load.runs import Run
from harness.load.validity import Validity, judge

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class LatencyFigures:
    """The latency of the answers without an error.

    few: every value in ascending order, where there are too few for an interval of the median; else empty.
    """

    count: int
    few: list[float]
    percentiles: dict[str, Estimate]
    mean: Estimate
    max: float | None


@dataclass(frozen=True)
class WarmUp:
    """A beginning that differs from the rest of the run (MSER-5). All other figures include it.

    answers, seconds: the length of the beginning; p50, p95: the latency without it.
    """

    answers: int
    seconds: float
    p50: Estimate
    p95: Estimate


@dataclass(frozen=True)
class NameFigures:
    """The figures of one request name.

    answers_per_second: answers without an error, over the time in which this name was requested.
    service: latency counted from sending; None in a closed loop, where ``latency`` counts from there too.
    """

    name: str
    kind: str
    requests: int
    errors: int
    error_share: Estimate
    unfinished: int
    answers_per_second: float | None
    latency: LatencyFigures
    service: LatencyFigures | None
    warm_up: WarmUp | None
    cold_starts: int


@dataclass(frozen=True)
class MergedFigures:
    """The latency of a request name by the HdrHistograms of all workers, those on other machines included."""

    name: str
    kind: str
    count: int
    percentiles: dict[str, Estimate]


@dataclass(frozen=True)
class ErrorFigures:
    """One error code of one request name.

    share: of the requests of that name; message: the first one that came with this code.
    """

    name: str
    kind: str
    code: str
    count: int
    share: float
    message: str | None


@dataclass(frozen=True)
class TierFigures:
    """One row of the table that sets Lambda beside the endpoint: what was timed, and how long it took."""

    title: str
    meaning: str
    latency: LatencyFigures


@dataclass(frozen=True)
class RunFigures:
    """Every figure of a run's report.

    duration: from the start to the end, or to the last answer where no end is recorded.
    unfinished: requests without an answer when the run ended, which no other figure counts.
    cold_init: what cold starts reported as their Init Duration.
    variants: answers by production variant.
    missing_workers: workers on other machines, whose requests are not in the folder; merged has those too.
    """

    duration: float
    requests: int
    errors: int
    error_share: Estimate
    unfinished: int
    answers_per_second: float | None
    names: list[NameFigures]
    errors_by_kind: list[ErrorFigures]
    tiers: list[TierFigures]
    cold_starts: int
    cold_init: LatencyFigures
    variants: dict[str, int]
    validity: Validity
    missing_workers: int
    merged: list[MergedFigures]


def compute(run: Run) -> RunFigures:
    """Compute every figure of a run."""
    parts = split(run)
    finished, cut_off = finished_rows(run), cut_off_rows(run)
    duration = run_duration(run)
    never_answered = sorted(set(names(cut_off)) - {(part.name, part.kind) for part in parts})
    parts += [requests_of(finished.slice(0, 0), run, name, kind) for name, kind in never_answered]
    parts.sort(key=place)
    requests = finished.num_rows
    errors = requests - finished["error"].null_count
    cold_inits = [part.cold_init[~np.isnan(part.cold_init)] for part in parts]
    return RunFigures(
        duration=duration,
        requests=requests,
        errors=errors,
        error_share=share(errors, requests),
        unfinished=cut_off.num_rows,
        answers_per_second=(requests - errors) / duration if duration > 0 and requests else None,
        names=[_name_figures(part, rows_of(cut_off, part.name, part.kind).num_rows) for part in parts],
        errors_by_kind=_errors(finished),
        tiers=_tiers(parts),
        cold_starts=sum(len(inits) for inits in cold_inits),
        cold_init=latency(_joined(cold_inits)),
        variants=_values(finished["variant"]),
        validity=judge(run),
        missing_workers=run.missing_workers,
        merged=_merged(run) if run.missing_workers else [],
    )


def _merged(run: Run) -> list[MergedFigures]:
    return [
        MergedFigures(
            name=name,
            kind=kind,
            count=histogram.total,
            percentiles={
                label: percentile_by_rank(histogram.total, histogram.rank, q) for label, q in PERCENTILES.items()
            },
        )
        for (kind, name), histogram in sorted(read_latency_log(run.folder).items())
    ]


def _warm_up(good: Requests) -> WarmUp | None:
    answers = warm_up(good.seconds)
    if answers is None:
        return None
    rest = np.sort(good.seconds[answers:])
    length = float(good.start[answers] - good.start[0])
    return WarmUp(answers, length, percentile(rest, 0.5), percentile(rest, 0.95))


def latency(in_order_of_time: Floats) -> LatencyFigures:
    """The figures of latencies that are in the order of time."""
    ordered = np.sort(in_order_of_time)
    return LatencyFigures(
        count=len(ordered),
        few=[float(value) for value in ordered] if len(ordered) < observations_needed(PERCENTILES["p50"]) else [],
        percentiles={label: percentile(ordered, q) for label, q in PERCENTILES.items()},
        mean=mean(in_order_of_time),
        max=float(ordered[-1]) if len(ordered) else None,
    )


def _tiers(parts: list[Requests]) -> list[TierFigures]:
    """Lambda as its caller sees it (warm and cold apart), Lambda's own figures, and the endpoint called directly."""
    lambdas = [part.succeeded for part in parts if part.kind == "lambda"]
    endpoints = [part.succeeded for part in parts if part.kind == "endpoint"]
    warm = [part.where(np.isnan(part.cold_init) & ~np.isnan(part.function)) for part in lambdas]
    cold = [part.where(~np.isnan(part.cold_init)) for part in lambdas]
    rows = [
        ("Lambda, warm, as its caller sees it", "from sending to the last byte", [part.service for part in warm]),
        (
            "Lambda's own Duration, warm",
            "the time in the handler, from the REPORT line",
            [part.function for part in warm],
        ),
        (
            "Around the handler, warm",
            "the first row less the second, request by request: the Lambda service and the network",
            [part.service - part.function for part in warm],
        ),
        (
            "Lambda, cold, as its caller sees it",
            "includes the start of a new environment",
            [part.service for part in cold],
        ),
        ("Init Duration", "the start of a new environment, from the REPORT line", [part.cold_init for part in cold]),
        ("Endpoint, called directly", "from sending to the last byte", [part.service for part in endpoints]),
    ]
    figures = [TierFigures(title, meaning, latency(_joined(columns))) for title, meaning, columns in rows]
    return [tier for tier in figures if tier.latency.count]


def _name_figures(part: Requests, unfinished: int) -> NameFigures:
    good = part.succeeded
    requests, errors = len(part.start), len(part.start) - len(good.start)
    return NameFigures(
        name=part.name,
        kind=part.kind,
        requests=requests,
        errors=errors,
        error_share=share(errors, requests),
        unfinished=unfinished,
        answers_per_second=len(good.start) / part.span if len(part.start) > 1 else None,
        latency=latency(good.seconds),
        service=None if np.isnan(part.late).all() else latency(good.service),
        warm_up=_warm_up(good),
        cold_starts=int(np.count_nonzero(~np.isnan(part.cold_init))),
    )


def _errors(finished: pa.Table) -> list[ErrorFigures]:
    failed = finished.filter(pa.compute.is_valid(finished["error"]))
    counts: dict[tuple[str, str, str], int] = {}
    messages: dict[tuple[str, str, str], str | None] = {}
    columns = ("name", "kind", "error", "message")
    for name, kind, code, message in zip(*(values_of(failed, column) for column in columns), strict=True):
        counts[name, kind, code] = counts.get((name, kind, code), 0) + 1
        messages.setdefault((name, kind, code), message)
    totals = {name_and_kind: rows_of(finished, *name_and_kind).num_rows for name_and_kind in names(finished)}
    rows = [ErrorFigures(*key, count, count / totals[key[:2]], messages[key]) for key, count in counts.items()]
    return sorted(rows, key=lambda row: (-row.count, row.name, row.code))


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    counts = [(entry["values"], entry["counts"]) for entry in column.value_counts().to_pylist()]
    return dict(sorted((value, count) for value, count in counts if value is not None))


def _joined(columns: list[Floats]) -> Floats:
    return np.concatenate(columns) if columns else np.empty(0)
