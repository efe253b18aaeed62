"""What a plan says in sentences. Pure."""

from __future__ import annotations

from collections.abc import Callable

from harness.core import figures as text
from harness.planner.plan import EvaluatedSettings, Interval, Plan, SimulatedFigures
from harness.planner.settings_rows import differences, in_short, in_words


def recommendation(plan: Plan) -> list[str]:
    """The paragraph at the top, sentence by sentence."""
    chosen = plan.recommended
    if chosen is None:
        return _nothing_serves(plan)
    sentences = [
        f"Run {in_words(chosen.settings)}.",
        _what_it_gives(plan, chosen.figures),
        _margin(plan, chosen.figures),
    ]
    if plan.breaks is not None:
        sentences.append(what_breaks(plan))
    if plan.runner_up is not None:
        sentences.append(_runner_up(chosen, plan.runner_up))
    return sentences


def headline(plan: Plan) -> str:
    """The plan as one line of a terminal."""
    if plan.recommended is None:
        return f"No setting serves this traffic: {plan.first_limit or 'the report says what was tried'}"
    figures = plan.recommended.figures
    return (
        f"{in_short(plan.recommended.settings)} | {text.dollars(figures.cost.month)} a month, "
        f"p99 {text.seconds(figures.p99.value)}, errors {text.percent(figures.errors.value)}"
    )


def what_breaks(plan: Plan) -> str:
    """How much more traffic the recommended setting bears, and what gives way then."""
    if plan.breaks is None:
        return ""
    if plan.breaks.multiple is None:
        return f"It still meets the objective at {plan.breaks.tried:g} times the traffic, the most that was tried."
    times = text.number(plan.breaks.multiple)
    return f"At {times} times the traffic it misses the objective: {_clause(plan.breaks.limit)}."


def interval(found: Interval, shown: Callable[[float], str]) -> str:
    """``398 ms–426 ms``; empty where there is none. A unit that both ends share is said once."""
    if found.low is None or found.high is None:
        return ""
    low, high = shown(found.low), shown(found.high)
    unit = text.NARROW + high.rpartition(text.NARROW)[2]
    return f"{low.removesuffix(unit) if text.NARROW in high else low}–{high}"


def warnings(plan: Plan) -> list[str]:
    """What a reader must know before any figure: the plan's own, and what its figures give away."""
    found = list(plan.warnings)
    if plan.recommended is not None and plan.recommended.figures.beyond_saturation > 0:
        found.append(
            "In the recommended setting an instance is offered more than the profile's measured saturation rate for "
            f"{text.length_of_time(plan.recommended.figures.beyond_saturation)}: there the figures are extrapolated."
        )
    if plan.confirmation is not None and not plan.confirmation.valid:
        found.append("The live run that was to confirm the plan is invalid: its load generator was the bottleneck.")
    return found


def _clause(words: str) -> str:
    return words.strip().rstrip(".")


def objective(plan: Plan) -> str:
    return (
        f"99{text.NARROW}% of the requests within {text.length_of_time(plan.objective.p99)} and at most "
        f"{text.percent(plan.objective.errors)} errors"
    )


def _nothing_serves(plan: Plan) -> list[str]:
    tried = f"None of the {text.count(plan.explored)} settings that were tried" if plan.explored else "No setting"
    out = [f"{tried} serves this traffic within the objective ({objective(plan)})."]
    if plan.first_limit:
        out.append(f"The first limit that breaks: {_clause(plan.first_limit)}.")
    return out


def _what_it_gives(plan: Plan, figures: SimulatedFigures) -> str:
    found = interval(figures.p99, text.seconds)
    return (
        f"On this traffic it answers 99{text.NARROW}% of the requests within {text.seconds(figures.p99.value)} "
        + (f"(95{text.NARROW}% interval {found}) " if found else "")
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
    return f"{meets}, with {text.percent(1 - worst / plan.objective.p99)} of the time to spare."


def _runner_up(chosen: EvaluatedSettings, other: EvaluatedSettings) -> str:
    more = other.figures.cost.month - chosen.figures.cost.month
    share = abs(more) / chosen.figures.cost.month if chosen.figures.cost.month else None
    side = "more" if more >= 0 else "less"
    costs = "costs the same" if share is not None and share < 0.0005 else f"costs {text.percent(share)} {side}"
    changed = differences(chosen.settings, other.settings)
    named = f"({', '.join(changed)}) " if 0 < len(changed) <= 4 else ""
    return f"The runner-up {named}{costs} for a p99 of {text.seconds(other.figures.p99.value)}."
