"""Memory cgroups limit the memory of an execution environment and hold every process that it started.

Both versions of the cgroup interface are supported. The harness needs the right to create groups beside or below its
own: root usually has it, and so do containers with a delegated group, but not an ordinary user without one. Where no
group can be created, the harness polls memory instead (harness.core.memory).

Memory that a process used before it joined its group, about 6 MB for the interpreter, is not charged to the group. File
pages that are read are charged, and the kernel reclaims them before it kills anything.
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
_GONE_SECONDS = 2.0  # ours: the longest wait until killed processes have left their group


class MemoryCgroup:
    """One memory cgroup. A process joins it by writing its id to the file ``procs``."""

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
        """Number of its processes that the kernel has killed because memory ran out."""
        try:
            words = read_at_once(self._events).split()
        except OSError:
            return 0
        return int(words[words.index(b"oom_kill") + 1]) if b"oom_kill" in words else 0

    def kill(self) -> None:
        """Send SIGKILL to every process in it, including those with a session of their own."""
        kill_all(self._folder)

    def remove(self) -> None:
        """Kill the remaining processes and remove the group. Blocks until the processes are gone."""
        deadline = time.monotonic() + _GONE_SECONDS
        while True:
            self.kill()
            try:
                self._folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    return  # find() of a later harness tries again
                time.sleep(0.005)
            else:
                return


class MemoryCgroups:
    """The folder in which groups can be created."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def create(self, identity: str, limit: int) -> MemoryCgroup:
        """Create a group with a limit in bytes. Raises OSError."""
        return MemoryCgroup(self._parent / f"{PREFIX}-{os.getpid()}-{identity}", limit)

    @classmethod
    def find(cls) -> MemoryCgroups | None:
        """The first folder in which groups can be created, or None. Removes the groups of harnesses that have ended."""
        for parent in _candidates():
            cgroups = cls(parent)
            if cgroups._works():
                cgroups._clean()
                return cgroups
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
    """Send SIGKILL to every process of a group: in one step if the kernel offers cgroup.kill, else one by one."""
    if (folder / "cgroup.kill").exists():
        with contextlib.suppress(OSError):
            _write(folder / "cgroup.kill", 1)
        return
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(pid), signal.SIGKILL)


def _candidates() -> list[Path]:
    """The harness's own group and, in version 2, its parent: a group with processes can limit no children."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own[controllers] = path
    folders = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        root, mount = fields.split(" ")[3:5]
        if kind == "cgroup" and "memory" in options.split(","):
            path = next((path for names, path in own.items() if "memory" in names.split(",")), "/")
            folders.append(Path(mount) / os.path.relpath(path, root))
        elif kind == "cgroup2":
            below = Path(mount) / os.path.relpath(own.get("", "/"), root)
            folders += [below] if below == Path(mount) else [below, below.parent]
    return folders


def _write(file: Path, value: int) -> None:
    # Unbuffered, so that this write raises the error if the kernel refuses the value.
    with file.open("wb", buffering=0) as opened:
        opened.write(str(value).encode())
