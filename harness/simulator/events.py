"""Future events: a heap ordered by time, rings of timers, and the slots of the attempts that they belong to."""

from __future__ import annotations

import numpy as np

from harness.simulator.compiled import compiled, element, inlined
from harness.simulator.state import TIMER, Record, StateRecord, event_at, slot_at


@inlined
def push_event(state: StateRecord, time: float, slot: int) -> None:
    """Adds an event for a slot that has none. There is room: the heap has as many places as there are slots."""
    if state.happening != 0:
        state.happening = 0
        _sink(state, time, slot)
        return
    place = state.heap_size
    state.heap_size = place + 1
    while place > 0:
        parent = event_at(state, (place - 1) >> 1)
        if parent.time <= time:
            break
        here = event_at(state, place)
        here.time, here.slot = parent.time, parent.slot
        place = (place - 1) >> 1
    here = event_at(state, place)
    here.time, here.slot = time, slot


@inlined
def begin_event(state: StateRecord) -> int:
    """Begins the first event and returns its slot.

    Until ``end_event``, its place is kept for the next event that is added, because a worker that is done often begins
    another attempt at once.
    """
    state.happening = 1
    return int(event_at(state, 0).slot)


@inlined
def end_event(state: StateRecord) -> None:
    """Removes the first event unless another one has taken its place."""
    if state.happening != 0:
        state.happening = 0
        state.heap_size -= 1
        last = event_at(state, state.heap_size)
        _sink(state, last.time, last.slot)


@inlined
def _sink(state: StateRecord, time: float, slot: int) -> None:
    """Replaces the first event by another one and moves that to where it belongs."""
    size = state.heap_size
    place, child = 0, 1
    while child < size:
        if child + 1 < size and event_at(state, child + 1).time < event_at(state, child).time:
            child += 1
        below = event_at(state, child)
        if below.time >= time:
            break
        here = event_at(state, place)
        here.time, here.slot = below.time, below.slot
        place, child = child, 2 * child + 1
    here = event_at(state, place)
    here.time, here.slot = time, slot


@compiled
def push_timer(state: StateRecord, ring: Record, time: float, slot: int) -> None:
    """Adds a timer to a ring. It must not be earlier than the timers before it.

    There is room once the timers of finished attempts are removed: a ring has twice as many places as there are slots,
    and each slot has at most one timer in it.
    """
    if ring.tail - ring.head > ring.mask:
        _compact(state, ring)
    timer = element(ring.timers, ring.tail & ring.mask, TIMER)
    timer.time, timer.slot = time, slot
    timer.generation = slot_at(state, slot).generation
    if ring.head == ring.tail:
        ring.due = time
    ring.tail += 1


@compiled
def pop_timer(state: StateRecord, ring: Record) -> int:
    """Removes the first timer of a ring. Returns its slot, or -1 if its attempt is over."""
    timer = element(ring.timers, ring.head & ring.mask, TIMER)
    ring.head += 1
    ring.due = element(ring.timers, ring.head & ring.mask, TIMER).time if ring.head != ring.tail else np.inf
    return int(timer.slot) if slot_at(state, timer.slot).generation == timer.generation else -1


@compiled
def _compact(state: StateRecord, ring: Record) -> None:
    kept = ring.head
    for place in range(ring.head, ring.tail):
        timer = element(ring.timers, place & ring.mask, TIMER)
        if slot_at(state, timer.slot).generation == timer.generation:
            to = element(ring.timers, kept & ring.mask, TIMER)
            to.time, to.slot, to.generation = timer.time, timer.slot, timer.generation
            kept += 1
    ring.tail = kept
    ring.due = element(ring.timers, ring.head & ring.mask, TIMER).time if ring.head != ring.tail else np.inf


@inlined
def take_slot(state: StateRecord) -> int:
    """Takes a free slot."""
    slot = state.free
    if slot >= 0:
        state.free = slot_at(state, slot).next
    else:
        slot = state.slots_used
        state.slots_used = slot + 1
    return int(slot)


@inlined
def release(state: StateRecord, slot: int, flags: int) -> None:
    """Clears flags of an attempt. Its slot becomes free when none is left."""
    record = slot_at(state, slot)
    record.flags &= ~flags
    if record.flags == 0:
        record.generation += 1
        record.next = state.free
        state.free = slot
