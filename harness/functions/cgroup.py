"""Memory cgroups: the faithful limit of an execution environment, and the way to find whatever it started.

Both versions of the interface are used where the harness may make groups beside or below its own: usual for root and
inside containers that delegate, never for an ordinary user without a delegated group. Elsewhere there is none, and
polling stands in for it (harness.core.memory).

What a process used before it joined its group, about 6 MB of interpreter, is not charged to it. File pages that are
read are charged, and given back before anything is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from harness.core.memory import read_at_once

PREFIX = "sagemaker-harness"
_PROBE_BYTES = 64 * 1_048_576
_GONE_SECONDS = 2.0  # ours: how long killed processes may take to leave their group


class MemoryCgroup:
    """One group. ``procs`` is the file by which a process joins it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        folder.mkdir()
        try:
            if (folder / "memory.max").exists():
                _write(folder / "memory.max", limit)
                with contextlib.suppress(OSError):  # a kernel without swap accounting
                    _write(folder / "memory.swap.max", 0)
                self._events = f"{folder}/memory.events"
            else:
                _write(folder / "memory.limit_in_bytes", limit)
                with contextlib.suppress(OSError):
                    _write(folder / "memory.memsw.limit_in_bytes", limit)
                self._events = f"{folder}/memory.oom_control"
        except OSError:
            folder.rmdir()
            raise

    @property
    def procs(self) -> Path:
        return self._folder / "cgroup.procs"

    @property
    def out_of_memory_kills(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        try:
            words = read_at_once(self._events).split()
        except OSError:
            return 0
        return int(words[words.index(b"oom_kill") + 1]) if b"oom_kill" in words else 0

    def kill(self) -> None:
        """SIGKILL whatever is in it, sessions of their own included."""
        kill_all(self._folder)

    def remove(self) -> None:
        """Kill what is left and remove it; blocks until the processes are gone."""
        deadline = time.monotonic() + _GONE_SECONDS
        while True:
            self.kill()
            try:
                self._folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    return  # start() of a later harness tries again
                time.sleep(0.005)
            else:
                return


class MemoryCgroups:
    """Where groups can be made. Raises nothing: find() answers None where they cannot."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def create(self, identity: str, limit: int) -> MemoryCgroup:
        """A new group with a limit in bytes. Raises OSError."""
        return MemoryCgroup(self._parent / f"{PREFIX}-{os.getpid()}-{identity}", limit)

    @classmethod
    def find(cls) -> MemoryCgroups | None:
        """The first place that works, without what dead harnesses left there."""
        for parent in _candidates():
            found = cls(parent)
            if found._works():
                found._clean()
                return found
        return None

    def _works(self) -> bool:
        try:
            group = self.create("probe", _PROBE_BYTES)
        except OSError:
            return False
        try:
            child = subprocess.Popen(["sleep", "60"])
            try:
                _write(group.procs, child.pid)
            finally:
                child.kill()
                child.wait()
        except OSError:
            return False
        finally:
            group.remove()
        return True

    def _clean(self) -> None:
        for folder in self._parent.glob(f"{PREFIX}-*"):
            owner = folder.name.removeprefix(f"{PREFIX}-").partition("-")[0]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                kill_all(folder)
                with contextlib.suppress(OSError):
                    folder.rmdir()


def kill_all(folder: Path) -> None:
    """SIGKILL every process of a group, at once where the kernel has a file for that."""
    if (folder / "cgroup.kill").exists():
        with contextlib.suppress(OSError):
            _write(folder / "cgroup.kill", 1)
        return
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(pid), signal.SIGKILL)


def _candidates() -> list[Path]:
    """The harness's own group and, for a version 2 group that holds processes itself, the one above."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own[controllers] = path
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        root, mount = fields.split(" ")[3:5]
        if kind == "cgroup" and "memory" in options.split(","):
            path = next((path for names, path in own.items() if "memory" in names.split(",")), "/")
            found.append(Path(mount) / os.path.relpath(path, root))
        elif kind == "cgroup2":
            below = Path(mount) / os.path.relpath(own.get("", "/"), root)
            found += [below] if below == Path(mount) else [below, below.parent]
    return found


def _write(file: Path, value: int) -> None:
    # Unbuffered: the kernel's answer to a refused value is an error of this write.
    with file.open("wb", buffering=0) as opened:
        opened.write(str(value).encode())
