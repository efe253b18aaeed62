"""What all execution environments of a harness share, and what all of one deployment do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.backend.logs import CloudWatchLogs
from harness.core.clock import Clock
from harness.functions.cgroup import MemoryCgroups


@dataclass(frozen=True, slots=True)
class Host:
    """The machine's side.

    clock: of idle times; an execution takes the wall's time, however fast that clock runs. workspace: a folder for
    their folders. endpoint_url: what they see as AWS_ENDPOINT_URL. cgroups: None where the machine has none for the
    harness. private_tmp: whether each can have a /tmp of its own. idle_seconds: how long one is kept that nobody calls.
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
    """A deployment's unpacked files. folder: all of them. layers: how many there are, the first being the lowest."""

    folder: Path
    layers: int = 0

    @property
    def task(self) -> Path:
        """/var/task's stand-in."""
        return self.folder / "task"

    def layer(self, index: int) -> Path:
        return self.folder / f"layer{index}"

    @property
    def opt(self) -> list[Path]:
        """/opt's stand-ins: of two layers with the same file the later one's counts (Lambda guide, layers)."""
        return [self.layer(index) for index in reversed(range(self.layers))]

    def python_path(self, runtime: str) -> list[str]:
        """Where a Python runtime looks for modules below /opt (Lambda guide, python-layers)."""
        below = (f"python/lib/{runtime}/site-packages", "python")
        return [str(layer / part) for part in below for layer in self.opt]
