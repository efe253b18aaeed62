"""A comparison of two runs: how far each percentile moved, how sure that is, and what else differs."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.table import Table

from harness.cli.main import main
from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.statistics import Estimate
from harness.load.runs import read_run
from harness.report.compare import compare_runs, shifts_table, verdict, write_page
from harness.report.run.terminal import runs_table
from tests.figures import plain
from tests.load.recorded import STARTED, request, write_run
from tests.report.run.test_report import Balanced, words


def a_run(runs: Path, name: str, slower: float = 1.0, *, requests: int = 600, seed: int = 1, **members: Any) -> Path:
    rng = random.Random(seed)
    rows = [
        request(start=STARTED + i * 0.1, response_s=slower * 0.15 * rng.lognormvariate(0, 0.2)) for i in range(requests)
    ]
    return write_run(runs / name, rows, id=name, **members)


def test_a_run_is_called_slower_where_the_whole_interval_is_above_zero(tmp_path: Path) -> None:
    compared = compare_runs(*(read_run(a_run(tmp_path, n, f, seed=s)) for n, f, s in (("a", 1.0, 1), ("b", 1.3, 2))))
    assert [(shift.label, verdict(shift.difference)) for shift in compared.shifts] == [
        ("p50", "slower"),
        ("p90", "slower"),
        ("p95", "slower"),
        ("p99", "slower"),
    ]
    first = compared.shifts[0].difference
    assert first.value == pytest.approx(0.045, abs=0.01)
    assert first.low is not None
    assert first.low > 0
    assert compared.warnings == []


def test_two_runs_of_the_same_system_show_no_difference(tmp_path: Path) -> None:
    compared = compare_runs(*(read_run(a_run(tmp_path, n, seed=s)) for n, s in (("a", 1), ("b", 2))))
    assert [verdict(shift.difference) for shift in compared.shifts[:3]] == ["no difference seen"] * 3


def test_too_few_requests_establish_nothing(tmp_path: Path) -> None:
    compared = compare_runs(*(read_run(a_run(tmp_path, n, requests=100)) for n in "ab"))
    assert verdict(compared.shifts[-1].difference) == "not established"
    assert verdict(Estimate(-1.0, -2.0, -0.5, 6)) == "faster"


def test_what_else_differs_is_named(tmp_path: Path) -> None:
    machine = {"cpu": "Other", "cores": 64, "memory_bytes": 1, "os": "Linux"}
    before = a_run(tmp_path, "a", stack={"endpoint": {"instance_type": "ml.m5.large"}})
    after = a_run(tmp_path, "b", machine=machine, stack={"endpoint": {"instance_type": "ml.c5.xlarge"}})
    compared = compare_runs(read_run(before), read_run(after))
    assert ("stack endpoint instance_type", "ml.m5.large", "ml.c5.xlarge") in compared.differences
    assert ("machine cores", "2", "64") in compared.differences
    assert compared.warnings == ["The runs were made on different machines."]


def test_comparing_an_open_loop_with_a_closed_one_is_a_warning(tmp_path: Path) -> None:
    rows = [request(start=STARTED + i, intended=STARTED + i, late_s=0.0) for i in range(20)]
    after = write_run(tmp_path / "b", rows, id="b")
    (warning,) = compare_runs(read_run(a_run(tmp_path, "a")), read_run(after)).warnings
    assert warning.startswith("One run is open loop and the other closed")


def test_an_invalid_run_is_a_warning(tmp_path: Path) -> None:
    rows = [request(start=STARTED + i, intended=STARTED + i, late_s=0.1, response_s=0.2) for i in range(20)]
    runs = [read_run(write_run(tmp_path / name, rows, id=name)) for name in "ab"]
    assert [warning[:12] for warning in compare_runs(*runs).warnings] == ["a is invalid", "b is invalid"]


def test_runs_of_different_names_have_nothing_to_compare(tmp_path: Path) -> None:
    after = write_run(tmp_path / "b", [request(name="other")], id="b")
    with pytest.raises(HarnessError, match="a and b have no answers of the same name"):
        compare_runs(read_run(a_run(tmp_path, "a")), read_run(after))


def test_the_page_is_well_formed_and_loads_nothing(tmp_path: Path) -> None:
    runs = [read_run(a_run(tmp_path, n, f, requests=200)) for n, f in (("a", 1.0), ("b", 1.3))]
    page = write_page(compare_runs(*runs), tmp_path / "compare.html")
    parser = Balanced()
    parser.feed(page.read_text())
    assert (parser.open, parser.loads) == ([], [])
    assert "no difference seen" not in words(page)
    assert "dog-breed p50" in words(page)
    assert "not established needs at least 368 requests" in words(page)
    with pytest.raises(HarnessError, match="cannot be written"):
        write_page(compare_runs(*runs), tmp_path / "none" / "compare.html")


def test_the_commands(tmp_path: Path) -> None:
    a_run(tmp_path, "20260101-a")
    a_run(tmp_path, "20260102-b", 1.3)
    (tmp_path / "20260103-c").mkdir()
    (tmp_path / "20260103-c" / "manifest.json").write_text("{}")
    run = CliRunner().invoke
    listing = plain(run(main, ["runs", "--runs", str(tmp_path)]).output)
    lines = [line.split() for line in listing.splitlines() if "2026010" in line]
    assert [line[0] for line in lines] == ["20260101-a", "20260102-b", "20260103-c"]
    assert lines[0][1:6] == ["1", "min", "600", "0", "dog-breed"]
    assert lines[0][-1] == "finished"
    assert lines[2][-3:] == ["cannot", "be", "read"]
    done = run(main, ["compare", "20260101", "20260102", "--runs", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "slower" in done.output
    assert (tmp_path / "20260102-b" / "compare.html").is_file()
    for arguments, sentence in (
        (["compare", "2026", "20260102", "--runs", str(tmp_path)], "several runs begin with 2026"),
        (["compare", "x", "20260102", "--runs", str(tmp_path)], "no run begins with x"),
        (["compare", str(tmp_path), "20260102", "--runs", str(tmp_path)], "is not a run"),
        (["runs", "--runs", str(tmp_path / "none")], "There are no runs in"),
    ):
        failed = run(main, arguments)
        assert (failed.exit_code, sentence in failed.output) == (1, True), failed.output


def test_the_terminals_percentiles_have_their_intervals_or_are_a_dash(tmp_path: Path) -> None:
    """Sixty answers establish a median and no p99."""
    folders = [write_run(tmp_path / name, [request(response_s=0.1 + i / 1000) for i in range(60)]) for name in "ab"]
    rows = printed(shifts_table(compare_runs(*(read_run(folder) for folder in folders))))
    percentile = r"\d+ ms \(\d+–\d+ ms\)"
    assert re.search(rf"p50 +{percentile} +{percentile} ", rows)
    assert re.search(r"p99 +– +– ", rows)
    assert re.search(rf"dog-breed +{percentile} +– +– +finished", printed(runs_table(tmp_path)))


def printed(table: Table) -> str:
    console = Console(width=300)
    with console.capture() as capture:
        console.print(table)
    return capture.get().replace(text.NARROW, " ")
