"""Background work: nothing that it raises is lost, and nothing but core/tasks.py starts any."""

from __future__ import annotations

import ast
import asyncio
import errno
import functools
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.core import tasks

ERRORS: tuple[BaseException, ...] = (
    ValueError("no"),
    MemoryError(),
    RecursionError("too deep"),
    OSError(errno.ENOSPC, "No space left on device"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    StopIteration(),
    asyncio.CancelledError("by nobody"),
    SystemExit(3),
    GeneratorExit(),
)
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
SOURCE = Path(harness.__file__).parent
# What starts work beside its caller, by the names under which Python's libraries have it.
STARTERS = frozenset(
    (
        *("create_task", "ensure_future", "gather", "shield", "wait_for", "TaskGroup"),
        *("to_thread", "run_in_executor", "run_coroutine_threadsafe"),
        *("Thread", "ThreadPoolExecutor", "ProcessPoolExecutor"),
    )
)
# Where they may stand, and why nothing can get lost there.
ALLOWED = {
    ("core/tasks.py", ""): "this is where they belong",
    ("core/clock.py", "wait_for"): "a sleep, awaited where it stands",
    ("access/directory.py", "shield"): "awaited where it stands; the task is tasks.start()'s",
    ("backend/flusher.py", "shield"): "awaited where it stands, in a task of tasks.keep()",
    ("functions/invoker.py", "shield"): "awaited where it stands; the task is tasks.start()'s",
    ("hosting/fleet.py", "gather"): "waits for futures that tasks of tasks.keep() fill",
    ("hosting/instances/process/instance.py", "wait_for"): "waits for a process where it stands",
    ("planner/confirmation/live.py", "ThreadPoolExecutor"): "each result is asked for before the command goes on",
    ("planner/search/engine.py", "ProcessPoolExecutor"): "each result is asked for before the search goes on",
    ("planner/search/engine.py", "gather"): "Dask's own, which returns the results",
}


@functools.lru_cache
def calls() -> list[tuple[str, ast.Call]]:
    """Every call in the harness, with its file."""
    return [
        (str(file.relative_to(SOURCE)), node)
        for file in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
    ]


def named(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def task_names() -> dict[str, str]:
    """The name of each background task of the harness: ``start``, ``keep`` or ``thread`` by name."""
    return {
        call.args[1].value: named(call)
        for _, call in calls()
        if isinstance(call.func, ast.Attribute)
        and getattr(call.func.value, "id", "") == "tasks"
        and named(call) in ("start", "keep", "thread")
        and isinstance(call.args[1], ast.Constant)
    }


class TestTheRule:
    def test_no_other_module_starts_background_work(self) -> None:
        starts = {(file, named(call)) for file, call in calls() if named(call) in STARTERS}
        assert {(file, name) for file, name in starts if file != "core/tasks.py"} <= ALLOWED.keys()

    def test_no_exception_to_the_rule_is_out_of_date(self) -> None:
        starts = {(file, named(call)) for file, call in calls()}
        assert {place for place in ALLOWED if place[1]} <= starts

    def test_each_task_has_a_name_of_its_own_that_is_written_out(self) -> None:
        started = [
            call
            for _, call in calls()
            if isinstance(call.func, ast.Attribute)
            and getattr(call.func.value, "id", "") == "tasks"
            and named(call) in ("start", "keep", "thread")
        ]
        names = [call.args[1].value for call in started if isinstance(call.args[1], ast.Constant)]
        assert len(names) == len(started), "a name is not a plain string"
        assert [name for name, count in Counter(names).items() if count > 1] == []


async def raising(error: BaseException) -> None:
    raise error


class TestStart:
    @each_error
    async def test_what_it_raises_is_logged_and_told(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        told: list[BaseException] = []
        task = tasks.start(raising(error), "the work", failed=told.append)
        await asyncio.wait([task])
        assert isinstance(task.exception(), Exception), "anything else would end the event loop"
        assert len(told) == 1
        assert [record.message.startswith("the work failed: ") for record in caplog.records] == [True]

    async def test_a_failure_of_its_owners_is_logged_too(self, caplog: pytest.LogCaptureFixture) -> None:
        def fail(error: BaseException) -> None:
            raise RuntimeError("worse")

        task = tasks.start(raising(ValueError("no")), "the work", failed=fail)
        await asyncio.wait([task])
        assert isinstance(task.exception(), ValueError)
        assert "worse" in caplog.text

    async def test_what_is_expected_is_for_whoever_waits(self, caplog: pytest.LogCaptureFixture) -> None:
        told: list[BaseException] = []
        with pytest.raises(ValueError, match="no"):
            await tasks.start(raising(ValueError("no")), "the work", failed=told.append, expected=(ValueError,))
        assert (told, caplog.records) == ([], [])

    @pytest.mark.parametrize("begun", [True, False])
    async def test_its_end_by_cancelling_is_no_failure(self, begun: bool, caplog: pytest.LogCaptureFixture) -> None:
        told: list[BaseException] = []
        task = tasks.start(asyncio.sleep(60), "the work", failed=told.append)
        if begun:
            await asyncio.sleep(0)
        await tasks.stop(task, None)
        assert task.cancelled()
        assert (told, caplog.records) == ([], [])


class TestKeep:
    @each_error
    async def test_it_goes_on_whatever_is_raised_and_says_so_once(
        self, error: BaseException, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(tasks, "RESTART_SECONDS", 0.001)
        runs = 0
        well = asyncio.Event()

        async def run() -> None:
            nonlocal runs
            runs += 1
            if runs <= 4:
                raise error
            well.set()
            await asyncio.sleep(60)

        task = tasks.keep(run, "the loop")
        async with asyncio.timeout(5):
            await well.wait()
        assert [record.message.startswith("the loop failed and goes on: ") for record in caplog.records] == [True]
        await tasks.stop(task)
        assert task.cancelled()

    async def test_another_failure_is_said_anew(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(tasks, "RESTART_SECONDS", 0.001)
        left = [ValueError("a"), ValueError("a"), ValueError("b")]

        async def run() -> None:
            if left:
                raise left.pop(0)

        await tasks.keep(run, "the loop")
        assert len(caplog.records) == 2


class TestTogether:
    async def test_a_failure_ends_the_rest_before_it_is_raised(self) -> None:
        ended = asyncio.Event()

        async def long() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.01)
                ended.set()

        with pytest.raises(ValueError, match="no"):
            await tasks.together(long(), raising(ValueError("no")))
        assert ended.is_set()
        assert await tasks.together(*(asyncio.sleep(0, number) for number in range(3))) == [0, 1, 2]

    @each_error
    async def test_a_step_of_a_clean_up_that_fails_keeps_no_other_from_its_end(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        done: list[int] = []

        async def step(number: int) -> None:
            await asyncio.sleep(0.01)
            done.append(number)

        await tasks.settle("cleaning up", step(1), raising(error), step(2))
        assert (sorted(done), len(caplog.records)) == ([1, 2], 1)

    @each_error
    async def test_what_is_no_exception_becomes_one(self, error: BaseException) -> None:
        """A SystemExit in a task of asyncio's own would end the event loop."""
        assert isinstance((await tasks.outcomes(raising(error)))[0], Exception)
        for waiting in (tasks.together, tasks.first, tasks.to_the_end):
            with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is
                await waiting(raising(error))

    async def test_the_first_result_ends_the_rest(self) -> None:
        never = asyncio.get_running_loop().create_future()
        assert await tasks.first(never, asyncio.sleep(0, "it")) == "it"
        assert never.cancelled()

    async def test_work_that_cannot_be_interrupted_is_waited_for(self) -> None:
        results: list[int] = []
        waiting = tasks.start(tasks.to_the_end(asyncio.sleep(0.05, 7), results.append), "waiting")
        await asyncio.sleep(0.01)
        await tasks.stop(waiting)
        assert (waiting.cancelled(), results) == (True, [7])


class TestThreads:
    @each_error
    async def test_whoever_waits_for_a_thread_gets_what_it_raises(self, error: BaseException) -> None:
        """StopIteration too, with which a bare future waits for ever on Python 3.11."""

        def fail() -> None:
            raise error

        task = tasks.start(tasks.in_thread(fail), "a thread's work")
        async with asyncio.timeout(5):
            await asyncio.wait([task])
        assert task.exception() is not None

    @each_error
    def test_what_a_thread_of_its_own_raises_is_logged(
        self, error: BaseException, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            raise error

        with caplog.at_level(logging.ERROR):
            tasks.thread(fail, "the thread").join(5)
        assert caplog.records[0].message.startswith("the thread failed: ")


def test_an_error_in_words_names_its_class() -> None:
    said: Any = tasks.said_of
    assert (said(MemoryError()), said(ValueError("x"))) == ("MemoryError", "ValueError: x")
