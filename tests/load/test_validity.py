"""A run is invalid if its figures are partly the generator's own, and it says why."""

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


def a_run(folder: Path, rows: list[dict[str, Any]], **generator: Any) -> Run:
    write_run(folder, rows)
    log(folder, **generator)
    return read_run(folder)


def test_a_good_run_is_valid_and_says_how_the_generator_fared(tmp_path: Path) -> None:
    validity = judge(a_run(tmp_path, [arrival(i) for i in range(100)]))
    assert (validity.valid, validity.open_loop) == (True, True)
    assert (validity.arrivals, validity.dropped, validity.late) == (100, 0, 0)
    assert validity.late_p99 == pytest.approx(0.0001)
    assert validity.lag_p99 == pytest.approx(0.0002, rel=0.01)
    assert (validity.busy, validity.outstanding_max) == (0, 3)
    assert validity.cpu_mean == pytest.approx(0.2)
    assert (validity.overhead_cpu, validity.overhead_p50) == (0.0001, 0.0002)


def test_one_dropped_arrival_in_a_thousand_does_not_matter_and_two_do(tmp_path: Path) -> None:
    rows = [arrival(i) for i in range(1998)]
    dropped = request(start=STARTED, intended=STARTED, late_s=0.0, kind="arrival", error="Dropped", status=None)
    assert judge(a_run(tmp_path / "1", [*rows, dropped])).valid
    validity = judge(a_run(tmp_path / "2", [*rows, dropped, dropped, dropped]))
    assert (validity.arrivals, validity.dropped) == (2001, 3)
    assert [plain(reason) for reason in validity.reasons] == [
        "3 of 2,001 arrivals were dropped, as too many requests were under way: raise --max-outstanding, or lower the "
        "rate."
    ]


def test_lateness_matters_in_proportion_to_the_latency(tmp_path: Path) -> None:
    rows = [arrival(i, late=0.005 if i % 20 == 0 else 0.0) for i in range(200)]
    validity = judge(a_run(tmp_path / "slow", rows))
    assert (validity.valid, validity.late) == (True, 10)
    rows = [arrival(i, late=0.005 if i % 20 == 0 else 0.0, service=0.01) for i in range(200)]
    validity = judge(a_run(tmp_path / "fast", rows))
    assert [plain(reason) for reason in validity.reasons] == [
        "One arrival in a hundred was sent 5.00 ms late or later, against a median latency of 10.0 ms: "
        "the figures are partly the generator's own."
    ]


@pytest.mark.parametrize(
    ("generator", "sentence"),
    [
        ({"cpu": 0.95}, "90 % of a core or more in 100 % of the seconds: spread the load over --processes"),
        ({"lag": 0.02}, "event loop was 20.0 ms late"),
        ({"p50": 0.02}, "own part of a request is 20.0 ms, against a median latency of 100 ms"),
    ],
)
def test_a_generator_at_its_limits_is_a_reason(tmp_path: Path, generator: dict[str, float], sentence: str) -> None:
    (reason,) = judge(a_run(tmp_path, [arrival(i) for i in range(100)], **generator)).reasons
    assert sentence in plain(reason)


def test_a_closed_loop_has_no_arrivals_to_be_late(tmp_path: Path) -> None:
    validity = judge(a_run(tmp_path, [request() for _ in range(10)]))
    assert (validity.valid, validity.open_loop, validity.late_p99) == (True, False, None)


def test_without_an_answer_only_the_generators_cpu_is_judged(tmp_path: Path) -> None:
    assert judge(a_run(tmp_path, [arrival(1, error="Connection:refused")], lag=5.0)).valid


def test_a_run_without_the_generators_log_is_judged_by_its_arrivals(tmp_path: Path) -> None:
    validity = judge(read_run(write_run(tmp_path, [arrival(i) for i in range(10)])))
    assert (validity.valid, validity.cpu_mean, validity.lag_p99, validity.overhead_p50) == (True, None, None, None)


def test_a_lost_worker_and_an_empty_run_are_reasons(tmp_path: Path) -> None:
    lost = read_run(write_run(tmp_path / "1", [arrival(1)], lost_workers=1, options={"workers": 3}))
    assert judge(lost).reasons == [
        "1 of 3 workers went away before the end, and their share of the arrivals with them."
    ]
    assert judge(read_run(write_run(tmp_path / "2", []))).reasons == ["No request was sent."]
