"""The report's plots as inline SVG, in the page's own fonts and colours (CSS variables), the same for the same run."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from harness.capacity.report import text
from harness.capacity.report.requests import Requests
from harness.capacity.statistics import Floats

# Drawn in colours that stand for the page's variables, so that dark mode and print recolour them.
_VARIABLES = {
    "#0a0101": "--ink",
    "#0a0102": "--muted",
    "#0a0103": "--line",
    "#0a0104": "--failure",
    "#0a0105": "--series-1",
    "#0a0106": "--series-2",
    "#0a0107": "--series-3",
    "#0a0108": "--series-4",
}
_INK, _MUTED, _LINE, _FAILURE, *_SERIES = _VARIABLES
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sagemaker-harness",
    "svg.id": None,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _MUTED,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _LINE,
    "xtick.labelcolor": _MUTED,
    "ytick.color": _LINE,
    "ytick.labelcolor": _MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "xtick.minor.size": 0,
    "lines.solid_capstyle": "round",
}


@dataclass(frozen=True)
class Plot:
    """One drawing in two shapes: for a page's width, and for a phone's."""

    wide: str
    narrow: str


@dataclass(frozen=True)
class _Shape:
    name: str
    width: float
    height: float
    points: int
    """At most so many requests of a name are drawn one by one."""


_WIDE = _Shape("w", 8.6, 3.3, 900)
_NARROW = _Shape("n", 3.7, 3.0, 300)


def latency_over_time(parts: Sequence[Requests], duration: float) -> Plot:
    """Good answers (thinned), their median and 95th percentile by slice of time, and when others failed."""

    def draw(axes: Axes, shape: _Shape) -> None:
        for color, part in zip(_colors(parts), parts, strict=True):
            good = part.succeeded
            _points(axes, good, color, shape.points)
            middles, p50, p95 = _by_slice(good, duration)
            axes.plot(middles, p50, color=color, linewidth=1.8, label=f"{part.name}, median")
            axes.plot(middles, p95, color=color, linewidth=1.1, linestyle=(0, (4, 2)), label=f"{part.name}, p95")
        failed = np.sort(np.concatenate([part.start[~part.ok] for part in parts]))
        if len(failed):
            # At the foot: how soon an error came says nothing about latency, and would stretch the axis.
            kept = failed[_evenly(len(failed), shape.points // 3)]
            foot = np.full(len(kept), 0.025)
            axes.plot(
                kept, foot, transform=axes.get_xaxis_transform(), linestyle="none", marker="|", markersize=8,
                markeredgewidth=1.1, color=_FAILURE, label="failed",
            )  # fmt: skip
        _time_axis(axes, duration)
        _latency_axis(axes, "y", np.concatenate([part.succeeded.seconds for part in parts]))
        axes.set_ylabel("response time")
        _legend(axes, shape, columns=2)

    return _drawn("latency", draw)


def throughput(parts: Sequence[Requests], duration: float) -> Plot:
    """Answers a second by slice of time, good ones stacked by name and failed ones on top."""

    def draw(axes: Axes, shape: _Shape) -> None:
        edges = _slices(duration, 60 if shape is _WIDE else 30)
        width = edges[1] - edges[0]
        floor = np.zeros(len(edges) - 1)
        series = [
            (part.name, color, part.succeeded)
            for color, part in zip(_colors(parts), parts, strict=True)
            if part.ok.any()
        ]
        bad = [part.where(~part.ok) for part in parts]
        for label, color, part in [*series, *(("failed", _FAILURE, part) for part in bad if len(part.start))]:
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
            axes.stairs(arrivals, edges, color=_INK, linewidth=1.1, baseline=None, label="arrivals by the schedule")
            highest = max(highest, arrivals.max())
        _time_axis(axes, duration)
        axes.set_ylim(0, max(highest * 1.08, 1 / width))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylabel("answers a second")
        _legend(axes, shape, columns=3)

    return _drawn("throughput", draw)


def distribution(parts: Sequence[Requests]) -> Plot:
    """The share of answers within a time, by name."""

    def draw(axes: Axes, shape: _Shape) -> None:
        for color, part in zip(_colors(parts), parts, strict=True):
            _share_within(axes, shape, part.name, part.succeeded.seconds, color)
        _share_axes(axes, shape, np.concatenate([part.succeeded.seconds for part in parts]))

    return _drawn("distribution", draw)


def two_distributions(before: Floats, after: Floats) -> Plot:
    """The share of answers within a time, in two runs."""

    def draw(axes: Axes, shape: _Shape) -> None:
        for label, values, color in (("before", before, _SERIES[0]), ("after", after, _SERIES[1])):
            _share_within(axes, shape, label, values, color)
        _share_axes(axes, shape, np.concatenate([before, after]))

    return _drawn("two-distributions", draw)


def _share_within(axes: Axes, shape: _Shape, label: str, values: Floats, color: str) -> None:
    ordered = np.sort(values)
    shares = np.arange(1, len(ordered) + 1) / len(ordered) * 100
    kept = _evenly(len(ordered), shape.points)
    axes.step(ordered[kept], shares[kept], where="post", color=color, linewidth=1.6, label=label)


def _share_axes(axes: Axes, shape: _Shape, values: Floats) -> None:
    _latency_axis(axes, "x", values)
    axes.set_ylim(0, 101)
    axes.set_yticks([0, 25, 50, 75, 95])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    axes.set_ylabel("answers within")
    axes.set_xlabel("response time")
    _legend(axes, shape, columns=3)


def _drawn(name: str, draw: Callable[[Axes, _Shape], None]) -> Plot:
    return Plot(*(_svg(f"{name}-{shape.name}", shape, draw) for shape in (_WIDE, _NARROW)))


def _svg(name: str, shape: _Shape, draw: Callable[[Axes, _Shape], None]) -> str:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(shape.width, shape.height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot(), shape)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """Matplotlib's file as part of a page: no prologue or namespaces, ids of its own, the page's fonts and colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = re.sub(r'<svg( width="[^"]*"| height="[^"]*")+', '<svg aria-hidden="true"', svg)
    svg = re.sub(r'<svg([^>]*?) (?:width|height)="[^"]*"', r"<svg\1", svg)
    svg = re.sub(r'<svg([^>]*?) (?:width|height)="[^"]*"', r"<svg\1", svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px; font-family: inherit", svg)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    return re.sub(r"\n\s*", "\n", svg).strip()


def _colors(parts: Sequence[Requests]) -> list[str]:
    return [_SERIES[index % len(_SERIES)] for index in range(len(parts))]


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
    mask[_evenly(len(part.start), limit)] = True
    return part.where(mask)


def _evenly(count: int, limit: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of at most ``limit`` of so many, evenly spaced, the first and the last among them."""
    return (
        np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(np.int64))
        if count
        else np.empty(0, np.int64)
    )


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


def _time_axis(axes: Axes, duration: float) -> None:
    axes.set_xlim(0, max(duration, 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 6, 10] if duration > 90 else [1, 2, 5, 10]))
    if duration > 600:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 60:g}"))
    axes.set_xlabel(f"time since the start ({'min' if duration > 600 else 's'})")


def _latency_axis(axes: Axes, which: str, values: Floats) -> None:
    """Logarithmic where the times span more than a factor of eight, and labelled in their own units."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    positive = values[values > 0]
    if len(positive) and positive.max() > 8 * positive.min():
        (axes.set_yscale if which == "y" else axes.set_xscale)("log")
        decades = np.log10(positive.max() / positive.min())
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades < 3.5 else (1.0,), numticks=12))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())
    else:
        (axes.set_ylim if which == "y" else axes.set_xlim)(0)
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _tick(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:g}{text.NARROW}s" if value >= 1 else f"{value * 1000:g}{text.NARROW}ms"


def _legend(axes: Axes, shape: _Shape, columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns if shape is _WIDE else 1,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.6,
        labelspacing=0.25,
    )
