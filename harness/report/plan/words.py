"""The sentences of a plan's report."""

from __future__ import annotations

from collections.abc import Callable

from harness.core import figures as text
from harness.planner.plan import EvaluatedSettings, Interval, Plan, SimulatedFigures
from harness.planner.settings_rows import differences, in_short, in_words


def recommendation(plan: Plan) -> list[str]:
    """The paragraph at the top of the page, sentence by sentence."""
    recommended = plan.recommended
    if recommended is None:
        return _nothing_serves(plan)
    sentences = [
        f"Run {in_words(recommended.settings)}.",
        _what_it_gives(recommended.figures),
        _margin(plan, recommended.figures),
    ]
    if plan.breaks is not None:
        sentences.append(what_breaks(plan))
    if plan.runner_up is not None:
        sentences.append(_runner_up(recommended, plan.runner_up))
    return sentences


def headline(plan: Plan) -> str:
    """The plan in one line."""
    if plan.recommended is None:
        return f"No setting serves this traffic: {plan.first_limit or 'the report shows what was tried'}"
    figures = plan.recommended.figures
    return (
        f"{in_short(plan.recommended.settings)} | {text.dollars(figures.cost.month)} a month, "
        f"p99 {text.seconds(figures.p99.value)}, errors {text.percent(figures.errors.value)}"
    )


def what_breaks(plan: Plan) -> str:
    """How much more traffic the recommended setting can serve, and what breaks then."""
    if plan.breaks is None:
        return ""
    if plan.breaks.multiple is None:
        return f"It still meets the objective at {plan.breaks.tried:g} times the traffic, the highest multiple tried."
    times = text.number(plan.breaks.multiple)
    return f"At {times} times the traffic it misses the objective: {_clause(plan.breaks.limit)}."


def interval(figure: Interval, show: Callable[[float], str]) -> str:
    """``398–426 ms``, with a unit that both ends share written once; empty where there is no interval."""
    if figure.low is None or figure.high is None:
        return ""
    low, high = show(figure.low), show(figure.high)
    unit = text.NARROW + high.rpartition(text.NARROW)[2]
    return f"{low.removesuffix(unit) if text.NARROW in high else low}–{high}"


def warnings(plan: Plan) -> list[str]:
    """What a reader must know before any figure: one sentence each."""
    sentences = list(plan.warnings)
    if plan.recommended is not None and plan.recommended.figures.beyond_saturation > 0:
        sentences.append(
            "In the recommended setting, an instance gets more requests than the measured saturation rate of its "
            f"profile for {text.length_of_time(plan.recommended.figures.beyond_saturation)}: the figures of that time "
            "are extrapolated."
        )
    if plan.confirmation is not None and not plan.confirmation.valid:
        sentences.append(f"The live run that should confirm the plan is invalid: {plan.confirmation.fault}.")
    return sentences


def _clause(words: str) -> str:
    return words.strip().rstrip(".")


def objective(plan: Plan) -> str:
    """The objective as a noun phrase."""
    return (
        f"99{text.NARROW}% of the requests within {text.length_of_time(plan.objective.p99)} and at most "
        f"{text.percent(plan.objective.errors)} errors"
    )


def _nothing_serves(plan: Plan) -> list[str]:
    tried = f"None of the {text.count(plan.explored)} settings tried" if plan.explored else "No setting"
    sentences = [f"{tried} serves this traffic within the objective ({objective(plan)})."]
    if plan.first_limit:
        sentences.append(f"The first limit that breaks: {_clause(plan.first_limit)}.")
    return sentences


def _what_it_gives(figures: SimulatedFigures) -> str:
    p99_interval = interval(figures.p99, text.seconds)
    return (
        f"On this traffic it answers 99{text.NARROW}% of the requests within {text.seconds(figures.p99.value)} "
        + (f"(95{text.NARROW}% interval {p99_interval}) " if p99_interval else "")
        + f"with {text.percent(figures.errors.value)} errors, for {text.dollars(figures.cost.day)} a day or "
        f"{text.dollars(figures.cost.month)} a month."
    )


def _margin(plan: Plan, figures: SimulatedFigures) -> str:
    if not figures.meets:
        return f"It misses the objective ({objective(plan)})."
    worst = figures.p99.high if figures.p99.high is not None else figures.p99.value
    meets = f"It meets the objective ({objective(plan)})"
    if worst is None:
        return f"{meets}."
    return f"{meets}, with a p99 at least {text.percent(1 - worst / plan.objective.p99)} below the limit."


def _runner_up(recommended: EvaluatedSettings, runner_up: EvaluatedSettings) -> str:
    month = recommended.figures.cost.month
    more = runner_up.figures.cost.month - month
    share = abs(more) / month if month else None
    side = "more" if more >= 0 else "less"
    costs = "costs the same" if share is not None and share < 0.0005 else f"costs {text.percent(share)} {side}"
    changes = differences(recommended.settings, runner_up.settings)
    named = f"({', '.join(changes)}) " if 0 < len(changes) <= 4 else ""
    return f"The runner-up {named}{costs} for a p99 of {text.seconds(runner_up.figures.p99.value)}."
