"""The search, from a problem to its result: the order in which the steps are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from harness.core.prices import Prices
from harness.load.traffic import Traffic
from harness.planner.plan import BreakingPoint, Distribution, EvaluatedSettings, MinuteSeries, Objective, Sensitivity
from harness.planner.search import timeline, windows
from harness.planner.search.breaking import what_breaks
from harness.planner.search.candidates import Candidate, VariantProblem, settings_of
from harness.planner.search.demand import demand
from harness.planner.search.engine import Engine
from harness.planner.search.evaluator import FINAL, SCREENING, WHOLE, Evaluator, Progress, Trial
from harness.planner.search.front import Ranked, front
from harness.planner.search.limits import broken, fast_enough, hopeless
from harness.planner.search.policy_kinds import candidate_of
from harness.planner.search.racing import cheapest, race
from harness.planner.search.replication import Context, Simulate
from harness.planner.search.screening import entrants, ranked, screen, with_margin
from harness.planner.search.sensitivity import sensitivity
from harness.planner.search.space import SearchSpace, thumb
from harness.planner.settings_rows import in_short
from harness.simulator.settings import Settings, VariantSettings
from harness.simulator.system import System

RECOMMENDED, RUNNER_UP, OWN, THUMB = "recommended", "runner-up", "as the stack file says", "AWS's rule of thumb"
"""The labels of settings in a plan."""
Engines = Callable[[Context], AbstractContextManager[Engine]]


@dataclass(frozen=True)
class Problem:
    """What is to be planned.

    base: the stack's own settings, in which the search varies the variant of that name and the function's concurrency.
    compared: further settings, by label, to run beside the others. max_instances: the most that the variant may have.
    candidates: how many of them are screened. replications: runs of all settings whose figures are printed.
    """

    base: Settings
    variant: str
    system: System
    traffic: Traffic
    objective: Objective
    prices: Prices
    seed: int = 0
    max_instances: int = 50
    candidates: int = 500
    replications: int = 5
    compared: tuple[tuple[str, Settings], ...] = ()

    @property
    def own_type(self) -> str:
        """The instance type that the planned variant has in the stack's own settings."""
        return self._own_variant.instance_type

    @property
    def of_variant(self) -> VariantProblem:
        """The problem as candidates need it."""
        share = self.base.traffic_share(self._own_variant)
        own_demand = demand(self.traffic).share(share)
        return VariantProblem(self.base, self.variant, self.system, own_demand, self.traffic.clock)

    @property
    def _own_variant(self) -> VariantSettings:
        return next(variant for variant in self.base.variants if variant.name == self.variant)


@dataclass(frozen=True)
class SearchResult:
    """What a search found, field by field as in plan.Plan.

    sampled: how many windows the figures are of, where those are a sample of the traffic; None where it was run whole.
    """

    recommended: EvaluatedSettings | None
    runner_up: EvaluatedSettings | None
    compared: tuple[EvaluatedSettings, ...]
    front: tuple[EvaluatedSettings, ...]
    explored: int
    first_limit: str | None
    breaks: BreakingPoint | None
    sensitivity: tuple[Sensitivity, ...]
    minutes: tuple[MinuteSeries, ...]
    distributions: tuple[Distribution, ...]
    sampled: int | None = None


def context(problem: Problem, simulate: Simulate) -> Context:
    """What every worker holds."""
    return Context(
        {
            SCREENING: windows.screened(problem.traffic, problem.seed),
            FINAL: windows.final(problem.traffic, problem.seed),
            WHOLE: windows.whole(problem.traffic),
        },
        simulate,
    )


def find(problem: Problem, simulate: Simulate, engines: Engines, progress: Progress) -> SearchResult:
    """Searches. The result depends on the problem and its seed alone, not on the engine that computes it."""
    shared = context(problem, simulate)
    with engines(shared) as engine:
        evaluator = Evaluator(engine, problem.system, problem.prices, problem.objective, problem.seed, progress)
        return _Search(problem, evaluator, len(shared.windows[FINAL])).run()


