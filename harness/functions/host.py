"""Settings that all execution environments share, and the unpacked code of one deployment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.backend.logs import CloudWatchLogs
from harness.core.clock import Clock
from harness.functions.cgroup import MemoryCgroups


@dataclass(frozen=True, slots=True)
class Host:
    """The machine on which the environments run.

    clock: measures idle times only; an execution takes wall-clock time, however fast that clock runs. workspace: the
    parent of the environments' folders. endpoint_url: the value of AWS_ENDPOINT_URL in the environments. cgroups: None
    if the harness can create no cgroups on this machine. private_tmp: whether each environment can have its own /tmp.
    idle_seconds: how long an environment is kept without an invocation.
    """

    clock: Clock
    logs: CloudWatchLogs
    workspace: Path
    endpoint_url: str
    cgroups: MemoryCgroups | None
    private_tmp: bool
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Code:
    """The unpacked files of a deployment. folder: holds code and layers. layers: number of layers, the lowest first."""

    folder: Path
    layers: int = 0

    @property
    def task(self) -> Path:
        """The folder that stands for /var/task."""
        return self.folder / "task"

    def layer(self, index: int) -> Path:
        return self.folder / f"layer{index}"

    @property
    def opt(self) -> list[Path]:
        """The folders that stand for /opt. The later of two layers with the same file wins (Lambda guide, layers)."""
        return [self.layer(index) for index in reversed(range(self.layers))]

    def python_path(self, runtime: str) -> list[str]:
        """The folders below /opt in which a Python runtime looks for modules (Lambda guide, python-layers)."""
        below = (f"python/lib/{runtime}/site-packages", "python")
        return [str(layer / part) for part in below for layer in self.opt]
