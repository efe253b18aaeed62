"""A headless locust in a process of its own, from its command line to the run that it recorded."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import interrupts
from harness.core.errors import HarnessError

# Locust's own start, its spawning, and requests in flight at the end.
_SLACK_SECONDS = 120
# An interrupted locust writes its run to the end.
_END_SECONDS = 10


def run_locust(arguments: Sequence[str], environment: Mapping[str, str], runs: Path, log: Path, seconds: float) -> Path:
    """The run's folder. seconds: of the load; log: a file for what locust prints. Raises HarnessError."""
    before = run_folders(runs)
    command = [sys.executable, "-m", "locust", *arguments, "--runs", str(runs)]
    with log.open("wb") as output:
        # In a session of its own: a terminal's Ctrl-C reaches it through this process alone, and once.
        locust = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _await(locust, seconds + _SLACK_SECONDS)
        finally:
            interrupts.end_process(locust, _END_SECONDS, signal.SIGINT)
    made = sorted(run_folders(runs) - before)
    if not made:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
        raise HarnessError(f"locust recorded no run: {lines[-1]}")
    return made[-1]


def run_folders(runs: Path) -> set[Path]:
    """Of all runs that have been begun."""
    return {entry for entry in runs.iterdir() if entry.is_dir()} if runs.is_dir() else set()


def _await(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise HarnessError(f"locust did not finish within {seconds:g} s.") from None
