"""Plots of a plan over the time of its traffic. They share one form of time axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from harness.core import figures as text
from harness.core.statistics import Floats
from harness.functions.rules.concurrency import ACCOUNT_LIMIT
from harness.planner.plan import EvaluatedSettings, MinuteSeries, Plan
from harness.report.drawing import (
    FAILURE,
    INK,
    MUTED,
    SERIES,
    Plot,
    Shape,
    drawn_figure,
    latency_axis,
)
from harness.report.plan.tables import shown_candidates, zone
from harness.simulator.settings import INVOCATIONS, FunctionSettings, Settings, VariantSettings

_HOUR, _DAY = 3600, 86_400
_STEPS = (60, 300, 600, 900, 1800, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY)
_BLUE, _ORANGE, _GREEN, _ = SERIES
_DASHES = (0, (4, 2))
_PANEL, _TITLE, _NARROW_TITLE, _FOOT, _LEFT = 0.82, 0.36, 0.5, 0.5, 0.62
"""Inches: the height of a panel of share 1, the room above each on a page and on a phone, below, and at the left."""


@dataclass(frozen=True)
class Panel:
    """One set of axes above the common time axis. share: its height relative to other panels."""

    title: str
    share: float
    draw: Callable[[Axes, TimeAxis], None]


@dataclass(frozen=True)
class TimeAxis:
    """The time axis that panels share, and the bins of time that the drawing has room for.

    step: seconds between the values of a series; edges: the seconds at which bins begin and end; begins: the moment of
    second 0.
    """

    seconds: float
    step: float
    edges: Floats
    begins: datetime | None

    @classmethod
    def of(cls, series: MinuteSeries, plan: Plan, shape: Shape) -> TimeAxis:
        count = len(series.arrivals)
        values_per_bin = math.ceil(count / (420 if shape.wide else 150))
        edges = np.append(np.arange(0, count, values_per_bin), count) * series.step
        return cls(plan.traffic.seconds, series.step, edges, plan.traffic.begins)

    def mean(self, values: Sequence[float | None]) -> Floats:
        """The mean of each bin; NaN where a bin has no value."""
        return self._binned(values, np.nanmean)

    def highest(self, values: Sequence[float | None]) -> Floats:
        """The maximum of each bin; NaN where a bin has no value."""
        return self._binned(values, np.nanmax)

    def _binned(self, values: Sequence[float | None], reduce: Callable[[Floats], float]) -> Floats:
        known = np.array([math.nan if value is None else value for value in values])
        cuts = np.round(self.edges[1:-1] / self.step).astype(int)
        return np.array([math.nan if np.isnan(part).all() else float(reduce(part)) for part in np.split(known, cuts)])

    @property
    def middles(self) -> Floats:
        return (self.edges[:-1] + self.edges[1:]) / 2


def over_the_day(plan: Plan) -> Plot | None:
    """Traffic, instances, alarms, queue and latency of the recommended setting."""
    recommended = plan.recommended
    series = _series_of(plan, recommended)
    if recommended is None or series is None:
        return None
    settings, objective = recommended.settings, plan.objective.p99
    panels = [
        Panel("Requests a second", 1.0, lambda axes, axis: _arrivals(axes, axis, series)),
        Panel("Instances", 1.0, lambda axes, axis: _instances(axes, axis, series, settings)),
        Panel("Invocations a minute per instance", 1.0, lambda axes, axis: _metric(axes, axis, series, settings)),
        Panel("Alarms", 0.42, lambda axes, axis: _alarms(axes, axis, series)),
        Panel("Requests waiting in model servers", 0.8, lambda axes, axis: _queue(axes, axis, series)),
        Panel("Latency", 1.25, lambda axes, axis: _latency(axes, axis, series, objective)),
    ]
    if any(series.errors) or any(series.throttles):
        panels.append(Panel("Failed requests a minute", 0.8, lambda axes, axis: _failures(axes, axis, series.errors)))
    return _panels("day", plan, series, panels)


def lambda_concurrency(plan: Plan) -> Plot | None:
    """Concurrent executions of the function against what is provisioned and reserved, and the throttles."""
    recommended = plan.recommended
    series = _series_of(plan, recommended)
    if recommended is None or series is None or recommended.settings.function is None:
        return None
    function = recommended.settings.function
    panels = [Panel("Executions at once", 1.9, lambda axes, axis: _concurrency(axes, axis, series, function))]
    if any(series.throttles):
        panels.append(Panel("Throttles a minute", 0.7, lambda axes, axis: _failures(axes, axis, series.throttles)))
    return _panels("lambda", plan, series, panels)


def fleets(plan: Plan) -> Plot | None:
    """The instances of each setting under the same traffic; None where there is only one to show."""
    followed = [
        (candidate, series)
        for candidate in shown_candidates(plan)
        if (series := _series_of(plan, candidate)) is not None
    ]
    if len(followed) < 2:
        return None
    panels = [_fleet(candidate, series) for candidate, series in followed]
    return _panels("fleets", plan, followed[0][1], panels)


def _fleet(candidate: EvaluatedSettings, series: MinuteSeries) -> Panel:
    return Panel(
        f"{candidate.label}: {_at_maximum(candidate)}",
        0.75,
        lambda axes, axis: _instances(axes, axis, series, candidate.settings, named=False),
    )


def _series_of(plan: Plan, candidate: EvaluatedSettings | None) -> MinuteSeries | None:
    """The time series of a candidate, where the plan holds one."""
    if candidate is None:
        return None
    return next((series for series in plan.minutes if series.label == candidate.label and series.arrivals), None)


def _at_maximum(candidate: EvaluatedSettings) -> str:
    hours = candidate.figures.hours_at_maximum
    return f"{text.length_of_time(hours * _HOUR)} at its maximum" if hours else "never at its maximum"


def _panels(name: str, plan: Plan, series: MinuteSeries, panels: list[Panel]) -> Plot:
    heights = [panel.share * _PANEL for panel in panels]

    def height(title: float) -> float:
        return sum(heights) + title * len(panels) + _FOOT

    def draw(figure: Figure, shape: Shape) -> None:
        title = _TITLE if shape.wide else _NARROW_TITLE
        # Margins are set by hand, so that the time axes of all plots of a page lie below one another.
        figure.set_layout_engine("none")
        axis = TimeAxis.of(series, plan, shape)
        grid = figure.add_gridspec(
            len(panels), 1, height_ratios=heights, left=_LEFT / shape.width, right=1 - 0.24 / shape.width,
            bottom=_FOOT / shape.height, top=1 - title / shape.height, hspace=title * len(panels) / sum(heights),
        )  # fmt: skip
        first: Axes | None = None
        for index, panel in enumerate(panels):
            axes = figure.add_subplot(grid[index], sharex=first)
            first = first or axes
            panel.draw(axes, axis)
            last = index == len(panels) - 1
            _legend(axes, shape)
            axes.set_title(
                panel.title,
                loc="left",
                fontsize=9.5,
                color=INK,
                pad=4 if shape.wide or axes.get_legend() is None else 15,
            )
            axes.tick_params(axis="x", labelbottom=last, length=3 if last else 0)
        assert first is not None
        label_time_axis(axes, axis.seconds, axis.begins, 8 if shape.wide else 4)

    return drawn_figure(name, draw, (height(_TITLE), height(_NARROW_TITLE)))


def label_time_axis(axes: Axes, seconds: float, begins: datetime | None, most: int) -> None:
    """Set ticks at whole hours and days of the traffic's own clock, or of the time since it began if it has none.

    most: roughly how many ticks there may be.
    """
    axes.set_xlim(0, seconds)
    step = next((step for step in _STEPS if seconds / step <= most), _STEPS[-1])
    into_day = 0.0
    if begins is not None:
        into_day = (begins - begins.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
    ticks = np.arange(math.ceil(into_day / step) * step - into_day, seconds + 1, step)
    axes.xaxis.set_major_locator(FixedLocator([float(tick) for tick in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _moment(value, begins, step)))
    if begins is None:
        axes.set_xlabel("time since the beginning")
    else:
        suffix = f" ({offset})" if (offset := zone(begins)) else ""
        last = begins + timedelta(seconds=seconds - 1)
        days = f"{begins:%-d %B %Y}" if begins.date() == last.date() else f"{begins:%-d %B} to {last:%-d %B %Y}"
        axes.set_xlabel(days + suffix)


def _moment(value: float, begins: datetime | None, step: int) -> str:
    if begins is not None:
        return f"{begins + timedelta(seconds=value):{'%-d %b' if step >= _DAY else '%H:%M'}}"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (60, "min")):
        if step >= unit:
            return f"{value / unit:g}{text.NARROW}{name}" if value else "0"
    return f"{value:g}{text.NARROW}s"


def _arrivals(axes: Axes, axis: TimeAxis, series: MinuteSeries) -> None:
    rates = axis.mean(series.arrivals) / 60
    axes.fill_between(axis.middles, rates, color=MUTED, alpha=0.25, linewidth=0)
    axes.plot(axis.middles, rates, color=MUTED, linewidth=1.0)
    _from_zero(axes, np.nanmax(rates))


def _instances(axes: Axes, axis: TimeAxis, series: MinuteSeries, settings: Settings, named: bool = True) -> None:
    serving, wanted = axis.mean(series.in_service), axis.highest(series.desired)
    maximum = sum(_maximum(variant) for variant in settings.variants)
    axes.stairs(serving, axis.edges, fill=True, color=_BLUE, alpha=0.22, linewidth=0)
    axes.stairs(serving, axis.edges, color=_BLUE, linewidth=1.3, baseline=None, label="in service" if named else None)
    axes.stairs(wanted, axis.edges, color=_ORANGE, linewidth=1.1, baseline=None, label="desired" if named else None)
    axes.axhline(maximum, color=MUTED, linewidth=0.9, linestyle=_DASHES, label=f"maximum {maximum}" if named else None)
    _from_zero(axes, max(maximum, np.nanmax(wanted)), whole=True)


def _maximum(variant: VariantSettings) -> int:
    if not variant.scales:
        return variant.initial_instance_count
    return max(variant.max_capacity, *(action.max_capacity for action in variant.schedule), 1)


def _metric(axes: Axes, axis: TimeAxis, series: MinuteSeries, settings: Settings) -> None:
    values = axis.mean(series.per_instance)
    axes.plot(axis.middles, values, color=_BLUE, linewidth=1.2)
    highest = float(np.nanmax(values))
    for policy in settings.variants[0].tracking:
        if policy.metric == INVOCATIONS:
            axes.axhline(
                policy.target_value, color=MUTED, linewidth=0.9, linestyle=_DASHES,
                label=f"target {policy.target_value:,.6g}",
            )  # fmt: skip
            highest = max(highest, policy.target_value)
    _from_zero(axes, highest)


def _alarms(axes: Axes, axis: TimeAxis, series: MinuteSeries) -> None:
    for row, (values, color) in enumerate(((series.alarm_low, _GREEN), (series.alarm_high, FAILURE))):
        on = axis.highest(values) > 0
        axes.broken_barh(_spans(on, axis.edges), (row + 0.15, 0.7), facecolors=color, linewidth=0, alpha=0.85)
    axes.set_ylim(0, 2)
    axes.set_yticks([0.5, 1.5], ["low", "high"])
    axes.grid(False)


def _queue(axes: Axes, axis: TimeAxis, series: MinuteSeries) -> None:
    waiting = axis.mean(series.queued)
    axes.fill_between(axis.middles, waiting, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(axis.middles, waiting, color=_BLUE, linewidth=1.2)
    _from_zero(axes, np.nanmax(waiting))


def _latency(axes: Axes, axis: TimeAxis, series: MinuteSeries, objective: float) -> None:
    p50, p99 = axis.mean(series.p50), axis.highest(series.p99)
    axes.plot(axis.middles, p99, color=_BLUE, linewidth=1.3, label="p99")
    axes.plot(axis.middles, p50, color=_GREEN, linewidth=1.3, label="p50")
    axes.axhline(
        objective, color=FAILURE, linewidth=0.9, linestyle=_DASHES, label=f"objective {text.length_of_time(objective)}"
    )
    known = np.concatenate([p50[~np.isnan(p50)], p99[~np.isnan(p99)], [objective]])
    latency_axis(axes, "y", known)
    if axes.get_yscale() == "linear":
        axes.set_ylim(0, known.max() * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(4))


def _failures(axes: Axes, axis: TimeAxis, a_minute: Sequence[float]) -> None:
    failures = axis.mean(a_minute)
    axes.stairs(failures, axis.edges, fill=True, color=FAILURE, alpha=0.8, linewidth=0)
    _from_zero(axes, np.nanmax(failures))


def _concurrency(axes: Axes, axis: TimeAxis, series: MinuteSeries, function: FunctionSettings) -> None:
    mean, peak = axis.mean(series.concurrency), axis.highest(series.concurrency_peak)
    axes.fill_between(axis.middles, mean, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(axis.middles, mean, color=_BLUE, linewidth=1.3, label="mean")
    axes.plot(axis.middles, peak, color=_BLUE, linewidth=0.8, alpha=0.7, label="maximum")
    highest = float(np.nanmax(peak))
    for name, limit, color in _limits(function):
        # A limit far above the curve would flatten it, so only the legend shows that limit.
        if limit <= 4 * max(highest, 1):
            highest = max(highest, limit)
            axes.axhline(limit, color=color, linewidth=0.9, linestyle=_DASHES, label=f"{name} {limit:,}")
        else:
            axes.plot([], [], color=color, linewidth=0.9, linestyle=_DASHES, label=f"{name} {limit:,} ↑")
    _from_zero(axes, highest)


def _limits(function: FunctionSettings) -> list[tuple[str, int, str]]:
    reserved = function.reserved_concurrent_executions
    limits = [("account", ACCOUNT_LIMIT, FAILURE) if reserved is None else ("reserved", reserved, FAILURE)]
    if function.provisioned_concurrent_executions:
        limits.append(("provisioned", function.provisioned_concurrent_executions, _GREEN))
    return limits


def _spans(on: np.ndarray[tuple[int], np.dtype[np.bool_]], edges: Floats) -> list[tuple[float, float]]:
    """The beginning and the length of each stretch of time that is on."""
    changes = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    return [(float(edges[a]), float(edges[b] - edges[a])) for a, b in changes.reshape(-1, 2)]


def _from_zero(axes: Axes, highest: float, whole: bool = False) -> None:
    axes.set_ylim(0, max(float(highest), 1.0 if whole else 1e-9) * 1.12)
    axes.yaxis.set_major_locator(MaxNLocator(3 if not whole else 4, integer=whole))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, shape: Shape) -> None:
    """A legend at the right of the title, on a phone below it; none where nothing has a name."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            loc="lower right" if shape.wide else "lower left", bbox_to_anchor=(1.0 if shape.wide else 0.0, 0.985),
            ncols=len(handles), frameon=False, borderaxespad=0.1, handlelength=1.4, columnspacing=1.2,
            fontsize=8.5, borderpad=0.2,
        )  # fmt: skip
