"""What is to happen: a heap by time, queues of timers, and the slots of the attempts that they are about."""

from __future__ import annotations

import numpy as np

from harness.capacity.simulator.compiled import compiled
from harness.capacity.simulator.state import Array, World


@compiled
def push_event(w: World, time: float, slot: int) -> None:
    """Adds an event; of those of one time the first added comes first."""
    s = w.state[0]
    heap, order, place = w.heap, s.order, s.heap_size
    s.order = order + 1
    s.heap_size = place + 1
    while place > 0:
        parent = (place - 1) >> 1
        if heap[parent].time <= time:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place].time = time
    heap[place].order = order
    heap[place].slot = slot


@compiled
def pop_event(w: World) -> int:
    """Removes the first event; its slot."""
    s = w.state[0]
    heap = w.heap
    slot = heap[0].slot
    size = s.heap_size - 1
    s.heap_size = size
    time, order = heap[size].time, heap[size].order
    place = 0
    child = 1
    while child < size:
        right = child + 1
        if right < size and _before(heap[right].time, heap[right].order, heap[child].time, heap[child].order):
            child = right
        if not _before(heap[child].time, heap[child].order, time, order):
            break
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
    heap[place] = heap[size]
    return int(slot)


@compiled
def _before(time: float, order: int, other_time: float, other_order: int) -> bool:
    return time < other_time or (time == other_time and order < other_order)


@compiled
def push_timer(w: World, timers: Array, which: int, time: float, slot: int) -> None:
    """Adds a timer to a queue; none of those before it is later."""
    tail = w.ends[which, 1]
    timer = timers[tail & (len(timers) - 1)]
    timer.time = time
    timer.slot = slot
    timer.generation = w.slots[slot].generation
    w.ends[which, 1] = tail + 1


@compiled
def pop_timer(w: World, timers: Array, which: int) -> int:
    """Removes the first timer of a queue; its slot, or -1 where its attempt is over."""
    head = w.ends[which, 0]
    w.ends[which, 0] = head + 1
    timer = timers[head & (len(timers) - 1)]
    return int(timer.slot) if w.slots[timer.slot].generation == timer.generation else -1


@compiled
def next_timer(w: World, timers: Array, which: int) -> float:
    """When the first timer of a queue is due; infinite without any."""
    head = w.ends[which, 0]
    if head == w.ends[which, 1]:
        return np.inf
    return float(timers[head & (len(timers) - 1)].time)


@compiled
def has_room(w: World, timers: Array, which: int) -> bool:
    """Whether a queue takes one more timer; one that is full drops those whose attempts are over first."""
    head, tail, mask = w.ends[which, 0], w.ends[which, 1], len(timers) - 1
    if tail - head <= mask:
        return True
    kept = head
    for place in range(head, tail):
        timer = timers[place & mask]
        if w.slots[timer.slot].generation == timer.generation:
            timers[kept & mask] = timer
            kept += 1
    w.ends[which, 1] = kept
    return bool(2 * (kept - head) <= mask)


@compiled
def take_slot(w: World) -> int:
    """A free slot."""
    s = w.state[0]
    slot = s.free
    if slot >= 0:
        s.free = w.slots[slot].next
    else:
        slot = s.slots_used
        s.slots_used = slot + 1
    return int(slot)


@compiled
def release(w: World, slot: int, flags: int) -> None:
    """The attempt is no longer what these flags say; without any left its slot is free."""
    record = w.slots[slot]
    record.flags &= ~flags
    if record.flags == 0:
        s = w.state[0]
        record.generation += 1
        record.next = s.free
        s.free = slot
