"""The order of a measurement: warm up, look for the workers, closed loops in rounds, the saturation, one burst."""

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
"""As many as a median of rounds needs for a 95 % confidence interval."""
WARM_UP = 10
SEARCH_STEPS = 6
MOST_ERRORS = 0.5
FARTHEST = 1 / 3
"""Of a request's time may be the way to the instance: with more, callers are no measure of what it has in service."""
QUEUE = 100
"""TorchServe's job queue (TorchServe configuration, job_queue_size): the burst is larger than it and the workers."""
BURST_MARGIN = 20


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is sent. requests: at each number of callers, in all rounds together."""

    requests: int = 300
    queue: bool = True

    def each_round(self, callers: int) -> int:
        """Several of each caller, so that what begins and ends the loop is a small part of its rate."""
        return max(round(self.requests / ROUNDS), 8 * callers)

    def offered(self, workers: int) -> int:
        """Requests of one try in the open loop: enough for those in service to be a few in a hundred."""
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
    """workers: the subject's, or the estimate. away: the subject's. loops: by callers, one a round. search: of the
    saturation."""

    workers: int
    estimated: bool
    away: float
    loops: dict[int, list[Loop]]
    answer: Timed
    search: SaturationSearch
    burst: Loop | None = None

    def answers(self, callers: int) -> list[Timed]:
        return [one for loop in self.loops[callers] for one in loop.answers]

    def seconds(self, callers: int) -> list[float]:
        """At the instance, of the requests that were served, with an error of the model or not."""
        served = [one for one in self.answers(callers) if one.reply.status in (200, 500)]
        return [max(0.0, one.seconds - self.away) for one in served]

    def rates(self, callers: int) -> list[float]:
        return [loop.rate for loop in self.loops[callers]]

    @property
    def error_rate(self) -> float:
        """The share of 500 among what was served, at all numbers of callers."""
        status = [one.reply.status for callers in self.loops for one in self.answers(callers)]
        return status.count(500) / max(1, status.count(500) + status.count(200))


async def measure(subject: Subject, effort: Effort, steps: Steps) -> SweepResult:
    """Raises HarnessError where the instance does not answer as it should."""
    with steps.step("Warming up"):
        warm = await closed_loop(subject.ask, 1, WARM_UP)
        _check(warm)
        answer = next(one for one in reversed(warm.answers) if one.reply.status == 200)
    each = statistics.median(one.seconds for one in warm.answers)
    if subject.away > FARTHEST * each:
        raise HarnessError(
            f"Of the {text.seconds(each)} that an answer takes, {text.seconds(subject.away)} are the way to the "
            "endpoint and back: measure from nearer to it, such as from a machine in its region."
        )
    known = subject.workers
    most = 2 * known if known else await _look_for_workers(subject, steps)
    callers = sorted({*levels(most), *([known] if known else [])})
    loops = await _rounds(subject, effort, callers, each, steps)
    workers = known or _estimated(loops, subject.away)
    search = SaturationSearch.around(_throughput(loops, workers))
    found = SweepResult(workers, known is None, subject.away, loops, answer, search)
    await _saturate(subject, effort, found, steps)
    if effort.queue:
        with steps.step("One burst, for the queue", effort.burst(workers) / _throughput(loops, workers)):
            found.burst = await burst(subject.ask, effort.burst(workers))
    return found


async def _look_for_workers(subject: Subject, steps: Steps) -> int:
    """Twice the callers from which on throughput hardly grows: the workers are fewer."""
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
    subject: Subject, effort: Effort, callers: list[int], each: float, steps: Steps
) -> dict[int, list[Loop]]:
    """Each round has all numbers of callers, in turn up and down: what else the machine does slows them alike."""
    loops: dict[int, list[Loop]] = {number: [] for number in callers}
    # Callers beyond the workers wait for each other: a guess, for the bar.
    seconds = ROUNDS * each * sum(effort.each_round(number) for number in callers)
    with steps.step(f"Closed loops of 1 to {callers[-1]} callers", seconds) as say:
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS}")
            for one in callers if number % 2 == 0 else reversed(callers):
                loop = await closed_loop(subject.ask, one, effort.each_round(one))
                _check(loop)
                loops[one].append(loop)
    return loops


async def _saturate(subject: Subject, effort: Effort, found: SweepResult, steps: Steps) -> None:
    search, requests = found.search, effort.offered(found.workers)
    with steps.step("Open loops, for the saturation", SEARCH_STEPS * requests / search.low) as say:
        for _ in range(SEARCH_STEPS):
            if search.done:
                return
            rate = search.rate
            say(f"{text.rate(rate)}")
            loop = await open_loop(subject.ask, rate, requests)
            if not kept_up(loop, found.workers):
                # Once more: another program may have had the machine for a moment.
                loop = await open_loop(subject.ask, rate, requests)
            search.found(rate, loop.rate, kept_up(loop, found.workers))


def _estimated(loops: dict[int, list[Loop]], away: float) -> int:
    rates = {number: [loop.rate for loop in rounds] for number, rounds in loops.items()}
    callers = estimate_workers(rates)
    return busy_workers({number: statistics.median(each) for number, each in rates.items()}, callers, away)


def _throughput(loops: dict[int, list[Loop]], workers: int) -> float:
    """Of the closed loops with every worker busy: the median of rounds."""
    return statistics.median(loop.rate for callers, each in loops.items() if callers >= workers for loop in each)


def _check(loop: Loop) -> None:
    """Raises HarnessError where requests get no answer, or mostly errors: such times are nobody's service times."""
    bad = [one.reply for one in loop.answers if one.reply.status != 200]
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
    """Requests of a first look at so many callers."""
    return max(16, 4 * callers)
