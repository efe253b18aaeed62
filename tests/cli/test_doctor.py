"""`harness doctor` says what the machine lacks, and what to do about it."""

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

from harness.cli import machine_checks
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


def results(port: int | None = None) -> dict[str, machine_checks.CheckResult]:
    by_subject: dict[str, machine_checks.CheckResult] = {}
    for result in machine_checks.check_machine(port or free_port()):
        by_subject.setdefault(result.subject.split()[0], result)  # the first port is the local AWS's
    return by_subject


@pytest.mark.torch
def test_this_machine_can_rehearse() -> None:
    machine = results()
    assert {name: result.level for name, result in machine.items() if result.level == "problem"} == {}
    assert machine["Python"].state == sys.version.split()[0]
    assert "openjdk" in machine["Java"].state


def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = results(taken.getsockname()[1])["port"]
    assert (port.level, port.state) == ("problem", "taken by another program")


def test_little_memory_and_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", "available")
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(2**20))
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda folder: usage(2**20))
    machine = results()
    assert (machine["memory"].level, machine["disk"].level) == ("problem", "problem")


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert results()["torchserve"].advice == "pip install 'sagemaker-harness[model]'"


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
    monkeypatch.setattr(machine_checks.shutil, "which", lambda name: "/usr/bin/docker")
    monkeypatch.setattr(
        machine_checks, "_output", lambda command: answers.get(command[1]) if command[0] == "docker" else "openjdk 25"
    )
    docker = results()["docker"]
    assert (docker.level, docker.state) == (level, sentence)


@pytest.mark.parametrize(
    ("memory", "cpus", "off", "level", "sentence"),
    [
        (8 * 2**30, 4, 0, "ok", "an engine of 8.0 GiB and 4 CPUs"),
        (2 * 2**30, 4, 0, "note", "an engine of 2.0 GiB and 4 CPUs"),
        (8 * 2**30, 1, 0, "note", "an engine of 8.0 GiB and 1 CPUs"),
        (8 * 2**30, 4, -400, "problem", "the engine's clock is -4"),
    ],
)
def test_dockers_engine_has_memory_cpus_and_a_clock_of_its_own(
    monkeypatch: pytest.MonkeyPatch, memory: int, cpus: int, off: int, level: str, sentence: str
) -> None:
    at = datetime.fromtimestamp(time.time() + off, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    answers = {"version": "28.0", "compose": "2.26.1", "info": f"{memory} {cpus} {at}"}
    monkeypatch.setattr(machine_checks.shutil, "which", lambda name: "/usr/bin/docker")
    monkeypatch.setattr(
        machine_checks, "_output", lambda command: answers.get(command[1]) if command[0] == "docker" else "openjdk"
    )
    docker = results()["docker"]
    assert docker.level == level
    assert sentence in plain(docker.state)


def test_a_clock_that_is_not_synchronized_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks, "_output", lambda command: "no" if command[0] == "timedatectl" else None)
    assert results()["clock"].level == "note"


def test_a_harness_in_a_container_is_not_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalAwsClient, "health", lambda client: {"status": "ok"})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = results(taken.getsockname()[1])["port"]
    assert port.level == "ok"
    assert "in a container" in port.state


def test_without_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks.shutil, "which", lambda name: None)
    assert results()["docker"].state == "not installed"


@pytest.mark.torch
def test_the_command_prints_every_result_and_fails_on_a_problem() -> None:
    result = CliRunner().invoke(main, ["doctor", "--port", str(free_port())])
    assert result.exit_code == 0, result.output
    assert "port" in result.output
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(main, ["doctor", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "harness up --port" in result.output
