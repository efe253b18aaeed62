"""The claim on a state folder: one process has it at a time, and whatever ends that process gives it up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.local_aws.claim import LOCK, Claimed, Holder, claim, has_lock, holder_of, is_claimed
from model_server.private import ForeignFolderError
from tests.other_user import NOBODY, needs_root

# Claims a folder as often as it can for a while, and notes each time that somebody else is inside.
RACER = """
import os, sys, time
from pathlib import Path
from harness.local_aws import claim as claims
folder, inside = Path(sys.argv[1]), Path(sys.argv[2])
had = 0
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 1.5
while time.monotonic() < end:
    try:
        own = claims.claim(folder)
    except claims.Claimed:
        time.sleep(0.001)
        continue
    descriptor = os.open(inside, os.O_CREAT | os.O_EXCL)  # raises FileExistsError if another is inside
    assert {entry.name for entry in folder.iterdir()} == {"lock"}, "it was not emptied"
    (folder / "file").touch()
    os.close(descriptor)
    inside.unlink()
    own.release()
    had += 1
print(had)
"""


def a_process(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_folder_is_one_process_s_and_says_whose(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    own = claim(folder)
    assert is_claimed(folder)
    assert holder_of(folder) == Holder(os.getpid(), pytest.approx(time.time(), abs=5), "starting")
    assert has_lock(os.getpid(), folder)
    own.say("up")
    with pytest.raises(Claimed) as refused:
        claim(folder)
    assert refused.value.holder is not None
    assert (refused.value.holder.pid, refused.value.holder.phase) == (os.getpid(), "up")
    own.release()
    assert not is_claimed(folder)
    assert not list(tmp_path.iterdir())


def test_of_eight_that_race_for_it_only_one_has_it_at_a_time(tmp_path: Path) -> None:
    racers = [a_process(RACER, tmp_path / "state", tmp_path / "inside") for _ in range(8)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 8
    assert sum(map(int, outputs)) > 8
    assert not list(tmp_path.iterdir())


def test_whoever_is_killed_has_it_no_longer_and_what_it_left_is_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    program = "import sys; from pathlib import Path; from harness.local_aws.claim import claim; "
    with a_process(f"{program} own = claim(Path(sys.argv[1])); print(1, flush=True); input()", folder) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (folder / "work").mkdir()
        (folder / "work" / "file").touch()
        (folder / "work").chmod(0o500)
        assert is_claimed(folder)
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not is_claimed(folder)
    assert holder_of(folder) is None
    own = claim(folder)
    assert [entry.name for entry in folder.iterdir()] == [LOCK]
    own.release()


def test_a_pid_that_is_another_process_s_by_now_is_not_a_holder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / LOCK).write_text(json.dumps({"pid": os.getppid(), "since": time.time(), "phase": "up"}))
    assert holder_of(folder) is None
    assert not has_lock(os.getppid(), folder)
    claim(folder).release()


def test_a_process_that_inherits_it_has_it_until_the_last_of_both_ends(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    own = claim(folder)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(own.descriptor,)) as heir:
        own.say("up", heir.pid)
        own.hand_over()
        assert holder_of(folder) == Holder(heir.pid, pytest.approx(time.time(), abs=5), "up")
        assert has_lock(heir.pid, folder)
        with pytest.raises(Claimed):
            claim(folder)
        heir.communicate(b"\n")
    assert not is_claimed(folder)


def test_releasing_it_late_does_not_touch_the_next_one_s_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = claim(folder)
    twin = type(first)(folder, os.dup(first.descriptor))
    first.release()
    os.close(twin.descriptor)
    second = claim(folder)
    (folder / "file").touch()
    late = type(first)(folder, os.open("/dev/null", os.O_RDONLY))
    late.release()
    assert (folder / "file").exists()
    second.release()


@needs_root
def test_another_user_s_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    for use in (claim, is_claimed):
        with pytest.raises(ForeignFolderError, match="belongs to nobody"):
            use(folder)


def test_a_link_in_the_place_of_the_folder_or_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("kept")
    (tmp_path / "state").symlink_to(tmp_path / "mine")
    with pytest.raises(ForeignFolderError, match="is a link"):
        claim(tmp_path / "state")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / LOCK).symlink_to(tmp_path / "mine" / "file")
    with pytest.raises(OSError, match="symbolic link"):
        claim(tmp_path / "other")
    assert (tmp_path / "mine" / "file").read_text() == "kept"
