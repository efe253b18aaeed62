"""A run whose figures are the generator's own is invalid, and says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.load.histogram import Histogram
from harness.load.runs import Run, read_run
from harness.load.validity import judge
from tests.figures import plain
from tests.load.recorded import STARTED, request, write_run


def arrival(at: float, late: float = 0.0001, service: float = 0.1, **members: Any) -> dict[str, Any]:
    intended = STARTED + at
    return request(start=intended + late, intended=intended, late_s=late, response_s=late + service, **members)


def log(folder: Path, *, cpu: float = 0.2, lag: float = 0.0002, p50: float = 0.0002, seconds: int = 60) -> None:
    histogram = Histogram()
    histogram.record(lag, 100)
    sample = {"at": STARTED, "cpu": cpu, "outstanding": 3, "lag": histogram.encode()}
    lines = [{"null": {"cpu_s": 0.0001, "p50_s": p50, "p99_s": 0.001}}, *[sample] * seconds]
    (folder / "generator.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"at": 1, "cp')


def a_run(folder: Path, rows: list[dict[str, Any]], **health: Any) -> Run:
    write_run(folder, rows)
    log(folder, **health)
    return read_run(folder)


def test_a_good_run_is_valid_and_says_how_the_generator_fared(tmp_path: Path) -> None:
    seen = judge(a_run(tmp_path, [arrival(i) for i in range(100)]))
    assert (seen.valid, seen.open_loop, seen.arrivals, seen.dropped, seen.late) == (True, True, 100, 0, 0)
    assert seen.late_p99 == pytest.approx(0.0001)
    assert seen.lag_p99 == pytest.approx(0.0002, rel=0.01)
    assert (seen.busy, seen.outstanding_max) == (0, 3)
    assert seen.cpu_mean == pytest.approx(0.2)
    assert (seen.overhead_cpu, seen.overhead_p50) == (0.0001, 0.0002)


def test_one_dropped_arrival_in_a_thousand_does_not_matter_and_two_do(tmp_path: Path) -> None:
    rows = [arrival(i) for i in range(1998)]
    dropped = request(start=STARTED, intended=STARTED, late_s=0.0, kind="arrival", error="Dropped", status=None)
    assert judge(a_run(tmp_path / "1", [*rows, dropped])).valid
    seen = judge(a_run(tmp_path / "2", [*rows, dropped, dropped, dropped]))
    assert (seen.arrivals, seen.dropped) == (2001, 3)
    assert [plain(reason) for reason in seen.reasons] == [
        "3 of 2,001 arrivals were dropped, as too many requests were under way: raise --max-outstanding, or lower the "
        "rate."
    ]


def test_lateness_matters_by_what_it_adds_to(tmp_path: Path) -> None:
    rows = [arrival(i, late=0.005 if i % 20 == 0 else 0.0) for i in range(200)]
    seen = judge(a_run(tmp_path / "slow", rows))
    assert (seen.valid, seen.late) == (True, 10)
    rows = [arrival(i, late=0.005 if i % 20 == 0 else 0.0, service=0.01) for i in range(200)]
    seen = judge(a_run(tmp_path / "fast", rows))
    assert [plain(reason) for reason in seen.reasons] == [
        "One arrival in a hundred was sent 5.00 ms late or later, against a median latency of 10.0 ms: "
        "the figures are partly the generator's own."
    ]


@pytest.mark.parametrize(
    ("health", "sentence"),
    [
        ({"cpu": 0.95}, "90 % of a core or more in 100 % of the seconds: spread the load over --processes"),
        ({"lag": 0.02}, "event loop was 20.0 ms late"),
        ({"p50": 0.02}, "own part of a request is 20.0 ms, against a median latency of 100 ms"),
    ],
)
def test_a_generator_that_is_the_bottleneck_is_named(tmp_path: Path, health: dict[str, float], sentence: str) -> None:
    (reason,) = judge(a_run(tmp_path, [arrival(i) for i in range(100)], **health)).reasons
    assert sentence in plain(reason)


def test_a_closed_loop_has_no_arrivals_to_be_late(tmp_path: Path) -> None:
    seen = judge(a_run(tmp_path, [request() for _ in range(10)]))
    assert (seen.valid, seen.open_loop, seen.late_p99) == (True, False, None)


def test_without_an_answer_only_the_generators_cpu_is_judged(tmp_path: Path) -> None:
    assert judge(a_run(tmp_path, [arrival(1, error="Connection:refused")], lag=5.0)).valid


def test_a_run_without_the_generators_log_is_judged_by_its_arrivals(tmp_path: Path) -> None:
    seen = judge(read_run(write_run(tmp_path, [arrival(i) for i in range(10)])))
    assert (seen.valid, seen.cpu_mean, seen.lag_p99, seen.overhead_p50) == (True, None, None, None)


def test_a_worker_that_went_away_and_a_run_of_nothing_are_named(tmp_path: Path) -> None:
    lost = read_run(write_run(tmp_path / "1", [arrival(1)], lost_workers=1, options={"workers": 3}))
    assert judge(lost).reasons == [
        "1 of 3 workers went away before the end, and their share of the arrivals with them."
    ]
    assert judge(read_run(write_run(tmp_path / "2", []))).reasons == ["No request was sent."]
