"""The list of a plan's plots.

A new plot is a function from a Plan to a Plot, or to None where there is nothing to draw, and an entry of PLOTS.
"""

from __future__ import annotations

from harness.core import figures as text
from harness.planner.plan import Plan
from harness.report.drawing import PlotEntry
from harness.report.plan import choice_plots, time_plots
from harness.report.plan.tables import shown_candidates


def _day_caption(plan: Plan) -> str:
    runs = text.count(plan.recommended.figures.replications) if plan.recommended else "several"
    return (
        "Values are the means of each slice of time; desired instances, p99 and alarms are the maxima. "
        f"The plot shows one of {runs} simulated runs."
    )


def _front_caption(plan: Plan) -> str:
    caption = (
        "Each dot is a setting, hollow where it misses the objective. Of the settings on the line, none is both "
        f"cheaper and faster than another. Vertical strokes are the 95{text.NARROW}% intervals of p99."
    )
    unanswered = [candidate.label for candidate in shown_candidates(plan) if candidate.figures.p99.value is None]
    if not unanswered:
        return caption
    return f"{caption} Not drawn, because none of their requests was answered: {', '.join(unanswered)}."


PLOTS: tuple[PlotEntry[Plan], ...] = (
    PlotEntry("traffic", "The recommended setting under this traffic", _day_caption, time_plots.over_the_day),
    PlotEntry(
        "traffic",
        "Lambda concurrency against its limits",
        "Concurrent executions of the function: the mean and the maximum of each slice of time. "
        "↑ marks a limit that is above the scale.",
        time_plots.lambda_concurrency,
    ),
    PlotEntry("front", "Pareto front", _front_caption, choice_plots.front),
    PlotEntry(
        "candidates",
        "Instances of each setting",
        "Blue: instances in service; orange: desired instances; dashed: the maximum.",
        time_plots.fleets,
    ),
    PlotEntry(
        "latency",
        "Distribution",
        "The time within which a share of the answers came. Each step to the right leaves out nine tenths of the "
        "answers that the step before left, so that the slowest ones can be seen.",
        choice_plots.spectrum,
    ),
    PlotEntry(
        "sensitivity",
        "What each setting changes",
        "Each dot is a value that was tried, hollow where the objective is missed. "
        "Blue: the recommended setting; dashed: the objective.",
        choice_plots.sensitivity,
    ),
)
"""The plots in the page's order."""
