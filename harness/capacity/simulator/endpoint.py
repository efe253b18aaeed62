"""The endpoint: variants, instances and their model servers, which are stations as harness.queueing has them."""

from __future__ import annotations

from harness.capacity.simulator import draws
from harness.capacity.simulator.client import finish
from harness.capacity.simulator.compiled import compiled
from harness.capacity.simulator.draws import draw
from harness.capacity.simulator.events import push_event, push_timer, release
from harness.capacity.simulator.rules import choose_at_random, choose_by_weight, choose_least, interpolate
from harness.capacity.simulator.state import (
    ANSWERED,
    AT_SERVER,
    AWAITED,
    EXECUTING,
    FUNCTION_DEADLINE,
    INVOCATION_DEADLINE,
    LOST,
    MODEL_ERROR,
    QUEUE_FULL,
    RETURN,
    World,
)


@compiled
def answer(w: World, slot: int, now: float, result: int) -> None:
    """SageMaker answers an attempt: to its function, which takes a moment to end, or to the caller."""
    record = w.slots[slot]
    if w.state[0].has_function == 0:
        finish(w, now, record.number, record.arrived, record.attempt, record.attempted, result)
        release(w, slot, EXECUTING)
    elif record.flags & EXECUTING:
        record.result = result
        push_timer(w, w.back, RETURN, now + w.state[0].trail, slot)


@compiled
def _begin(w: World, instance: int, slot: int, now: float) -> float:
    """A worker takes an attempt; when it will be done."""
    station, record = w.instances[instance], w.slots[slot]
    station.in_service += 1
    level = w.levels[w.variants[record.variant].level + station.in_service - 1]
    point = draw(w.keys, draws.SERVICE, record.number, record.attempt)
    seconds = interpolate(w.quantiles[level.low : level.low_end], point)
    if level.share > 0:  # as profile.Profile.service_time
        above = interpolate(w.quantiles[level.high : level.high_end], point)
        seconds = seconds * (1 - level.share) + above * level.share
    ended = float(now + seconds)
    push_event(w, ended, slot)
    return ended


@compiled
def _count(w: World, instance: int, now: float, change: int) -> None:
    """Requests in flight there, as hosting.outstanding averages them."""
    station = w.instances[instance]
    station.area += w.outstanding[instance] * (now - station.changed)
    station.changed = now
    w.outstanding[instance] += change


@compiled
def _count_waiting(w: World, now: float, change: int) -> None:
    s = w.state[0]
    s.waiting_area += s.waiting * (now - s.waiting_since)
    s.waiting_since = now
    s.waiting += change


@compiled
def invoke(w: World, slot: int, now: float) -> None:
    """InvokeEndpoint: a variant by weight, an instance by its routing strategy, a worker or a place in the queue."""
    s = w.state[0]
    record = w.slots[slot]
    s.invocations += 1
    index = 0
    if len(w.weights) > 1:
        index = choose_by_weight(w.weights, draw(w.keys, draws.VARIANT_CHOICE, record.number, record.attempt))
    variant = w.variants[index]
    variant.per_instance += 1.0 / variant.serving
    variant.arrived += 1
    point = draw(w.keys, draws.ROUTING, record.number, record.attempt)
    if variant.least:
        chosen = choose_least(w.outstanding[variant.first : variant.first + variant.serving], point)
    else:
        chosen = choose_at_random(variant.serving, point)
    instance = variant.first + chosen
    station = w.instances[instance]
    record.variant, record.instance = index, instance
    due = now + s.invocation_timeout
    function_due = record.started + s.function_timeout
    if station.in_service < variant.workers:
        ended = _begin(w, instance, slot, now)
        in_time = ended <= due
        function_in_time = ended + s.trail <= function_due
    elif station.waiting < variant.queue_length:
        if station.waiting == 0:
            station.head = slot
        else:
            w.slots[station.tail].next = slot
        station.tail = slot
        station.waiting += 1
        _count_waiting(w, now, 1)
        in_time = function_in_time = False  # who knows
    else:
        answer(w, slot, now, QUEUE_FULL)
        return
    record.flags |= AT_SERVER | AWAITED
    _count(w, instance, now, 1)
    if not in_time:
        push_timer(w, w.invocation_deadlines, INVOCATION_DEADLINE, due, slot)
    if s.has_function != 0 and not function_in_time:
        push_timer(w, w.function_deadlines, FUNCTION_DEADLINE, function_due, slot)


@compiled
def depart(w: World, slot: int, now: float) -> None:
    """A worker is done with an attempt and takes the next, whether or not anybody still waits for the answer."""
    record = w.slots[slot]
    if record.flags & LOST:
        release(w, slot, LOST)
        return
    station = w.instances[record.instance]
    station.in_service -= 1
    if station.waiting > 0:
        following = station.head
        station.head = w.slots[following].next
        station.waiting -= 1
        _count_waiting(w, now, -1)
        _begin(w, record.instance, following, now)
    if record.flags & AWAITED:
        _count(w, record.instance, now, -1)
        rate = w.variants[record.variant].error_rate
        # As profile.Profile.fails.
        failed = rate > 0 and draw(w.keys, draws.FAILURE, record.number, record.attempt) < rate
        answer(w, slot, now, MODEL_ERROR if failed else ANSWERED)
    release(w, slot, AT_SERVER | AWAITED)


@compiled
def give_up(w: World, slot: int, now: float, result: int) -> None:
    """SageMaker waits no longer; the model server goes on with the attempt all the same."""
    record = w.slots[slot]
    _count(w, record.instance, now, -1)
    record.flags &= ~AWAITED
    answer(w, slot, now, result)


@compiled
def take_down(w: World, instance: int, now: float) -> None:
    """The instance is gone, and what it still had gets no answer."""
    station = w.instances[instance]
    slot = station.head
    for _ in range(station.waiting):
        following = w.slots[slot].next
        _drop(w, slot, now)
        release(w, slot, AT_SERVER)
        slot = following
    _count_waiting(w, now, -station.waiting)
    place = 0
    # An answer may add a caller's next attempt to the heap, which only moves others further back.
    while place < w.state[0].heap_size:
        slot = w.heap[place].slot
        place += 1
        record = w.slots[slot]
        if record.flags & AT_SERVER and record.instance == instance:
            # Its departure is still in the heap.
            record.flags |= LOST
            _drop(w, slot, now)
            release(w, slot, AT_SERVER)
    station.waiting = station.in_service = 0


@compiled
def _drop(w: World, slot: int, now: float) -> None:
    if w.slots[slot].flags & AWAITED:
        give_up(w, slot, now, MODEL_ERROR)


@compiled
def serve(w: World, index: int, serving: int, now: float) -> None:
    """So many instances of a variant take requests from now on; the newest come and go."""
    variant = w.variants[index]
    for place in range(variant.first + variant.serving, variant.first + serving):
        station = w.instances[place]
        station.in_service = station.waiting = 0
        station.area = 0.0
        station.changed = station.since = now
        w.outstanding[place] = 0
    variant.serving = serving


@compiled
def concurrency(w: World, index: int, now: float) -> float:
    """ConcurrentRequestsPerModel: the mean over the instances of their means in flight since the last call."""
    variant = w.variants[index]
    total = 0.0
    for place in range(variant.first, variant.first + variant.serving):
        _count(w, place, now, 0)
        station = w.instances[place]
        span = now - station.since
        total += station.area / span if span > 0 else float(w.outstanding[place])
        station.area = 0.0
        station.since = now
    return float(total / variant.serving)
