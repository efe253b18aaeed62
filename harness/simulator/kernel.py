"""The requests between two decisions: events in the order of their times."""

from __future__ import annotations

from harness.functions.rules.concurrency import COLD
from harness.simulator.client import finish, next_arrival
from harness.simulator.compiled import compiled, entry, inlined
from harness.simulator.endpoint import depart, give_up, invoke, take_down
from harness.simulator.events import (
    begin_event,
    end_event,
    pop_timer,
    push_event,
    push_timer,
    release,
    take_slot,
)
from harness.simulator.function import admit, end
from harness.simulator.state import (
    AWAITED,
    EXECUTING,
    FIRST,
    FUNCTION_TIMEOUT,
    INVOCATION_DEADLINE,
    INVOCATION_TIMEOUT,
    LEAD,
    RETRYING,
    RETURN,
    STARTING,
    THROTTLED,
    Array,
    State,
    event_at,
    ring_at,
    slot_at,
)

_ARRIVAL, _EVENT = -1, -2  # beside the rings


@inlined
def _attempt(w: State, number: int, arrived: float, attempt: int, now: float) -> None:
    """A caller calls: the function, if there is one, else the endpoint."""
    start = 0
    if w.has_function != 0:
        start = admit(w, now)
        if start > COLD:
            w.throttles += 1
            finish(w, now, number, arrived, attempt, now, THROTTLED)
            return
        w.function_requests += 1
    slot = take_slot(w)
    record = slot_at(w, slot)
    record.number, record.arrived, record.attempt, record.attempted = number, arrived, attempt, now
    record.started, record.start, record.flags = now, start, EXECUTING
    if w.has_function == 0:
        invoke(w, slot, now)
    elif start == COLD:
        w.cold_starts += 1
        record.started = now + w.cold_start
        record.flags = EXECUTING | STARTING
        push_event(w, record.started + min(w.lead, w.function_timeout), slot)
    else:
        push_timer(w, ring_at(w, LEAD), now + min(w.lead, w.function_timeout), slot)


@compiled
def _call(w: State, slot: int, now: float) -> None:
    """A function calls the endpoint, unless its time is over before that."""
    if w.function_timeout <= w.lead:
        end(w, slot, now, FUNCTION_TIMEOUT)
    else:
        invoke(w, slot, now)


@inlined
def _happen(w: State, now: float) -> None:
    """The first event of the heap."""
    slot = begin_event(w)
    record = slot_at(w, slot)
    if record.flags & RETRYING:
        number, arrived, attempt = record.number, record.arrived, record.attempt
        release(w, slot, RETRYING)
        _attempt(w, number, arrived, attempt, now)
    elif record.flags & STARTING:
        record.flags &= ~STARTING
        _call(w, slot, now)
    else:
        depart(w, slot, now)
    end_event(w)


@compiled
def _ring(w: State, which: int, now: float) -> None:
    """The first timer of a ring, unless what it is about is over."""
    slot = pop_timer(w, ring_at(w, which))
    if slot < 0:
        return
    record = slot_at(w, slot)
    if which == LEAD:
        _call(w, slot, now)
    elif which == INVOCATION_DEADLINE:
        if record.flags & AWAITED:
            give_up(w, slot, now, INVOCATION_TIMEOUT)
    elif record.flags & EXECUTING:
        end(w, slot, now, record.result if which == RETURN else FUNCTION_TIMEOUT)


@entry
def advance(state: Array, until: float) -> bool:
    """Everything before ``until``. False where it stopped for want of room, which World.make_room() makes."""
    w = state[0]
    if w.number < 0:
        next_arrival(w)
    while True:
        now, what = w.next_arrival, _ARRIVAL
        if w.heap_size > 0 and event_at(w, 0).time <= now:
            now, what = event_at(w, 0).time, _EVENT
        for which in range(4):
            if ring_at(w, which).due < now:
                now, what = ring_at(w, which).due, which
        if now >= until:
            return True
        # Whatever comes next begins an attempt at most, and another one after it.
        if w.slots_used + 2 > w.slots_size:
            return False
        if what == _ARRIVAL:
            w.requests += 1
            number = w.number
            next_arrival(w)
            _attempt(w, number, now, FIRST, now)
        elif what == _EVENT:
            _happen(w, now)
        else:
            _ring(w, what, now)


@entry
def arrive(state: Array) -> float:
    """When the next request arrives; infinite after the last. Of a run that nothing else is asked of."""
    w = state[0]
    next_arrival(w)
    return float(w.next_arrival)


@entry
def take_down_stations(state: Array, first: int, end: int, now: float) -> None:
    """The instances from one place up to another are gone, with what they have in hand."""
    for place in range(first, end):
        take_down(state[0], place, now)
