"""The concurrency of the Lambda function: admission and release by the rules of harness.functions.rules.concurrency."""

from __future__ import annotations

from harness.functions.rules.concurrency import COLD, PROVISIONED, WHOLE
from harness.simulator.client import finish
from harness.simulator.compiled import compiled, element, floats
from harness.simulator.compiled_rules import admission, refilled
from harness.simulator.events import release
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
    StateRecord,
    slot_at,
)


@compiled
def _available(state: StateRecord, which: int, now: float) -> bool:
    """Refills an allowance as concurrency.Allowance does, and returns whether it has a whole unit left."""
    allowance = element(state.allowances, which, ALLOWANCE)
    if now > allowance.at:
        allowance.left = refilled(allowance.left, allowance.limit, allowance.per_second, now - allowance.at)
        allowance.at = now
    return bool(allowance.left >= WHOLE)


@compiled
def _take(state: StateRecord, which: int) -> None:
    element(state.allowances, which, ALLOWANCE).left -= 1.0


@compiled
def _count_running(state: StateRecord, now: float, change: int) -> None:
    state.running_area += state.running * (now - state.running_since)
    state.running_since = now
    state.running += change


@compiled
def admit(state: StateRecord, now: float) -> int:
    """Admits a synchronous request as concurrency.FunctionConcurrency.admit does, given the idle environments."""
    while (
        state.idle_head < state.idle_tail
        and floats(state.idle, state.idle_head & state.idle_mask, 1)[0] + state.idle_seconds <= now
    ):
        state.idle_head += 1
    warm = state.idle_head < state.idle_tail
    reserved = state.reserved >= 0
    start = admission(
        state.provisioned_running < state.allocated and _available(state, PROVISIONED_OWN, now),
        (state.reserved if reserved else state.limit) - state.allocated - state.on_demand,
        reserved,
        not reserved or _available(state, OWN, now),
        _available(state, ACCOUNT, now),
        warm,
        warm or _available(state, GROWTH, now),
    )
    if start > COLD:
        return start
    _take(state, ACCOUNT)
    if reserved:
        _take(state, OWN)
    if start == PROVISIONED:
        _take(state, PROVISIONED_OWN)
        state.provisioned_running += 1
    else:
        state.on_demand += 1
        if start == COLD:
            _take(state, GROWTH)
        else:
            # The most recently used environment is taken first (functions.pool).
            state.idle_tail -= 1
    _count_running(state, now, MORE)
    state.running_peak = max(state.running_peak, state.running)
    if state.allocated > 0:
        state.utilization_sum += state.provisioned_running / state.allocated
        state.utilization_count += 1
    return start


@compiled
def end(state: StateRecord, slot: int, now: float, result: int) -> None:
    """Ends an execution: its concurrency is given back, and the caller gets the answer."""
    record = slot_at(state, slot)
    _count_running(state, now, LESS)
    seconds = max(0.0, now - record.started)
    if record.start == PROVISIONED:
        state.provisioned_running -= 1
        state.provisioned_seconds += seconds
    else:
        state.on_demand -= 1
        state.function_seconds += seconds
        # An environment that was ended by its timeout is not used again (functions.environment).
        if result != FUNCTION_TIMEOUT:
            floats(state.idle, state.idle_tail & state.idle_mask, 1)[0] = now
            state.idle_tail += 1
    finish(state, now, record.number, record.arrived, record.attempt, record.attempted, result)
    release(state, slot, EXECUTING)
