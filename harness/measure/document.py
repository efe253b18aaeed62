"""Makes a profile of a measurement, with its evidence, and prints it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from rich.table import Table

from harness.core import figures as text
from harness.core.profile import (
    CallersEvidence,
    Evidence,
    FunctionPart,
    OfferedEvidence,
    Profile,
    Provenance,
    QueueBehaviour,
    SampleAnswer,
    ServiceTimes,
    Spread,
)
from harness.core.statistics import Estimate, percentile
from harness.measure.loops import Timed, in_order
from harness.measure.sweep import QUEUE, ROUNDS, SweepResult

LARGEST_PARTS = 12
"""The most distributions that a profile keeps, so that it stays a small file."""
REFUSED = (429, 503)
"""The statuses with which a model server refuses a request."""
STANDS_IN = "stands in for"
"""Marks the machine of a profile that was not measured on the instance type itself."""
_PERCENTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where and on what a measurement was made.

    machine, versions, model_sha256: as in profile.Provenance. what: a phrase that names what was measured and how it
    was reached. load_average: before and after.
    """

    name: str
    machine: str
    what: str
    versions: dict[str, str]
    model_sha256: str | None
    load_seconds: float | None
    memory: int | None
    load_average: tuple[float, float]


def profile_of(measured: SweepResult, origin: Origin, function: FunctionPart | None) -> Profile:
    """The profile of a measured instance. function: the function's part, if it was measured."""
    workers = measured.workers
    within = [callers for callers in sorted(measured.loops) if callers <= workers]
    kept = within if len(within) <= LARGEST_PARTS else _thinned(within)
    reply = measured.answer.reply
    queue = queue_of(measured.burst.answers, workers) if measured.burst else None
    saturation = measured.search.saturation
    return Profile(
        name=origin.name,
        provenance=Provenance(
            measured_at=datetime.now(UTC).replace(microsecond=0),
            machine=origin.machine,
            method=_method(measured, origin, queue),
            versions=origin.versions,
            model_sha256=origin.model_sha256,
        ),
        workers=workers,
        queue_length=QUEUE if queue is None else max(0, queue.answered - workers),
        service_times=tuple(ServiceTimes.of(callers, measured.seconds(callers)) for callers in kept),
        error_rate=round(measured.error_rate, 6),
        load_seconds=round(origin.load_seconds or 0.0, 3),
        memory=origin.memory or 0,
        saturation_rate=round(saturation, 3) if saturation else None,
        answer=SampleAnswer.of(reply.content_type, reply.body),
        queue=queue,
        function=function,
        evidence=Evidence(
            load_average=origin.load_average,
            workers=_workers(measured),
            closed_loop=tuple(_callers(measured, callers) for callers in sorted(measured.loops)),
            open_loop=tuple(
                OfferedEvidence(rate=round(rate, 3), answered_rate=round(answered, 3), kept_up=kept)
                for rate, answered, kept in measured.search.tried
            ),
        ),
    )


def queue_of(answers: Sequence[Timed], workers: int) -> QueueBehaviour:
    """What a burst shows of the queue. The first ``workers`` requests do not wait, and do not count for its order."""
    refused = [answer.reply.status for answer in answers if answer.reply.status in REFUSED]
    answered = [answer for answer in answers if answer.reply.status in (200, 500)]
    order = in_order(answered[workers:])
    return QueueBehaviour(
        burst=len(answers),
        answered=len(answered),
        refused=len(refused),
        refusal=statistics.mode(refused) if refused else None,
        in_order=None if order is None else round(order, 3),
    )


def _thinned(callers: list[int]) -> list[int]:
    """LARGEST_PARTS of the numbers, evenly spaced, with the first and the last."""
    step = (len(callers) - 1) / (LARGEST_PARTS - 1)
    return sorted({callers[round(index * step)] for index in range(LARGEST_PARTS)})


def _callers(measured: SweepResult, callers: int) -> CallersEvidence:
    ordered = np.sort(np.array(measured.seconds(callers)))
    p50, p95, p99 = (_spread(percentile(ordered, q)) for q in _PERCENTILES)
    rates = percentile(np.sort(np.array(measured.rates(callers))), 0.5)
    rate = _spread(Estimate(statistics.median(measured.rates(callers)), rates.low, rates.high, rates.needs))
    return CallersEvidence(callers=callers, requests=len(ordered), rate=rate, p50=p50, p95=p95, p99=p99)


