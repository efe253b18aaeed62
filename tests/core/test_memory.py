import os
import subprocess
import sys
import time

import pytest

from harness.core import memory

HOLD = "data = bytearray(60_000_000); import os; {fork}print('ready', flush=True); import time; time.sleep(60)"


def hold(fork: str = "") -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(fork=fork)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    return holder


def end(holder: subprocess.Popen[bytes]) -> None:
    os.killpg(holder.pid, 9)
    holder.communicate()


def test_resident_and_peak_of_one_process() -> None:
    holder = hold()
    try:
        assert 60_000_000 < memory.resident(memory.family(holder.pid)) < 90_000_000
        assert memory.peak(holder.pid) >= memory.resident(memory.family(holder.pid)) - memory.MEGABYTE
    finally:
        end(holder)


def test_what_forks_share_is_counted_once() -> None:
    holder = hold("os.fork(); os.fork(); ")
    try:
        time.sleep(0.1)
        assert 60_000_000 < memory.resident(memory.family(holder.pid)) < 110_000_000
    finally:
        end(holder)


def test_a_family_without_end_is_counted_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_PROCESSES", 3)
    holder = hold("os.fork(); os.fork(); os.fork(); ")
    try:
        time.sleep(0.1)
        assert 3 < len(memory.family(holder.pid)) < 8
    finally:
        end(holder)


def test_a_process_that_is_gone_uses_nothing() -> None:
    holder = hold()
    end(holder)
    assert memory.resident(memory.family(holder.pid)) == memory.peak(holder.pid) == 0
    assert memory.resident(memory.family(0)) == 0
