"""What an ML instance's kernel does when its memory is used up: it kills the largest process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import psutil

from harness.core import memory
from harness.hosting.instances.base import Log
from harness.hosting.rules.instance_types import memory_gib

LOOK_SECONDS = 0.5
"""Ours, of the wall: how often it is looked at. A leak may be past the limit for so long."""
_SHARE_OF_MACHINE = 0.8  # ours: a model that leaks leaves this machine able to answer
_GIB = 2**30


def limit_of(instance_type: str) -> int:
    """Bytes: the instance type's, at most four fifths of this machine's.

    Raises ValueError for a name that is not an ML instance type's.
    """
    return int(min(memory_gib(instance_type) * _GIB, _SHARE_OF_MACHINE * psutil.virtual_memory().total))


async def hold(pid: int, limit: int, log: Log) -> None:
    """Looks at a process and all below it until it is cancelled; ``log`` is told of each one that was killed."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        killed = await asyncio.to_thread(relieve, pid, limit)
        if killed is not None:
            log(killed)


def relieve(pid: int, limit: int) -> str | None:
    """Kills the largest process of the tree where that holds more than ``limit`` bytes, and says so."""
    each = {member: memory.resident([member]) for member in memory.family(pid)}
    # Shared pages are counted out only where that may matter: it takes milliseconds of a model server's time.
    if sum(each.values()) <= limit or (used := memory.resident(list(each))) <= limit:
        return None
    largest = max(each, key=each.__getitem__)
    name = "process"
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{largest}/comm").read_text().strip()
    with contextlib.suppress(ProcessLookupError):
        os.kill(largest, signal.SIGKILL)
    return (
        f"Out of memory: killed process {largest} ({name}); the model server held {used / _GIB:.2f} GiB of the "
        f"{limit / _GIB:.2f} GiB that the instance has."
    )
