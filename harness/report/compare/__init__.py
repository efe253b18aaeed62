"""The comparison of two recorded runs: how much each percentile moved, with its interval."""

from harness.report.compare.build import write_page
from harness.report.compare.figures import Comparison, compare_runs
from harness.report.compare.terminal import shifts_table
from harness.report.compare.words import verdict

__all__ = ["Comparison", "compare_runs", "shifts_table", "verdict", "write_page"]
