"""The Lambda function's concurrency: admission and release, by harness.functions.rules.concurrency's rules."""

from __future__ import annotations

from harness.functions.rules.concurrency import COLD, PROVISIONED, WHOLE
from harness.simulator.client import finish
from harness.simulator.compiled import compiled, element, floats
from harness.simulator.events import release
from harness.simulator.rules import admission, refilled
from harness.simulator.state import (
    ACCOUNT,
    ALLOWANCE,
    EXECUTING,
    FUNCTION_TIMEOUT,
    GROWTH,
    LESS,
    MORE,
    OWN,
    PROVISIONED_OWN,
    State,
    slot_at,
)


@compiled
def _available(w: State, which: int, now: float) -> bool:
    """As concurrency.Allowance has it."""
    allowance = element(w.allowances, which, ALLOWANCE)
    if now > allowance.at:
        allowance.left = refilled(allowance.left, allowance.limit, allowance.per_second, now - allowance.at)
        allowance.at = now
    return bool(allowance.left >= WHOLE)


@compiled
def _take(w: State, which: int) -> None:
    element(w.allowances, which, ALLOWANCE).left -= 1.0


@compiled
def _count_running(w: State, now: float, change: int) -> None:
    w.running_area += w.running * (now - w.running_since)
    w.running_since = now
    w.running += change


@compiled
def admit(w: State, now: float) -> int:
    """As concurrency.FunctionConcurrency.admit of a synchronous request, with the environments that are idle."""
    while w.idle_head < w.idle_tail and floats(w.idle, w.idle_head & w.idle_mask, 1)[0] + w.idle_seconds <= now:
        w.idle_head += 1
    warm = w.idle_head < w.idle_tail
    reserved = w.reserved >= 0
    start = admission(
        w.provisioned_running < w.allocated and _available(w, PROVISIONED_OWN, now),
        (w.reserved if reserved else w.limit) - w.allocated - w.on_demand,
        reserved,
        not reserved or _available(w, OWN, now),
        _available(w, ACCOUNT, now),
        warm,
        warm or _available(w, GROWTH, now),
    )
    if start > COLD:
        return start
    _take(w, ACCOUNT)
    if reserved:
        _take(w, OWN)
    if start == PROVISIONED:
        _take(w, PROVISIONED_OWN)
        w.provisioned_running += 1
    else:
        w.on_demand += 1
        if start == COLD:
            _take(w, GROWTH)
        else:
            # The most recently used first (functions.pool).
            w.idle_tail -= 1
    _count_running(w, now, MORE)
    w.running_peak = max(w.running_peak, w.running)
    if w.allocated > 0:
        w.utilization_sum += w.provisioned_running / w.allocated
        w.utilization_count += 1
    return start


@compiled
def end(w: State, slot: int, now: float, result: int) -> None:
    """An execution is over: its place is given back, and the caller has the answer."""
    record = slot_at(w, slot)
    _count_running(w, now, LESS)
    seconds = max(0.0, now - record.started)
    if record.start == PROVISIONED:
        w.provisioned_running -= 1
        w.provisioned_seconds += seconds
    else:
        w.on_demand -= 1
        w.function_seconds += seconds
        # One that was ended by its timeout is not used again (functions.environment).
        if result != FUNCTION_TIMEOUT:
            floats(w.idle, w.idle_tail & w.idle_mask, 1)[0] = now
            w.idle_tail += 1
    finish(w, now, record.number, record.arrived, record.attempt, record.attempted, result)
    release(w, slot, EXECUTING)
