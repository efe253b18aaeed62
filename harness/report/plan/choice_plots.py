"""A plan's plots of the choice: cost against latency, the distribution of latencies, and what each setting does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

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
_LOG_FROM = 5  # of the dearest to the cheapest, from where on an axis of cost is logarithmic


def front(plan: Plan) -> Plot | None:
    """Cost a month against p99: the Pareto front, and by name the settings that the plan speaks of."""
    named = [each for each in shown_candidates(plan) if each.figures.p99.value is not None]
    others = [each for each in plan.front if each.figures.p99.value is not None]
    if not named and not others:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        everyone = [*others, *named]
        costs = np.array([each.figures.cost.month for each in everyone])
        times = np.array([_p99(each) for each in everyone])
        cost_axis(axes, costs)
        latency_axis(axes, "y", np.append(times, plan.objective.p99))
        _margins(axes, costs, np.append(times, plan.objective.p99))
        axes.axhline(plan.objective.p99, color=FAILURE, linewidth=0.9, linestyle=_DASHES)
        ordered = sorted(others, key=lambda each: each.figures.cost.month)
        axes.step(
            [each.figures.cost.month for each in ordered], [_p99(each) for each in ordered],
            where="post", color=LINE, linewidth=1.4, zorder=1,
        )  # fmt: skip
        _dots(axes, others, MUTED, 3.2)
        for each in named:
            _dots(axes, [each], _color_of(plan, each), 7.5 if each is plan.recommended else 5.5, whisker=True)
        axes.set_xlabel("cost a month")
        axes.set_ylabel("p99")
        place_labels(
            axes,
            [(each.label, each.figures.cost.month, _p99(each)) for each in named],
            [_color_of(plan, each) for each in named],
            [each is plan.recommended for each in named],
            obstacles=[(each.figures.cost.month, _p99(each)) for each in others],
        )
        axes.annotate(
            f"objective {text.length_of_time(plan.objective.p99)}", (1, plan.objective.p99),
            xycoords=axes.get_yaxis_transform(), xytext=(0, 3), textcoords="offset points", ha="right", va="bottom",
            color=FAILURE, fontsize=8.5,
        )  # fmt: skip

    return drawn_figure("front", lambda figure, shape: draw(figure.add_subplot(), shape), (4.0, 3.8))


def spectrum(plan: Plan) -> Plot | None:
    """Latency by percentile, the tail drawn out: each nine is as wide as the one before."""
    labels = [each.label for each in shown_candidates(plan)]
    kept = [each for each in plan.distributions if each.label in labels] or list(plan.distributions)
    if not kept:
        return None

    def draw(axes: Axes, shape: Shape) -> None:
        deepest = max(1.0, *(float(_nines(_inside(each)[0]).max()) for each in kept if len(_inside(each)[0])))
        ends: list[tuple[str, float, str]] = []
        seen: list[float] = [plan.objective.p99]
        for each in kept:
            chosen = plan.recommended is not None and each.label == plan.recommended.label
            color = _color_of_label(plan, each.label)
            probabilities, seconds = _inside(each)
            axes.plot(
                _nines(probabilities), seconds, color=color, linewidth=2.0 if chosen else 1.1, zorder=3 if chosen else 2
            )
            seen += [float(second) for second in seconds if second > 0]
            if len(seconds):
                ends.append((each.label, float(seconds[-1]), color))
        axes.set_xlim(0, deepest)
        ticks = [(0.0, f"0{text.NARROW}%")] if shape.wide else []
        if shape.wide or deepest < 3:
            ticks.append((-math.log10(0.5), f"50{text.NARROW}%"))
        ticks += [(float(nines), _nines_label(nines)) for nines in range(1, math.floor(deepest + 1e-9) + 1)]
        axes.xaxis.set_major_locator(FixedLocator([place for place, _ in ticks]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda _, index: ticks[index or 0][1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.tick_params(axis="x", labelsize=9.5 if shape.wide else 8)
        latency_axis(axes, "y", np.array(seen))
        if axes.get_yscale() == "linear":
            axes.set_ylim(0, max(seen) * 1.05)
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
    """How far cost and p99 go when one setting alone is changed, the most telling first."""
    if plan.recommended is None or not plan.sensitivity:
        return None
    base = plan.recommended.figures
    names = list(dict.fromkeys(each.setting for each in by_setting(plan.sensitivity)))
    rows = {name: [each for each in plan.sensitivity if each.setting == name] for name in names}
    names.sort(key=lambda name: -_reach(base, [each.figures for each in rows[name]]))

    def draw(figure: Figure, shape: Shape) -> None:
        grid = figure.add_gridspec(1, 2, wspace=0.05) if shape.wide else figure.add_gridspec(2, 1)
        for index, (title, limit) in enumerate((("cost a month", None), ("p99", plan.objective.p99))):
            axes = figure.add_subplot(grid[index])
            value = _cost_of if index == 0 else _p99_of
            known = [value(each.figures) for each in plan.sensitivity] + [value(base)]
            inside = np.array([each for each in known if each is not None])
            if (middle := value(base)) is not None:
                axes.axvline(middle, color=_BLUE, linewidth=1.2, zorder=1)
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
        figure.draw_without_rendering()  # the layout is known only then
        for axes, value in zip(figure.axes, (_cost_of, _p99_of), strict=True):
            for place, name in enumerate(names):
                _reached(axes, place, [(each.value, each.figures) for each in rows[name]], value)

    rows_height = 0.42 * len(names)
    return drawn_figure("sensitivity", draw, (0.9 + rows_height, 1.6 + 2 * rows_height))


def cost_axis(axes: Axes, costs: Floats, ticks: int = 5) -> None:
    """Dollars along the foot: logarithmic where they span much."""
    positive = costs[costs > 0]
    if len(positive) and positive.max() > _LOG_FROM * positive.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"${value:,.6g}"))


def _p99(each: EvaluatedSettings) -> float:
    return math.nan if each.figures.p99.value is None else each.figures.p99.value


def _dots(axes: Axes, candidates: Iterable[EvaluatedSettings], color: str, size: float, whisker: bool = False) -> None:
    """Filled where the objective is met, else hollow."""
    for each in candidates:
        p99, cost = each.figures.p99, each.figures.cost.month
        if whisker and p99.low is not None and p99.high is not None:
            axes.plot([cost, cost], [p99.low, p99.high], color=color, linewidth=1.0, alpha=0.6, zorder=2)
        axes.plot(
            [cost], [_p99(each)], marker="o", markersize=size, color=color, zorder=3,
            markerfacecolor=color if each.figures.meets else PAGE, markeredgecolor=color, markeredgewidth=1.2,
        )  # fmt: skip


def _margins(axes: Axes, costs: Floats, times: Floats) -> None:
    """Room around the points, for their labels."""
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


def _color_of(plan: Plan, each: EvaluatedSettings) -> str:
    return _color_of_label(plan, each.label)


def _color_of_label(plan: Plan, label: str) -> str:
    if plan.recommended is not None and label == plan.recommended.label:
        return _BLUE
    return _GREEN if plan.runner_up is not None and label == plan.runner_up.label else _ORANGE


def _inside(each: Distribution) -> tuple[Floats, Floats]:
    """Its probabilities below 1, which has no place on an axis of nines, and their seconds."""
    probabilities, seconds = np.array(each.probabilities), np.array(each.seconds)
    kept = probabilities < 1
    return probabilities[kept], seconds[kept]


def _nines(probabilities: Floats) -> Floats:
    return -np.log10(1 - probabilities)


def _nines_label(nines: int) -> str:
    """``90 %``, ``99 %``, ``99.9 %``."""
    return f"{100 - 10.0 ** (2 - nines):.{max(0, nines - 2)}f}{text.NARROW}%"


def _end_labels(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """The lines' names at their ends."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]  # the scale is known only then
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
    """How far cost or p99 goes from the recommended setting's, as a factor's logarithm."""
    far = [0.0]
    for figures in changed:
        for value in (_cost_of, _p99_of):
            one, other = value(figures), value(base)
            far.append(abs(math.log(one / other)) if one and other else math.inf if other else 0.0)
    return max(far)


def _reached(
    axes: Axes,
    place: int,
    values: Sequence[tuple[str, SimulatedFigures]],
    of: Callable[[SimulatedFigures], float | None],
) -> None:
    """One setting's line: a dot for each value, hollow where the objective is missed, named where there is room."""
    found = sorted(((at, name, figures.meets) for name, figures in values if (at := of(figures)) is not None))
    if not found:
        return
    axes.plot([found[0][0], found[-1][0]], [place, place], color=LINE, linewidth=1.4, zorder=1)
    for at, _, meets in found:
        axes.plot(
            [at], [place], marker="o", markersize=5, color=_ORANGE, markerfacecolor=_ORANGE if meets else PAGE,
            markeredgecolor=_ORANGE, markeredgewidth=1.2, zorder=3,
        )  # fmt: skip
    free = -math.inf
    for at, name, _ in found:
        middle = float(axes.transData.transform((at, place))[0]) / axes.figure.dpi * 72
        half = len(name) * 8 * 0.58 / 2
        if middle - half < free:
            continue
        free = middle + half + 2
        axes.annotate(
            name, (at, place), xytext=(0, 5), textcoords="offset points", ha="center", va="bottom", fontsize=8,
            color=MUTED, annotation_clip=False,
        )  # fmt: skip
