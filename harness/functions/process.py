"""The process group of an environment: started in its own session, watched by a pidfd, killed as a whole."""

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
    """One awslambdaric process and everything that it forks.

    on_output: called with their output; standard output, standard error and awslambdaric's frames share one stream.
    on_exit: called with Popen's return code, after all output. cgroup: the memory cgroup to join. Without a cgroup,
    kill() misses a process that leaves the process group by starting its own session.

    Popen and a pidfd are used instead of asyncio's subprocesses: Popen spawns with vfork, however large the harness is,
    no thread is needed for each child, and uvloop behaves the same.
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
        """Process id of the group's leader; 0 while no process runs."""
        return self._popen.pid if self._popen is not None else 0

    def start(self, settings: Mapping[str, Any], variables: Mapping[str, str], code: Path) -> None:
        """Start the process with bootstrap.py's settings. Raises OSError if the machine cannot run another process."""
        lifeline_read = output_write = -1
        try:
            lifeline_read, self._lifeline = os.pipe()
            self._output, output_write = os.pipe()
            os.set_blocking(self._output, False)
            cgroup = str(self._cgroup.procs) if self._cgroup else None
            bootstrap_settings = json.dumps({"lifeline": lifeline_read, "cgroup": cgroup, **settings})
            self._popen = subprocess.Popen(
                [sys.executable, str(BOOTSTRAP), bootstrap_settings],
                cwd=code,
                env={**variables, "_LAMBDA_TELEMETRY_LOG_FD": str(output_write)},
                stdin=subprocess.DEVNULL,
                stdout=output_write,
                stderr=output_write,
                pass_fds=(lifeline_read, output_write),
                start_new_session=True,
            )
            self._pidfd = os.pidfd_open(self._popen.pid)
        except OSError:
            self._abandon()
            raise
        finally:
            for descriptor in (lifeline_read, output_write):
                if descriptor >= 0:
                    os.close(descriptor)
        self._loop.add_reader(self._output, self._read)
        self._loop.add_reader(self._pidfd, self._exited)

    def drain(self) -> None:
        """Pass on the output that is in the pipe now. Later output is read by the event loop as usual."""
        if self._output < 0:
            return
        available = struct.unpack("i", fcntl.ioctl(self._output, termios.FIONREAD, b"\0\0\0\0"))[0]
        while available > 0 and (data := self._take(available)):
            available -= len(data)
            self._on_output(data)

    def kill(self) -> None:
        """Send SIGKILL to the whole group; on_exit is called afterwards."""
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
        if not data:  # every write end is closed
            self._loop.remove_reader(self._output)
        return data

    def _exited(self) -> None:
        assert self._popen is not None
        # The leader is still a zombie, so no other process has its id: it is safe to kill the group by that id.
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
