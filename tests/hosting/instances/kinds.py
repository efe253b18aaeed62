"""Benches: each starts and kills instances of one kind, so that the same tests run on every kind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import psutil

from harness.core.clock import WallClock
from harness.hosting.instances.base import Instance, InstanceKind, InstanceSpec
from harness.hosting.instances.container import ContainerKind
from harness.hosting.instances.container.instance import ContainerInstance
from harness.hosting.instances.process import ProcessKind
from harness.hosting.instances.process.instance import ProcessInstance
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.instances.twin import TwinKind
from harness.hosting.instances.twin.instance import TwinInstance
from tests.model_server.serving import ROOT, free_port
from tests.profiles import a_profile, constant

MODEL = """
import json, os, time

def model_fn(model_dir):
    time.sleep(float(os.environ.get("LOAD", "0")))
    return model_dir

def input_fn(body, content_type):
    return content_type

def predict_fn(data, model):
    time.sleep(SECONDS)
    return data

def output_fn(prediction, accept):
    return json.dumps(prediction)
"""
NEVER = 3600.0


class Bench:
    """Starts instances of one kind that serve for ``seconds`` with 2 workers after loading for ``load`` seconds."""

    kind: InstanceKind

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._instances: list[Instance] = []

    def build(self, seconds: float = 0.0, load: float = 0.0) -> Instance:
        folder = self.folder / str(len(self._instances))
        (folder / "work").mkdir(parents=True)
        spec = InstanceSpec(
            "e", "v", 0, "ml.m5.large", folder / "model", folder / "work", {"LOAD": str(load)}, LocalSettings()
        )
        instance = self.kind.build(self.settle(spec, seconds, load), self.lines.append)
        self._instances.append(instance)
        return instance

    def settle(self, spec: InstanceSpec, seconds: float, load: float) -> InstanceSpec:
        """The spec of such an instance in the kind's own terms."""
        raise NotImplementedError

    async def kill(self, instance: Instance) -> None:
        """What ``kill -9`` is to it."""
        raise NotImplementedError

    async def close(self) -> None:
        await asyncio.gather(*(instance.stop() for instance in self._instances))
        await self.kind.close()


def _write_model(folder: Path, seconds: float) -> None:
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "inference.py").write_text(MODEL.replace("SECONDS", str(seconds)))


def kill_tree(pid: int) -> None:
    """SIGKILL to a process and all below it, so that nothing of a killed model server is left to a test."""
    process = psutil.Process(pid)
    for member in [process, *process.children(recursive=True)]:
        member.send_signal(signal.SIGKILL)


class ProcessBench(Bench):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kind = ProcessKind(WallClock())

    def settle(self, spec: InstanceSpec, seconds: float, load: float) -> InstanceSpec:
        _write_model(spec.model_dir, seconds)
        environment = {**spec.environment, "SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
        return replace(spec, settings=LocalSettings(server="asgi"), environment=environment)

    async def kill(self, instance: Instance) -> None:
        assert isinstance(instance, ProcessInstance) and instance.pid is not None
        kill_tree(instance.pid)


class ContainerBench(Bench):
    """Containers are real model servers, started by hand as a container's entry point would."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kind = ContainerKind(WallClock())
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def settle(self, spec: InstanceSpec, seconds: float, load: float) -> InstanceSpec:
        url = self.run_container(spec.model_dir, spec.workspace, seconds, spec.environment)
        return replace(spec, settings=LocalSettings("container", containers=(url,)))

    def run_container(self, model: Path, work: Path, seconds: float, environment: Mapping[str, str]) -> str:
        _write_model(model, seconds)
        port = free_port()
        command = [sys.executable, "-m", "model_server", "--lifeline", "--server", "asgi", "--workers", "2"]
        command += ["--model-dir", str(model), "--work-dir", str(work), "--port", str(port), "--threads", "1"]
        container = subprocess.Popen(
            command,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        url = f"http://127.0.0.1:{port}"
        self.running[url] = container
        return url

    async def kill(self, instance: Instance) -> None:
        assert isinstance(instance, ContainerInstance) and instance.address is not None
        kill_tree(self.running[instance.address].pid)

    async def close(self) -> None:
        await super().close()
        for container in self.running.values():
            container.terminate()
            await asyncio.to_thread(container.communicate)


class TwinBench(Bench):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kind = TwinKind(WallClock())

    def settle(self, spec: InstanceSpec, seconds: float, load: float) -> InstanceSpec:
        profile = a_profile(service_times=(constant(seconds),), load_seconds=load, workers=2)
        return replace(spec, settings=LocalSettings("twin", profile=profile))

    async def kill(self, instance: Instance) -> None:
        assert isinstance(instance, TwinInstance)
        await instance.kill()


BENCHES: dict[str, Callable[[Path], Bench]] = {
    "process": ProcessBench,
    "container": ContainerBench,
    "twin": TwinBench,
}
