"""A plan's plots over the traffic's time, one axis for all."""

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
from harness.simulator.settings import INVOCATIONS, Settings, VariantSettings

_HOUR, _DAY = 3600, 86_400
_STEPS = (60, 300, 600, 900, 1800, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY)
_BLUE, _ORANGE, _GREEN, _ = SERIES
_DASHES = (0, (4, 2))
_PANEL, _TITLE, _NARROW_TITLE, _FOOT, _LEFT = 0.82, 0.36, 0.5, 0.5, 0.62
"""Inches: a panel of share 1, the room above each (a phone's legend is a line), below, at the left."""


@dataclass(frozen=True)
class Panel:
    """One set of axes on the common time axis. share: of the figure's height."""

    title: str
    share: float
    draw: Callable[[Axes, Clock], None]


@dataclass(frozen=True)
class Clock:
    """The common axis. edges: seconds, of the bins that the shape has room for; begins: what second 0 is called."""

    seconds: float
    step: float
    edges: Floats
    begins: datetime | None

    @classmethod
    def of(cls, series: MinuteSeries, plan: Plan, shape: Shape) -> Clock:
        count = len(series.arrivals)
        each = math.ceil(count / (420 if shape.wide else 150))
        edges = np.append(np.arange(0, count, each), count) * series.step
        return cls(plan.traffic.seconds, series.step, edges, plan.traffic.begins)

    def mean(self, values: Sequence[float | None]) -> Floats:
        """Of each bin; NaN where there is nothing."""
        return self._binned(values, np.nanmean)

    def most(self, values: Sequence[float | None]) -> Floats:
        return self._binned(values, np.nanmax)

    def _binned(self, values: Sequence[float | None], how: Callable[[Floats], float]) -> Floats:
        each = np.array([math.nan if value is None else value for value in values])
        cuts = np.round(self.edges[1:-1] / self.step).astype(int)
        return np.array([math.nan if np.isnan(part).all() else float(how(part)) for part in np.split(each, cuts)])

    @property
    def middles(self) -> Floats:
        return (self.edges[:-1] + self.edges[1:]) / 2


def over_the_day(plan: Plan, chosen: EvaluatedSettings, series: MinuteSeries) -> Plot:
    """Traffic, instances, alarms, queue and latency of a setting."""
    panels = [
        Panel("Requests a second", 1.0, lambda axes, clock: _arrivals(axes, clock, series)),
        Panel("Instances", 1.0, lambda axes, clock: _instances(axes, clock, series, chosen.settings)),
        Panel("Invocations a minute per instance", 1.0, lambda axes, clock: _metric(axes, clock, series, chosen)),
        Panel("Alarms", 0.42, lambda axes, clock: _alarms(axes, clock, series)),
        Panel("Requests waiting in model servers", 0.8, lambda axes, clock: _queue(axes, clock, series)),
        Panel("Latency", 1.25, lambda axes, clock: _latency(axes, clock, series, plan.objective.p99)),
    ]
    if any(series.errors) or any(series.throttles):
        panels.append(Panel("Failed requests a minute", 0.8, lambda axes, clock: _failures(axes, clock, series)))
    return _panels("day", plan, series, panels)


def lambda_concurrency(plan: Plan, chosen: EvaluatedSettings, series: MinuteSeries) -> Plot:
    """Executions at once against what is provisioned and reserved, and the throttles."""
    panels = [Panel("Executions at once", 1.9, lambda axes, clock: _concurrency(axes, clock, series, chosen.settings))]
    if any(series.throttles):
        panels.append(Panel("Throttles a minute", 0.7, lambda axes, clock: _throttles(axes, clock, series)))
    return _panels("lambda", plan, series, panels)


def fleets(plan: Plan, pairs: Sequence[tuple[EvaluatedSettings, MinuteSeries]]) -> Plot:
    """The instances of each of several settings under the same traffic."""
    panels = [
        Panel(
            f"{candidate.label}: {_at_maximum(candidate)}", 0.75,
            lambda axes, clock, candidate=candidate, series=series: _instances(  # type: ignore[misc]
                axes, clock, series, candidate.settings, named=False
            ),
        )
        for candidate, series in pairs
    ]  # fmt: skip
    return _panels("fleets", plan, pairs[0][1], panels)


def _at_maximum(candidate: EvaluatedSettings) -> str:
    hours = candidate.figures.hours_at_maximum
    return f"{text.length_of_time(hours * _HOUR)} at its maximum" if hours else "never at its maximum"


