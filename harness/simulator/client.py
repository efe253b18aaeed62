"""The callers: when they call, what they make of an answer, when they try again."""

from __future__ import annotations

import math

import numpy as np

from harness.simulator.compiled import element, inlined, integers
from harness.simulator.draws import draw
from harness.simulator.events import push_event, take_slot
from harness.simulator.latencies import bucket
from harness.simulator.rules import reach
from harness.simulator.state import (
    ANSWERED,
    ARRIVAL,
    CLIENT_TIMEOUT,
    FIRST,
    JITTER,
    MODEL_ERROR,
    PIECE,
    QUEUE_FULL,
    RETRYING,
    THROTTLED,
    State,
    slot_at,
)

MINUTE = 60.0


@inlined
def next_arrival(w: State) -> None:
    """Finds when the next request arrives: at the next point of a unit-rate Poisson process, by the traffic's integral
    (as harness.load.schedule does)."""
    number = w.number + 1
    point = w.point - math.log(1.0 - draw(w, ARRIVAL, number, FIRST))
    piece = element(w.pieces, w.piece, PIECE)
    while point >= w.piece_before + piece.expected:
        if w.piece + 1 == w.pieces_size:
            w.next_arrival = np.inf
            return
        w.piece_begun += piece.seconds
        w.piece_before += piece.expected
        w.piece += 1
        piece = element(w.pieces, w.piece, PIECE)
    w.number, w.point = number, point
    into = reach(piece.seconds, piece.start_rate, piece.end_rate, point - w.piece_before)
    w.next_arrival = w.piece_begun + into


@inlined
def finish(w: State, now: float, number: int, arrived: float, attempt: int, attempted: float, result: int) -> None:
    """An attempt's answer reaches its caller, who takes it, tries again, or has long hung up.

    Throttled ones are tried again, and where callers invoke the endpoint themselves the model server's 503 and 500;
    through a function those are the function's error, in an answer of 200.
    """
    if now - attempted > w.client_timeout:
        result = CLIENT_TIMEOUT
    elif attempt < w.retries and (result == THROTTLED or (w.has_function == 0 and result in (QUEUE_FULL, MODEL_ERROR))):
        slot = take_slot(w)
        record = slot_at(w, slot)
        record.number, record.arrived, record.attempt, record.flags = number, arrived, attempt + 1, RETRYING
        w.retried += 1
        push_event(w, now + w.backoff * 2.0**attempt * draw(w, JITTER, number, attempt), slot)
        return
    if result == ANSWERED:
        w.succeeded += 1
        integers(w.counts, bucket(now - arrived), 1)[0] += 1
    else:
        w.failures[result] += 1
        integers(w.errors, min(int(arrived / MINUTE), w.errors_size - 1), 1)[0] += 1
