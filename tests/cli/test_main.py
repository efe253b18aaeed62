"""The command line as a stranger meets it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from harness.cli.main import COMMANDS, main
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient
from tests.hosting.models import ECHO, model_tar
from tests.load.recorded import request, write_run
from tests.stack.test_deployment import write_stack

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


def harness(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def up(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    port = free_port()
    result = harness("up", "--port", port)
    assert result.exit_code == 0, result.output
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    yield port
    daemon.stop(port)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_registry_says_in_one_line_what_it_does(name: str) -> None:
    assert harness(name, "--help").exit_code == 0
    (line,) = [line for line in harness("--help").output.splitlines() if line.split()[:1] == [name]]
    assert line.endswith("."), line
    assert not line.endswith("..."), "the terminal cuts a first sentence that is longer"


def test_up_prints_what_a_shell_can_eval(tmp_path: Path) -> None:
    port = free_port()
    result = harness("up", "--port", port, "--region", "eu-west-1")
    assert result.stdout.splitlines() == [
        f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}",
        "export AWS_ACCESS_KEY_ID=test",
        "export AWS_SECRET_ACCESS_KEY=test",
        "export AWS_DEFAULT_REGION=eu-west-1",
    ]
    assert f"harness down --port {port}" in result.stderr
    running = daemon.find(port)
    assert running is not None
    assert LocalAwsClient(running.url).health()["status"] == "ok"
    again = harness("up", "--port", port)
    assert (again.exit_code, "already up" in again.stderr) == (1, True)
    assert again.stdout == result.stdout  # for a second shell
    down = harness("down", "--port", port)
    assert "The local AWS is down." in down.stderr
    assert not psutil.pid_exists(running.pid)
    assert not list((tmp_path / "state").iterdir())
    assert "nothing to do" in harness("down", "--port", port).stderr


def test_up_runs_on_a_clock_of_any_speed() -> None:
    port = free_port()
    assert harness("up", "--port", port, "--speed", "10").exit_code == 0
    running = daemon.find(port)
    assert running is not None
    try:
        assert LocalAwsClient(running.url).health()["speed"] == 10.0
        before = LocalAwsClient(running.url).clock()["now"]
        time.sleep(1)
        assert 8 < LocalAwsClient(running.url).clock()["now"] - before < 40
    finally:
        harness("down", "--port", port)
    assert "0.5 is not in the range" in harness("up", "--port", port, "--speed", "0.5").stderr


def test_up_without_the_well_known_key(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    result = harness("up", "--port", port, "--no-administrator")
    try:
        exported = dict(line.removeprefix("export ").split("=", 1) for line in result.stdout.splitlines())
        assert exported["AWS_ACCESS_KEY_ID"] not in ("test", "")
        monkeypatch.setenv("AWS_ENDPOINT_URL", exported["AWS_ENDPOINT_URL"])
        assert "UnrecognizedClientException" in harness("invoke", "none").stderr
        for name, value in exported.items():
            monkeypatch.setenv(name, value)
        assert "ResourceNotFoundException" in harness("invoke", "none").stderr
    finally:
        harness("down", "--port", port)


def test_watch_without_a_local_aws() -> None:
    result = harness("watch")
    assert (result.exit_code, "bring it up with `harness up`" in result.stderr) == (1, True)


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = harness("up", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    assert re.search(r"Error: Port \d+ is taken by another program: stop it", result.stderr)
    assert not list((tmp_path / "state").iterdir())


def test_a_state_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STATE", "/dev/null/state")
    result = harness("up", "--port", free_port())
    assert (result.exit_code, "Cannot write to /dev/null/state" in result.stderr) == (1, True)


def test_a_disk_without_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "_LEAST_BYTES", 2**62)
    result = harness("up", "--port", free_port())
    assert (result.exit_code, f"MB are free in {tmp_path / 'state'}: free some" in result.stderr) == (1, True)
    assert not list((tmp_path / "state").iterdir())


def test_a_killed_local_aws_leaves_no_process_and_is_cleaned_up(up: int, tmp_path: Path) -> None:
    running = daemon.find(up)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(running.pid)] if psutil.pid_exists(running.pid) else [], timeout=10)
    assert daemon.find(up) is None
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.torch
def test_deploy_and_invoke(up: int, tmp_path: Path) -> None:
    file = write_stack(tmp_path, model=model_tar(ECHO))
    result = harness("deploy", file)
    assert result.exit_code == 0, result.output
    assert "is InService" in result.stderr
    invoked = harness("invoke", file)
    assert invoked.exit_code == 0, invoked.output
    assert json.loads(json.loads(invoked.stdout)["body"])["echo"] == {"dog": "Carolina"}
    assert "REPORT RequestId" in invoked.stderr
    (tmp_path / "bad.json").write_text('{"fail": "on purpose"}')
    name = re.search(r'name = "(\S+)"', file.read_text()).group(1)  # type: ignore[union-attr]
    # The log that it prints is the function's own, traceback and all.
    failed = CliRunner().invoke(main, ["invoke", name, "--event", str(tmp_path / "bad.json")])
    assert (failed.exit_code, "answered with an error (Unhandled)" in failed.stderr) == (1, True)
    missing = harness("invoke", "no-such-function")
    assert "Invoke was refused: ResourceNotFoundException: Function not found" in missing.stderr


def test_without_a_local_aws(tmp_path: Path) -> None:
    file = write_stack(tmp_path, model=b"")
    assert "No harness answers at http://127.0.0.1:9" in harness("deploy", file).stderr
    assert "Nothing answers at http://127.0.0.1:9" in harness("invoke", file).stderr


def test_a_broken_stack_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("nam = 1")
    result = harness("deploy", tmp_path / "s.toml")
    assert result.exit_code == 1
    assert "s.toml:1: nam: unknown key; did you mean name?" in result.stderr


def test_a_report_of_a_folder_that_is_not_a_run(tmp_path: Path) -> None:
    result = harness("report", tmp_path)
    assert result.exit_code == 1
    assert result.stderr.count("\n") <= 2


def test_a_run_is_given_by_its_id_or_the_beginning_of_it(tmp_path: Path) -> None:
    """As for `harness compare`."""
    run = write_run(tmp_path / "20260202T024000Z-EndpointJpeg-0a1b2c", [request()] * 10)
    for named in (run.name, run.name[:12], run):
        result = harness("report", named, "--runs", tmp_path)
        assert f"Report: {run / 'report.html'}" in result.stdout, result.stderr
    result = harness("report", "2027", "--runs", tmp_path)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: In {tmp_path}, no run begins with 2027: `harness runs` lists them.\n",
    )
    result = harness("policy", "check", FIXTURES / "dog_breed" / "stack.toml", "--run", "2027")
    assert (result.exit_code, "no run begins with 2027" in result.stderr) == (1, True)


def test_a_rehearsal_needs_a_load_table(tmp_path: Path) -> None:
    result = harness("rehearse", write_stack(tmp_path, model=b""))
    assert (result.exit_code, "has no [load] table" in result.stderr) == (1, True)


BUILD = """
import pathlib, tempfile, time
with tempfile.TemporaryDirectory(dir=".", prefix="draft-"):
    pathlib.Path("begun").touch()
    time.sleep(60)
