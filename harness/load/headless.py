"""Runs a headless locust in a process of its own, and finds the run that it recorded."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core import interrupts
from harness.core.errors import HarnessError
from harness.stack.tables import Stack

_LOCUST = Path(__file__).parent / "locust"
LOCUSTFILE = _LOCUST / "locustfile.py"
"""The harness's own scenarios, ConstantRate and GivenArrivals."""
STAGES = _LOCUST / "stages.py"
"""A locustfile to add to others, which runs their scenarios one after the other."""

# For locust's own start, its spawning, and the requests under way at the end.
_SLACK_SECONDS = 120
# For an interrupted locust to write its run to the end.
_END_SECONDS = 10


def run_locust(arguments: Sequence[str], environment: Mapping[str, str], runs: Path, log: Path, seconds: float) -> Path:
    """Run locust headless to its end, and return the run's folder.

    runs: the run store. log: a file for what locust prints. seconds: length of the load.
    Raises HarnessError if locust does not finish in time or records nothing.
    """
    before = run_folders(runs)
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", *arguments, "--runs", str(runs)]
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
    recorded = sorted(run_folders(runs) - before)
    if not recorded:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it printed nothing"]
        raise HarnessError(f"locust recorded no run: {lines[-1]}")
    return recorded[-1]


def target_options(stack: Stack) -> list[str]:
    """The options of a scenario that name the stack's endpoint and, if it has one, its function."""
    options = ["--endpoint-name", stack.endpoint.name]
    return [*options, "--function-name", stack.function.qualified_name] if stack.function is not None else options


def run_folders(runs: Path) -> set[Path]:
    """The folders of all runs in a run store, those of unfinished runs too."""
    return {entry for entry in runs.iterdir() if entry.is_dir()} if runs.is_dir() else set()


def _await(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise HarnessError(f"locust did not finish within {seconds:g} s.") from None
