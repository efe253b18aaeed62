"""Writes the files of a plan's report."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import HarnessError
from harness.planner.apply import write_apply_files
from harness.planner.plan import read_plan
from harness.report.plan.page import markdown, render


def build_plan_report(path: Path) -> Path:
    """Write report.html, report.md and apply/ beside a plan.json, and return the path of the page.

    path: the plan.json, or the folder that holds it. A plan that recommends nothing gets no apply/.
    Raises HarnessError where there is no plan, or the files cannot be written.
    """
    plan = read_plan(path)
    folder = path if path.is_dir() else path.parent
    try:
        (folder / "report.html").write_text(render(plan), encoding="utf-8")
        (folder / "report.md").write_text(markdown(plan), encoding="utf-8")
        if plan.recommended is not None:
            write_apply_files(plan, folder / "apply")
    except OSError as error:
        raise HarnessError(
            f"The report cannot be written in {folder} ({error.strerror}): copy plan.json to a folder of yours."
        ) from error
    return folder / "report.html"
