"""An hour's requests in half a minute: the resources that they need do not grow.

The clock is sped up between the requests, so that an hour of alarms, idle environments and metrics passes as well.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.robustness.small_stack import TwinStack, twin_stack

pytestmark = pytest.mark.unmeasured

MINUTES = 60
WARM_UP = 15
"""Minutes after which everything that is made once has been made."""
REQUESTS = 12
"""Requests a minute: two of three go to the endpoint, one to the function, which invokes the endpoint too."""
SPEED = 600.0
CALLERS = 4
MOST_GROWTH = 24 * 2**20
"""Bytes. The backend keeps logs and metrics in memory. If the bodies of requests were kept, it would be about twice as
much."""
EVENT = {"padding": "x" * 65_536}
BODY = json.dumps(EVENT)


@dataclass(frozen=True)
class Needs:
    """resident: bytes of all processes; disk: bytes below the local AWS's folder but for its log."""

    processes: int
    descriptors: int
    threads: int
    resident: int
    disk: int
    log: int


def needs(stack: TwinStack) -> Needs:
    everything = stack.processes()
    work = (path for path in (stack.state / "work").rglob("*") if path.is_file() and not path.is_symlink())
    return Needs(
        processes=len(everything),
        descriptors=sum(process.num_fds() for process in everything),
        threads=sum(process.num_threads() for process in everything),
        resident=sum(process.memory_info().rss for process in everything),
        disk=sum(path.stat().st_blocks * 512 for path in work),
        log=len(stack.log),
    )


def a_minute(stack: TwinStack, callers: ThreadPoolExecutor) -> None:
    def ask(number: int) -> None:
        if number % 3 == 0:
            answer = stack.function.invoke(EVENT)
            assert answer.error is None, answer.payload
        else:
            assert stack.endpoint.invoke(BODY).variant == "AllTraffic"

    list(callers.map(ask, range(REQUESTS)))
    stack.clock.advance(60, SPEED)


@pytest.mark.timeout(600)
def test_an_hour_of_requests_leaves_it_as_it_was(tmp_path: Path) -> None:
    with twin_stack(tmp_path) as stack, ThreadPoolExecutor(CALLERS) as callers:
        # As many environments as there may be callers at once, so that their number is no matter of chance.
        list(callers.map(lambda _: stack.function.invoke({}), range(CALLERS * 4)))
        for _ in range(WARM_UP):
            a_minute(stack, callers)
        before = needs(stack)
        for _ in range(MINUTES - WARM_UP):
            a_minute(stack, callers)
        after = needs(stack)
        print(before, after)
        assert after.processes <= before.processes
        assert after.descriptors <= before.descriptors + 24
        assert after.threads <= before.threads + 12
        assert after.disk <= before.disk + 2**20
        assert after.log <= before.log + 4096, stack.log[-4096:]
        assert after.resident - before.resident < MOST_GROWTH
