"""The callers: when they call, how they take an answer, and when they try again."""

from __future__ import annotations

import math

import numpy as np

from harness.simulator.compiled import element, inlined, integers
from harness.simulator.compiled_rules import reach
from harness.simulator.draws import draw
from harness.simulator.events import push_event, take_slot
from harness.simulator.latencies import bucket
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
    StateRecord,
    slot_at,
)

MINUTE = 60.0  # seconds; a float for the compiled functions


@inlined
def next_arrival(state: StateRecord) -> None:
    """Finds when the next request arrives.

    It arrives when the integral of the traffic's rate reaches the next point of a unit-rate Poisson process, as in
    harness.load.schedule.
    """
    number = state.number + 1
    point = state.point - math.log(1.0 - draw(state, ARRIVAL, number, FIRST))
    piece = element(state.pieces, state.piece, PIECE)
    while point >= state.piece_before + piece.expected:
        if state.piece + 1 == state.pieces_size:
            state.next_arrival = np.inf
            return
        state.piece_begun += piece.seconds
        state.piece_before += piece.expected
        state.piece += 1
        piece = element(state.pieces, state.piece, PIECE)
    state.number, state.point = number, point
    into = reach(piece.seconds, piece.start_rate, piece.end_rate, point - state.piece_before)
    state.next_arrival = state.piece_begun + into


@inlined
def finish(
    state: StateRecord, now: float, number: int, arrived: float, attempt: int, attempted: float, result: int
) -> None:
    """The answer to an attempt reaches its caller, who takes it, tries again, or has already hung up.

    Callers retry throttled attempts. If they invoke the endpoint directly they also retry the model server's 503 and
    500; through a function these are errors of the function, inside an answer with status 200.
    """
    if now - attempted > state.client_timeout:
        result = CLIENT_TIMEOUT
    elif attempt < state.retries and (
        result == THROTTLED or (state.has_function == 0 and result in (QUEUE_FULL, MODEL_ERROR))
    ):
        slot = take_slot(state)
        record = slot_at(state, slot)
        record.number, record.arrived, record.attempt, record.flags = number, arrived, attempt + 1, RETRYING
        state.retried += 1
        push_event(state, now + state.backoff * 2.0**attempt * draw(state, JITTER, number, attempt), slot)
        return
    if result == ANSWERED:
        state.succeeded += 1
        integers(state.counts, bucket(now - arrived), 1)[0] += 1
    else:
        state.failures[result] += 1
        integers(state.errors, min(int(arrived / MINUTE), state.errors_size - 1), 1)[0] += 1
