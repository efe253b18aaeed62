"""What is to happen: a heap by time, rings of timers, and the slots of the attempts that they are about."""

from __future__ import annotations

import numpy as np

from harness.simulator.compiled import compiled, element, inlined
from harness.simulator.state import TIMER, Record, State, event_at, slot_at


@inlined
def push_event(w: State, time: float, slot: int) -> None:
    """Adds an event of a slot that has none; there is room, for there are as many places as slots."""
    if w.happening != 0:
        w.happening = 0
        _sink(w, time, slot)
        return
    place = w.heap_size
    w.heap_size = place + 1
    while place > 0:
        parent = event_at(w, (place - 1) >> 1)
        if parent.time <= time:
            break
        here = event_at(w, place)
        here.time, here.slot = parent.time, parent.slot
        place = (place - 1) >> 1
    here = event_at(w, place)
    here.time, here.slot = time, slot


@inlined
def begin_event(w: State) -> int:
    """The first event happens; its slot. Until ``end_event`` its place is kept for the next that is added: a worker
    that is done often takes another attempt at once."""
    w.happening = 1
    return int(event_at(w, 0).slot)


@inlined
def end_event(w: State) -> None:
    """Removes the first event, unless another one took its place."""
    if w.happening != 0:
        w.happening = 0
        w.heap_size -= 1
        last = event_at(w, w.heap_size)
        _sink(w, last.time, last.slot)


@inlined
def _sink(w: State, time: float, slot: int) -> None:
    """Puts an event in the first one's place, and then where it belongs."""
    size = w.heap_size
    place, child = 0, 1
    while child < size:
        if child + 1 < size and event_at(w, child + 1).time < event_at(w, child).time:
            child += 1
        below = event_at(w, child)
        if below.time >= time:
            break
        here = event_at(w, place)
        here.time, here.slot = below.time, below.slot
        place, child = child, 2 * child + 1
    here = event_at(w, place)
    here.time, here.slot = time, slot


@compiled
def push_timer(w: State, ring: Record, time: float, slot: int) -> None:
    """Adds a timer to a ring; none of those before it is later. There is room once those of attempts that are over are
    left out: a ring has twice as many places as there are slots, and a slot one timer in it."""
    if ring.tail - ring.head > ring.mask:
        _compact(w, ring)
    timer = element(ring.timers, ring.tail & ring.mask, TIMER)
    timer.time, timer.slot = time, slot
    timer.generation = slot_at(w, slot).generation
    if ring.head == ring.tail:
        ring.due = time
    ring.tail += 1


@compiled
def pop_timer(w: State, ring: Record) -> int:
    """Removes the first timer of a ring; its slot, or -1 where its attempt is over."""
    timer = element(ring.timers, ring.head & ring.mask, TIMER)
    ring.head += 1
    ring.due = element(ring.timers, ring.head & ring.mask, TIMER).time if ring.head != ring.tail else np.inf
    return int(timer.slot) if slot_at(w, timer.slot).generation == timer.generation else -1


@compiled
def _compact(w: State, ring: Record) -> None:
    kept = ring.head
    for place in range(ring.head, ring.tail):
        timer = element(ring.timers, place & ring.mask, TIMER)
        if slot_at(w, timer.slot).generation == timer.generation:
            to = element(ring.timers, kept & ring.mask, TIMER)
            to.time, to.slot, to.generation = timer.time, timer.slot, timer.generation
            kept += 1
    ring.tail = kept
    ring.due = element(ring.timers, ring.head & ring.mask, TIMER).time if ring.head != ring.tail else np.inf


@inlined
def take_slot(w: State) -> int:
    """A free slot."""
    slot = w.free
    if slot >= 0:
        w.free = slot_at(w, slot).next
    else:
        slot = w.slots_used
        w.slots_used = slot + 1
    return int(slot)


@inlined
def release(w: State, slot: int, flags: int) -> None:
    """The attempt is no longer what these flags say; without any left its slot is free."""
    record = slot_at(w, slot)
    record.flags &= ~flags
    if record.flags == 0:
        record.generation += 1
        record.next = w.free
        w.free = slot
