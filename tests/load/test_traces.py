"""Recorded traffic becomes a rate over time; a broken trace is refused in one sentence."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.load import traces
from harness.load.schedule import even
from harness.load.traces import read_trace

NASA = Path(__file__).resolve().parents[2] / "fixtures" / "traffic" / "nasa-http-1995-07.csv.gz"


def written(folder: Path, text: str, name: str = "trace.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_the_shipped_trace_has_the_figures_of_its_page() -> None:
    trace = read_trace(NASA)
    assert (len(trace.rows), trace.period) == (38_880, 60)
    assert max(requests for _, requests in trace.rows) == 409
    day = trace.day("1995-07-13")
    assert len(day.rows) == 1440
    assert day.schedule().expected == pytest.approx(134_204)
    assert day.schedule().fitted(peak=10, seconds=600).peak == pytest.approx(10)


def test_counts_are_spread_evenly_over_their_period(tmp_path: Path) -> None:
    schedule = read_trace(written(tmp_path, "timestamp,requests\n0,2\n10,0\n20,5\n")).schedule()
    assert list(even(schedule)) == [0, 5, 20, 22, 24, 26, 28]


def test_missing_periods_had_no_requests(tmp_path: Path) -> None:
    rows = "timestamp,requests\n2026-01-01T00:00:00Z,60\n2026-01-01T00:01:00Z,60\n2026-01-01T00:05:00Z,60\n"
    schedule = read_trace(written(tmp_path, rows)).schedule()
    assert schedule.seconds == 360
    assert [piece.start_rate for piece in schedule.pieces] == [1, 1, 0, 1]


def test_the_header_may_be_missing_and_the_file_compressed(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv.gz"
    file.write_bytes(gzip.compress(b"0,1\n60,2\n"))
    assert read_trace(file).schedule().expected == 3


def test_cloudwatch_gives_the_newest_first_and_may_answer_in_pages(tmp_path: Path) -> None:
    pages = [
        {"Id": "m1", "Timestamps": ["2026-01-01T00:03:00+00:00", "2026-01-01T00:02:00+00:00"], "Values": [3.0, 2.0]},
        {"Id": "m1", "Timestamps": ["2026-01-01T00:01:00+00:00"], "Values": [1.0]},
    ]
    trace = read_trace(written(tmp_path, json.dumps({"MetricDataResults": pages}), "export.json"))
    assert [requests for _, requests in trace.rows] == [1, 2, 3]
    assert trace.period == 60


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has 0 rows: it takes at least two"),
        ("timestamp,requests\n", "has 0 rows"),
        ("timestamp,requests\n0,1\n", "has 1 rows"),
        ("0,1\n60,1\n30,1\n", r"trace.csv:3: 1970-01-01T00:00:30\+00:00 does not come after .*: sort the trace"),
        ("0,1\n0,1\n", "does not come after"),
        ("0,1\n60,-5\n", "trace.csv:2: -5 is not a number of requests"),
        ("0,1\n60,nan\n", "nan is not a number of requests"),
        ("0,1\nnoon,5\n", "trace.csv:2: 'noon,5' is not a timestamp"),
        ("0,1,2\n", "not 3 fields"),
    ],
)
def test_a_broken_row_is_named_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        read_trace(written(tmp_path, text))


def test_a_trace_without_requests_has_no_schedule(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="counts no request: play one that does"):
        read_trace(written(tmp_path, "0,0\n60,0\n"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "is not what `aws cloudwatch get-metric-data` prints"),
        ("[", "is not what"),
        (json.dumps({"MetricDataResults": [{"Id": "a", "Timestamps": [1], "Values": []}]}), "is not what"),
        (
            json.dumps({"MetricDataResults": [{"Id": i, "Timestamps": [], "Values": []} for i in "ab"]}),
            r"holds 2 metrics \(a, b\): export one by itself",
        ),
    ],
)
def test_a_broken_export_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        read_trace(written(tmp_path, text, "export.json"))


def test_an_unreadable_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="No such file"):
        read_trace(tmp_path / "none.csv")
    with pytest.raises(HarnessError, match="it is not a gzip file"):
        read_trace(written(tmp_path, "plain", "trace.csv.gz"))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"0,1\n")[:-9])
    with pytest.raises(HarnessError, match="cannot be read"):
        read_trace(tmp_path / "cut.csv.gz")


def test_a_missing_day_is_refused_with_the_days_of_the_trace() -> None:
    with pytest.raises(HarnessError, match="no rows of 1996-01-01: its days are 1995-07-01 to 1995-07-27"):
        read_trace(NASA).day("1996-01-01")


@pytest.mark.parametrize("name", ["bomb.csv.gz", "long.csv"])
def test_a_trace_is_read_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """292 KB of gzip can be 290 MB."""
    monkeypatch.setattr(traces, "_LARGEST", 1_000_000)
    content = b"0" * 50_000_000
    (tmp_path / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    tracemalloc.start()
    with pytest.raises(HarnessError, match="more than 1,000,000 bytes: leave out rows"):
        read_trace(tmp_path / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
