"""The figures of a report, computed from a run. Pure: a run in, dataclasses out; seconds throughout."""

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
from harness.load.histograms import read_histograms
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
class Latency:
    """Of the answers without an error: count, percentiles with intervals, mean, maximum.

    few: every value in ascending order where they are too few for a median's interval, else empty.
    """

    count: int
    few: list[float]
    percentiles: dict[str, Estimate]
    mean: Estimate
    max: float | None


@dataclass(frozen=True)
class WarmUp:
    """A beginning that differs from the rest (MSER-5), which the other figures leave in.

    answers, seconds: how long it was; p50, p95: of the rest.
    """

    answers: int
    seconds: float
    p50: Estimate
    p95: Estimate


@dataclass(frozen=True)
class NameFigures:
    """A request name's counts, good answers a second of its own span, latency, and cold starts seen.

    service: latency from the sending, where the other counts from an intended start.
    """

    name: str
    kind: str
    requests: int
    errors: int
    error_share: Estimate
    unfinished: int
    answers_per_second: float | None
    latency: Latency
    service: Latency | None
    warm_up: WarmUp | None
    cold_starts: int


@dataclass(frozen=True)
class MergedFigures:
    """A request name's latency from the HdrHistograms of all workers, where some of their requests are elsewhere."""

    name: str
    kind: str
    count: int
    percentiles: dict[str, Estimate]


@dataclass(frozen=True)
class ErrorFigures:
    """One kind of error of one request name, as a share of that name's requests, with the first message that came."""

    name: str
    kind: str
    code: str
    count: int
    share: float
    message: str | None


@dataclass(frozen=True)
class TierFigures:
    """One row of Lambda against endpoint: what was timed, by whom, and how long it took."""

    title: str
    meaning: str
    latency: Latency


@dataclass(frozen=True)
class Figures:
    """Everything that a report says in numbers.

    duration: seconds from the start to the end, or to the last answer where no end is recorded.
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
    cold_init: Latency
    variants: dict[str, int]
    validity: Validity
    missing_workers: int
    merged: list[MergedFigures]


def compute(run: Run) -> Figures:
    parts = split(run)
    finished, cut_off = finished_rows(run), cut_off_rows(run)
    duration = run_duration(run)
    never_answered = sorted(set(names(cut_off)) - {(part.name, part.kind) for part in parts})
    parts += [requests_of(finished.slice(0, 0), run, name, kind) for name, kind in never_answered]
    parts.sort(key=place)
    requests = finished.num_rows
    errors = requests - finished["error"].null_count
    cold = [part.cold_init[~np.isnan(part.cold_init)] for part in parts]
    return Figures(
        duration=duration,
        requests=requests,
        errors=errors,
        error_share=share(errors, requests),
        unfinished=cut_off.num_rows,
        answers_per_second=(requests - errors) / duration if duration > 0 and requests else None,
        names=[_name_figures(each, rows_of(cut_off, each.name, each.kind).num_rows) for each in parts],
        errors_by_kind=_errors(finished),
        tiers=_tiers(parts),
        cold_starts=sum(len(each) for each in cold),
        cold_init=latency(np.concatenate(cold) if cold else np.empty(0)),
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
        for (kind, name), histogram in sorted(read_histograms(run.folder).items())
    ]


def _warm_up(good: Requests) -> WarmUp | None:
    answers = warm_up(good.seconds)
    if answers is None:
        return None
    rest = np.sort(good.seconds[answers:])
    length = float(good.start[answers] - good.start[0])
    return WarmUp(answers, length, percentile(rest, 0.5), percentile(rest, 0.95))


def latency(in_order_of_time: Floats) -> Latency:
    ordered = np.sort(in_order_of_time)
    return Latency(
        count=len(ordered),
        few=[float(value) for value in ordered] if len(ordered) < observations_needed(PERCENTILES["p50"]) else [],
        percentiles={label: percentile(ordered, q) for label, q in PERCENTILES.items()},
        mean=mean(in_order_of_time),
        max=float(ordered[-1]) if len(ordered) else None,
    )


def _tiers(parts: list[Requests]) -> list[TierFigures]:
    """Lambda as its caller sees it, warm and cold apart, Lambda's own account of it, and the endpoint by itself."""
    lambdas = [part.succeeded for part in parts if part.kind == "lambda"]
    endpoints = [part.succeeded for part in parts if part.kind == "endpoint"]
    warm = [part.where(np.isnan(part.cold_init) & ~np.isnan(part.function)) for part in lambdas]
    cold = [part.where(~np.isnan(part.cold_init)) for part in lambdas]
    rows = [
        ("Lambda, warm, as its caller sees it", "from sending to the last byte", [part.service for part in warm]),
        ("Lambda's own Duration, warm", "the handler, as the REPORT line says", [part.function for part in warm]),
        (
            "Around the handler, warm",
            "the first less the second, request by request: the Lambda service and the way to it",
            [part.service - part.function for part in warm],
        ),
        ("Lambda, cold, as its caller sees it", "with a new environment's start", [part.service for part in cold]),
        ("Init Duration", "a new environment's own account of its start", [part.cold_init for part in cold]),
        ("Endpoint, called directly", "from sending to the last byte", [part.service for part in endpoints]),
    ]
    figures = [TierFigures(title, meaning, latency(_joined(columns))) for title, meaning, columns in rows]
    return [each for each in figures if each.latency.count]


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
    for name, kind, code, message in zip(*(values_of(failed, each) for each in columns), strict=True):
        counts[name, kind, code] = counts.get((name, kind, code), 0) + 1
        messages.setdefault((name, kind, code), message)
    totals = {pair: rows_of(finished, *pair).num_rows for pair in names(finished)}
    rows = [ErrorFigures(*key, count, count / totals[key[:2]], messages[key]) for key, count in counts.items()]
    return sorted(rows, key=lambda row: (-row.count, row.name, row.code))


def _values(column: pa.ChunkedArray) -> dict[str, int]:
    counts = [(each["values"], each["counts"]) for each in column.value_counts().to_pylist()]
    return dict(sorted((value, count) for value, count in counts if value is not None))


def _joined(columns: list[Floats]) -> Floats:
    return np.concatenate(columns) if columns else np.empty(0)
