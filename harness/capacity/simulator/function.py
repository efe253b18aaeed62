"""The Lambda function's concurrency: admission and release, by harness.functions.concurrency's rules."""

from __future__ import annotations

from harness.capacity.simulator.client import finish
from harness.capacity.simulator.compiled import compiled
from harness.capacity.simulator.events import release
from harness.capacity.simulator.rules import admission, refilled
from harness.capacity.simulator.state import ACCOUNT, EXECUTING, FUNCTION_TIMEOUT, GROWTH, OWN, PROVISIONED_OWN, World
from harness.functions.concurrency import COLD, PROVISIONED, REQUESTS_PER_CONCURRENCY, WHOLE


@compiled
def available(w: World, which: int, now: float) -> bool:
    """As concurrency.Allowance has it."""
    allowance = w.allowances[which]
    if now > allowance.at:
        allowance.left = refilled(allowance.left, allowance.limit, allowance.per_second, now - allowance.at)
        allowance.at = now
    return bool(allowance.left >= WHOLE)


@compiled
def admit(w: World, now: float) -> int:
    """As concurrency.FunctionConcurrency.admit of a synchronous request, with the environments that are idle."""
    s = w.state[0]
    while s.idle_head < s.idle_tail and w.idle[s.idle_head & (len(w.idle) - 1)] + s.idle_seconds <= now:
        s.idle_head += 1
    warm = s.idle_head < s.idle_tail
    reserved = s.reserved >= 0
    start = admission(
        s.provisioned_running < s.allocated and available(w, PROVISIONED_OWN, now),
        (s.reserved if reserved else s.limit) - s.allocated - s.on_demand,
        reserved,
        not reserved or available(w, OWN, now),
        available(w, ACCOUNT, now),
        warm,
        warm or available(w, GROWTH, now),
    )
    if start > COLD:
        return start
    w.allowances[ACCOUNT].left -= 1.0
    if reserved:
        w.allowances[OWN].left -= 1.0
    if start == PROVISIONED:
        w.allowances[PROVISIONED_OWN].left -= 1.0
        s.provisioned_running += 1
    else:
        s.on_demand += 1
        if start == COLD:
            w.allowances[GROWTH].left -= 1.0
        else:
            # The most recently used first (functions.pool).
            s.idle_tail -= 1
    s.running_area += s.running * (now - s.running_since)
    s.running_since = now
    s.running += 1
    s.running_peak = max(s.running_peak, s.running)
    if s.allocated > 0:
        s.utilization_sum += s.provisioned_running / s.allocated
        s.utilization_count += 1
    return start


@compiled
def end(w: World, slot: int, now: float, result: int) -> None:
    """An execution is over: its place is given back, and the caller has the answer."""
    s = w.state[0]
    record = w.slots[slot]
    s.running_area += s.running * (now - s.running_since)
    s.running_since = now
    s.running -= 1
    seconds = max(0.0, now - record.started)
    if record.start == PROVISIONED:
        s.provisioned_running -= 1
        s.provisioned_seconds += seconds
    else:
        s.on_demand -= 1
        s.function_seconds += seconds
        # One that was ended by its timeout is not used again (functions.environment).
        if result != FUNCTION_TIMEOUT:
            w.idle[s.idle_tail & (len(w.idle) - 1)] = now
            s.idle_tail += 1
    finish(w, now, record.number, record.arrived, record.attempt, record.attempted, result)
    release(w, slot, EXECUTING)


@compiled
def allocate(w: World, executions: int) -> None:
    """So many provisioned environments serve from now on, as concurrency.ProvisionedConcurrency.allocate."""
    w.state[0].allocated = executions
    allowance = w.allowances[PROVISIONED_OWN]
    allowance.left = allowance.limit = allowance.per_second = executions * REQUESTS_PER_CONCURRENCY
    allowance.at = 0.0
