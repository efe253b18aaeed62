"""An environment's process group: started in its own session, watched by a pidfd, killed as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.functions.cgroup import MemoryCgroup

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
READ_SIZE = 65_536  # a pipe's capacity


class Process:
    """One awslambdaric and whatever it forks.

    on_output gets what they write, standard output and error and awslambdaric's frames in one stream. on_exit gets the
    return code as Popen gives it, after all output. cgroup: the group that it joins; without one, what leaves the
    process group by a session of its own escapes kill(). Popen and a pidfd instead of asyncio's own subprocesses: the
    spawn is a vfork however large the harness is, there is no thread for each child, and it is the same under uvloop.
    """

    def __init__(
        self, on_output: Callable[[bytes], None], on_exit: Callable[[int], None], cgroup: MemoryCgroup | None = None
    ) -> None:
        self._cgroup = cgroup
        self._on_output = on_output
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._popen: subprocess.Popen[bytes] | None = None
        self._output = self._lifeline = self._pidfd = -1

    @property
    def pid(self) -> int:
        """The group's leader; 0 when there is none."""
        return self._popen.pid if self._popen is not None else 0

    def start(self, settings: Mapping[str, Any], variables: Mapping[str, str], code: Path) -> None:
        """Spawn it with bootstrap.py's settings. Raises OSError when the machine has no room for another process."""
        tied = written = -1
        try:
            tied, self._lifeline = os.pipe()
            self._output, written = os.pipe()
            os.set_blocking(self._output, False)
            told = {"lifeline": tied, "cgroup": str(self._cgroup.procs) if self._cgroup else None, **settings}
            self._popen = subprocess.Popen(
                [sys.executable, str(BOOTSTRAP), json.dumps(told)],
                cwd=code,
                env={**variables, "_LAMBDA_TELEMETRY_LOG_FD": str(written)},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                pass_fds=(tied, written),
                start_new_session=True,
            )
            self._pidfd = os.pidfd_open(self._popen.pid)
        except OSError:
            self._abandon()
            raise
        finally:
            for descriptor in (tied, written):
                if descriptor >= 0:
                    os.close(descriptor)
        self._loop.add_reader(self._output, self._read)
        self._loop.add_reader(self._pidfd, self._exited)

    def drain(self) -> None:
        """Hand on what is in the pipe at this moment; what is written meanwhile can wait."""
        if self._output < 0:
            return
        available = struct.unpack("i", fcntl.ioctl(self._output, termios.FIONREAD, b"\0\0\0\0"))[0]
        while available > 0 and (data := self._take(available)):
            available -= len(data)
            self._on_output(data)

    def kill(self) -> None:
        """SIGKILL all of it; on_exit follows."""
        if self._cgroup is not None:
            self._cgroup.kill()
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _read(self) -> None:
        if data := self._take(READ_SIZE):
            self._on_output(data)

    def _take(self, size: int) -> bytes:
        try:
            data = os.read(self._output, min(size, READ_SIZE))
        except BlockingIOError:
            return b""
        if not data:  # every writer has gone
            self._loop.remove_reader(self._output)
        return data

    def _exited(self) -> None:
        assert self._popen is not None
        # The leader is a zombie still, so its number is nobody else's: what it forked can be killed by it.
        self.kill()
        returncode = self._popen.wait()
        self.drain()
        self._close()
        self._popen = None
        self._on_exit(returncode)

    def _abandon(self) -> None:
        if self._popen is not None:
            self.kill()
            self._popen.wait()
            self._popen = None
        self._close()

    def _close(self) -> None:
        for descriptor in (self._output, self._pidfd, self._lifeline):
            if descriptor >= 0:
                self._loop.remove_reader(descriptor)
                os.close(descriptor)
        self._output = self._pidfd = self._lifeline = -1
