"""The report of a plan: one self-contained page, the same as Markdown, and the files that apply the plan."""

from harness.report.plan.build import build_plan_report
from harness.report.plan.words import headline

__all__ = ["build_plan_report", "headline"]
