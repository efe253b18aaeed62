"""What the machine lacks, said with what to do about it."""

from __future__ import annotations

import importlib.metadata
import socket
import sys
import time
from collections import namedtuple
from datetime import UTC, datetime

import psutil
import pytest
from click.testing import CliRunner

from harness.cli import doctor
from harness.cli.main import main
from harness.local_aws.client import LocalAwsClient
from tests.figures import plain


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path_factory.mktemp("state")))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def findings(port: int | None = None) -> dict[str, doctor.Finding]:
    found: dict[str, doctor.Finding] = {}
    for finding in doctor.examine(port or free_port()):
        found.setdefault(finding.subject.split()[0], finding)  # the first port is the local AWS's
    return found


@pytest.mark.torch
def test_this_machine_can_rehearse() -> None:
    found = findings()
    assert {name: finding.level for name, finding in found.items() if finding.level == "problem"} == {}
    assert found["Python"].found == sys.version.split()[0]
    assert "openjdk" in found["Java"].found


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = findings(taken.getsockname()[1])["port"]
    assert (found.level, found.found) == ("problem", "taken by another program")


def test_little_memory_and_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", "available")
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(2**20))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage(2**20))
    found = findings()
    assert (found["memory"].level, found["disk"].level) == ("problem", "problem")


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert findings()["torchserve"].advice == "pip install 'sagemaker-harness[model]'"


@pytest.mark.parametrize(
    ("answers", "level", "sentence"),
    [
        ({}, "note", "its engine does not answer"),
        ({"version": "28.0"}, "note", "compose is missing"),
        ({"version": "28.0", "compose": "2.5.1"}, "note", "compose 2.5.1"),
        ({"version": "28.0", "compose": "v2.26.1-4"}, "ok", "compose v2.26.1-4"),
    ],
)
def test_docker_is_for_compose_only(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], level: str, sentence: str
) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/docker")
    monkeypatch.setattr(
        doctor, "_ask", lambda command: answers.get(command[1]) if command[0] == "docker" else "openjdk 25"
    )
    found = findings()["docker"]
    assert (found.level, found.found) == (level, sentence)


@pytest.mark.parametrize(
    ("memory", "cpus", "off", "level", "sentence"),
    [
        (8 * 2**30, 4, 0, "ok", "an engine of 8.0 GiB and 4 CPUs"),
        (2 * 2**30, 4, 0, "note", "an engine of 2.0 GiB and 4 CPUs"),
        (8 * 2**30, 1, 0, "note", "an engine of 8.0 GiB and 1 CPUs"),
        (8 * 2**30, 4, -400, "problem", "the engine's clock is -4"),
    ],
)
def test_dockers_engine_may_be_smaller_and_later_than_the_machine(
    monkeypatch: pytest.MonkeyPatch, memory: int, cpus: int, off: int, level: str, sentence: str
) -> None:
    at = datetime.fromtimestamp(time.time() + off, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    answers = {"version": "28.0", "compose": "2.26.1", "info": f"{memory} {cpus} {at}"}
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/docker")
    monkeypatch.setattr(
        doctor, "_ask", lambda command: answers.get(command[1]) if command[0] == "docker" else "openjdk"
    )
    found = findings()["docker"]
    assert found.level == level
    assert sentence in plain(found.found)


def test_a_clock_that_nobody_sets_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ask", lambda command: "no" if command[0] == "timedatectl" else None)
    assert findings()["clock"].level == "note"


def test_a_harness_in_a_container_is_no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalAwsClient, "health", lambda client: {"status": "ok"})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = findings(taken.getsockname()[1])["port"]
    assert found.level == "ok"
    assert "in a container" in found.found


def test_without_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert findings()["docker"].found == "not installed"


@pytest.mark.torch
def test_the_command_prints_a_line_each_and_fails_on_a_problem() -> None:
    result = CliRunner().invoke(main, ["doctor", "--port", str(free_port())])
    assert result.exit_code == 0, result.output
    assert "port" in result.output
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(main, ["doctor", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "harness up --port" in result.output
