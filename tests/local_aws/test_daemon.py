"""`harness up` and `harness down` as real processes that meet on one port: exactly one local AWS is up, and says so."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.core.errors import HarnessError
from harness.local_aws import daemon
from harness.local_aws.claim import holder_of
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.listener import listen
from harness.local_aws.options import LocalAwsOptions
from tests.other_user import NOBODY, needs_root

pytestmark = pytest.mark.unmeasured


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def port(state: Path) -> Iterator[int]:
    port = free_port()
    yield port
    daemon.stop(port)


def harness(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.cli.entry", *map(str, arguments)],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def servers(state: Path) -> list[int]:
    """The processes that run a local AWS below this state folder."""
    pids = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = process.info["cmdline"] or []
        if "harness.local_aws.server" in line and any(part.startswith(str(state)) for part in line):
            pids.append(process.pid)
    return pids


def test_of_eight_that_come_up_at_once_one_does_and_the_others_say_which(state: Path, port: int) -> None:
    ups = [harness("up", "--port", port) for _ in range(8)]
    outputs = [up.communicate(timeout=120) for up in ups]
    assert sorted(up.returncode for up in ups) == [0] + [1] * 7
    running = daemon.find(port)
    assert running is not None
    assert servers(state) == [running.pid]
    assert LocalAwsClient(running.url).health()["pid"] == running.pid
    for up, (_, errors) in zip(ups, outputs, strict=True):
        if up.returncode == 1:
            holder = r"(another process|process \d+, since [-\d: ]+)"
            assert re.search(rf"A local AWS is already (coming )?up on port {port} \({holder}\); ", errors), errors
            assert "Traceback" not in errors
    assert harness("down", "--port", port).wait(60) == 0
    assert not psutil.pid_exists(running.pid)
    assert not list(state.iterdir())


def test_down_while_it_comes_up_stops_it_and_up_says_so(state: Path, port: int) -> None:
    up = harness("up", "--port", port)
    deadline = time.monotonic() + 60
    while not servers(state):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert daemon.stop(port)
    _, errors = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "The local AWS was stopped before it was up." in errors
    assert (servers(state), list(state.iterdir())) == ([], [])


def test_up_while_it_goes_down_waits_for_its_end(state: Path, port: int) -> None:
    first = daemon.start(LocalAwsOptions(port=port))
    os.kill(first.pid, signal.SIGTERM)
    while (holder := holder_of(state / str(port))) is not None and holder.phase == "up":
        time.sleep(0.001)
    second = daemon.start(LocalAwsOptions(port=port))
    assert (second.pid, servers(state)) == (second.pid, [second.pid])
    assert second.pid != first.pid


def test_one_that_was_killed_is_no_hindrance_and_its_pid_is_let_alone(state: Path, port: int) -> None:
    first = daemon.start(LocalAwsOptions(port=port))
    folder = state / str(port)
    psutil.Process(first.pid).kill()
    psutil.wait_procs([psutil.Process(first.pid)] if psutil.pid_exists(first.pid) else [], timeout=10)
    # Its pid is another process's by now: this one's.
    own = psutil.Process()
    forged = {"url": first.url, "pid": own.pid, "started": own.create_time(), "region": "us-east-1"}
    (folder / "state.json").write_text(json.dumps(forged))
    (folder / "lock").write_text(json.dumps({"pid": own.pid, "since": own.create_time(), "phase": "up"}))
    second = daemon.start(LocalAwsOptions(port=port))
    assert servers(state) == [second.pid]
    psutil.Process(second.pid).kill()
    psutil.wait_procs([psutil.Process(second.pid)] if psutil.pid_exists(second.pid) else [], timeout=10)
    (folder / "state.json").write_text(json.dumps(forged))
    assert not daemon.stop(port)  # and this test goes on
    assert not list(state.iterdir())


def test_port_0_takes_a_free_one_whose_number_stops_it(state: Path) -> None:
    first, second = daemon.start(LocalAwsOptions(port=0)), daemon.start(LocalAwsOptions(port=0))
    ports = [int(running.url.rsplit(":", 1)[1]) for running in (first, second)]
    try:
        assert sorted(path.name for path in state.iterdir()) == sorted(map(str, ports))
        assert [daemon.find(port) for port in ports] == [first, second]
    finally:
        stopped = [daemon.stop(port) for port in ports]
    assert stopped == [True, True]
    assert not list(state.iterdir())


def test_another_program_on_the_port_is_named(state: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        which = rf"\(\S+, process {os.getpid()}, since [-\d: ]+\)"
        named = rf"Port {port} is taken by another program: stop it {which}, or choose another port"
        with pytest.raises(HarnessError, match=named):
            daemon.start(LocalAwsOptions(port=port))
    assert not list(state.iterdir())


def test_two_state_folders_do_not_share_a_port(port: int, tmp_path: Path) -> None:
    running = daemon.start(LocalAwsOptions(port=port))
    other = harness("up", "--port", port, HARNESS_STATE=str(tmp_path / "other"))
    _, errors = other.communicate(timeout=60)
    named = (
        rf"Port {port} is taken by a local AWS with another state folder: stop it \(\S+, process {running.pid}, since"
    )
    assert other.returncode == 1
    assert re.search(named, errors), errors
    assert not list((tmp_path / "other").iterdir())


def test_of_two_that_are_bound_to_a_port_the_second_cannot_listen() -> None:
    """With SO_REUSEADDR a bound port can be bound again until somebody listens."""
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        with listen("127.0.0.1", bound.getsockname()[1]), pytest.raises(OSError, match="in use"):
            bound.listen()


class TestTheStateFolder:
    @pytest.mark.parametrize("mask", ["000", "777"])
    def test_it_and_all_that_is_in_it_is_private_whatever_the_umask_and_the_modes_before(
        self, state: Path, port: int, mask: str
    ) -> None:
        (state / str(port) / "work").mkdir(parents=True)
        for folder in (state, state / str(port), state / str(port) / "work"):
            folder.chmod(0o777)
        (state / str(port) / "work" / "planted").touch()
        up = subprocess.run(
            ["sh", "-c", f'umask {mask}; exec "$@"', "sh", sys.executable, "-m", "harness.cli.entry", "up",
             "--port", str(port)],
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert up.returncode == 0, up.stderr
        paths = [state, *state.rglob("*")]
        assert {path.name for path in paths} >= {"lock", "state.json", "harness.log", "options.json", "work"}
        wrong = {str(path): oct(path.stat().st_mode) for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077}
        assert not wrong
        assert not list(state.rglob("planted"))

    def test_a_folder_with_other_things_in_it_keeps_its_mode(self, state: Path, port: int) -> None:
        state.mkdir()
        state.chmod(0o755)
        (state / "mine").touch()
        with daemon.taken_port(LocalAwsOptions(port=port)) as (own, listener):
            assert stat.S_IMODE(state.stat().st_mode) == 0o755
            assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700
            listener.close()
            own.release()

    def test_one_that_others_could_replace_from_further_above_is_refused(
        self, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "open" / "mine").mkdir(parents=True)
        (tmp_path / "open").chmod(0o777)
        for name in ("mine/state", "state"):
            monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "open" / name))
            with pytest.raises(HarnessError, match="open can be written to by other users, so it is not used"):
                daemon.start(LocalAwsOptions(port=port))

    def test_one_in_which_others_could_replace_it_is_refused(self, state: Path, port: int) -> None:
        state.mkdir()
        (state / "mine").touch()
        state.chmod(0o777)
        with pytest.raises(
            HarnessError, match="state can be written to by other users, so it is not used: set HARNESS"
        ):
            daemon.start(LocalAwsOptions(port=port))
        state.chmod(0o1777)  # as /tmp: nobody can rename what is another's
        with daemon.taken_port(LocalAwsOptions(port=port)) as (own, listener):
            listener.close()
            own.release()

    @needs_root
    @pytest.mark.parametrize("whose", ["root", "port"])
    def test_another_user_s_is_refused_by_up_and_down(self, state: Path, port: int, whose: str) -> None:
        folder = state / str(port)
        folder.mkdir(parents=True)
        forged = {"url": "http://127.0.0.1:1", "pid": os.getpid(), "started": 0, "region": "us-east-1"}
        (folder / "state.json").write_text(json.dumps(forged))
        os.chown(state if whose == "root" else folder, NOBODY, NOBODY)
        with pytest.raises(HarnessError, match=r"belongs to nobody, so it is not used: set HARNESS_STATE to a folder"):
            daemon.start(LocalAwsOptions(port=port))
        if whose == "port":
            for use in (daemon.find, daemon.stop):
                with pytest.raises(HarnessError, match="belongs to nobody"):
                    use(port)
            os.chown(folder, 0, 0)

    @pytest.mark.parametrize("which", ["root", "port"])
    def test_a_link_that_somebody_has_planted_is_refused(
        self, state: Path, port: int, tmp_path: Path, which: str
    ) -> None:
        (tmp_path / "mine" / str(port)).mkdir(parents=True)
        (tmp_path / "mine" / str(port) / "file").touch()
        if which == "root":
            state.symlink_to(tmp_path / "mine")
        else:
            state.mkdir()
            (state / str(port)).symlink_to(tmp_path / "mine" / str(port))
        with pytest.raises(HarnessError, match="is a link, so it is not used"):
            daemon.start(LocalAwsOptions(port=port))
        assert (tmp_path / "mine" / str(port) / "file").exists()
        (state if which == "root" else state / str(port)).unlink()


def test_a_command_line_has_no_password_of_the_backend_s_url(state: Path, port: int) -> None:
    up = harness("up", "--port", port, "--backend-url", "http://user:word-of-pass@127.0.0.1:9")
    lines: list[str] = []
    while up.poll() is None:
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if str(state) in line:
                lines.append(line)
        time.sleep(0.05)
    up.communicate()
    assert lines
    assert not any("word-of-pass" in line for line in lines)
