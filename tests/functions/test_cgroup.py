"""Memory cgroups, on machines where the harness can create them. Version 2's files are tested on every machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.functions import cgroup
from harness.functions.cgroup import MemoryCgroups

CGROUPS = MemoryCgroups.find()
needs_cgroups = pytest.mark.skipif(CGROUPS is None, reason="the harness cannot create a memory cgroup on this machine")


@needs_cgroups
def test_a_group_kills_a_process_that_left_the_process_group_and_is_then_removed() -> None:
    assert CGROUPS is not None
    group = CGROUPS.create("t1", 200_000_000)
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    group.procs.write_text(str(child.pid))
    group.remove()
    assert child.wait(5) == -9
    assert not group.procs.parent.exists()
    group.remove()  # removing it again is no error


@needs_cgroups
def test_a_group_counts_the_processes_that_the_kernel_killed_for_memory() -> None:
    assert CGROUPS is not None
    group = CGROUPS.create("t2", 50_000_000)
    try:
        assert group.out_of_memory_kills == 0
        greedy = "import sys; open(sys.argv[1], 'w').write('0'); x = b'x' * 200_000_000"
        completed = subprocess.run([sys.executable, "-c", greedy, str(group.procs)], check=False)
        assert completed.returncode == -9
        assert group.out_of_memory_kills == 1
    finally:
        group.remove()
    assert group.out_of_memory_kills == 0


@needs_cgroups
def test_groups_of_a_harness_that_has_ended_are_removed() -> None:
    assert CGROUPS is not None
    dead = subprocess.Popen(["true"])
    dead.wait()
    leftover = CGROUPS._parent / f"{cgroup.PREFIX}-{dead.pid}-old"
    leftover.mkdir()
    mine = CGROUPS.create("t3", 50_000_000)
    try:
        assert MemoryCgroups.find() is not None
        assert not leftover.exists()
        assert mine.procs.exists()
    finally:
        mine.remove()


def test_version_2_of_the_cgroup_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test creates the files that the kernel would create."""
    original_mkdir = Path.mkdir

    def mkdir(self: Path, *arguments: object, **options: object) -> None:
        original_mkdir(self)
        for name in ("memory.max", "memory.swap.max", "memory.events", "cgroup.procs", "cgroup.kill"):
            (self / name).write_text("oom 1\noom_kill 3\n" if name == "memory.events" else "")

    monkeypatch.setattr(Path, "mkdir", mkdir)
    group = MemoryCgroups(tmp_path).create("x", 1_000)
    folder = group.procs.parent
    assert folder.name == f"{cgroup.PREFIX}-{os.getpid()}-x"
    assert (folder / "memory.max").read_text() == "1000"
    assert (folder / "memory.swap.max").read_text() == "0"
    assert group.out_of_memory_kills == 3
    group.kill()
    assert (folder / "cgroup.kill").read_text() == "1"


def test_find_returns_none_where_no_group_can_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "_candidates", lambda: [tmp_path / "nowhere"])
    assert MemoryCgroups.find() is None