def _panels(name: str, plan: Plan, series: MinuteSeries, panels: list[Panel]) -> Plot:
    heights = [panel.share * _PANEL for panel in panels]

    def whole(title: float) -> float:
        return sum(heights) + title * len(panels) + _FOOT

    def draw(figure: Figure, shape: Shape) -> None:
        title = _TITLE if shape.wide else _NARROW_TITLE
        # By hand, so that the time axes of a page's plots lie below one another.
        figure.set_layout_engine("none")
        clock = Clock.of(series, plan, shape)
        grid = figure.add_gridspec(
            len(panels), 1, height_ratios=heights, left=_LEFT / shape.width, right=1 - 0.24 / shape.width,
            bottom=_FOOT / shape.height, top=1 - title / shape.height, hspace=title * len(panels) / sum(heights),
        )  # fmt: skip
        first: Axes | None = None
        for index, panel in enumerate(panels):
            axes = figure.add_subplot(grid[index], sharex=first)
            first = first or axes
            panel.draw(axes, clock)
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
        clock_axis(axes, clock.seconds, clock.begins, 8 if shape.wide else 4)

    return drawn_figure(name, draw, (whole(_TITLE), whole(_NARROW_TITLE)))


def clock_axis(axes: Axes, seconds: float, begins: datetime | None, most: int) -> None:
    """Ticks at whole hours and days of the traffic's own clock; without one, of its time since the beginning."""
    axes.set_xlim(0, seconds)
    step = next((each for each in _STEPS if seconds / each <= most), _STEPS[-1])
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
        named = f" ({of})" if (of := zone(begins)) else ""
        last = begins + timedelta(seconds=seconds - 1)
        days = f"{begins:%-d %B %Y}" if begins.date() == last.date() else f"{begins:%-d %B} to {last:%-d %B %Y}"
        axes.set_xlabel(days + named)


def zone(begins: datetime) -> str:
    """``UTC−04:00``; nothing where the moment has no zone."""
    offset = begins.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}".replace("-", "−") if offset else ""


def _moment(value: float, begins: datetime | None, step: int) -> str:
    if begins is not None:
        return f"{begins + timedelta(seconds=value):{'%-d %b' if step >= _DAY else '%H:%M'}}"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (60, "min")):
        if step >= unit:
            return f"{value / unit:g}{text.NARROW}{name}" if value else "0"
    return f"{value:g}{text.NARROW}s"


def _arrivals(axes: Axes, clock: Clock, series: MinuteSeries) -> None:
    rates = clock.mean(series.arrivals) / 60
    axes.fill_between(clock.middles, rates, color=MUTED, alpha=0.25, linewidth=0)
    axes.plot(clock.middles, rates, color=MUTED, linewidth=1.0)
    _from_zero(axes, np.nanmax(rates))


def _instances(axes: Axes, clock: Clock, series: MinuteSeries, settings: Settings, named: bool = True) -> None:
    serving, wanted = clock.mean(series.in_service), clock.most(series.desired)
    most = sum(_maximum(each) for each in settings.variants)
    axes.stairs(serving, clock.edges, fill=True, color=_BLUE, alpha=0.22, linewidth=0)
    axes.stairs(serving, clock.edges, color=_BLUE, linewidth=1.3, baseline=None, label="in service" if named else None)
    axes.stairs(wanted, clock.edges, color=_ORANGE, linewidth=1.1, baseline=None, label="desired" if named else None)
    axes.axhline(most, color=MUTED, linewidth=0.9, linestyle=_DASHES, label=f"maximum {most}" if named else None)
    _from_zero(axes, max(most, np.nanmax(wanted)), whole=True)


def _maximum(variant: VariantSettings) -> int:
    if not variant.scales:
        return variant.initial_instance_count
    return max(variant.max_capacity, *(action.max_capacity for action in variant.schedule), 1)


def _metric(axes: Axes, clock: Clock, series: MinuteSeries, chosen: EvaluatedSettings) -> None:
    values = clock.mean(series.per_instance)
    axes.plot(clock.middles, values, color=_BLUE, linewidth=1.2)
    highest = float(np.nanmax(values))
    for policy in chosen.settings.variants[0].tracking:
        if policy.metric == INVOCATIONS:
            axes.axhline(
                policy.target_value, color=MUTED, linewidth=0.9, linestyle=_DASHES,
                label=f"target {policy.target_value:,.6g}",
            )  # fmt: skip
            highest = max(highest, policy.target_value)
    _from_zero(axes, highest)


