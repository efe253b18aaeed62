"""Does what an ML instance's kernel does when its memory is used up: kills the largest process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import psutil

from harness.core import memory, tasks
from harness.hosting.instances.base import Log
from harness.hosting.rules.instance_types import memory_gib

LOOK_SECONDS = 0.5
"""Wall-clock seconds between two looks; ours. A leak may be past the limit for so long."""
_SHARE_OF_MACHINE = 0.8  # ours: a leaking model must not make this machine unresponsive
_GIB = 2**30


def limit_of(instance_type: str) -> int:
    """Bytes of memory of an instance of the type: the type's, but at most four fifths of this machine's.

    Raises ValueError for a name that is not an ML instance type's.
    """
    return int(min(memory_gib(instance_type) * _GIB, _SHARE_OF_MACHINE * psutil.virtual_memory().total))


async def hold(pid: int, limit: int, log: Log) -> None:
    """Keeps a process and its descendants within ``limit`` bytes until it is cancelled; logs each process it kills."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        killed = await tasks.in_thread(relieve, pid, limit)
        if killed is not None:
            log(killed)


def relieve(pid: int, limit: int) -> str | None:
    """Kills the largest process of the tree if the tree holds more than ``limit`` bytes, and says so."""
    sizes = {member: memory.resident([member]) for member in memory.family(pid)}
    # Shared pages are counted once only if that may matter: it takes milliseconds of a model server's time.
    if sum(sizes.values()) <= limit or (used := memory.resident(list(sizes))) <= limit:
        return None
    largest = max(sizes, key=sizes.__getitem__)
    name = "process"
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{largest}/comm").read_text().strip()
    with contextlib.suppress(ProcessLookupError):
        os.kill(largest, signal.SIGKILL)
    return (
        f"Out of memory: killed process {largest} ({name}); the model server held {used / _GIB:.2f} GiB of the "
        f"{limit / _GIB:.2f} GiB that the instance has."
    )
