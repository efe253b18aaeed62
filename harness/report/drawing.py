"""Draws the plots of every report as inline SVG in the page's own fonts and colours (CSS variables).

The same figures give the same bytes. Each plot is drawn twice: for the width of a page and for that of a phone.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from harness.core import figures as text
from harness.core.statistics import Floats

# Each of these colours stands for a CSS variable of the page, so that dark mode and print can change it.
_VARIABLES = {
    "#0a0101": "--ink",
    "#0a0102": "--muted",
    "#0a0103": "--line",
    "#0a0104": "--failure",
    "#0a0105": "--series-1",
    "#0a0106": "--series-2",
    "#0a0107": "--series-3",
    "#0a0108": "--series-4",
    "#0a0109": "--page",
}
INK, MUTED, LINE, FAILURE, *SERIES, PAGE = _VARIABLES
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sagemaker-harness",
    "svg.id": None,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "xtick.minor.size": 0,
    "lines.solid_capstyle": "round",
}


Subject = TypeVar("Subject")
"""What a report is about: a plan, or a run."""


@dataclass(frozen=True)
class Plot:
    """One drawing as SVG in two shapes: for the width of a page, and for that of a phone."""

    wide: str
    narrow: str


@dataclass(frozen=True)
class TitledPlot:
    """A drawn plot with its title and its caption."""

    title: str
    caption: str
    plot: Plot


@dataclass(frozen=True)
class PlotEntry(Generic[Subject]):
    """One plot of a report's list of plots.

    section: the section of the page that the plot stands in.
    caption: a text, or a function that words it for the subject of the report.
    draw: returns None where there is nothing to draw.
    """

    section: str
    title: str
    caption: str | Callable[[Subject], str]
    draw: Callable[[Subject], Plot | None]


def draw_all(entries: Sequence[PlotEntry[Subject]], subject: Subject) -> dict[str, list[TitledPlot]]:
    """The drawn plots of each section, in the order of the entries."""
    sections: dict[str, list[TitledPlot]] = {entry.section: [] for entry in entries}
    for entry in entries:
        if (plot := entry.draw(subject)) is not None:
            caption = entry.caption if isinstance(entry.caption, str) else entry.caption(subject)
            sections[entry.section].append(TitledPlot(entry.title, caption, plot))
    return sections


@dataclass(frozen=True)
class Shape:
    """The size of a drawing in inches. points: how many dots or steps a series has at most."""

    name: str
    width: float
    height: float
    points: int

    @property
    def wide(self) -> bool:
        return self.name == "w"


WIDE = Shape("w", 8.6, 3.3, 900)
NARROW = Shape("n", 3.7, 3.0, 300)


def drawn(name: str, draw: Callable[[Axes, Shape], None]) -> Plot:
    """A plot with one set of axes. name: unique in its page."""
    return drawn_figure(name, lambda figure, shape: draw(figure.add_subplot(), shape))


def drawn_figure(
    name: str, draw: Callable[[Figure, Shape], None], heights: tuple[float, float] = (WIDE.height, NARROW.height)
) -> Plot:
    """A plot whose axes the function adds. heights: inches on a page and on a phone."""
    shapes = (replace(shape, height=height) for shape, height in zip((WIDE, NARROW), heights, strict=True))
    return Plot(*(_svg(f"{name}-{shape.name}", shape, draw) for shape in shapes))


def _svg(name: str, shape: Shape, draw: Callable[[Figure, Shape], None]) -> str:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(shape.width, shape.height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure, shape)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue(), name)


def _inline(svg: str, name: str) -> str:
    """Turn matplotlib's file into a part of the page: no prologue or namespaces, unique ids, its fonts and colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = re.sub(r'<svg( width="[^"]*"| height="[^"]*")+', '<svg aria-hidden="true"', svg)
    svg = re.sub(r'<svg([^>]*?) (?:width|height)="[^"]*"', r"<svg\1", svg)
    svg = re.sub(r'<svg([^>]*?) (?:width|height)="[^"]*"', r"<svg\1", svg)
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)  # a hundredth of a point
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = svg.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px; font-family: inherit", svg)
    for color, variable in _VARIABLES.items():
        svg = svg.replace(color, f"var({variable})")
    return re.sub(r"\n\s*", "\n", svg).strip()


def evenly(count: int, limit: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """At most ``limit`` evenly spaced indices of ``count`` items, the first and the last among them."""
    return (
        np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(np.int64))
        if count
        else np.empty(0, np.int64)
    )


def time_axis(axes: Axes, duration: float) -> None:
    """Label the axis of the seconds since the start of a run; in minutes where the run is longer than ten."""
    axes.set_xlim(0, max(duration, 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 3, 6, 10] if duration > 90 else [1, 2, 5, 10]))
    if duration > 600:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 60:g}"))
    axes.set_xlabel(f"time since the start ({'min' if duration > 600 else 's'})")


def latency_axis(axes: Axes, which: str, values: Floats) -> None:
    """Scale and label an axis of seconds: logarithmic where the values span more than a factor of eight."""
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


def share_within(axes: Axes, shape: Shape, label: str, values: Floats, color: str) -> None:
    """Draw the share of the values that are at most as large, in percent."""
    ordered = np.sort(values)
    shares = np.arange(1, len(ordered) + 1) / len(ordered) * 100
    kept = evenly(len(ordered), shape.points)
    axes.step(ordered[kept], shares[kept], where="post", color=color, linewidth=1.6, label=label)


def share_axes(axes: Axes, shape: Shape, values: Floats) -> None:
    """Label the axes of a plot that ``share_within`` draws."""
    latency_axis(axes, "x", values)
    axes.set_ylim(0, 101)
    axes.set_yticks([0, 25, 50, 75, 95])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}{text.NARROW}%"))
    axes.set_ylabel("answers within")
    axes.set_xlabel("response time")
    legend(axes, shape, columns=3)


def legend(axes: Axes, shape: Shape, columns: int) -> None:
    """A legend above the axes."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns if shape.wide else 1,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.6,
        columnspacing=1.6,
        labelspacing=0.25,
    )
