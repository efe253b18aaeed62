"""Process instances: their cores and their end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.hosting.instances.base import Instance, InstanceSpec
from harness.hosting.instances.process import instance as process_instance
from harness.hosting.instances.process.instance import ProcessInstance, cores_of
from tests.hosting.instances.kinds import NEVER, ProcessBench

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("number", "count", "cores"),
    [
        (0, 2, {0, 1}),
        (1, 2, {2, 3}),
        (3, 2, {6, 7}),
        (4, 2, {0, 1}),  # the fifth instance of 2 on 8 cores shares with the first
        (1, 3, {3, 4, 5}),
        (2, 3, {6, 7, 0}),
        (5, 16, set(range(8))),  # more vCPUs than there are cores: all of them
    ],
)
def test_an_instance_has_a_core_for_each_vcpu_and_its_own_cores_while_there_are_enough(
    number: int, count: int, cores: set[int]
) -> None:
    assert cores_of(number, count, range(8)) == cores


async def test_a_model_server_that_ignores_sigterm_is_killed_after_30_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 s from SIGTERM to SIGKILL (SM guide); a stopped process hears of no other signal."""
    assert process_instance.STOP_SECONDS == 30
    monkeypatch.setattr(process_instance, "STOP_SECONDS", 0.5)
    bench = ProcessBench(tmp_path)
    instance = bench.build(load=NEVER)
    await instance.start()
    assert isinstance(instance, ProcessInstance) and instance.pid is not None
    server = psutil.Process(instance.pid)
    while not _catches(server.pid, signal.SIGTERM):
        await asyncio.sleep(0.05)
    server.suspend()
    begun = time.monotonic()
    await instance.stop()
    assert time.monotonic() - begun >= 0.5
    assert not server.is_running()
    await bench.close()


def _catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


async def test_the_model_server_and_what_it_starts_keep_to_their_cores(tmp_path: Path) -> None:
    """One vCPU on whatever machine this is: the second instance of it has the second core."""

    class OneCore(ProcessBench):
        def settle(self, spec: InstanceSpec, seconds: float, load: float) -> InstanceSpec:
            spec = super().settle(spec, seconds, load)
            return replace(spec, number=1, instance_type="ml.m8g.medium")

    bench = OneCore(tmp_path)
    instance: Instance = bench.build()
    await instance.start()
    await instance.wait_ready(60)
    assert isinstance(instance, ProcessInstance) and instance.pid is not None
    available = sorted(os.sched_getaffinity(0))
    for process in [psutil.Process(instance.pid), *psutil.Process(instance.pid).children(recursive=True)]:
        assert process.cpu_affinity() == [available[1 % len(available)]]
    await bench.close()
