"""Screening: many candidates under few windows of the traffic.

A part of the candidates is spread over the space; the others are neighbours of the best ones so far.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from harness.planner.search.candidates import Candidate, settings_of
from harness.planner.search.estimates import shortfall
from harness.planner.search.evaluator import SCREENING, Evaluator, Trial
from harness.planner.search.front import Ranked, front
from harness.planner.search.space import SearchSpace, neighbours, spread

_SPREAD = 0.6  # the part of the candidates that is spread over the space
_ROUNDS = 4
_LEADERS = 6
# How many go on to the race: the best, the best of other kinds and instance types, and some along the front.
_BEST, _KINDS, _FRONT = 4, 4, 6


def screen(evaluator: Evaluator, space: SearchSpace, count: int, first: Sequence[Candidate]) -> list[Ranked]:
    """Runs ``count`` candidates, or all that there are, and ranks them. first: candidates to run in any case."""
    seen: dict[Candidate, Trial] = {}
    _try(evaluator, space, seen, itertools.chain(first, spread(space, evaluator.seed)), max(1, round(count * _SPREAD)))
    for number in range(_ROUNDS):
        left = count - len(seen)
        if left <= 0:
            break
        leaders = [trial for trial, _ in ranked(evaluator, list(seen.values()))[:_LEADERS]]
        nearby = _alternating([_neighbours(space, trial) for trial in leaders])
        if not _try(evaluator, space, seen, nearby, -(-left // (_ROUNDS - number))):
            break
    return ranked(evaluator, list(seen.values()))


def _try(
    evaluator: Evaluator,
    space: SearchSpace,
    seen: dict[Candidate, Trial],
    candidates: Iterator[Candidate],
    most: int,
) -> int:
    """Runs up to ``most`` of the candidates that are new, and returns how many it ran."""
    new: dict[Candidate, Trial] = {}
    for candidate in candidates:
        if len(new) == most:
            break
        if candidate not in seen and candidate not in new:
            new[candidate] = Trial(settings_of(space.problem, candidate), candidate)
    if new:
        evaluator.run("Screening settings", list(new.values()), 1, traffic=SCREENING)
    seen.update(new)
    return len(new)


def _neighbours(space: SearchSpace, trial: Trial) -> list[Candidate]:
    assert trial.candidate is not None, "what is screened is a candidate"
    return [neighbour.candidate for neighbour in neighbours(space, trial.candidate)]


def _alternating(lists: list[list[Candidate]]) -> Iterator[Candidate]:
    """The first of each list, then the second of each, and so on."""
    for row in itertools.zip_longest(*lists):
        yield from (candidate for candidate in row if candidate is not None)


def ranked(evaluator: Evaluator, trials: list[Trial]) -> list[Ranked]:
    """Sorts trials: first those whose means meet the objective, by cost; then the others, by how far they miss it."""

    def key(point: Ranked) -> tuple[float, float, float]:
        trial, figures = point
        p99 = figures.p99.value
        return shortfall(trial.runs, evaluator.objective), figures.cost.hour, p99 if p99 is not None else float("inf")

    return sorted(((trial, evaluator.figures(trial)) for trial in trials), key=key)


def entrants(evaluator: Evaluator, screened: Sequence[Ranked]) -> list[Trial]:
    """The trials that go on to the race, the best first.

    They include some that are not among the best, since few windows are not the whole traffic.
    """
    chosen = list(screened[:_BEST])
    groups = {_group(trial) for trial, _ in chosen}
    for point in screened[_BEST:]:
        if len(chosen) < _BEST + _KINDS and _group(point[0]) not in groups:
            groups.add(_group(point[0]))
            chosen.append(point)
    along = front(screened, evaluator.objective.errors)
    # Evenly along the front, its ends included.
    step = max(1, (len(along) - 1) / max(1, _FRONT - 1))
    chosen += [along[round(index * step)] for index in range(min(_FRONT, len(along)))]
    unique = {id(trial): trial for trial, _ in chosen}
    return [Trial(trial.settings, trial.candidate) for trial in unique.values()]


def with_margin(evaluator: Evaluator, screened: Sequence[Ranked], raced: Sequence[Trial]) -> list[Trial]:
    """Trials for a second race, after one that nobody won: the cheapest that screening saw well within the
    objective."""
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
    assert trial.candidate is not None, "what is screened is a candidate"
    return trial.candidate.policy.name, trial.candidate.instance_type
