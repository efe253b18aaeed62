"""The callers: when they call, what they make of an answer, when they try again."""

from __future__ import annotations

import math

import numpy as np

from harness.capacity.simulator import draws
from harness.capacity.simulator.compiled import compiled
from harness.capacity.simulator.draws import draw
from harness.capacity.simulator.events import push_event, take_slot
from harness.capacity.simulator.latencies import bucket
from harness.capacity.simulator.rules import reach
from harness.capacity.simulator.state import (
    ANSWERED,
    CLIENT_TIMEOUT,
    MODEL_ERROR,
    QUEUE_FULL,
    RETRYING,
    THROTTLED,
    World,
)

MINUTE = 60.0


@compiled
def next_arrival(w: World) -> None:
    """Finds when the next request arrives: at the next point of a unit-rate Poisson process, by the traffic's integral
    (as harness.load.schedule does)."""
    s = w.state[0]
    number = s.number + 1
    point = s.point - math.log(1.0 - draw(w.keys, draws.ARRIVAL, number, 0))
    pieces, piece = w.pieces, s.piece
    while point >= s.piece_before + pieces[piece, 3]:
        s.piece_begun += pieces[piece, 0]
        s.piece_before += pieces[piece, 3]
        piece += 1
        if piece == len(pieces):
            s.next_arrival = np.inf
            s.piece = piece - 1
            return
    s.number, s.point, s.piece = number, point, piece
    into = reach(pieces[piece, 0], pieces[piece, 1], pieces[piece, 2], point - s.piece_before)
    s.next_arrival = s.piece_begun + into


@compiled
def finish(w: World, now: float, number: int, arrived: float, attempt: int, attempted: float, result: int) -> None:
    """An attempt's answer reaches its caller, who takes it, tries again, or has long hung up.

    Throttled ones are tried again, and where callers invoke the endpoint themselves the model server's 503 and 500;
    through a function those are the function's error, in an answer of 200.
    """
    s = w.state[0]
    if now - attempted > s.client_timeout:
        result = CLIENT_TIMEOUT
    elif attempt < s.retries and (result == THROTTLED or (s.has_function == 0 and result in (QUEUE_FULL, MODEL_ERROR))):
        slot = take_slot(w)
        record = w.slots[slot]
        record.number, record.arrived, record.attempt, record.flags = number, arrived, attempt + 1, RETRYING
        wait = s.backoff * 2.0**attempt * draw(w.keys, draws.JITTER, number, attempt)
        s.retried += 1
        push_event(w, now + wait, slot)
        return
    if result == ANSWERED:
        s.succeeded += 1
        w.minute_counts[bucket(now - arrived)] += 1
    else:
        w.failures[result] += 1
        w.errors[min(int(arrived / MINUTE), len(w.errors) - 1)] += 1
