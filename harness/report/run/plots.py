"""The plots of a run's report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.core.statistics import Floats
from harness.load.requests import Requests
from harness.report.drawing import (
    FAILURE,
    INK,
    SERIES,
    Plot,
    Shape,
    drawn,
    evenly,
    latency_axis,
    legend,
    time_axis,
)


def latency_over_time(parts: Sequence[Requests], duration: float) -> Plot:
    """Good answers (thinned), their median and 95th percentile by slice of time, and when others failed."""

    def draw(axes: Axes, shape: Shape) -> None:
        for color, part in zip(_colors(parts), parts, strict=True):
            good = part.succeeded
            _points(axes, good, color, shape.points)
            middles, p50, p95 = _by_slice(good, duration)
            axes.plot(middles, p50, color=color, linewidth=1.8, label=f"{part.name}, median")
            axes.plot(middles, p95, color=color, linewidth=1.1, linestyle=(0, (4, 2)), label=f"{part.name}, p95")
        failed = np.sort(np.concatenate([part.start[~part.ok] for part in parts]))
        if len(failed):
            # At the foot: how soon an error came says nothing about latency, and would stretch the axis.
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


def throughput(parts: Sequence[Requests], duration: float) -> Plot:
    """Answers a second by slice of time, good ones stacked by name and failed ones on top."""

    def draw(axes: Axes, shape: Shape) -> None:
        edges = _slices(duration, 60 if shape.wide else 30)
        width = edges[1] - edges[0]
        floor = np.zeros(len(edges) - 1)
        series = [
            (part.name, color, part.succeeded)
            for color, part in zip(_colors(parts), parts, strict=True)
            if part.ok.any()
        ]
        bad = [part.where(~part.ok) for part in parts]
        for label, color, part in [*series, *(("failed", FAILURE, part) for part in bad if len(part.start))]:
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


def distribution(parts: Sequence[Requests]) -> Plot:
    """The share of answers within a time, by name."""

    def draw(axes: Axes, shape: Shape) -> None:
        for color, part in zip(_colors(parts), parts, strict=True):
            _share_within(axes, shape, part.name, part.succeeded.seconds, color)
        _share_axes(axes, shape, np.concatenate([part.succeeded.seconds for part in parts]))

    return drawn("distribution", draw)


def two_distributions(before: Floats, after: Floats) -> Plot:
    """The share of answers within a time, in two runs."""

    def draw(axes: Axes, shape: Shape) -> None:
        for label, values, color in (("before", before, SERIES[0]), ("after", after, SERIES[1])):
            _share_within(axes, shape, label, values, color)
        _share_axes(axes, shape, np.concatenate([before, after]))

    return drawn("two-distributions", draw)


def _share_within(axes: Axes, shape: Shape, label: str, values: Floats, color: str) -> None:
    ordered = np.sort(values)
    shares = np.arange(1, len(ordered) + 1) / len(ordered) * 100
    kept = evenly(len(ordered), shape.points)
    axes.step(ordered[kept], shares[kept], where="post", color=color, linewidth=1.6, label=label)


def _share_axes(axes: Axes, shape: Shape, values: Floats) -> None:
    latency_axis(axes, "x", values)
    axes.set_ylim(0, 101)
    axes.set_yticks([0, 25, 50, 75, 95])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    axes.set_ylabel("answers within")
    axes.set_xlabel("response time")
    legend(axes, shape, columns=3)


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
    """Edges of equal slices of time: a second each, or longer where that would be more than the limit."""
    span = max(duration, 1.0)
    return np.linspace(0, span, max(1, min(limit, round(span))) + 1)


def _by_slice(part: Requests, duration: float) -> tuple[Floats, Floats, Floats]:
    """Middles of slices of time, with the median and the 95th percentile in each.

    NaN, a gap, where fewer than five were answered, so that no line leads over a stall as if nothing had happened.
    """
    edges = _slices(duration, max(1, min(40, len(part.start) // 12)))
    places = np.digitize(part.start, edges[1:-1])
    slices = [part.seconds[places == place] for place in range(len(edges) - 1)]
    rows = [np.quantile(inside, [0.5, 0.95]) if len(inside) >= 5 else [np.nan, np.nan] for inside in slices]
    p50, p95 = np.array(rows).T
    return (edges[:-1] + edges[1:]) / 2, p50, p95
