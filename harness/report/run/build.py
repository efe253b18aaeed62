"""Writes the files of a run's report."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.core.statistics import CONFIDENCE
from harness.load.requests import split
from harness.load.runs import Run, read_run
from harness.report.run.figures import RunFigures, compute
from harness.report.run.page import render
from harness.report.run.words import warnings


def build_report(folder: Path, out: Path | None = None) -> Path:
    """Write report.html and report.json of the run in a folder, and return the path of the page.

    out: the folder to write them to; the run's own by default.
    Raises HarnessError when the folder holds no run, or the files cannot be written.
    """
    run = read_run(folder)
    figures = compute(run)
    html = render(run.manifest, figures, split(run))
    out = out or folder
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(out / "report.json", json.dumps(_as_json(run, figures), indent=2) + "\n")
        _write(out / "report.html", html)
    except OSError as error:
        raise HarnessError(f"The report cannot be written in {out} ({error.strerror}): name another folder.") from error
    return out / "report.html"


def _as_json(run: Run, figures: RunFigures) -> dict[str, Any]:
    return {
        "run": asdict(run.manifest),
        "warnings": warnings(run.manifest, figures),
        "confidence": CONFIDENCE,
        "figures": asdict(figures),
    }


def _write(file: Path, content: str) -> None:
    """Write the file in one step: an interrupted report leaves the whole file or none."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(content, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
