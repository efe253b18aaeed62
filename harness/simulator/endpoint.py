"""The endpoint: variants, instances and their model servers, which are stations as harness.core.queueing has them."""

from __future__ import annotations

from harness.simulator.client import finish
from harness.simulator.compiled import compiled, element, floats, inlined, integers
from harness.simulator.draws import draw
from harness.simulator.events import push_event, push_timer, release
from harness.simulator.rules import choose_at_random, choose_by_weight, choose_least, interpolate
from harness.simulator.state import (
    ANSWERED,
    AT_SERVER,
    AWAITED,
    EXECUTING,
    FAILURE,
    FUNCTION_DEADLINE,
    INVOCATION_DEADLINE,
    LESS,
    LEVEL,
    LOST,
    MODEL_ERROR,
    MORE,
    QUEUE_FULL,
    RETURN,
    ROUTING,
    SERVICE,
    VARIANT_CHOICE,
    State,
    event_at,
    ring_at,
    slot_at,
    station_at,
    variant_at,
)


@inlined
def _answer(w: State, slot: int, now: float, result: int) -> None:
    """SageMaker answers an attempt: to its function, which takes a moment to end, or to the caller."""
    record = slot_at(w, slot)
    if w.has_function == 0:
        finish(w, now, record.number, record.arrived, record.attempt, record.attempted, result)
        release(w, slot, EXECUTING)
    elif record.flags & EXECUTING:
        record.result = result
        push_timer(w, ring_at(w, RETURN), now + w.trail, slot)


@inlined
def _begin(w: State, place: int, slot: int, now: float) -> float:
    """A worker takes an attempt; when it will be done."""
    station, record = station_at(w, place), slot_at(w, slot)
    station.in_service += 1
    level = element(w.levels, variant_at(w, record.variant).level + station.in_service - 1, LEVEL)
    point = draw(w, SERVICE, record.number, record.attempt)
    seconds = interpolate(floats(w.quantiles, level.low, level.low_size), point)
    if level.share > 0:  # as profile.Profile.service_time
        above = interpolate(floats(w.quantiles, level.high, level.high_size), point)
        seconds = seconds * (1 - level.share) + above * level.share
    ended = float(now + seconds)
    push_event(w, ended, slot)
    return ended


@inlined
def _count(w: State, place: int, now: float, change: int) -> None:
    """Requests in flight there, as hosting.outstanding averages them."""
    station, outstanding = station_at(w, place), integers(w.outstanding, place, 1)
    station.area += outstanding[0] * (now - station.changed)
    station.changed = now
    outstanding[0] += change


@inlined
def _count_waiting(w: State, now: float, change: int) -> None:
    w.waiting_area += w.waiting * (now - w.waiting_since)
    w.waiting_since = now
    w.waiting += change


@inlined
def _station_for(w: State, slot: int) -> int:
    """A variant by weight, an instance of it by its routing strategy."""
    record, index = slot_at(w, slot), 0
    if w.variants_size > 1:
        point = draw(w, VARIANT_CHOICE, record.number, record.attempt)
        index = choose_by_weight(floats(w.weights, 0, w.variants_size), point)
    variant = variant_at(w, index)
    variant.per_instance += 1.0 / variant.serving
    variant.arrived += 1
    point = draw(w, ROUTING, record.number, record.attempt)
    if variant.least:
        chosen = choose_least(integers(w.outstanding, variant.first, variant.serving), point)
    else:
        chosen = choose_at_random(variant.serving, point)
    record.variant, record.station = index, variant.first + chosen
    return int(variant.first + chosen)


@inlined
def invoke(w: State, slot: int, now: float) -> None:
    """InvokeEndpoint: a worker of an instance, or a place in its queue, or the model server's 503."""
    w.invocations += 1
    place = _station_for(w, slot)
    record, station = slot_at(w, slot), station_at(w, place)
    variant = variant_at(w, record.variant)
    if station.in_service < variant.workers:
        ended = _begin(w, place, slot, now)
    elif station.waiting < variant.queue_length:
        if station.waiting == 0:
            station.head = slot
        else:
            slot_at(w, station.tail).next = slot
        station.tail = slot
        station.waiting += 1
        _count_waiting(w, now, MORE)
        # At the latest: were every request as slow as the slowest, a worker would be free after so many of them.
        ended = now + station.waiting * variant.slowest_apart + 2 * variant.slowest
    else:
        _answer(w, slot, now, QUEUE_FULL)
        return
    record.flags |= AT_SERVER | AWAITED
    _count(w, place, now, MORE)
    # What is sure to be in time needs no timer.
    due = now + w.invocation_timeout
    if ended > due:
        push_timer(w, ring_at(w, INVOCATION_DEADLINE), due, slot)
    if w.has_function != 0:
        due = record.started + w.function_timeout
        if ended + w.trail > due:
            push_timer(w, ring_at(w, FUNCTION_DEADLINE), due, slot)


@inlined
def depart(w: State, slot: int, now: float) -> None:
    """A worker is done with an attempt and takes the next, whether or not anybody still waits for the answer."""
    record = slot_at(w, slot)
    if record.flags & LOST:
        release(w, slot, LOST)
        return
    place = int(record.station)
    station = station_at(w, place)
    station.in_service -= 1
    if station.waiting > 0:
        following = int(station.head)
        station.head = slot_at(w, following).next
        station.waiting -= 1
        _count_waiting(w, now, LESS)
        _begin(w, place, following, now)
    if record.flags & AWAITED:
        _count(w, place, now, LESS)
        rate = variant_at(w, record.variant).error_rate
        # As profile.Profile.fails.
        failed = rate > 0 and draw(w, FAILURE, record.number, record.attempt) < rate
        _answer(w, slot, now, MODEL_ERROR if failed else ANSWERED)
    release(w, slot, AT_SERVER | AWAITED)


@compiled
def give_up(w: State, slot: int, now: float, result: int) -> None:
    """SageMaker waits no longer; the model server goes on with the attempt all the same."""
    record = slot_at(w, slot)
    _count(w, int(record.station), now, LESS)
    record.flags &= ~AWAITED
    _answer(w, slot, now, result)


@compiled
def take_down(w: State, place: int, now: float) -> None:
    """The instance is gone, and what it still had gets no answer."""
    station = station_at(w, place)
    slot = int(station.head)
    for _ in range(station.waiting):
        following = int(slot_at(w, slot).next)
        _drop(w, slot, now)
        release(w, slot, AT_SERVER)
        slot = following
    _count_waiting(w, now, -station.waiting)
    index = 0
    # An answer may add a caller's next attempt to the heap, which only moves others further back.
    while index < w.heap_size:
        slot = int(event_at(w, index).slot)
        index += 1
        record = slot_at(w, slot)
        if record.flags & AT_SERVER and record.station == place:
            # Its departure is still in the heap.
            record.flags |= LOST
            _drop(w, slot, now)
            release(w, slot, AT_SERVER)
    station.waiting = station.in_service = 0


@compiled
def _drop(w: State, slot: int, now: float) -> None:
    if slot_at(w, slot).flags & AWAITED:
        give_up(w, slot, now, MODEL_ERROR)
