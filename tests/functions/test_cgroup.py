"""Memory cgroups, on machines that let the harness make some; the files are read wherever they are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.functions import cgroup
from harness.functions.cgroup import MemoryCgroups

FOUND = MemoryCgroups.find()
here = pytest.mark.skipif(FOUND is None, reason="the harness may make no memory cgroup on this machine")


@here
def test_a_group_kills_what_leaves_the_process_group_and_is_then_removed() -> None:
    assert FOUND is not None
    group = FOUND.create("t1", 200_000_000)
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    group.procs.write_text(str(child.pid))
    group.remove()
    assert child.wait(5) == -9
    assert not group.procs.parent.exists()
    group.remove()  # once more is no error


@here
def test_a_group_counts_what_the_kernel_killed_for_memory() -> None:
    assert FOUND is not None
    group = FOUND.create("t2", 50_000_000)
    try:
        assert group.out_of_memory_kills == 0
        greedy = "import sys; open(sys.argv[1], 'w').write('0'); x = b'x' * 200_000_000"
        ended = subprocess.run([sys.executable, "-c", greedy, str(group.procs)], check=False)
        assert ended.returncode == -9
        assert group.out_of_memory_kills == 1
    finally:
        group.remove()
    assert group.out_of_memory_kills == 0


@here
def test_what_a_dead_harness_left_is_removed() -> None:
    assert FOUND is not None
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = FOUND._parent / f"{cgroup.PREFIX}-{dead.pid}-old"
    left.mkdir()
    mine = FOUND.create("t3", 50_000_000)
    try:
        assert MemoryCgroups.find() is not None
        assert not left.exists()
        assert mine.procs.exists()
    finally:
        mine.remove()


def test_version_2_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second interface, whose files are written and read alike; the kernel's part is played."""
    kept = Path.mkdir

    def mkdir(self: Path, *arguments: object, **options: object) -> None:
        kept(self)
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


def test_without_a_place_for_groups_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "_candidates", lambda: [tmp_path / "nowhere"])
    assert MemoryCgroups.find() is None
