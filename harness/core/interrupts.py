"""What ends a command before its time: Ctrl-C, SIGTERM, a closed terminal. One exception, and never amid tidying up."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# One wish that arrives twice, such as a terminal's Ctrl-C and then the SIGTERM of whatever it also ended.
_SAME_WISH_SECONDS = 0.5


class Interrupted(KeyboardInterrupt):
    """number: the signal that it came by. sentence: for whoever is at the terminal; a command may have a better one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.sentence = "Interrupted."

    @property
    def exit_status(self) -> int:
        """As a shell reports a program that the signal has ended."""
        return 128 + self.number


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Within it each of the signals is an Interrupted in the main thread; outside that thread it does nothing.

    A signal that is ignored, as under nohup, stays so. Once one was raised this process ignores them all from the end
    on: there is nothing left for them to end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last: float | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if before is None or last - before >= _SAME_WISH_SECONDS:
            raise Interrupted(number)

    found = {number: signal.getsignal(number) for number in SIGNALS}
    heeded = {number: handler for number, handler in found.items() if handler is not signal.SIG_IGN}
    for number in heeded:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in heeded.items():
            signal.signal(number, handler if last is None else signal.SIG_IGN)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Within it a signal that a Python function handles waits until the end: what is tidied up is so to the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in SIGNALS}
    handlers: dict[signal.Signals, Any] = {number: handler for number, handler in found.items() if callable(handler)}
    waiting: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, frame: waiting.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if waiting:
            handlers[signal.Signals(waiting[0])](waiting[0], None)


class Tidied(contextlib.ExitStack):
    """An ExitStack that an interrupt ends, and whose ending no further one cuts short."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        with held_back():
            return super().__exit__(kind, error, trace)


def end(process: subprocess.Popen[Any], seconds: float, by: signal.Signals = signal.SIGTERM) -> None:
    """Asks a process to end, and kills it when it takes longer than that; returns when it is gone."""
    with held_back():
        if process.poll() is None:
            process.send_signal(by)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