def _alarms(axes: Axes, clock: Clock, series: MinuteSeries) -> None:
    for row, (values, color) in enumerate(((series.alarm_low, _GREEN), (series.alarm_high, FAILURE))):
        on = clock.most(values) > 0
        spans = _spans(on, clock.edges)
        axes.broken_barh(spans, (row + 0.15, 0.7), facecolors=color, linewidth=0, alpha=0.85)
    axes.set_ylim(0, 2)
    axes.set_yticks([0.5, 1.5], ["low", "high"])
    axes.grid(False)


def _queue(axes: Axes, clock: Clock, series: MinuteSeries) -> None:
    waiting = clock.mean(series.queued)
    axes.fill_between(clock.middles, waiting, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(clock.middles, waiting, color=_BLUE, linewidth=1.2)
    _from_zero(axes, np.nanmax(waiting))


def _latency(axes: Axes, clock: Clock, series: MinuteSeries, objective: float) -> None:
    p50, p99 = clock.mean(series.p50), clock.most(series.p99)
    axes.plot(clock.middles, p99, color=_BLUE, linewidth=1.3, label="p99")
    axes.plot(clock.middles, p50, color=_GREEN, linewidth=1.3, label="p50")
    axes.axhline(
        objective, color=FAILURE, linewidth=0.9, linestyle=_DASHES, label=f"objective {text.length_of_time(objective)}"
    )
    known = np.concatenate([p50[~np.isnan(p50)], p99[~np.isnan(p99)], [objective]])
    latency_axis(axes, "y", known)
    if axes.get_yscale() == "linear":
        axes.set_ylim(0, known.max() * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(4))


def _failures(axes: Axes, clock: Clock, series: MinuteSeries) -> None:
    errors = clock.mean(series.errors)
    axes.stairs(errors, clock.edges, fill=True, color=FAILURE, alpha=0.8, linewidth=0)
    _from_zero(axes, np.nanmax(errors))


def _throttles(axes: Axes, clock: Clock, series: MinuteSeries) -> None:
    throttles = clock.mean(series.throttles)
    axes.stairs(throttles, clock.edges, fill=True, color=FAILURE, alpha=0.8, linewidth=0)
    _from_zero(axes, np.nanmax(throttles))


def _concurrency(axes: Axes, clock: Clock, series: MinuteSeries, settings: Settings) -> None:
    mean, peak = clock.mean(series.concurrency), clock.most(series.concurrency_peak)
    axes.fill_between(clock.middles, mean, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(clock.middles, mean, color=_BLUE, linewidth=1.3, label="mean")
    axes.plot(clock.middles, peak, color=_BLUE, linewidth=0.8, alpha=0.7, label="at most")
    highest = float(np.nanmax(peak))
    for name, limit, color in _limits(settings):
        # A limit far above everything would flatten what there is to see: the legend has the figure.
        if limit <= 4 * max(highest, 1):
            highest = max(highest, limit)
            axes.axhline(limit, color=color, linewidth=0.9, linestyle=_DASHES, label=f"{name} {limit:,}")
        else:
            axes.plot([], [], color=color, linewidth=0.9, linestyle=_DASHES, label=f"{name} {limit:,} ↑")
    _from_zero(axes, highest)


def _limits(settings: Settings) -> list[tuple[str, int, str]]:
    function = settings.function
    if function is None:
        return []
    reserved = function.reserved_concurrent_executions
    limits = [("account", ACCOUNT_LIMIT, FAILURE) if reserved is None else ("reserved", reserved, FAILURE)]
    if function.provisioned_concurrent_executions:
        limits.append(("provisioned", function.provisioned_concurrent_executions, _GREEN))
    return limits


def _spans(on: np.ndarray[tuple[int], np.dtype[np.bool_]], edges: Floats) -> list[tuple[float, float]]:
    """Beginning and length of each stretch."""
    changes = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(int), [0]))))
    return [(float(edges[a]), float(edges[b] - edges[a])) for a, b in changes.reshape(-1, 2)]


def _from_zero(axes: Axes, highest: float, whole: bool = False) -> None:
    axes.set_ylim(0, max(float(highest), 1.0 if whole else 1e-9) * 1.12)
    axes.yaxis.set_major_locator(MaxNLocator(3 if not whole else 4, integer=whole))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, shape: Shape) -> None:
    """At the right of the title's line, on a phone on a line of its own; none where nothing is named."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            loc="lower right" if shape.wide else "lower left", bbox_to_anchor=(1.0 if shape.wide else 0.0, 0.985),
            ncols=len(handles), frameon=False, borderaxespad=0.1, handlelength=1.4, columnspacing=1.2,
            fontsize=8.5, borderpad=0.2,
        )  # fmt: skip
