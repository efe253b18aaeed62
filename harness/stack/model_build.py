"""Runs the Python files with which a stack builds its models' data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.core import interrupts
from harness.core.errors import HarnessError
from harness.stack.tables import Stack

_BUILD_SECONDS = 600
_BUILD_END_SECONDS = 5  # for a build script to remove its temporary files


def build_models(stack: Stack, progress: Callable[[str], None]) -> None:
    """Runs the build script of each model that has one. Raises HarnessError if a script fails or builds nothing."""
    for name, model in stack.models.items():
        if model.build is None or not model.is_local:
            continue
        script, model_data = stack.path(model.build), stack.path(model.model_data)
        progress(f"build model data of {name}")
        _run(script, name)
        if not model_data.exists():
            raise HarnessError(f"{script} ran, but made no {model_data}.")


def _run(script: Path, model: str) -> None:
    """Runs a build script in a session of its own, with a temporary folder that is removed afterwards.

    An interrupt reaches the script only through this process, once and as SIGINT, after which Python tidies up.
    """
    with interrupts.CleanupStack() as tidied:
        scratch = tidied.enter_context(tempfile.TemporaryDirectory(prefix="harness-build-", ignore_cleanup_errors=True))
        building = tidied.enter_context(
            subprocess.Popen(
                [sys.executable, str(script)],
                cwd=script.parent,
                env={**os.environ, "TMPDIR": scratch},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        tidied.callback(interrupts.end_process, building, _BUILD_END_SECONDS, signal.SIGINT)
        try:
            out, err = building.communicate(timeout=_BUILD_SECONDS)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"{script} did not finish within {_BUILD_SECONDS} s.") from None
    if building.returncode:
        last = (err or out).strip().splitlines()[-1:] or ["it printed nothing"]
        raise HarnessError(f"{script}, which builds the data of model {model}, failed: {last[0]}")
