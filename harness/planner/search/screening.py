"""Screening: many choices under few windows of the traffic, half of them spread over the space, the others beside the
best of those before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from harness.planner.plan import SimulatedFigures
from harness.planner.search.candidates import Candidate, settings_of
from harness.planner.search.estimates import shortfall
from harness.planner.search.evaluator import SCREENING, Evaluator, Trial
from harness.planner.search.front import front
from harness.planner.search.space import SearchSpace, neighbours, spread

_SPREAD = 0.6  # of the candidates; the others are looked for beside the best
_ROUNDS = 4
_LEADERS = 6
# Of those that go on to the race: the best, the best of each kind and instance type, and of the front.
_BEST, _KINDS, _FRONT = 4, 4, 6

Ranked = tuple[Trial, SimulatedFigures]


def screen(evaluator: Evaluator, space: SearchSpace, count: int, first: Sequence[Candidate]) -> list[Ranked]:
    """As many candidates as asked for, or as there are, the best first. first: choices that are looked at anyway."""
    seen: dict[Candidate, Trial] = {}
    _try(evaluator, space, seen, itertools.chain(first, spread(space, evaluator.seed)), max(1, round(count * _SPREAD)))
    for number in range(_ROUNDS):
        left = count - len(seen)
        if left <= 0:
            break
        leaders = [trial for trial, _ in ranked(evaluator, list(seen.values()))[:_LEADERS]]
        beside = _alternating([_neighbours(space, trial) for trial in leaders])
        if not _try(evaluator, space, seen, beside, -(-left // (_ROUNDS - number))):
            break
    return ranked(evaluator, list(seen.values()))


def _try(
    evaluator: Evaluator, space: SearchSpace, seen: dict[Candidate, Trial], choices: Iterator[Candidate], most: int
) -> int:
    """Runs so many of the choices that are new, and says how many it was."""
    new: dict[Candidate, Trial] = {}
    for candidate in choices:
        if len(new) == most:
            break
        if candidate not in seen and candidate not in new:
            new[candidate] = Trial(settings_of(space.problem, candidate), candidate)
    if new:
        evaluator.run("Screening settings", list(new.values()), 1, traffic=SCREENING)
    seen.update(new)
    return len(new)


def _neighbours(space: SearchSpace, trial: Trial) -> list[Candidate]:
    assert trial.candidate is not None, "what is screened is a choice"
    return [candidate for _, _, candidate in neighbours(space, trial.candidate)]


def _alternating(lists: list[list[Candidate]]) -> Iterator[Candidate]:
    for row in itertools.zip_longest(*lists):
        yield from (candidate for candidate in row if candidate is not None)


def ranked(evaluator: Evaluator, trials: list[Trial]) -> list[Ranked]:
    """Those that meet the objective by their means before the others, the cheapest first; the others by how far they
    miss it."""

    def key(one: Ranked) -> tuple[float, float, float]:
        trial, figures = one
        p99 = figures.p99.value
        return shortfall(trial.runs, evaluator.objective), figures.cost.hour, p99 if p99 is not None else float("inf")

    return sorted(((trial, evaluator.figures(trial)) for trial in trials), key=key)


def entrants(evaluator: Evaluator, screened: Sequence[Ranked]) -> list[Trial]:
    """Those that go on to the race, the best first: not only the best, for few windows are not the whole traffic."""
    chosen = list(screened[:_BEST])
    groups = {_group(trial) for trial, _ in chosen}
    others = _BEST
    for one in screened[_BEST:]:
        if others < _BEST + _KINDS and _group(one[0]) not in groups:
            groups.add(_group(one[0]))
            chosen.append(one)
            others += 1
    along = front(screened, evaluator.objective.errors)
    # Evenly along the front, its ends among them.
    step = max(1, (len(along) - 1) / max(1, _FRONT - 1))
    chosen += [along[round(index * step)] for index in range(min(_FRONT, len(along)))]
    unique = {id(trial): trial for trial, _ in chosen}
    return [Trial(trial.settings, trial.candidate) for trial in unique.values()]


def with_margin(evaluator: Evaluator, screened: Sequence[Ranked], raced: Sequence[Trial]) -> list[Trial]:
    """A second heat, where none of the first held: the cheapest that screening saw well within the objective."""
    before = {trial.candidate for trial in raced}
    safe = [
        trial
        for trial, figures in screened
        if trial.candidate not in before
        and (figures.p99.value or 0) <= 0.7 * evaluator.objective.p99
        and (figures.errors.value or 0) <= 0.5 * evaluator.objective.errors
        and shortfall(trial.runs, evaluator.objective) == 0
    ]
    return [Trial(trial.settings, trial.candidate) for trial in safe[: _BEST + _KINDS]]


def _group(trial: Trial) -> tuple[str, str]:
    assert trial.candidate is not None, "what is screened is a choice"
    return trial.candidate.kind, trial.candidate.instance_type