class _Search:
    def __init__(self, problem: Problem, evaluator: Evaluator, final_windows: int) -> None:
        self._problem = problem
        self._evaluator = evaluator
        self._variant_problem = problem.of_variant
        self._sampled = final_windows if final_windows > 1 else None

    def run(self) -> SearchResult:
        problem, evaluator, objective = self._problem, self._evaluator, self._problem.objective
        limit = hopeless(self._variant_problem, objective, problem.max_instances)
        if limit is not None:
            return self._result([], [], 0, limit)
        types = tuple(fast_enough(self._variant_problem, objective))
        space = SearchSpace(self._variant_problem, objective, types, problem.max_instances)
        screened = screen(evaluator, space, problem.candidates, self._first(space))
        raced = entrants(evaluator, screened)
        race(evaluator, raced, problem.replications)
        if cheapest(evaluator, raced) is None and (more := with_margin(evaluator, screened, raced)):
            race(evaluator, more, problem.replications)
            raced = [*raced, *more]
        best = cheapest(evaluator, raced)
        if best is None:
            nearest = ranked(evaluator, raced)[0][0]
            words = in_short(nearest.settings)
            why = broken(nearest.settings, problem.variant, nearest.runs, objective)
            return self._result(
                raced, [], len(screened), f"None of {len(screened)} settings meets it; of the nearest ({words}) {why}."
            )
        second = self._runner_up(raced, best)
        return self._result(raced, [best, *([second] if second else [])], len(screened), None, space)

    def _first(self, space: SearchSpace) -> list[Candidate]:
        """The candidates to screen in any case: the stack's own, if it is one, and the rule of thumb of each type."""
        own = candidate_of(self._variant_problem, self._problem.base)
        by_thumb = [thumb(space, instance_type) for instance_type in space.types]
        return by_thumb if own is None else [own, *by_thumb]

    def _runner_up(self, raced: Sequence[Trial], best: Trial) -> Trial | None:
        """The cheapest of another policy kind or instance type that meets the objective; else the next cheapest."""
        others = [trial for trial in raced if trial.settings != best.settings]
        unlike = [trial for trial in others if _group(trial) != _group(best)]
        return cheapest(self._evaluator, unlike) or cheapest(self._evaluator, others)

    def _result(
        self,
        raced: Sequence[Trial],
        chosen: Sequence[Trial],
        explored: int,
        limit: str | None,
        space: SearchSpace | None = None,
    ) -> SearchResult:
        """Runs what else a plan shows, and puts it all together."""
        problem, evaluator = self._problem, self._evaluator
        labelled = list(zip((RECOMMENDED, RUNNER_UP), chosen, strict=False))
        compared = [(label, Trial(settings)) for label, settings in self._compared()]
        evaluator.run("Running what it is compared with", [trial for _, trial in compared], problem.replications)
        along: list[Ranked] = front([(trial, evaluator.figures(trial)) for trial in raced], problem.objective.errors)
        best = chosen[0] if chosen else None
        breaks, sensitive = None, list[Sensitivity]()
        if best is not None and space is not None and best.candidate is not None:
            breaks = what_breaks(evaluator, best.settings, problem.variant)
            sensitive = sensitivity(evaluator, space, best.candidate, problem.replications)
        shown = [*labelled, *compared]
        timed = [Trial(trial.settings) for _, trial in shown]
        evaluator.run("Drawing their minutes", timed, 1, traffic=WHOLE, keep=True)
        outcomes = [(label, trial.runs[0].kept) for (label, _), trial in zip(shown, timed, strict=True)]
        distributions = [timeline.distribution(label, trial.runs) for label, trial in shown]
        return SearchResult(
            recommended=evaluator.evaluated(RECOMMENDED, chosen[0]) if chosen else None,
            runner_up=evaluator.evaluated(RUNNER_UP, chosen[1]) if len(chosen) > 1 else None,
            compared=tuple(evaluator.evaluated(label, trial) for label, trial in compared),
            front=tuple(evaluator.evaluated(f"front {n}", trial) for n, (trial, _) in enumerate(along, start=1)),
            explored=explored,
            first_limit=limit,
            breaks=breaks,
            sensitivity=tuple(sensitive),
            minutes=tuple(timeline.minutes(label, outcome) for label, outcome in outcomes if outcome is not None),
            distributions=tuple(distribution for distribution in distributions if distribution is not None),
            sampled=self._sampled,
        )

    def _compared(self) -> list[tuple[str, Settings]]:
        """The stack's own settings, AWS's rule of thumb for its instance type, and the settings that were asked for."""
        problem = self._problem
        own_type = problem.own_type
        space = SearchSpace(self._variant_problem, problem.objective, (own_type,), problem.max_instances)
        by_thumb = settings_of(self._variant_problem, thumb(space, own_type))
        return [(OWN, problem.base), (THUMB, by_thumb), *problem.compared]


def _group(trial: Trial) -> tuple[str, str] | None:
    return (trial.candidate.policy.name, trial.candidate.instance_type) if trial.candidate else None
