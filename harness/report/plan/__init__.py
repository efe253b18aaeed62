"""A plan's report: one self-contained page, the same as Markdown, and the files ready to apply, beside its JSON."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import HarnessError
from harness.planner.apply import write_apply_files
from harness.planner.plan import read_plan
from harness.report.plan.page import markdown, render
from harness.report.plan.words import headline

__all__ = ["build_plan_report", "headline"]


def build_plan_report(plan: Path) -> Path:
    """Write report.html, report.md and apply/ beside a plan.json; the page's path.

    plan: the file, or the folder that holds it. Where the plan recommends nothing there is nothing to apply.

    Raises HarnessError where there is no plan, or the files cannot be written.
    """
    read = read_plan(plan)
    folder = plan if plan.is_dir() else plan.parent
    try:
        (folder / "report.html").write_text(render(read), encoding="utf-8")
        (folder / "report.md").write_text(markdown(read), encoding="utf-8")
        if read.recommended is not None:
            write_apply_files(read, folder / "apply")
    except OSError as error:
        raise HarnessError(
            f"The report cannot be written in {folder} ({error.strerror}): copy plan.json to a folder of yours."
        ) from error
    return folder / "report.html"
