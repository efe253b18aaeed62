"""Background work: the one module that starts a task or a thread beside its caller.

No exception of such work is lost. It is logged, and the owner is told, who moves what the work was for to a state that
a user sees (Failed, with a reason). Work that goes on for ever (a flush, a look at alarms, a ping) survives whatever is
raised in it: it is logged once and begun again. That holds for every BaseException, also for a CancelledError that
nobody asked for. tests/core/test_tasks.py sees to it that no other module starts a task, and tests/robustness/
test_background.py raises in each one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Failed = Callable[[BaseException], object]
"""Told what background work has raised. It is called on the event loop, and must not block."""

RESTART_SECONDS = 1.0
"""Wall-clock seconds before work that goes on for ever is begun again; ours."""

log = logging.getLogger(__name__)
# asyncio itself keeps only weak references to tasks, so that a task that nobody else keeps could vanish half-way.
_running: set[asyncio.Task[Any]] = set()


class WorkFailed(Exception):
    """Background work raised what is no Exception, such as SystemExit. The text names it."""


def start(
    work: Coroutine[Any, Any, T],
    name: str,
    *,
    failed: Failed | None = None,
    expected: tuple[type[Exception], ...] = (),
) -> asyncio.Task[T]:
    """Starts a task that ends by itself.

    name: what it does, as a noun phrase for the log. failed: told what the work raises. expected: what the work may
    raise; that is for whoever awaits the task, and is neither logged nor told.
    """
    task = asyncio.get_running_loop().create_task(_supervised(work, name, failed, expected), name=name)
    _running.add(task)
    task.add_done_callback(lambda done: _forget(done, work))
    return task


def keep(run: Callable[[], Awaitable[None]], name: str, *, failed: Failed | None = None) -> asyncio.Task[None]:
    """Starts a task that runs until it is stopped, or until ``run`` returns. What ``run`` raises only delays it.

    name and failed: as of start().
    """

    async def go_on() -> None:
        last = ""
        while True:
            try:
                await run()
                return
            except BaseException as error:
                if _is_to_end(error):
                    raise
                if (said := said_of(error)) != last:
                    _report(f"{name} failed and goes on", error)
                last = said
                _tell(failed, error)
            await asyncio.sleep(RESTART_SECONDS)

    return start(go_on(), name, failed=failed)


async def stop(*tasks: asyncio.Future[Any] | None) -> None:
    """Cancels tasks and waits until they have ended. What they raise is not raised here."""
    live = [task for task in tasks if task is not None]
    for task in live:
        task.cancel()
    if live:
        await asyncio.wait(live)


async def attempt(work: Awaitable[object], name: str) -> bool:
    """Waits for a step of a clean-up that must not keep the others from being done. Returns whether it succeeded."""
    try:
        await work
    except BaseException as error:
        if _is_to_end(error):
            raise
        _report(f"{name} failed", error)
        return False
    return True


async def settle(name: str, *work: Awaitable[object]) -> None:
    """Does several steps of a clean-up at the same time, each to its end. What one raises is logged."""
    await asyncio.gather(*(attempt(step, name) for step in work))


async def outcomes(*work: Awaitable[T]) -> list[T | BaseException]:
    """Does several things at the same time, each to its end. Returns the result of each, or what it raised."""
    return await asyncio.gather(*(_contained(awaitable) for awaitable in work), return_exceptions=True)


async def first(*work: Awaitable[T]) -> T:
    """The result of what is over first. The rest is ended then."""
    futures = [asyncio.ensure_future(_contained(awaitable)) for awaitable in work]
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        return next(future for future in futures if future.done()).result()
    finally:
        await stop(*futures)


async def together(*work: Awaitable[T]) -> list[T]:
    """All results of what is done at the same time. A failure, or a cancellation, ends the rest before it is raised."""
    futures = [asyncio.ensure_future(_contained(awaitable)) for awaitable in work]
    try:
        return await asyncio.gather(*futures)
    finally:
        await stop(*futures)


async def to_the_end(work: Awaitable[T], cancelled: Callable[[T], object] = lambda result: None) -> T:
    """Waits for work that cannot be interrupted; if this is cancelled, also then. cancelled: takes its result then."""
    future = asyncio.ensure_future(_contained(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled() and future.exception() is None:
            cancelled(future.result())
        raise


async def in_thread(function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Runs a function in a thread and returns its result.

    A StopIteration becomes a RuntimeError: no future takes one, and whoever waits would wait for ever.
    """

    def run() -> T:
        try:
            return function(*arguments, **named)
        except StopIteration as error:
            raise RuntimeError("a StopIteration got out of its iterator") from error

    return await asyncio.to_thread(run)


def thread(run: Callable[[], object], name: str, *, again: bool = False) -> threading.Thread:
    """Starts a thread that ends with the process. What it raises is logged.

    again: whether ``run`` is begun anew after that, as of keep().
    """

    def supervised() -> None:
        while True:
            try:
                run()
            except BaseException as error:
                _report(f"{name} failed", error)
                if again:
                    threading.Event().wait(RESTART_SECONDS)
                    continue
            return

    started = threading.Thread(target=supervised, name=name, daemon=True)
    started.start()
    return started


def said_of(error: BaseException) -> str:
    """An exception in words: its class and its text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


async def _supervised(
    work: Coroutine[Any, Any, T], name: str, failed: Failed | None, expected: tuple[type[Exception], ...]
) -> T:
    try:
        return await work
    except expected:
        raise
    except BaseException as error:
        if _is_to_end(error):
            raise
        _report(f"{name} failed", error)
        _tell(failed, error)
        if isinstance(error, Exception):
            raise
        # Anything else would end the event loop, or pass for a cancellation.
        raise WorkFailed(said_of(error)) from error


async def _contained(work: Awaitable[T]) -> T:
    """Waits for work. What is no Exception becomes WorkFailed, as of start()."""
    try:
        return await work
    except BaseException as error:
        if isinstance(error, Exception) or _is_to_end(error):
            raise
        raise WorkFailed(said_of(error)) from error


def _is_to_end(error: BaseException) -> bool:
    """Whether an exception is the end that somebody asked for, and not a failure."""
    if isinstance(error, KeyboardInterrupt):
        return True
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _report(what: str, error: BaseException) -> None:
    with contextlib.suppress(Exception):  # with no memory left, not even a line can be logged
        log.error("%s: %s", what, said_of(error), exc_info=error)


def _tell(failed: Failed | None, error: BaseException) -> None:
    if failed is None:
        return
    try:
        failed(error)
    except Exception as another:
        _report("the handling of a failure failed", another)


def _forget(task: asyncio.Task[Any], work: Coroutine[Any, Any, Any]) -> None:
    _running.discard(task)
    work.close()  # it never began if the task was cancelled at once
    if not task.cancelled():
        task.exception()  # retrieved here, because it is reported already