def _spread(estimate: Estimate) -> Spread:
    def short(value: float | None) -> float | None:
        return None if value is None else round(value, 6)

    return Spread(value=round(estimate.value or 0.0, 6), low=short(estimate.low), high=short(estimate.high))


def _workers(measured: SweepResult) -> str:
    if not measured.estimated:
        return f"{measured.workers}, as configured"
    return (
        f"{measured.workers}, estimated: the fewest callers whose throughput is within 5 % of the highest; workers "
        "beyond the instance's cores are not seen"
    )


def _method(measured: SweepResult, origin: Origin, queue: QueueBehaviour | None) -> str:
    callers = sorted(measured.loops)
    parts = [
        f"harness measure: {origin.what}. {ROUNDS} alternating rounds of closed loops of {callers[0]} to {callers[-1]} "
        f"callers, {len(measured.answers(callers[0]))} requests each; then evenly spaced requests at rates by "
        "bisection for the saturation rate, the most that was answered where the instance kept up."
    ]
    if queue is not None:
        parts.append(f"A burst of {queue.burst} requests showed the queue.")
        if not queue.refused:
            parts.append("None was refused, so that the queue is at least as long as given.")
    if origin.load_seconds is None:
        parts.append("The time to load was not seen and is given as 0.")
    before, after = origin.load_average
    parts.append(f"The load average of the measuring machine was {before:g} before and {after:g} after.")
    return " ".join(parts)


def table(profile: Profile) -> Table:
    """What was measured by the number of callers, with 95 % intervals in brackets."""
    rows = Table("callers", "requests", "answers/s", "p50 s", "p95 s", "p99 s", box=None, pad_edge=False)
    assert profile.evidence is not None
    for evidence in profile.evidence.closed_loop:
        mark = "" if evidence.callers <= profile.workers else " (they queue)"
        figures = (evidence.rate, evidence.p50, evidence.p95, evidence.p99)
        rows.add_row(f"{evidence.callers}{mark}", str(evidence.requests), *(shown(figure) for figure in figures))
    return rows


def shown(spread: Spread) -> str:
    """A figure with its interval, or with the note that it has none."""
    if spread.low is None or spread.high is None:
        return f"{spread.value:.3g} (too few for an interval)"
    return f"{spread.value:.3g} [{spread.low:.3g}, {spread.high:.3g}]"


def lines(profile: Profile) -> list[str]:
    """The other figures, one line each."""
    assert profile.evidence is not None
    saturation = profile.saturation_rate
    sentences = [f"workers: {profile.evidence.workers}"]
    sentences.append(
        "saturation: none of the rates tried was kept up with"
        if saturation is None
        else f"saturation: {text.rate(saturation)}, the highest rate that the instance kept up with"
    )
    queue = profile.queue
    if queue is not None:
        refusal = f"{queue.refused} refused with {queue.refusal}" if queue.refused else "none refused"
        order = "" if queue.in_order is None else f", order kept to {queue.in_order:.2f} (1 is first in, first out)"
        sentences.append(f"queue: of a burst of {queue.burst}, {queue.answered} answered and {refusal}{order}")
    if profile.load_seconds:
        sentences.append(f"load time: {text.seconds(profile.load_seconds)}")
    if profile.memory:
        sentences.append(f"memory: {profile.memory / 2**20:,.0f} MiB")
    function = profile.function
    if function is not None:
        start = function.cold_start
        cold = "no cold start seen" if start is None else f"cold start {text.seconds(start)}"
        memory = "" if function.memory is None else f", {function.memory:g} MB at most"
        sentences.append(f"function: {text.seconds(function.overhead)} beside the model, {cold}{memory}")
    before, after = profile.evidence.load_average
    sentences.append(f"load average of the machine: {before:g} before, {after:g} after")
    _, stands_in, instance_type = profile.provenance.machine.rpartition(f"{STANDS_IN} ")
    if stands_in:
        sentences.append(
            f"These are times of this machine's cores, and none of them is an {instance_type.partition(',')[0]}'s: "
            "measure one on AWS with --aws, or state to the planner how much faster or slower it is."
        )
    return sentences
