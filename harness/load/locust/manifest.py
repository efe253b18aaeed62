"""Makes the manifest of a run that begins, and checks before that the run can be recorded."""

from __future__ import annotations

import os
import secrets
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from locust.env import Environment
from locust.runners import MasterRunner

from harness.core.errors import HarnessError, reason
from harness.core.machine import machine, versions
from harness.load.locust.options import option_values
from harness.load.redaction import command_without_secrets, without_secrets
from harness.load.runs import Manifest, new_run_id


def new_manifest(environment: Environment) -> Manifest:
    """The manifest of a run that begins now."""
    options: Any = environment.parsed_options
    now = time.time()
    scenarios = sorted(user_class.__name__ for user_class in environment.user_classes)
    return Manifest(
        id=new_run_id(scenarios, now),
        scenarios=scenarios,
        started=now,
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        command=command_without_secrets(sys.argv),
        options={
            "users": options.num_users,
            "spawn_rate": options.spawn_rate,
            "run_time": options.run_time,
            "host": without_secrets(environment.host or os.environ.get("AWS_ENDPOINT_URL")),
            "workers": len(environment.runner.clients.ready) if isinstance(environment.runner, MasterRunner) else None,
            "target": getattr(options, "target", None),
            "max_outstanding": getattr(options, "max_outstanding", None),
            **without_secrets(option_values(options)),
        },
        versions=versions(),
        machine=machine(),
        stack=without_secrets(read_stack(options.stack)) if options.stack else None,
    )


def read_stack(path: str) -> dict[str, Any]:
    """The tables of a stack file, unchecked. Raises HarnessError if it cannot be read."""
    try:
        return tomllib.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise HarnessError(f"The stack file {path} cannot be read: {reason(error)}.") from error


def check_before_start(runs: str, stack: str | None) -> None:
    """Exit with a sentence if the run store cannot be written or the stack file cannot be read."""
    try:
        Path(runs).mkdir(parents=True, exist_ok=True)
        if not os.access(runs, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        sys.stderr.write(
            f"Runs cannot be recorded in {runs} ({error.strerror}): set HARNESS_RUNS to a folder that can be written.\n"
        )
        sys.exit(1)
    if stack:
        try:
            read_stack(stack)
        except HarnessError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(1)
