"""Changing and measuring what serves while a run is under way, in the arrays of its state."""

from __future__ import annotations

import numpy as np

from harness.functions.rules.concurrency import REQUESTS_PER_CONCURRENCY
from harness.simulator.kernel_state import KernelState
from harness.simulator.state import PROVISIONED_OWN


def allocate_environments(state: KernelState, executions: int) -> None:
    """Sets how many provisioned environments serve from now on, as concurrency.ProvisionedConcurrency.allocate does."""
    state.members.allocated = executions
    limit = executions * REQUESTS_PER_CONCURRENCY
    state.arrays["allowances"][PROVISIONED_OWN] = (limit, limit, limit, 0.0)


def serve_instances(state: KernelState, index: int, serving: int, now: float) -> None:
    """Sets how many instances of a variant take requests from now on. The newest ones are added and removed."""
    variant = state.arrays["variants"][index]
    first, before = int(variant["first"]), int(variant["serving"])
    for place in range(first + before, first + serving):
        station = state.arrays["stations"][place]
        station["in_service"] = station["waiting"] = 0
        station["area"], station["changed"], station["since"] = 0.0, now, now
        state.arrays["outstanding"][place] = 0
    variant["serving"] = serving


def mean_concurrency(state: KernelState, index: int, now: float) -> float:
    """Returns ConcurrentRequestsPerModel of a variant and begins its next period.

    It is the mean over the instances of each one's mean number of requests in flight, as in hosting.rules.outstanding.
    """
    variant = state.arrays["variants"][index]
    places = slice(int(variant["first"]), int(variant["first"]) + int(variant["serving"]))
    stations, outstanding = state.arrays["stations"][places], state.arrays["outstanding"][places]
    area = stations["area"] + outstanding * (now - stations["changed"])
    span = now - stations["since"]
    means = np.where(span > 0, area / np.where(span > 0, span, 1.0), outstanding)
    stations["area"], stations["changed"], stations["since"] = 0.0, now, now
    return float(means.mean())
