"""Runs the real locust in a process of its own, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from harness.load.runs import Run, list_runs, read_run

ROOT = Path(__file__).resolve().parents[3]
LOADTESTS = ROOT / "loadtests"
OPEN_LOOP = {"Smoke", "Steady", "RampToSaturation", "Spike", "Soak", "DailyCycle", "ColdStartStorm"}


def environment(runs: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "LOCUST_", "HARNESS_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HARNESS_RUNS": str(runs),
        **more,
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "locust", *arguments]


def locust(*arguments: str, runs: Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run locust headless to its end. A variable with value "" is left out."""
    env = {key: value for key, value in environment(runs, **more).items() if value}
    return subprocess.run(
        command("--headless", *arguments), env=env, cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


def only_run(runs: Path) -> Run:
    (folder,) = list_runs(runs)
    return read_run(folder)
