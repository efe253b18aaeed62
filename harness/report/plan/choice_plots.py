"""Plots of a plan that compare settings: cost against latency, the distribution of latencies, sensitivity."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from harness.core import figures as text
from harness.core.statistics import Floats
from harness.planner.plan import Distribution, EvaluatedSettings, Plan, SimulatedFigures
from harness.report.drawing import (
    FAILURE,
    INK,
    LINE,
    MUTED,
    PAGE,
    SERIES,
    Plot,
    Shape,
    drawn,
    drawn_figure,
    latency_axis,
)
from harness.report.plan.labels import place_labels, spread
from harness.report.plan.tables import by_setting, setting_name, shown_candidates

_BLUE, _ORANGE, _GREEN, _ = SERIES
_DASHES = (0, (4, 2))
_LOG_FROM = 5  # the ratio of the highest to the lowest cost above which an axis of cost is logarithmic


def front(plan: Plan) -> Plot | None:
    """Cost a month against p99: the Pareto front, and with their names the settings that the report compares."""
    named = [candidate for candidate in shown_candidates(plan) if candidate.figures.p99.value is not None]
    unnamed = [candidate for candidate in plan.front if candidate.figures.p99.value is not None]
    if not named and not unnamed:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        drawn_candidates = [*unnamed, *named]
        costs = np.array([candidate.figures.cost.month for candidate in drawn_candidates])
        times = np.array([_p99(candidate) for candidate in drawn_candidates])
        cost_axis(axes, costs)
        latency_axis(axes, "y", np.append(times, plan.objective.p99))
        _margins(axes, costs, np.append(times, plan.objective.p99))
        axes.axhline(plan.objective.p99, color=FAILURE, linewidth=0.9, linestyle=_DASHES)
        ordered = sorted(unnamed, key=lambda candidate: candidate.figures.cost.month)
        axes.step(
            [candidate.figures.cost.month for candidate in ordered], [_p99(candidate) for candidate in ordered],
            where="post", color=LINE, linewidth=1.4, zorder=1,
        )  # fmt: skip
        for candidate in unnamed:
            _dot(axes, candidate, MUTED, 3.2)
        for candidate in named:
            size = 7.5 if candidate is plan.recommended else 5.5
            _dot(axes, candidate, _color_of(plan, candidate.label), size, interval=True)
        axes.set_xlabel("cost a month")
        axes.set_ylabel("p99")
        place_labels(
            axes,
            [(candidate.label, candidate.figures.cost.month, _p99(candidate)) for candidate in named],
            [_color_of(plan, candidate.label) for candidate in named],
            [candidate is plan.recommended for candidate in named],
            obstacles=[(candidate.figures.cost.month, _p99(candidate)) for candidate in unnamed],
        )
        axes.annotate(
            f"objective {text.length_of_time(plan.objective.p99)}", (1, plan.objective.p99),
            xycoords=axes.get_yaxis_transform(), xytext=(0, 3), textcoords="offset points", ha="right", va="bottom",
            color=FAILURE, fontsize=8.5,
        )  # fmt: skip

    return drawn_figure("front", lambda figure, shape: draw(figure.add_subplot(), shape), (4.0, 3.8))


def spectrum(plan: Plan) -> Plot | None:
    """Latency by percentile. Each further nine (90 %, 99 %, 99.9 %) takes the same width, which shows the tail."""
    labels = [candidate.label for candidate in shown_candidates(plan)]
    distributions = [curve for curve in plan.distributions if curve.label in labels] or list(plan.distributions)
    if not distributions:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        curves = [(curve.label, *_below_one(curve)) for curve in distributions]
        deepest = max(
            1.0, *(float(_nines(probabilities).max()) for _, probabilities, _ in curves if len(probabilities))
        )
        ends: list[tuple[str, float, str]] = []
        times: list[float] = [plan.objective.p99]
        for label, probabilities, seconds in curves:
            recommended = plan.recommended is not None and label == plan.recommended.label
            color = _color_of(plan, label)
            width, order = (2.0, 3) if recommended else (1.1, 2)
            axes.plot(_nines(probabilities), seconds, color=color, linewidth=width, zorder=order)
            times += [float(second) for second in seconds if second > 0]
            if len(seconds):
                ends.append((label, float(seconds[-1]), color))
        axes.set_xlim(0, deepest)
        ticks = [(0.0, f"0{text.NARROW}%")] if shape.wide else []
        if shape.wide or deepest < 3:
            ticks.append((-math.log10(0.5), f"50{text.NARROW}%"))
        ticks += [(float(nines), _nines_label(nines)) for nines in range(1, math.floor(deepest + 1e-9) + 1)]
        axes.xaxis.set_major_locator(FixedLocator([place for place, _ in ticks]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda _, index: ticks[index or 0][1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.tick_params(axis="x", labelsize=9.5 if shape.wide else 8)
        latency_axis(axes, "y", np.array(times))
        if axes.get_yscale() == "linear":
            axes.set_ylim(0, max(times) * 1.05)
        axes.axhline(plan.objective.p99, color=FAILURE, linewidth=0.9, linestyle=_DASHES)
        axes.axvline(2, color=FAILURE, linewidth=0.9, linestyle=_DASHES)
        axes.plot([2], [plan.objective.p99], marker="o", markersize=4, color=FAILURE)
        axes.annotate(
            f"objective: 99{text.NARROW}% within {text.length_of_time(plan.objective.p99)}", (0, plan.objective.p99),
            xytext=(3, 3), textcoords="offset points", ha="left", va="bottom", color=FAILURE, fontsize=8.5,
        )  # fmt: skip
        axes.set_xlabel("share of the answers")
        axes.set_ylabel("answered within")
        _end_labels(axes, ends)

    return drawn("spectrum", draw)


def sensitivity(plan: Plan) -> Plot | None:
    """How far cost and p99 move when one setting is changed, the setting that moves them most first."""
    if plan.recommended is None or not plan.sensitivity:
        return None
    base = plan.recommended.figures
    names = list(dict.fromkeys(change.setting for change in by_setting(plan.sensitivity)))
    rows = {name: [change for change in plan.sensitivity if change.setting == name] for name in names}
    names.sort(key=lambda name: -_reach(base, [change.figures for change in rows[name]]))

    def draw(figure: Figure, shape: Shape) -> None:
        grid = figure.add_gridspec(1, 2, wspace=0.05) if shape.wide else figure.add_gridspec(2, 1)
        for index, (title, limit) in enumerate((("cost a month", None), ("p99", plan.objective.p99))):
            axes = figure.add_subplot(grid[index])
            value = _cost_of if index == 0 else _p99_of
            values = [value(change.figures) for change in plan.sensitivity] + [value(base)]
            inside = np.array([number for number in values if number is not None])
            if (recommended := value(base)) is not None:
                axes.axvline(recommended, color=_BLUE, linewidth=1.2, zorder=1)
            if limit is not None:
                axes.axvline(limit, color=FAILURE, linewidth=0.9, linestyle=_DASHES, zorder=1)
                inside = np.append(inside, limit)
            if index == 0:
                cost_axis(axes, inside, 5 if shape.wide else 3)
            else:
                latency_axis(axes, "x", inside)
                if not shape.wide and axes.get_xscale() == "linear":
                    axes.xaxis.set_major_locator(MaxNLocator(3))
            _padded(axes, inside)
            axes.set_ylim(len(names) - 0.4, -0.6)
            labelled = index == 0 or not shape.wide
            axes.set_yticks(range(len(names)), [setting_name(name) if labelled else "" for name in names])
            axes.tick_params(axis="y", labelcolor=INK)
            axes.grid(False)
            axes.grid(True, axis="x")
            axes.set_title(title, loc="left", fontsize=9.5, color=INK)
        figure.draw_without_rendering()  # sets the layout, which the labels below need
        for axes, value in zip(figure.axes, (_cost_of, _p99_of), strict=True):
            for row, name in enumerate(names):
                _setting_line(axes, row, [(change.value, change.figures) for change in rows[name]], value)

    rows_height = 0.42 * len(names)
    return drawn_figure("sensitivity", draw, (0.9 + rows_height, 1.6 + 2 * rows_height))


def cost_axis(axes: Axes, costs: Floats, ticks: int = 5) -> None:
    """Scale and label an x axis of dollars: logarithmic where they span more than a factor of five."""
    positive = costs[costs > 0]
    if len(positive) and positive.max() > _LOG_FROM * positive.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:,.6g}"))


def _p99(candidate: EvaluatedSettings) -> float:
    p99 = candidate.figures.p99.value
    return math.nan if p99 is None else p99


def _dot(axes: Axes, candidate: EvaluatedSettings, color: str, size: float, interval: bool = False) -> None:
    """A dot, filled where the objective is met, else hollow. interval: whether p99 gets a stroke for its interval."""
    p99, cost = candidate.figures.p99, candidate.figures.cost.month
    if interval and p99.low is not None and p99.high is not None:
        axes.plot([cost, cost], [p99.low, p99.high], color=color, linewidth=1.0, alpha=0.6, zorder=2)
    axes.plot(
        [cost], [_p99(candidate)], marker="o", markersize=size, color=color, zorder=3,
        markerfacecolor=color if candidate.figures.meets else PAGE, markeredgecolor=color, markeredgewidth=1.2,
    )  # fmt: skip


def _margins(axes: Axes, costs: Floats, times: Floats) -> None:
    """Leave room around the points for their labels."""
    _padded(axes, costs, 0.12)
    low, high = float(times.min()), float(times.max())
    if axes.get_yscale() == "log":
        axes.set_ylim(low / 1.35, high * 1.35)
    else:
        axes.set_ylim(0, high * 1.18)


def _padded(axes: Axes, values: Floats, share: float = 0.06) -> None:
    low, high = float(values.min()), float(values.max())
    if axes.get_xscale() == "log":
        grown = (high / low) ** share if high > low else 1.2
        axes.set_xlim(low / grown, high * grown)
    else:
        room = (high - low) * share or abs(high) * share or 1.0
        axes.set_xlim(low - room, high + room)


def _color_of(plan: Plan, label: str) -> str:
    if plan.recommended is not None and label == plan.recommended.label:
        return _BLUE
    return _GREEN if plan.runner_up is not None and label == plan.runner_up.label else _ORANGE


def _below_one(curve: Distribution) -> tuple[Floats, Floats]:
    """The probabilities below 1 and their seconds; a probability of 1 would be infinitely many nines."""
    probabilities, seconds = np.array(curve.probabilities), np.array(curve.seconds)
    kept = probabilities < 1
    return probabilities[kept], seconds[kept]


def _nines(probabilities: Floats) -> Floats:
    return -np.log10(1 - probabilities)


def _nines_label(nines: int) -> str:
    """``90 %``, ``99 %``, ``99.9 %``."""
    return f"{100 - 10.0 ** (2 - nines):.{max(0, nines - 2)}f}{text.NARROW}%"


def _end_labels(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write each line's name at its right end."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]  # sets the scale
    places = [float(axes.transAxes.inverted().transform(axes.transData.transform((0, end)))[1]) for _, end, _ in ends]
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    for (label, _, color), place in zip(ends, spread(places, 11.5 / height, 0.0, 1.0), strict=True):
        axes.annotate(
            label, (1, place), xycoords="axes fraction", xytext=(5, 0), textcoords="offset points", va="center",
            color=color, fontsize=9, annotation_clip=False,
        )  # fmt: skip


def _cost_of(figures: SimulatedFigures) -> float | None:
    return figures.cost.month


def _p99_of(figures: SimulatedFigures) -> float | None:
    return figures.p99.value


def _reach(base: SimulatedFigures, changed: Sequence[SimulatedFigures]) -> float:
    """How far cost or p99 moves from the recommended setting: the largest logarithm of a factor."""
    distances = [0.0]
    for figures in changed:
        for value in (_cost_of, _p99_of):
            moved, recommended = value(figures), value(base)
            if moved and recommended:
                distances.append(abs(math.log(moved / recommended)))
            elif recommended:
                distances.append(math.inf)
    return max(distances)


def _setting_line(
    axes: Axes, row: int, values: Sequence[tuple[str, SimulatedFigures]], of: Callable[[SimulatedFigures], float | None]
) -> None:
    """Draw one setting: a dot for each value, hollow where the objective is missed, named where there is room."""
    dots = sorted((x, name, figures.meets) for name, figures in values if (x := of(figures)) is not None)
    if not dots:
        return
    axes.plot([dots[0][0], dots[-1][0]], [row, row], color=LINE, linewidth=1.4, zorder=1)
    for x, _, meets in dots:
        axes.plot(
            [x], [row], marker="o", markersize=5, color=_ORANGE, markerfacecolor=_ORANGE if meets else PAGE,
            markeredgecolor=_ORANGE, markeredgewidth=1.2, zorder=3,
        )  # fmt: skip
    taken_until = -math.inf
    for x, name, _ in dots:
        middle = float(axes.transData.transform((x, row))[0]) / axes.figure.dpi * 72
        half_width = len(name) * 8 * 0.58 / 2
        if middle - half_width < taken_until:
            continue
        taken_until = middle + half_width + 2
        axes.annotate(
            name, (x, row), xytext=(0, 5), textcoords="offset points", ha="center", va="bottom", fontsize=8,
            color=MUTED, annotation_clip=False,
        )  # fmt: skip
