"""A headless locust in a process of its own, from its command line to the run that it recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import HarnessError

# Locust's own start, its spawning, and requests in flight at the end.
_SLACK_SECONDS = 120


def run_locust(arguments: Sequence[str], environment: Mapping[str, str], runs: Path, log: Path, seconds: float) -> Path:
    """The run's folder. seconds: of the load; log: a file for what locust prints. Raises HarnessError."""
    before = _folders(runs)
    command = [sys.executable, "-m", "locust", *arguments, "--runs", str(runs)]
    with log.open("wb") as output:
        locust = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _await(locust, seconds + _SLACK_SECONDS)
        finally:
            _end(locust)
    made = sorted(_folders(runs) - before)
    if not made:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
        raise HarnessError(f"locust recorded no run: {lines[-1]}")
    return made[-1]


def _folders(runs: Path) -> set[Path]:
    return {entry for entry in runs.iterdir() if entry.is_dir()} if runs.is_dir() else set()


def _await(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise HarnessError(f"locust did not finish within {seconds:g} s.") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Lets an interrupted locust write its run to the end, and ends one that does not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
