"""The generator's own CPU, lag and overhead are measured, and written as they come."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import gevent
import pytest

from harness.load import null_server
from harness.load.generator_log import read_generator_logs
from harness.load.locust import generator_monitor
from harness.load.locust.generator_monitor import GeneratorMonitor, own_overhead


def test_a_blocked_loop_shows_in_lag_and_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator_monitor, "EVERY", 0.3)
    monitor = GeneratorMonitor(tmp_path / "generator.jsonl", lambda: 7)
    gevent.sleep(0.05)
    spin_until = time.perf_counter() + 0.25
    while time.perf_counter() < spin_until:
        pass
    gevent.sleep(0.5)
    monitor.close()
    monitor.close()
    (log,) = read_generator_logs(tmp_path)
    assert log.name == "generator"
    assert log.overhead is not None
    assert 0 < log.overhead.cpu_s < 0.05
    assert 0 < log.overhead.p50_s <= log.overhead.p99_s < 1
    assert log.samples[0].outstanding == 7
    assert max(sample.cpu for sample in log.samples) > 0.05  # a busy machine leaves it no more
    assert max(sample.lag.quantile(1) or 0 for sample in log.samples) > 0.2


def test_a_null_server_that_does_not_start_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    assert own_overhead() is None
    assert "own overhead is not known" in caplog.text


def test_the_null_server_ends_with_its_standard_input() -> None:
    command = [sys.executable, "-I", "-S", str(null_server.__file__)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    assert int(server.stdout.readline()) > 0
    server.stdin.close()
    assert server.wait(10) == 0
    server.stdout.close()


def test_a_full_disk_ends_the_log_and_not_the_load(caplog: pytest.LogCaptureFixture) -> None:
    monitor = GeneratorMonitor(Path("/dev/full"), lambda: 0)
    monitor.close()
    assert "no longer recorded (No space left on device)" in caplog.text


def test_broken_lines_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "generator-1.jsonl").write_text(json.dumps({"null": None}) + "\n{}\nx\n[]\n")
    (log,) = read_generator_logs(tmp_path)
    assert (log.name, log.overhead, log.samples) == ("generator-1", None, [])