"""
LOAD = """
[load]
locustfile = "locustfile.py"
scenarios = ["None_"]
"""


@pytest.mark.parametrize(
    ("phase", "number"), [("Bringing", signal.SIGTERM), ("Bringing", signal.SIGINT), ("begun", signal.SIGTERM)]
)
def test_an_interrupted_rehearsal_is_one_sentence_with_nothing_left(
    tmp_path: Path, phase: str, number: signal.Signals
) -> None:
    """While the local AWS comes up, and while a model's build script runs; the load: test_dog_breed."""
    file = write_stack(tmp_path, build=BUILD)
    file.write_text(file.read_text() + LOAD)
    (tmp_path / "locustfile.py").touch()
    (temporary := tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "harness.cli.main", "rehearse", str(file), "--runs", str(tmp_path / "runs")]
    process = subprocess.Popen(
        command, env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "Bringing the local AWS up ...\n"
    while phase == "begun" and not (tmp_path / phase).exists():
        assert process.poll() is None
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, output = process.communicate(timeout=90)
    assert process.returncode == 128 + number
    assert output.splitlines()[-1] == "Interrupted, and nothing is left running; nothing was recorded."
    assert "Traceback" not in output
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert list(temporary.iterdir()) == []
    assert list(tmp_path.glob("draft-*")) == []


def test_in_the_foreground_until_interrupted(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "harness.cli.main", "up", "--foreground", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == f"The local AWS is up at http://127.0.0.1:{port}\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"])
def test_a_deployment_to_aws_refuses_another_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    refused = harness("deploy", write_stack(tmp_path, model=b""), "--aws")
    assert refused.exit_code == 1
    assert f"{variable} is http://127.0.0.1:9, which is not AWS: unset it" in refused.stderr


def test_a_deployment_to_aws_refuses_a_local_awss_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    refused = harness("deploy", write_stack(tmp_path, model=b""), "--aws")
    assert refused.exit_code == 1
    assert "The access key test is a local AWS's and not sent to AWS" in refused.stderr
