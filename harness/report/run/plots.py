"""The plots of a run's report.

A new plot is a function from a PlottedRun to a Plot, and an entry of PLOTS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.core import figures as text
from harness.core.statistics import Floats
from harness.load.requests import Requests
from harness.report.drawing import (
    FAILURE,
    INK,
    SERIES,
    Plot,
    PlotEntry,
    Shape,
    drawn,
    evenly,
    latency_axis,
    legend,
    share_axes,
    share_within,
    time_axis,
)


@dataclass(frozen=True)
class PlottedRun:
    """What a run's plots are drawn from.

    parts: the finished requests of each name that has any; duration: seconds of the run.
    """

    parts: Sequence[Requests]
    duration: float
    open_loop: bool

    @property
    def succeeded(self) -> list[Requests]:
        """The parts that have an answer without an error."""
        return [part for part in self.parts if part.ok.any()]


def latency_over_time(run: PlottedRun) -> Plot | None:
    """Answers without an error (thinned), their median and 95th percentile by slice of time, and the failures."""
    parts, duration = run.parts, run.duration
    if not run.succeeded:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        for color, part in zip(_colors(parts), parts, strict=True):
            good = part.succeeded
            _points(axes, good, color, shape.points)
            middles, p50, p95 = _by_slice(good, duration)
            axes.plot(middles, p50, color=color, linewidth=1.8, label=f"{part.name}, median")
            axes.plot(middles, p95, color=color, linewidth=1.1, linestyle=(0, (4, 2)), label=f"{part.name}, p95")
        failed = np.sort(np.concatenate([part.start[~part.ok] for part in parts]))
        if len(failed):
            # Failures stand at the foot: how soon an error came says nothing about latency, and would stretch the axis.
            kept = failed[evenly(len(failed), shape.points // 3)]
            foot = np.full(len(kept), 0.025)
            axes.plot(
                kept, foot, transform=axes.get_xaxis_transform(), linestyle="none", marker="|", markersize=8,
                markeredgewidth=1.1, color=FAILURE, label="failed",
            )  # fmt: skip
        time_axis(axes, duration)
        latency_axis(axes, "y", np.concatenate([part.succeeded.seconds for part in parts]))
        axes.set_ylabel("response time")
        legend(axes, shape, columns=2)

    return drawn("latency", draw)


def throughput(run: PlottedRun) -> Plot | None:
    """Answers a second by slice of time: those without an error stacked by name, the failed ones on top."""
    parts, duration = run.parts, run.duration
    if not parts:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        edges = _slices(duration, 60 if shape.wide else 30)
        width = edges[1] - edges[0]
        floor = np.zeros(len(edges) - 1)
        stacks = [
            (part.name, color, part.succeeded)
            for color, part in zip(_colors(parts), parts, strict=True)
            if part.ok.any()
        ]
        failures = [part.where(~part.ok) for part in parts]
        stacks += [("failed", FAILURE, part) for part in failures if len(part.start)]
        for label, color, part in stacks:
            heights = np.histogram(part.start + part.service, edges)[0] / width
            known = axes.get_legend_handles_labels()[1]
            axes.bar(
                edges[:-1], heights, width * 0.9, floor, align="edge", color=color,
                label="_" + label if label in known else label,
            )  # fmt: skip
            floor += heights
        intended = np.concatenate([part.start - part.late for part in parts])
        intended = intended[~np.isnan(intended)]
        highest = floor.max()
        if len(intended):
            arrivals = np.histogram(intended, edges)[0] / width
            axes.stairs(arrivals, edges, color=INK, linewidth=1.1, baseline=None, label="arrivals by the schedule")
            highest = max(highest, arrivals.max())
        time_axis(axes, duration)
        axes.set_ylim(0, max(highest * 1.08, 1 / width))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylabel("answers a second")
        legend(axes, shape, columns=3)

    return drawn("throughput", draw)


def distribution(run: PlottedRun) -> Plot | None:
    """The share of answers that came within a time, by name."""
    parts = run.succeeded
    if not parts:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        for color, part in zip(_colors(parts), parts, strict=True):
            share_within(axes, shape, part.name, part.succeeded.seconds, color)
        share_axes(axes, shape, np.concatenate([part.succeeded.seconds for part in parts]))

    return drawn("distribution", draw)


def _throughput_caption(run: PlottedRun) -> str:
    bars = "Answers a second, counted when each was complete."
    return f"{bars} The line shows arrivals a second, as the schedule set them." if run.open_loop else bars


PLOTS: tuple[PlotEntry[PlottedRun], ...] = (
    PlotEntry(
        "latency",
        "Distribution",
        f"Share of answers that came within a time. Read across from 50{text.NARROW}% for the median.",
        distribution,
    ),
    PlotEntry(
        "time",
        "Response time",
        "Each dot is an answer; where there are many, evenly spaced ones are drawn. The lines are the median and the "
        "95th percentile of each slice of time with at least five answers. Strokes at the foot are failed requests.",
        latency_over_time,
    ),
    PlotEntry("time", "Throughput", _throughput_caption, throughput),
)
"""The plots in the page's order."""


def _colors(parts: Sequence[Requests]) -> list[str]:
    return [SERIES[index % len(SERIES)] for index in range(len(parts))]


def _points(axes: Axes, part: Requests, color: str, limit: int) -> None:
    thinned = _thinned(part, limit)
    axes.plot(
        thinned.start,
        thinned.seconds,
        linestyle="none",
        marker="o",
        markersize=2.2,
        markeredgewidth=0,
        alpha=0.35,
        color=color,
    )


def _thinned(part: Requests, limit: int) -> Requests:
    mask = np.zeros(len(part.start), dtype=bool)
    mask[evenly(len(part.start), limit)] = True
    return part.where(mask)


def _slices(duration: float, limit: int) -> Floats:
    """Edges of equal slices of time: a second each, or longer where that would make more than ``limit``."""
    span = max(duration, 1.0)
    return np.linspace(0, span, max(1, min(limit, round(span))) + 1)


def _by_slice(part: Requests, duration: float) -> tuple[Floats, Floats, Floats]:
    """The middles of slices of time, with the median and the 95th percentile in each.

    A slice with fewer than five answers has NaN, a gap in the line, so that a stall is not drawn over.
    """
    edges = _slices(duration, max(1, min(40, len(part.start) // 12)))
    numbers = np.digitize(part.start, edges[1:-1])
    slices = [part.seconds[numbers == number] for number in range(len(edges) - 1)]
    rows = [np.quantile(seconds, [0.5, 0.95]) if len(seconds) >= 5 else [np.nan, np.nan] for seconds in slices]
    p50, p95 = np.array(rows).T
    return (edges[:-1] + edges[1:]) / 2, p50, p95
