"""The report of a recorded run: one self-contained page, the same figures as JSON, and one line for the terminal."""

from harness.report.run.build import build_report
from harness.report.run.terminal import Headline, summary

__all__ = ["Headline", "build_report", "summary"]
