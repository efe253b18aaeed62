"""Sleeps to a tenth of a millisecond under gevent, whose own timers are up to a millisecond late (as epoll is)."""

from __future__ import annotations

import ctypes
import os
import time

import gevent

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = 0o4000
_TFD_CLOEXEC = 0o2000000
_READ = 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


_libc = ctypes.CDLL(None, use_errno=True)


class Timer:
    """One kernel timer (timerfd_create(2); Python has it from 3.13 on), for one greenlet at a time."""

    def __init__(self) -> None:
        self._file = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._file < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._setting = _Itimerspec()
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(self._file, _READ)

    def sleep_until(self, moment: float) -> None:
        """Let other greenlets run until ``time.perf_counter()`` reaches ``moment``, and once if it has passed."""
        nanoseconds = round((moment - time.perf_counter()) * 1e9)
        if nanoseconds <= 0:
            gevent.sleep(0)
            return
        value = self._setting.value
        value.seconds, value.nanoseconds = divmod(nanoseconds, 1_000_000_000)
        _libc.timerfd_settime(self._file, 0, ctypes.byref(self._setting), None)
        self._hub.wait(self._readable)
        os.read(self._file, 8)

    def close(self) -> None:
        self._readable.stop()
        self._readable.close()
        os.close(self._file)
