"""The requests between two decisions: events, in the order of their times."""

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
    StateRecord,
    event_at,
    ring_at,
    slot_at,
)

_ARRIVAL, _EVENT = -1, -2  # what comes next, if it is not a ring's timer


@inlined
def _attempt(state: StateRecord, number: int, arrived: float, attempt: int, now: float) -> None:
    """A caller calls the function if there is one, and the endpoint otherwise."""
    start = 0
    if state.has_function != 0:
        start = admit(state, now)
        if start > COLD:
            state.throttles += 1
            finish(state, now, number, arrived, attempt, now, THROTTLED)
            return
        state.function_requests += 1
    slot = take_slot(state)
    record = slot_at(state, slot)
    record.number, record.arrived, record.attempt, record.attempted = number, arrived, attempt, now
    record.started, record.start, record.flags = now, start, EXECUTING
    if state.has_function == 0:
        invoke(state, slot, now)
    elif start == COLD:
        state.cold_starts += 1
        record.started = now + state.cold_start
        record.flags = EXECUTING | STARTING
        push_event(state, record.started + min(state.lead, state.function_timeout), slot)
    else:
        push_timer(state, ring_at(state, LEAD), now + min(state.lead, state.function_timeout), slot)


@compiled
def _call(state: StateRecord, slot: int, now: float) -> None:
    """A function calls the endpoint, unless its timeout comes first."""
    if state.function_timeout <= state.lead:
        end(state, slot, now, FUNCTION_TIMEOUT)
    else:
        invoke(state, slot, now)


@inlined
def _happen(state: StateRecord, now: float) -> None:
    """Carries out the first event of the heap."""
    slot = begin_event(state)
    record = slot_at(state, slot)
    if record.flags & RETRYING:
        number, arrived, attempt = record.number, record.arrived, record.attempt
        release(state, slot, RETRYING)
        _attempt(state, number, arrived, attempt, now)
    elif record.flags & STARTING:
        record.flags &= ~STARTING
        _call(state, slot, now)
    else:
        depart(state, slot, now)
    end_event(state)


@compiled
def _ring(state: StateRecord, which: int, now: float) -> None:
    """Carries out the first timer of a ring, unless its attempt is over."""
    slot = pop_timer(state, ring_at(state, which))
    if slot < 0:
        return
    record = slot_at(state, slot)
    if which == LEAD:
        _call(state, slot, now)
    elif which == INVOCATION_DEADLINE:
        if record.flags & AWAITED:
            give_up(state, slot, now, INVOCATION_TIMEOUT)
    elif record.flags & EXECUTING:
        end(state, slot, now, record.result if which == RETURN else FUNCTION_TIMEOUT)


@entry
def advance(record: Array, until: float) -> bool:
    """Simulates everything before ``until``. Returns False if it stopped because room ran out: call make_room()."""
    state = record[0]
    if state.number < 0:
        next_arrival(state)
    while True:
        now, what = state.next_arrival, _ARRIVAL
        if state.heap_size > 0 and event_at(state, 0).time <= now:
            now, what = event_at(state, 0).time, _EVENT
        for which in range(4):
            if ring_at(state, which).due < now:
                now, what = ring_at(state, which).due, which
        if now >= until:
            return True
        # Whatever comes next takes at most two slots: for an attempt that begins, and for the one after it.
        if state.slots_used + 2 > state.slots_size:
            return False
        if what == _ARRIVAL:
            state.requests += 1
            number = state.number
            next_arrival(state)
            _attempt(state, number, now, FIRST, now)
        elif what == _EVENT:
            _happen(state, now)
        else:
            _ring(state, what, now)


@entry
def arrive(record: Array) -> float:
    """Returns when the next request arrives; infinity after the last one. For a run that is not advanced otherwise."""
    state = record[0]
    next_arrival(state)
    return float(state.next_arrival)


@entry
def take_down_stations(record: Array, first: int, end: int, now: float) -> None:
    """Takes down the instances from ``first`` up to ``end``, with the requests that they have."""
    for place in range(first, end):
        take_down(record[0], place, now)
