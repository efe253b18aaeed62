"""What a process and all processes below it use."""

from __future__ import annotations

import psutil

from harness.hosting.instances.base import ResourceUsage


def usage_of_tree(pid: int) -> ResourceUsage | None:
    """The sum over the process and its descendants; None if the process has ended."""
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
            continue  # it has ended since the tree was listed
    return ResourceUsage(cpu, memory)
