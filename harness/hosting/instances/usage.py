"""What an instance's processes take of the machine: an ability that a kind of instance may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """cpu_seconds: used since the start, over all cores; memory_bytes: held now, shared pages counted once."""

    cpu_seconds: float
    memory_bytes: int


@runtime_checkable
class Metered(Protocol):
    """An instance that can say what it uses; one that cannot has no CPUUtilization and no MemoryUtilization."""

    def usage(self) -> Usage | None:
        """Called in any thread; None once it has ended."""
        ...


def of_process_tree(pid: int) -> Usage | None:
    """A process and all below it; None when it is gone."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    cpu, memory = 0.0, 0
    for process in tree:
        try:
            times = process.cpu_times()
            cpu += times.user + times.system
            memory += process.memory_full_info().pss
        except psutil.Error:
            continue  # ended between two looks
    return Usage(cpu, memory)
