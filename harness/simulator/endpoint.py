"""The endpoint: variants, instances and their model servers, which are stations like those of harness.core.queueing."""

from __future__ import annotations

from harness.simulator.client import finish
from harness.simulator.compiled import compiled, element, floats, inlined, integers
from harness.simulator.compiled_rules import choose_at_random, choose_by_weight, choose_least, interpolate
from harness.simulator.draws import draw
from harness.simulator.events import push_event, push_timer, release
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
    StateRecord,
    event_at,
    ring_at,
    slot_at,
    station_at,
    variant_at,
)


@inlined
def _answer(state: StateRecord, slot: int, now: float, result: int) -> None:
    """SageMaker answers an attempt. The answer goes to its function, which takes a moment to end, or to the caller."""
    record = slot_at(state, slot)
    if state.has_function == 0:
        finish(state, now, record.number, record.arrived, record.attempt, record.attempted, result)
        release(state, slot, EXECUTING)
    elif record.flags & EXECUTING:
        record.result = result
        push_timer(state, ring_at(state, RETURN), now + state.trail, slot)


@inlined
def _begin(state: StateRecord, place: int, slot: int, now: float) -> float:
    """A worker begins an attempt. Returns when the worker will be done."""
    station, record = station_at(state, place), slot_at(state, slot)
    station.in_service += 1
    level = element(state.levels, variant_at(state, record.variant).level + station.in_service - 1, LEVEL)
    point = draw(state, SERVICE, record.number, record.attempt)
    seconds = interpolate(floats(state.quantiles, level.low, level.low_size), point)
    if level.share > 0:  # as in profile.Profile.service_time
        above = interpolate(floats(state.quantiles, level.high, level.high_size), point)
        seconds = seconds * (1 - level.share) + above * level.share
    ended = float(now + seconds)
    push_event(state, ended, slot)
    return ended


@inlined
def _count(state: StateRecord, place: int, now: float, change: int) -> None:
    """Changes the number of requests in flight at a station; their mean is that of hosting.rules.outstanding."""
    station, outstanding = station_at(state, place), integers(state.outstanding, place, 1)
    station.area += outstanding[0] * (now - station.changed)
    station.changed = now
    outstanding[0] += change


@inlined
def _count_waiting(state: StateRecord, now: float, change: int) -> None:
    state.waiting_area += state.waiting * (now - state.waiting_since)
    state.waiting_since = now
    state.waiting += change


@inlined
def _station_for(state: StateRecord, slot: int) -> int:
    """Chooses a variant by weight, and one of its instances by the routing strategy."""
    record, index = slot_at(state, slot), 0
    if state.variants_size > 1:
        point = draw(state, VARIANT_CHOICE, record.number, record.attempt)
        index = choose_by_weight(floats(state.weights, 0, state.variants_size), point)
    variant = variant_at(state, index)
    variant.per_instance += 1.0 / variant.serving
    variant.arrived += 1
    point = draw(state, ROUTING, record.number, record.attempt)
    if variant.least:
        chosen = choose_least(integers(state.outstanding, variant.first, variant.serving), point)
    else:
        chosen = choose_at_random(variant.serving, point)
    record.variant, record.station = index, variant.first + chosen
    return int(variant.first + chosen)


@inlined
def invoke(state: StateRecord, slot: int, now: float) -> None:
    """Acts as InvokeEndpoint: an attempt gets a worker, or a place in the queue, or the model server's 503."""
    state.invocations += 1
    place = _station_for(state, slot)
    record, station = slot_at(state, slot), station_at(state, place)
    variant = variant_at(state, record.variant)
    if station.in_service < variant.workers:
        ended = _begin(state, place, slot, now)
    elif station.waiting < variant.queue_length:
        if station.waiting == 0:
            station.head = slot
        else:
            slot_at(state, station.tail).next = slot
        station.tail = slot
        station.waiting += 1
        _count_waiting(state, now, MORE)
        # The latest possible end: if every request were as slow as the slowest one.
        ended = now + station.waiting * variant.slowest_apart + 2 * variant.slowest
    else:
        _answer(state, slot, now, QUEUE_FULL)
        return
    record.flags |= AT_SERVER | AWAITED
    _count(state, place, now, MORE)
    # An attempt that is sure to end in time needs no timer.
    due = now + state.invocation_timeout
    if ended > due:
        push_timer(state, ring_at(state, INVOCATION_DEADLINE), due, slot)
    if state.has_function != 0:
        due = record.started + state.function_timeout
        if ended + state.trail > due:
            push_timer(state, ring_at(state, FUNCTION_DEADLINE), due, slot)


@inlined
def depart(state: StateRecord, slot: int, now: float) -> None:
    """A worker is done with an attempt and begins the next one, even if nobody waits for the answer any more."""
    record = slot_at(state, slot)
    if record.flags & LOST:
        release(state, slot, LOST)
        return
    place = int(record.station)
    station = station_at(state, place)
    station.in_service -= 1
    if station.waiting > 0:
        following = int(station.head)
        station.head = slot_at(state, following).next
        station.waiting -= 1
        _count_waiting(state, now, LESS)
        _begin(state, place, following, now)
    if record.flags & AWAITED:
        _count(state, place, now, LESS)
        rate = variant_at(state, record.variant).error_rate
        # As in profile.Profile.fails.
        failed = rate > 0 and draw(state, FAILURE, record.number, record.attempt) < rate
        _answer(state, slot, now, MODEL_ERROR if failed else ANSWERED)
    release(state, slot, AT_SERVER | AWAITED)


@compiled
def give_up(state: StateRecord, slot: int, now: float, result: int) -> None:
    """SageMaker stops waiting for an attempt. The model server still finishes it."""
    record = slot_at(state, slot)
    _count(state, int(record.station), now, LESS)
    record.flags &= ~AWAITED
    _answer(state, slot, now, result)


@compiled
def take_down(state: StateRecord, place: int, now: float) -> None:
    """An instance is gone, and the requests that it still had get no answer."""
    station = station_at(state, place)
    slot = int(station.head)
    for _ in range(station.waiting):
        following = int(slot_at(state, slot).next)
        _drop(state, slot, now)
        release(state, slot, AT_SERVER)
        slot = following
    _count_waiting(state, now, -station.waiting)
    index = 0
    # An answer may add a caller's next attempt to the heap. That only moves other events further back.
    while index < state.heap_size:
        slot = int(event_at(state, index).slot)
        index += 1
        record = slot_at(state, slot)
        if record.flags & AT_SERVER and record.station == place:
            # Its departure is still in the heap.
            record.flags |= LOST
            _drop(state, slot, now)
            release(state, slot, AT_SERVER)
    station.waiting = station.in_service = 0


@compiled
def _drop(state: StateRecord, slot: int, now: float) -> None:
    if slot_at(state, slot).flags & AWAITED:
        give_up(state, slot, now, MODEL_ERROR)
