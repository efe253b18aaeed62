"""Runs a command that dies with its parent: ``python -I tether.py PARENT_PID COMMAND...``.

A program of its own, because the wish survives exec(2) but must be made inside the child, and code between fork and
exec is unsafe in a threaded parent. The kernel sends the signal when the parent's *thread* that forked ends: fork
from the main thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent() -> None:
    """Ask the kernel to kill this process as soon as its parent is gone."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def main(arguments: list[str]) -> None:
    parent, *command = arguments
    die_with_parent()
    if os.getppid() != int(parent):  # It ended before the wish was made.
        raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606 - the very command that this program is told to become


if __name__ == "__main__":
    main(sys.argv[1:])
