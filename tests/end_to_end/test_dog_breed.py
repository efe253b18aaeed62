"""A rehearsal of the shipped stack as a user calls it, with real TorchServe, ResNet50, Lambda and locust."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.load.runs import list_runs, read_run
from harness.report.run import build_report

pytestmark = pytest.mark.torch

ROOT = Path(__file__).parent.parent.parent
STACK = ROOT / "fixtures" / "dog_breed" / "stack.toml"

# Runs a command in a network of its own: loopback, and a default route into a wire whose packets are counted.
ISOLATED = """
ip link set lo up
ip link add out0 type veth peer name out1
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 || true
ip address add 10.11.12.13/24 dev out0
ip link set out1 up
ip link set out0 up
ip route add default dev out0
"$@"
status=$?
awk '$1 == "out0:" {print "packets out:", $11}' /proc/net/dev
exit $status
"""


def can_isolate() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    probe = ["unshare", "-rn", "sh", "-c", "ip link set lo up && ip link add a type veth peer name b"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def rehearse(runs: Path, seconds: int) -> list[str]:
    command = [sys.executable, "-m", "harness.cli.main", "rehearse", str(STACK), "--runs", str(runs)]
    return [*command, "--seconds", str(seconds), "--users", "2"]


def test_a_rehearsal_from_nothing_to_a_report_without_leaving_the_machine(tmp_path: Path) -> None:
    command = rehearse(tmp_path / "runs", 6)
    isolated = can_isolate()
    if isolated:
        command = ["unshare", "-rn", "sh", "-c", ISOLATED, "sh", *command]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    if isolated:
        assert process.stdout.splitlines()[-1] == "packets out: 0"
    last = process.stdout.splitlines()[-2 if isolated else -1]
    assert last.startswith("Report: ")
    assert "p50" in last
    assert "no errors" in last

    (folder,) = list_runs(tmp_path / "runs")
    run = read_run(folder)
    kinds = set(run.requests.column("kind").to_pylist())
    assert kinds == {"lambda", "endpoint"}
    page = (folder / "report.html").read_text()
    figures = json.loads((folder / "report.json").read_text())
    assert figures["figures"]["errors"] == 0
    assert {name["kind"] for name in figures["figures"]["names"]} == kinds
    assert "dog-breed-endpoint" in page


@pytest.mark.unmeasured
def test_an_interrupted_rehearsal_leaves_a_readable_run_and_no_process(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        rehearse(runs, 60), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        end = time.monotonic() + 200
        while not any(read_run(folder).requests.num_rows for folder in list_runs(runs)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end, "no load within 200 s"
            time.sleep(0.2)
        family = psutil.Process(process.pid).children(recursive=True)
        assert any("model_server" in " ".join(child.cmdline()) for child in family)
        os.killpg(process.pid, signal.SIGINT)
        _, output = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in output
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs"]
    (folder,) = list_runs(runs)
    last = f"Interrupted, and nothing is left running; for what was recorded: harness report {folder}."
    assert output.splitlines()[-1] == last
    run = read_run(folder)
    assert run.requests.num_rows > 0
    assert run.manifest.ending == "stopped"
    assert build_report(folder).exists()


@pytest.mark.parametrize("stage", ["up", "deploy"])
@pytest.mark.unmeasured
def test_a_killed_rehearsal_takes_its_children_along(tmp_path: Path, stage: str) -> None:
    # Its folder for temporary files outlives a SIGKILL.
    temporary = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        rehearse(tmp_path / "runs", 60), cwd=ROOT, env=temporary, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wanted = {"up": "harness.local_aws.server", "deploy": "model_server"}[stage]
    end, family = time.monotonic() + 120, []
    while not any(wanted in " ".join(_command(child)) for child in family):
        assert time.monotonic() < end, f"no {wanted} within two minutes"
        time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=40)
    assert not alive


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("megabytes", [5, 120, 230])
@pytest.mark.unmeasured
def test_a_full_disk_is_one_sentence(tmp_path: Path, megabytes: int) -> None:
    """By size, the backend's buffer, the download or the unpacked model runs out of space."""
    mount = f"mount -t tmpfs -o size={megabytes}m tmpfs {tmp_path}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a user mount a file system")
    script = f'{mount}; TMPDIR={tmp_path} "$@"; status=$?; ls {tmp_path}; exit $status'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", *rehearse(tmp_path / "runs", 5)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert "No space left on device" in last or "MB are free in" in last
    assert "Traceback" not in process.stderr
    assert process.stdout == "", "something was left behind"
