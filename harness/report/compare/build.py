"""Writes the page of a comparison."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import HarnessError
from harness.report.compare.figures import Comparison
from harness.report.compare.page import render


def write_page(comparison: Comparison, file: Path) -> Path:
    """Write the comparison as one self-contained page; HarnessError where it cannot be written."""
    try:
        file.write_text(render(comparison), encoding="utf-8")
    except OSError as error:
        raise HarnessError(
            f"The comparison cannot be written to {file} ({error.strerror}): name another file."
        ) from error
    return file
