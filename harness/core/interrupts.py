"""Interrupts of a command (Ctrl-C, SIGTERM, a closed terminal): one exception, which never comes during clean-up."""

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
# Signals within this time are one interrupt: a terminal's Ctrl-C, and the SIGTERM of a parent that it also ended.
_SAME_INTERRUPT_SECONDS = 0.5


class Interrupted(KeyboardInterrupt):
    """Raised for a signal. number: the signal. sentence: what the terminal shows; a command may set a better one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.sentence = "Interrupted."

    @property
    def exit_status(self) -> int:
        """The status that a shell reports for a program that the signal ended."""
        return 128 + self.number


@contextlib.contextmanager
def raise_on_signals() -> Iterator[None]:
    """Within this context each of the signals raises Interrupted in the main thread. In another thread it does nothing.

    A signal that is ignored, as under nohup, stays ignored. After an interrupt the process ignores all of them from the
    end of the context on: it is about to exit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last: float | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if before is None or last - before >= _SAME_INTERRUPT_SECONDS:
            raise Interrupted(number)

    current = {number: signal.getsignal(number) for number in SIGNALS}
    replaced = {number: handler for number, handler in current.items() if handler is not signal.SIG_IGN}
    for number in replaced:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler if last is None else signal.SIG_IGN)


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Within this context signals with a Python handler wait until its end, so that a clean-up is not cut short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    current = {number: signal.getsignal(number) for number in SIGNALS}
    handlers: dict[signal.Signals, Any] = {number: handler for number, handler in current.items() if callable(handler)}
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


class CleanupStack(contextlib.ExitStack):
    """An ExitStack whose clean-up no interrupt cuts short."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        with defer_signals():
            return super().__exit__(kind, error, trace)


def end_process(process: subprocess.Popen[Any], seconds: float, by: signal.Signals = signal.SIGTERM) -> None:
    """Ends a process with a signal, or kills it after that many seconds. Returns when the process is gone."""
    with defer_signals():
        if process.poll() is None:
            process.send_signal(by)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
