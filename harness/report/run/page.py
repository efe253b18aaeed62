"""Puts a run's sentences, tables and plots into one self-contained page."""

from __future__ import annotations

from harness.load.requests import Requests
from harness.load.runs import Manifest
from harness.report import templating
from harness.report.drawing import draw_all
from harness.report.run import tables, words
from harness.report.run.figures import RunFigures
from harness.report.run.plots import PLOTS, PlottedRun


def render(manifest: Manifest, figures: RunFigures, parts: list[Requests]) -> str:
    """The page as HTML. parts: the finished requests by name, from ``harness.load.requests.split``."""
    plotted = PlottedRun([part for part in parts if len(part.start)], figures.duration, figures.validity.open_loop)
    return templating.render(
        "run.html.j2",
        "harness.report.run",
        manifest=manifest,
        figures=figures,
        invalid=figures.validity.reasons,
        warnings=words.warnings(manifest, figures),
        summary=words.summary_sentences(figures),
        generator=tables.generator_rows(figures.validity),
        options=tables.option_rows(manifest.options),
        settings=tables.flattened(manifest.stack) if manifest.stack else [],
        plots=draw_all(PLOTS, plotted),
    )
