"""A plan's report is one self-contained page, and Markdown with the same words and tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.planner.plan import Plan
from harness.report.plan import build_plan_report
from harness.report.plan.plots import PLOTS
from tests.figures import plain
from tests.report.plan.plans import a_plan, candidate, settings, write_plan
from tests.report.run.test_report import Balanced, words


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole plan's page, beside its Markdown."""
    return build_plan_report(write_plan(tmp_path_factory.mktemp("plan"), a_plan()))


def page_of(folder: Path, plan: Plan) -> str:
    return read(build_plan_report(write_plan(folder, plan)))


def read(page: Path) -> str:
    return words(page).replace("&#39;", "'")


def test_one_page_that_loads_nothing_and_stays_small(built: Path) -> None:
    assert built.name == "report.html"
    content = built.read_text()
    assert len(content.encode()) < 1_000_000
    parser = Balanced()
    parser.feed(content)
    assert parser.open == []
    assert parser.loads == []
    assert len(parser.ids) == len(set(parser.ids))
    assert not re.search(r"https?://|url\(http|@import|<script", content)
    assert len(re.findall(r"<svg", content)) == 12
    for drawing in re.findall(r"<svg.*?</svg>", content, flags=re.DOTALL):
        assert set(re.findall(r"#[0-9a-f]{6}\b", drawing)) == set()


def test_the_same_plan_gives_the_same_bytes_by_its_file_or_its_folder(built: Path, tmp_path: Path) -> None:
    again = build_plan_report(write_plan(tmp_path, a_plan()) / "plan.json")
    assert again.read_bytes() == built.read_bytes()
    assert again.with_suffix(".md").read_bytes() == built.with_suffix(".md").read_bytes()


def test_every_part_of_the_plan_is_there(built: Path) -> None:
    page = read(built)
    for heading in (
        "Recommendation", "Traffic", "Lambda concurrency against its limits", "Pareto front", "Settings compared",
        "Distribution", "Sensitivity", "What breaks first", "Cost", "Predicted and measured", "Evidence", "Assumptions",
    ):  # fmt: skip
        assert heading in page, heading
    assert "The profile was measured on a laptop" in page
    assert (
        "begins 1995-07-13 00:00 UTC−04:00 lasts 24 h requests 1,728,000 mean rate 20.0/s highest rate 38.3/s" in page
    )
    assert "Not drawn, because none of their requests was answered: one instance." in page
    assert "speed of ml.m5.xlarge 2 times what was measured (stated)" in page
    assert "settings tried 512 replications 10 seed 7 prices as of 2026-01-01, us-east-1" in page
    assert "10 times as fast as on AWS, for 10 min 40 s, with 182,400 requests" in page
    assert "The twins share this machine's two cores." in page


def test_every_listed_plot_stands_in_the_page_with_its_caption(built: Path) -> None:
    page = read(built)
    plan = a_plan()
    for entry in PLOTS:
        caption = entry.caption if isinstance(entry.caption, str) else entry.caption(plan)
        assert entry.title in page
        assert plain(caption) in page


def test_remarks_stand_under_the_name_of_their_write_up(built: Path, tmp_path: Path) -> None:
    page = read(built)
    assert "What was misread write-up B Reads the target of 5 as concurrent requests." in page
    assert "Swaps reserved and provisioned concurrency" in page
    assert "What was misread" not in page_of(tmp_path, a_plan(compared=(), minutes=(), sensitivity=()))


def test_where_no_setting_serves_the_traffic_the_page_says_so_first(tmp_path: Path) -> None:
    compared = a_plan().compared[:2]
    plan = a_plan(
        recommended=None, runner_up=None, sensitivity=(), breaks=None, confirmation=None, minutes=(), distributions=(),
        front=(), first_limit="the function's reserved concurrency of 2", compared=compared,
    )  # fmt: skip
    page = page_of(tmp_path, plan)
    assert page.index("No setting serves this traffic.") < page.index("Traffic source")
    assert "The first limit that breaks: the function's reserved concurrency of 2." in page
    assert "Settings compared" in page
    assert "What breaks first" not in page
    assert "Predicted and measured" not in page
    assert (tmp_path / "report.md").read_text().count("The first limit that breaks") == 1


def test_a_plan_with_almost_nothing_is_a_page_too(tmp_path: Path) -> None:
    bare = a_plan(
        recommended=candidate("recommended", settings().model_copy(update={"function": None})), runner_up=None,
        sensitivity=(), breaks=None, confirmation=None, distributions=(), front=(), compared=(), assumptions=(),
        warnings=(), models={}, minutes=a_plan().minutes[:1],
        traffic=a_plan().traffic.model_copy(update={"begins": None}),
        evidence=a_plan().evidence.model_copy(update={"model_sha256": None, "saturation_rate": None}),
    )  # fmt: skip
    page = page_of(tmp_path, bare)
    assert "Lambda concurrency against its limits" not in page
    assert "Instances of each setting" not in page
    assert "None is stated." in page
    assert "model not stated in the profile saturation not measured" in page


def test_texts_from_outside_are_escaped_in_the_page_and_in_the_cells_of_markdown(tmp_path: Path) -> None:
    rude = candidate("<script>alert(1)</script> | x", says="<i>so</i>")
    build_plan_report(write_plan(tmp_path, a_plan(stack="<b>stack</b>", compared=(rude,), minutes=())))
    content = (tmp_path / "report.html").read_text()
    assert "<script" not in content
    assert "<i>" not in content
    assert "<b>" not in content
    lines = (tmp_path / "report.md").read_text().splitlines()
    assert next(line for line in lines if "alert(1)" in line).count(" | ") == 6
    assert any("\\| x" in line for line in lines)


def test_markdown_has_the_same_tables(built: Path) -> None:
    markdown = built.with_suffix(".md").read_text()
    lines = plain(markdown).splitlines()
    assert lines[0] == "# Capacity plan of dog-breed"
    assert "| Setting | Recommended | Runner-up |" in lines
    assert "| Scale-in cooldown (scale_in_cooldown) | 5 min | the same |" in lines
    assert "| p99 | 402 ms | 371 ms | −7.71 % |" in lines
    assert "- Swaps reserved and provisioned concurrency: the reserved 2 are a cap." in lines
    tables = [line for line in lines if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert "\n\n\n" not in markdown


def test_a_missing_plan_and_an_unwritable_folder_are_answered_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="Cannot read the plan"):
        build_plan_report(tmp_path)
    folder = write_plan(tmp_path / "plan", a_plan(minutes=(), sensitivity=()))
    (folder / "report.html").mkdir()
    with pytest.raises(HarnessError, match=r"The report cannot be written in .*: copy plan.json"):
        build_plan_report(folder)
