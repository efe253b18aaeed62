import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from harness.core.clock import VirtualClock
from harness.core.errors import AwsError
from harness.functions import asynchronous
from harness.functions.asynchronous import Fate, Ran, deliver
from harness.functions.rules.event_invoke import EventInvokeConfig
from harness.functions.rules.result import InvocationResult

DEFAULT = EventInvokeConfig("", datetime.fromtimestamp(0, UTC))
OK = InvocationResult(b"null")
ERROR = InvocationResult(b"{}", "Unhandled")
THROTTLE = AwsError("TooManyRequestsException", "Rate Exceeded.", 429)


class Function:
    """Answers in turn, the last one for ever, and notes when it was tried."""

    def __init__(self, clock: VirtualClock, *answers: InvocationResult | AwsError) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.tried: list[float] = []

    async def __call__(self) -> Ran:
        self.tried.append(self.clock.now())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, AwsError):
            raise answer
        return answer, "$LATEST"


async def run(
    make: Callable[[VirtualClock], Function], seconds: float, config: EventInvokeConfig = DEFAULT
) -> list[float]:
    clock = VirtualClock()
    function = make(clock)
    delivery = asyncio.create_task(deliver(function, lambda: config, clock))
    await clock.advance(seconds)
    delivery.cancel()
    return function.tried


async def test_an_event_that_succeeds_runs_once() -> None:
    assert await run(lambda clock: Function(clock, OK), 1_000) == [0]


async def test_a_functions_error_is_tried_again_after_one_minute_and_then_after_two() -> None:
    # Lambda guide, invocation-async.
    assert await run(lambda clock: Function(clock, ERROR), 10_000) == [0, 60, 180]
    assert await run(lambda clock: Function(clock, ERROR, OK), 10_000) == [0, 60]


async def test_a_throttled_event_comes_back_with_growing_waits_for_six_hours() -> None:
    tried = await run(lambda clock: Function(clock, THROTTLE), 30_000)
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert waits[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(waits[10:]) == {300}
    assert 21_600 - 300 < tried[-1] <= 21_600


async def test_throttles_do_not_count_as_retries() -> None:
    tried = await run(lambda clock: Function(clock, THROTTLE, ERROR, THROTTLE, ERROR), 10_000)
    assert tried == [0, 1, 61, 63, 183]


async def test_an_event_for_a_function_that_is_gone_is_dropped() -> None:
    gone = AwsError("ResourceNotFoundException", "Function not found", 404)
    assert await run(lambda clock: Function(clock, gone), 10_000) == [0]


async def fate(seconds: float, config: EventInvokeConfig, *answers: InvocationResult | AwsError) -> Fate:
    clock = VirtualClock()
    delivery = asyncio.create_task(deliver(Function(clock, *answers), lambda: config, clock))
    await clock.advance(seconds)
    return await delivery


async def test_what_became_of_it() -> None:
    # Conditions and counts as recorded from AWS.
    assert await fate(0, DEFAULT, OK) == Fate("Success", 1, (OK, "$LATEST"))
    assert await fate(180, DEFAULT, ERROR) == Fate("RetriesExhausted", 3, (ERROR, "$LATEST"))
    assert await fate(0, DEFAULT, AwsError("A", "b", 404)) == Fate(None, 0, None)


async def test_the_functions_own_settings_hold() -> None:
    assert await fate(0, replace(DEFAULT, retries=0), ERROR) == Fate("RetriesExhausted", 1, (ERROR, "$LATEST"))
    # The retry would be due only when the event is 60 s old; of 90 s, the first retry is in time and the second is not.
    assert await fate(59, replace(DEFAULT, age=59), ERROR) == Fate("EventAgeExceeded", 1, (ERROR, "$LATEST"))
    assert await fate(60, replace(DEFAULT, age=90), ERROR) == Fate("EventAgeExceeded", 2, (ERROR, "$LATEST"))
    assert await fate(60, replace(DEFAULT, age=60), THROTTLE) == Fate("EventAgeExceeded", 0, None)


async def test_the_events_that_wait_have_a_limit_of_bytes() -> None:
    """They are kept in memory, and wait for up to 6 hours."""
    queue, go_on = asynchronous.EventQueue(), asyncio.Event()

    async def wait() -> None:
        await go_on.wait()

    count = 0
    while queue.has_room(1_000_000):
        queue.put(wait(), 1_000_000)
        count += 1
    assert count == asynchronous.WAITING_LIMIT // (1_000_000 + asynchronous.EVENT_OVERHEAD)
    go_on.set()
    await asyncio.sleep(0.01)
    assert queue.has_room(30_000_000)
    await queue.close()
