"""The figures of a run's report, from runs whose figures are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.load.latency_log import LatencyLog
from harness.load.requests import split
from harness.load.runs import read_run
from harness.report.run.figures import RunFigures, compute
from tests.load.recorded import STARTED, request, write_run


def figures(folder: Path, rows: list[dict[str, Any]], **manifest: Any) -> RunFigures:
    return compute(read_run(write_run(folder, rows, **manifest)))


def at(index: int, **members: Any) -> dict[str, Any]:
    return request(start=STARTED + index * 0.1, **members)


def test_latency_counts_only_answers_without_an_error(tmp_path: Path) -> None:
    rows = [at(i, response_s=0.1 + i / 1000) for i in range(100)]
    rows += [at(i, response_s=9.0, error="ModelError(500)", status=424) for i in range(10)]
    computed = figures(tmp_path, rows)
    (name,) = computed.names
    assert (computed.requests, computed.errors, name.requests, name.errors) == (110, 10, 110, 10)
    assert name.latency.count == 100
    assert name.latency.max == pytest.approx(0.199)
    assert name.latency.percentiles["p50"].value == pytest.approx(0.149)
    assert name.latency.percentiles["p95"].established
    assert not name.latency.percentiles["p99"].established
    assert computed.answers_per_second == pytest.approx(100 / 60)
    assert computed.error_share.value == pytest.approx(10 / 110)


def test_a_names_rate_is_over_its_own_span(tmp_path: Path) -> None:
    """Scenarios may run one after the other: each is measured while it runs."""
    rows = [at(i, response_s=0.1) for i in range(100)]
    rows += [at(300 + i, name="later", response_s=0.1) for i in range(200)]
    first, later = figures(tmp_path, rows).names
    assert first.answers_per_second == pytest.approx(10)
    assert later.answers_per_second == pytest.approx(10)


def test_errors_are_counted_by_name_and_code_with_their_first_message(tmp_path: Path) -> None:
    rows = [at(0, error="A", message="first"), at(1, error="A", message="second"), at(2, error="B"), at(3)]
    rows += [at(4, error="B", name="other")]
    computed = figures(tmp_path, rows).errors_by_kind
    assert [(row.name, row.code, row.count, row.share, row.message) for row in computed] == [
        ("dog-breed", "A", 2, 0.5, "first"),
        ("dog-breed", "B", 1, 0.25, None),
        ("other", "B", 1, 1.0, None),
    ]


def test_requests_cut_off_by_the_end_are_neither_answers_nor_errors(tmp_path: Path) -> None:
    rows = [at(0), at(1, error="Unfinished"), at(2, error="Unfinished", name="hangs")]
    computed = figures(tmp_path, rows)
    assert (computed.requests, computed.errors, computed.unfinished, computed.errors_by_kind) == (1, 0, 2, [])
    assert [(name.name, name.requests, name.unfinished) for name in computed.names] == [
        ("dog-breed", 1, 1),
        ("hangs", 0, 1),
    ]


def test_lambda_and_endpoint_have_their_own_rows_and_so_have_cold_starts(tmp_path: Path) -> None:
    rows = [at(i, response_s=0.20, function_s=0.15) for i in range(10)]
    rows += [at(20 + i, response_s=0.70, function_s=0.16, cold_init_s=0.4) for i in range(2)]
    rows += [at(i, kind="endpoint", name="e", response_s=0.14, variant="AllTraffic") for i in range(10)]
    computed = figures(tmp_path, rows)
    medians = {row.title: (row.latency.count, row.latency.percentiles["p50"].value) for row in computed.tiers}
    assert medians == {
        "Lambda, warm, as its caller sees it": (10, 0.20),
        "Lambda's own Duration, warm": (10, 0.15),
        "Around the handler, warm": (10, pytest.approx(0.05)),
        "Lambda, cold, as its caller sees it": (2, 0.70),
        "Init Duration": (2, 0.4),
        "Endpoint, called directly": (10, 0.14),
    }
    assert computed.cold_starts == 2
    assert computed.cold_init.few == [0.4, 0.4]
    assert computed.variants == {"AllTraffic": 10}
    assert [(name.name, name.cold_starts) for name in computed.names] == [("dog-breed", 2), ("e", 0)]


def test_one_name_for_two_kinds_is_two_rows(tmp_path: Path) -> None:
    computed = figures(tmp_path, [at(0, name="x"), at(1, name="x", kind="endpoint"), at(2, name="x", kind="POST")])
    assert [(row.name, row.kind, row.requests) for row in computed.names] == [
        ("x", k, 1) for k in ("lambda", "endpoint", "POST")
    ]


def test_an_open_loops_latency_counts_from_the_intended_start(tmp_path: Path) -> None:
    rows = [at(i, intended=STARTED + i * 0.1 - 0.5, late_s=0.5, response_s=0.6, service_s=0.1) for i in range(50)]
    dropped = at(60, intended=STARTED + 6, late_s=0.0, name="Steady", kind="arrival", error="Dropped", status=None)
    computed = figures(tmp_path, [*rows, dropped])
    (name,) = computed.names
    assert name.latency.percentiles["p50"].value == pytest.approx(0.6)
    assert name.service is not None
    assert name.service.percentiles["p50"].value == pytest.approx(0.1)
    # Where the time goes is the service's own time.
    assert computed.tiers[0].latency.percentiles["p50"].value == pytest.approx(0.1)
    assert (computed.requests, computed.errors, computed.validity.dropped, computed.validity.arrivals) == (50, 0, 1, 51)


def test_a_warm_up_is_shown_and_left_in(tmp_path: Path) -> None:
    rows = [at(i, response_s=2.0 - i / 20 if i < 40 else 0.1 + (i % 7) / 1000) for i in range(400)]
    (name,) = figures(tmp_path, rows).names
    assert name.warm_up is not None
    assert name.warm_up.answers == pytest.approx(40, abs=5)
    assert name.warm_up.seconds == pytest.approx(4, abs=0.5)
    assert name.latency.count == 400
    assert name.latency.percentiles["p95"].value > 0.9  # type: ignore[operator]
    assert name.warm_up.p95.value == pytest.approx(0.106, abs=0.02)
    assert figures(tmp_path / "steady", [at(i) for i in range(400)]).names[0].warm_up is None


def test_where_workers_ran_on_other_machines_the_merged_histograms_have_the_figures(tmp_path: Path) -> None:
    options = {"users": 2, "spawn_rate": 1.0, "run_time": 60, "host": "http://127.0.0.1:1", "workers": 3}
    folder = write_run(tmp_path, [at(i) for i in range(10)], options=options)
    histograms = LatencyLog()
    for number in range(1000):
        histograms.record("lambda", "dog-breed", 0.1 + number / 10_000)
    histograms.write(folder, STARTED, 60)
    computed = compute(read_run(folder))
    assert computed.missing_workers == 2
    (merged,) = computed.merged
    assert (merged.name, merged.count) == ("dog-breed", 1000)
    assert merged.percentiles["p50"].value == pytest.approx(0.15, rel=0.002)
    assert merged.percentiles["p99"].established


def test_an_empty_run_has_no_figures(tmp_path: Path) -> None:
    computed = figures(tmp_path, [], ended=None, ending=None)
    assert (computed.duration, computed.requests, computed.names, computed.tiers) == (0.0, 0, [], [])
    assert computed.answers_per_second is None


def test_a_run_without_an_end_lasted_until_its_last_answer(tmp_path: Path) -> None:
    computed = figures(tmp_path, [at(100, response_s=2.0), at(101, response_s=0.1)], ended=None, ending=None)
    assert computed.duration == pytest.approx(12.0)


def test_parts_start_at_the_runs_start(tmp_path: Path) -> None:
    (part,) = split(read_run(write_run(tmp_path, [at(10)])))
    assert part.start.tolist() == pytest.approx([1.0])
