"""Runs a command that dies with its parent: ``python -I tether.py PARENT_PID COMMAND...``.

It is a program of its own, because the request to the kernel survives exec(2) but has to be made inside the child, and
code between fork and exec is unsafe in a parent with threads. The kernel sends the signal when the *thread* of the
parent that forked ends, so fork from the main thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def die_with_parent() -> None:
    """Asks the kernel to kill this process as soon as its parent has ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")


def main(arguments: list[str]) -> None:
    parent, *command = arguments
    die_with_parent()
    if os.getppid() != int(parent):  # It ended before the kernel was asked.
        raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606 - the command that this program is to become


if __name__ == "__main__":
    main(sys.argv[1:])
