"""Measures in this order: warm-up, number of workers, closed loops in rounds, saturation, one burst."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.measure.loops import Loop, Timed, burst, closed_loop, open_loop
from harness.measure.saturation import SaturationSearch, kept_up
from harness.measure.subjects import WAY_REQUESTS, Subject, sample
from harness.measure.workers import GROWTH, busy_workers, estimate_workers, levels

ROUNDS = 6
"""The fewest rounds from which a median has a 95 % confidence interval."""
WARM_UP = 10
SEARCH_STEPS = 6
MOST_ERRORS = 0.5
"""The largest part of the answers that may be errors of the model."""
FARTHEST = 1 / 3
"""The largest part of a request's time that the way to the instance may take. Beyond it the number of callers says
little about how many requests are in service."""
QUEUE = 100
"""The length of TorchServe's job queue (TorchServe configuration, job_queue_size). A burst fills it, and more."""
BURST_MARGIN = 20


@dataclass(frozen=True, slots=True)
class Effort:
    """How many requests to send. requests: at each number of callers, in all rounds together. queue: whether to send
    the burst."""

    requests: int = 300
    queue: bool = True

    def each_round(self, callers: int) -> int:
        """Requests of one loop: several for each caller, so that its beginning and end hardly affect its rate."""
        return max(round(self.requests / ROUNDS), 8 * callers)

    def offered(self, workers: int) -> int:
        """Requests of one open loop: so many that those in service are only a few in a hundred."""
        return max(self.requests // 4, 25 * workers)

    def at_most(self, ceiling: int) -> int:
        """An upper bound on all requests, with up to ``ceiling`` callers."""
        looking = sum(_look(callers) + callers for callers in _doubling(ceiling))
        rounds = ROUNDS * sum(self.each_round(callers) + callers for callers in levels(ceiling))
        search = SEARCH_STEPS * 2 * self.offered(ceiling)
        return WAY_REQUESTS + 1 + WARM_UP + 1 + looking + rounds + search + (self.burst(ceiling) if self.queue else 0)

    @staticmethod
    def burst(workers: int) -> int:
        return QUEUE + workers + BURST_MARGIN


@dataclass
class SweepResult:
    """What was measured.

    workers: the subject's, or an estimate if ``estimated``. away: as in Subject. loops: by the number of callers, one
    for each round. answer: one of the warm-up's. search: for the saturation.
    """

    workers: int
    estimated: bool
    away: float
    loops: dict[int, list[Loop]]
    answer: Timed
    search: SaturationSearch
    burst: Loop | None = None

    def answers(self, callers: int) -> list[Timed]:
        return [answer for loop in self.loops[callers] for answer in loop.answers]

    def seconds(self, callers: int) -> list[float]:
        """The time at the instance of each request that it served, errors of the model included."""
        served = [answer for answer in self.answers(callers) if answer.reply.status in (200, 500)]
        return [max(0.0, answer.seconds - self.away) for answer in served]

    def rates(self, callers: int) -> list[float]:
        return [loop.rate for loop in self.loops[callers]]

    @property
    def error_rate(self) -> float:
        """The share of 500 among the served requests, at all numbers of callers."""
        statuses = [answer.reply.status for callers in self.loops for answer in self.answers(callers)]
        return statuses.count(500) / max(1, statuses.count(500) + statuses.count(200))


async def measure(subject: Subject, effort: Effort, steps: Steps) -> SweepResult:
    """Measures a subject. Raises HarnessError if it does not answer as it should."""
    with steps.step("Warming up"):
        warm = await closed_loop(subject.ask, 1, WARM_UP)
        _check(warm)
        answer = next(answer for answer in reversed(warm.answers) if answer.reply.status == 200)
    usual = statistics.median(answer.seconds for answer in warm.answers)
    if subject.away > FARTHEST * usual:
        raise HarnessError(
            f"Of the {text.seconds(usual)} that an answer takes, {text.seconds(subject.away)} are the way to the "
            "endpoint and back: measure from nearer to it, such as from a machine in its region."
        )
    configured = subject.workers
    most = 2 * configured if configured else await _look_for_workers(subject, steps)
    callers = sorted({*levels(most), *([configured] if configured else [])})
    loops = await _rounds(subject, effort, callers, usual, steps)
    workers = configured or _estimated(loops, subject.away)
    search = SaturationSearch.around(_throughput(loops, workers))
    result = SweepResult(workers, configured is None, subject.away, loops, answer, search)
    await _saturate(subject, effort, result, steps)
    if effort.queue:
        with steps.step("One burst, for the queue", effort.burst(workers) / _throughput(loops, workers)):
            result.burst = await burst(subject.ask, effort.burst(workers))
    return result


async def _look_for_workers(subject: Subject, steps: Steps) -> int:
    """A number of callers that is above the number of workers: doubling it to there hardly raised the throughput."""
    with steps.step("Looking for the workers") as say:
        before = 0.0
        for callers in _doubling(subject.ceiling):
            loop = await closed_loop(subject.ask, callers, _look(callers))
            _check(loop)
            say(f"{callers} callers: {text.rate(loop.rate)}")
            if loop.rate < GROWTH * before:
                return callers
            before = loop.rate
    return subject.ceiling


async def _rounds(
    subject: Subject, effort: Effort, callers: list[int], usual: float, steps: Steps
) -> dict[int, list[Loop]]:
    """Loops at every number of callers, in rounds that go up and down in turn, so that whatever else the machine does
    slows them all alike. usual: seconds of a request."""
    loops: dict[int, list[Loop]] = {number: [] for number in callers}
    # A guess, for the progress bar: callers beyond the workers wait for each other.
    seconds = ROUNDS * usual * sum(effort.each_round(number) for number in callers)
    with steps.step(f"Closed loops of 1 to {callers[-1]} callers", seconds) as say:
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            for count in callers if number % 2 == 0 else reversed(callers):
                loop = await closed_loop(subject.ask, count, effort.each_round(count))
                _check(loop)
                loops[count].append(loop)
    return loops


async def _saturate(subject: Subject, effort: Effort, result: SweepResult, steps: Steps) -> None:
    search, requests = result.search, effort.offered(result.workers)
    with steps.step("Open loops, for the saturation", SEARCH_STEPS * requests / search.low) as say:
        for _ in range(SEARCH_STEPS):
            if search.done:
                return
            rate = search.rate
            say(f"{text.rate(rate)}")
            loop = await open_loop(subject.ask, rate, requests)
            if not kept_up(loop, result.workers):
                # It is tried once more: another program may have slowed the machine for a moment.
                loop = await open_loop(subject.ask, rate, requests)
            search.record(rate, loop.rate, kept_up(loop, result.workers))


def _estimated(loops: dict[int, list[Loop]], away: float) -> int:
    rates = {number: [loop.rate for loop in rounds] for number, rounds in loops.items()}
    callers = estimate_workers(rates)
    return busy_workers({number: statistics.median(rounds) for number, rounds in rates.items()}, callers, away)


def _throughput(loops: dict[int, list[Loop]], workers: int) -> float:
    """The median rate of the closed loops that keep every worker busy."""
    return statistics.median(loop.rate for callers, rounds in loops.items() if callers >= workers for loop in rounds)


def _check(loop: Loop) -> None:
    """Raises HarnessError if requests got no answer, or mostly errors: their times would not be service times."""
    bad = [answer.reply for answer in loop.answers if answer.reply.status != 200]
    unserved = [reply for reply in bad if reply.status != 500]
    if unserved:
        raise HarnessError(
            f"The instance answered a request with {unserved[0].status or 'nothing'}: {sample(unserved[0])}. "
            "Nothing was measured; it must be idle, and the payload one that it takes."
        )
    if len(bad) > MOST_ERRORS * len(loop.answers):
        raise HarnessError(
            f"The model failed on {len(bad)} of {len(loop.answers)} requests with 500: {sample(bad[0])}. Nothing was "
            "measured: give a payload that it takes with --payload FILE --content-type TYPE."
        )


def _doubling(ceiling: int) -> Iterator[int]:
    callers = 1
    while callers <= ceiling:
        yield callers
        callers *= 2


def _look(callers: int) -> int:
    """Requests for a first look at this number of callers."""
    return max(16, 4 * callers)
