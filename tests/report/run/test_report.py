"""The report of a run is one self-contained page, and says plainly what kind of run it describes."""

from __future__ import annotations

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.load.latency_log import LatencyLog
from harness.report.run import build_report, summary
from harness.report.run.tables import flattened
from tests.figures import plain
from tests.load.recorded import STARTED, request, write_run


def a_run(folder: Path, requests: int = 600, **members: Any) -> Path:
    rng = random.Random(1)
    rows = []
    for i in range(requests):
        kind, name = (("lambda", "dog-breed"), ("endpoint", "dog-breed-endpoint"))[i % 2]
        seconds = 0.15 * rng.lognormvariate(0, 0.2)
        failed = {"error": "ModelError(500)", "message": "<b>bad</b>", "status": 424} if i % 50 == 0 else {}
        function = {"function_s": seconds - 0.01} if kind == "lambda" and not failed else {}
        cold = {"cold_init_s": 0.4} if i == 3 else {}
        row = {
            "start": STARTED + i * 0.1,
            "kind": kind,
            "name": name,
            "response_s": seconds,
            **function,
            **cold,
            **failed,
        }
        rows.append(request(**row))
    return write_run(folder, rows, **members)


def words(page: Path) -> str:
    content = re.sub(r"<(style|svg)\b.*?</\1>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(plain(re.sub(r"<[^>]+>", " ", content)).split())


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order, and collects what the page would load."""

    VOID = frozenset({"meta", "link", "br", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "data"} and value and not value.startswith("#"):
                self.loads.append(value)
            if name == "id" and value:
                self.ids.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_one_small_page_that_loads_nothing(tmp_path: Path) -> None:
    page = build_report(a_run(tmp_path, 5000, ended=STARTED + 500))
    assert page == tmp_path / "report.html"
    content = page.read_text()
    assert len(content.encode()) < 1_000_000
    parser = Balanced()
    parser.feed(content)
    assert parser.open == []
    assert parser.loads == []
    assert len(parser.ids) == len(set(parser.ids))
    assert set(re.findall(r"https?://[^\s<\"]+", content)) == {"http://127.0.0.1:4566"}
    assert "url(http" not in content
    assert "@import" not in content
    assert "<script" not in content


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    first = build_report(run, tmp_path / "1").read_bytes()
    assert build_report(run, tmp_path / "2").read_bytes() == first
    assert not (run / "report.html").exists()


def test_plots_take_the_pages_colours(tmp_path: Path) -> None:
    content = build_report(a_run(tmp_path)).read_text()
    drawings = re.findall(r"<svg.*?</svg>", content, flags=re.DOTALL)
    assert len(drawings) == 6
    for drawing in drawings:
        colours = set(re.findall(r"#[0-9a-f]{6}\b", drawing))
        assert colours == set()
        assert "var(--series-1)" in drawing
        assert "var(--muted)" in drawing
    assert "prefers-color-scheme: dark" in content


def test_texts_from_outside_are_escaped(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>$x$"
    rows = [request(start=STARTED + i, name=name, response_s=0.1 + i / 100) for i in range(20)]
    content = build_report(write_run(tmp_path, rows, scenarios=["<i>"], command=["<i>"])).read_text()
    assert "<script" not in content
    assert "<i>" not in content
    assert "&lt;script&gt;" in content


def test_the_page_has_the_main_figures(tmp_path: Path) -> None:
    page = words(build_report(a_run(tmp_path, stack={"endpoint": {"instance_type": "ml.m5.large"}, "tags": []})))
    assert (
        "600 requests in 1 min: 9.80/s answered without an error, 12 failed (2 %, 95 % interval 1.15–3.46 %)." in page
    )
    assert "dog-breed: half of the answers within" in page
    assert "1 cold start, with an init of 400 ms." in page
    assert "ModelError(500)" in page
    assert "not established needs at least 368 requests" in page
    assert "Lambda's own Duration, warm" in page.replace("&#39;", "'")
    assert "endpoint.instance_type ml.m5.large" in page
    assert "tags none" in page
    assert "Example CPU, 2 cores" in page
    assert "torch 2.13.0+cpu" in page
    assert "at the end of its run time" in page
    assert "2026-02-02 02:40:00 UTC" in page


def test_an_open_loop_is_named_and_an_invalid_run_is_named_first(tmp_path: Path) -> None:
    rows = [
        request(start=STARTED + i / 10, intended=STARTED + i / 10 - 0.05, late_s=0.05, response_s=0.15 + (i < 60) * 2)
        for i in range(600)
    ]
    folder = write_run(tmp_path, rows, cut_short="the cap of 600 requests is reached")
    page = words(build_report(folder))
    assert "This run is invalid." in page
    assert "One arrival in a hundred was sent 50.0 ms late or later, against a median latency of 150 ms" in page
    assert "The harness ended this run early: the cap of 600 requests is reached." in page
    assert "from the moment at which the schedule said" in page
    assert "Service time" in page
    assert "without the first 6" in page
    assert "late by more than 1 ms 600 (100 %)" in page
    assert "This was a closed loop" not in page
    assert "INVALID, as the report explains" in str(summary(folder))
    assert "arrivals by the schedule" in (tmp_path / "report.html").read_text()


def test_requests_of_workers_elsewhere_are_named_as_missing(tmp_path: Path) -> None:
    options = {"users": 2, "spawn_rate": 1.0, "run_time": 60, "host": "http://127.0.0.1:1", "workers": 3}
    folder = a_run(tmp_path, options=options)
    histograms = LatencyLog()
    histograms.record("lambda", "dog-breed", 0.1)
    histograms.write(folder, STARTED, 60)
    page = words(build_report(folder))
    assert "The requests of 2 workers are not in this folder" in page
    assert "Merged histograms" in page


def test_json_has_the_same_figures_unrounded(tmp_path: Path) -> None:
    build_report(a_run(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["run"]["id"] == "20260202T024000Z-LambdaUrlEvent-0a1b2c"
    assert report["confidence"] == 0.95
    assert report["warnings"] == []
    assert report["figures"]["requests"] == 600
    p95 = report["figures"]["names"][0]["latency"]["percentiles"]["p95"]
    assert p95["low"] <= p95["value"] <= p95["high"]
    assert plain(text.seconds(p95["value"])) in words(tmp_path / "report.html")


@pytest.mark.parametrize(
    ("rows", "members", "sentence"),
    [
        ([], {"ended": STARTED + 5}, "No request was answered"),
        ([request(error="Unfinished")], {}, "1 request had no answer yet when the run ended, and is not counted."),
        ([request(error="AccessDeniedException")] * 3, {}, "No request succeeded, so there are no latencies"),
        ([request()], {"ended": None, "ending": None}, "This run has no recorded end: it was interrupted"),
        ([request()], {"ended": STARTED + 10, "ending": "stopped"}, "stopped after 10 s of the planned 1 min"),
        (
            [request()],
            {"unrecorded": "No space left on device"},
            "Recording broke off before the end of the run (No space",
        ),
        ([request()] * 3, {}, "dog-breed: 3 answers, too few for percentiles."),
        ([request()] * 6, {}, "median 150 ms (150–150 ms) over 6 answers, too few for a 95th percentile."),
    ],
)
def test_an_incomplete_run_is_named_as_one(
    tmp_path: Path, rows: list[dict[str, Any]], members: dict[str, Any], sentence: str
) -> None:
    page = build_report(write_run(tmp_path, rows, **members))
    assert sentence in words(page)
    parser = Balanced()
    parser.feed(page.read_text())


def test_an_unwritable_report_is_answered_in_a_sentence(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", 10)
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="The report cannot be written in"):
        build_report(run, tmp_path / "file" / "out")


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="is not a run"):
        build_report(tmp_path)


def test_the_headline_is_one_line_of_three_figures(tmp_path: Path) -> None:
    headline = summary(a_run(tmp_path))
    line = str(headline).replace(text.NARROW, " ")
    assert re.fullmatch(r"600 requests, 12 errors \(2 %\); dog-breed p50 1\d\d ms, p95 \d\d\d ms; 9\.80/s", line), line
    assert (headline.requests, headline.errors, headline.latency_of) == (600, 12, "dog-breed")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], "no request was answered"),
        ([request(error="X")] * 2, "2 requests, 2 errors (100 %); no latency, because no request succeeded; 0/s"),
        ([request()] * 10, "10 requests, no errors; dog-breed p50 150 ms, p95 not established; 0.17/s"),
        ([request(kind="POST", name="x")] * 6, "6 requests, no errors; x p50 150 ms, p95 not established; 0.10/s"),
    ],
)
def test_the_headline_claims_nothing_that_is_not_established(
    tmp_path: Path, rows: list[dict[str, Any]], line: str
) -> None:
    assert plain(summary(write_run(tmp_path, rows))) == line


def test_settings_are_flattened_to_dotted_names() -> None:
    settings = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": True}, {"e": None}], "f": {}}
    rows = [("a.b", "1"), ("a.c", "1, 2"), ("d[0].e", "True"), ("d[1].e", "None"), ("f", "{}")]
    assert list(flattened(settings)) == rows


def test_times_far_apart_and_long_runs_are_drawn(tmp_path: Path) -> None:
    rows = [request(start=STARTED + i, response_s=0.001 * 10 ** (i % 5)) for i in range(1500)]
    content = build_report(write_run(tmp_path, rows, ended=STARTED + 1500)).read_text()
    assert "time since the start (min)" in content
    assert f"10{text.NARROW}s" in content
