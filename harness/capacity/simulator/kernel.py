"""The requests between two decisions: events in the order of their times."""

from __future__ import annotations

import math

from harness.capacity.simulator import state
from harness.capacity.simulator.client import MINUTE, finish, next_arrival
from harness.capacity.simulator.compiled import compiled
from harness.capacity.simulator.endpoint import depart, give_up, invoke
from harness.capacity.simulator.events import has_room, next_timer, pop_event, pop_timer, push_timer, release, take_slot
from harness.capacity.simulator.function import admit, end
from harness.capacity.simulator.latencies import rank
from harness.capacity.simulator.state import (
    AWAITED,
    EXECUTING,
    FUNCTION_DEADLINE,
    FUNCTION_TIMEOUT,
    INVOCATION_DEADLINE,
    INVOCATION_TIMEOUT,
    RETRYING,
    RETURN,
    THROTTLED,
    World,
)
from harness.functions.concurrency import COLD

_ARRIVAL, _EVENT = -1, -2


@compiled
def _attempt(w: World, number: int, arrived: float, attempt: int, now: float) -> None:
    """A caller calls: the function, if there is one, else the endpoint."""
    s = w.state[0]
    start = 0
    if s.has_function != 0:
        start = admit(w, now)
        if start > COLD:
            s.throttles += 1
            s.minute_throttles += 1
            finish(w, now, number, arrived, attempt, now, THROTTLED)
            return
        s.function_requests += 1
    slot = take_slot(w)
    record = w.slots[slot]
    record.number, record.arrived, record.attempt, record.attempted = number, arrived, attempt, now
    record.started, record.start, record.flags = now, start, EXECUTING
    if s.has_function == 0:
        invoke(w, slot, now)
    elif start == COLD:
        s.cold_starts += 1
        record.started = now + s.cold_start
        push_timer(w, w.cold, state.COLD, record.started + min(s.lead, s.function_timeout), slot)
    else:
        push_timer(w, w.warm, state.WARM, now + min(s.lead, s.function_timeout), slot)


@compiled
def _call(w: World, slot: int, now: float) -> None:
    """A function calls the endpoint, unless its time is over before that."""
    s = w.state[0]
    if s.function_timeout <= s.lead:
        end(w, slot, now, FUNCTION_TIMEOUT)
    else:
        invoke(w, slot, now)


@compiled
def _roomy(w: World) -> bool:
    """Whether there is room for whatever the next event brings: an attempt, and another one after it."""
    s = w.state[0]
    return bool(
        s.slots_used + 2 <= len(w.slots)
        and has_room(w, w.invocation_deadlines, INVOCATION_DEADLINE)
        and has_room(w, w.back, RETURN)
        and has_room(w, w.function_deadlines, FUNCTION_DEADLINE)
    )


@compiled
def advance(w: World, until: float) -> bool:  # noqa: PLR0912, PLR0915 - one branch a kind of event
    """Everything before ``until``. False where it stopped for want of room: enlarged() makes some."""
    s = w.state[0]
    while True:
        at, what = s.next_arrival, _ARRIVAL
        if s.heap_size > 0 and w.heap[0].time <= at:
            at, what = w.heap[0].time, _EVENT
        if s.has_function != 0:
            due = next_timer(w, w.warm, state.WARM)
            if due < at:
                at, what = due, state.WARM
            due = next_timer(w, w.cold, state.COLD)
            if due < at:
                at, what = due, state.COLD
            due = next_timer(w, w.back, RETURN)
            if due < at:
                at, what = due, RETURN
            due = next_timer(w, w.function_deadlines, FUNCTION_DEADLINE)
            if due < at:
                at, what = due, FUNCTION_DEADLINE
        due = next_timer(w, w.invocation_deadlines, INVOCATION_DEADLINE)
        if due < at:
            at, what = due, INVOCATION_DEADLINE
        if at >= until:
            return True
        if not _roomy(w):
            return False
        if what == _ARRIVAL:
            s.requests += 1
            s.arrivals += 1
            number = s.number
            next_arrival(w)
            _attempt(w, number, at, 0, at)
        elif what == _EVENT:
            slot = pop_event(w)
            record = w.slots[slot]
            if record.flags & RETRYING:
                number, arrived, attempt = record.number, record.arrived, record.attempt
                release(w, slot, RETRYING)
                _attempt(w, number, arrived, attempt, at)
            else:
                depart(w, slot, at)
        elif what == state.WARM:
            _call(w, pop_timer(w, w.warm, state.WARM), at)
        elif what == state.COLD:
            _call(w, pop_timer(w, w.cold, state.COLD), at)
        elif what == RETURN:
            slot = pop_timer(w, w.back, RETURN)
            if slot >= 0 and w.slots[slot].flags & EXECUTING:
                end(w, slot, at, w.slots[slot].result)
        elif what == FUNCTION_DEADLINE:
            slot = pop_timer(w, w.function_deadlines, FUNCTION_DEADLINE)
            if slot >= 0 and w.slots[slot].flags & EXECUTING:
                end(w, slot, at, FUNCTION_TIMEOUT)
        else:
            slot = pop_timer(w, w.invocation_deadlines, INVOCATION_DEADLINE)
            if slot >= 0 and w.slots[slot].flags & AWAITED:
                give_up(w, slot, at, INVOCATION_TIMEOUT)


@compiled
def begin(w: World) -> None:
    """Before the first event."""
    w.state[0].number = -1
    next_arrival(w)


@compiled
def close_minute(w: World, index: int, began: float, now: float) -> None:
    """Writes the figures of the minute that ends now, and begins to count the next one."""
    s = w.state[0]
    minute = w.minutes[index]
    minute.arrivals, minute.invocations, minute.throttles = s.arrivals, s.invocations, s.minute_throttles
    s.arrivals = s.invocations = s.minute_throttles = 0
    span = now - began
    s.running_area += s.running * (now - s.running_since)
    s.waiting_area += s.waiting * (now - s.waiting_since)
    minute.concurrency, minute.queued = s.running_area / span, s.waiting_area / span
    minute.concurrency_peak = s.running_peak
    s.running_area = s.waiting_area = 0.0
    s.running_since = s.waiting_since = now
    s.running_peak = s.running
    _close_counts(w, index)


@compiled
def close_run(w: World, index: int) -> None:
    """What was answered after the last minute's end is counted with it."""
    s = w.state[0]
    w.minutes[index].invocations += s.invocations
    w.minutes[index].throttles += s.minute_throttles
    w.counts[:] += w.minute_counts


@compiled
def _close_counts(w: World, index: int) -> None:
    counts = w.minute_counts
    total = counts.sum()
    minute = w.minutes[index]
    minute.p50 = minute.p99 = math.nan
    if total > 0:
        minute.p50 = w.edges[rank(counts, math.ceil(0.5 * total)) + 1]
        minute.p99 = w.edges[rank(counts, math.ceil(0.99 * total)) + 1]
        w.counts[:] += counts
        counts[:] = 0


__all__ = ["MINUTE", "advance", "begin", "close_minute", "close_run"]
