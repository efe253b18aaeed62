"""A rehearsal: one stack, from nothing to a report, on a local AWS of its own."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.cli.access_history import ACCESS_FILE
from harness.core import interrupts
from harness.core.environment import client_environment
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.load.headless import STAGES, run_folders, run_locust, target_options
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.invocation import invoke_function
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.report.run import Headline, build_report, summary
from harness.stack.deployment import StackDeployment
from harness.stack.tables import Stack

_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """The report of a rehearsal, and the figures that matter."""

    report: Path
    headline: Headline

    def __str__(self) -> str:
        return f"Report: {self.report} | {self.headline}"


class Rehearsal:
    """Brings a local AWS up on a free port, deploys, invokes, loads, reports, and takes it down again.

    users: concurrent callers. seconds: how long each scenario of the stack loads it. runs: the folder of the runs.
    """

    def __init__(self, stack: Stack, stack_file: Path, steps: Steps, *, users: int, seconds: int, runs: Path) -> None:
        self._stack = stack
        self._stack_file = stack_file
        self._steps = steps
        self._users = users
        self._seconds = seconds
        self._runs = runs
        self._before = run_folders(runs)

    def run(self) -> RehearsalResult:
        """Runs every step, and leaves nothing running. Raises HarnessError that says which step failed and why."""
        if self._stack.load is None:
            raise HarnessError(
                f"{self._stack_file} has no [load] table: a rehearsal needs a locustfile and its scenarios."
            )
        with interrupts.CleanupStack() as tidied:
            prefix = "harness-rehearsal-"
            scratch = Path(tidied.enter_context(tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)))
            running = tidied.enter_context(self._up(scratch / "local-aws"))
            self._deploy(running.url)
            if self._stack.function is not None:
                self._invoke(running.url)
            run = self._load(running.url, scratch / "locust.log")
            access = LocalAwsClient(running.url, running.key).access()
            (run / ACCESS_FILE).touch(0o600)  # as the rest of the run, whatever the umask is
            (run / ACCESS_FILE).write_text(json.dumps(access), encoding="utf-8")
        with self._steps.step("Writing the report"):
            return RehearsalResult(build_report(run), summary(run))

    @property
    def recorded(self) -> Path | None:
        """The folder of the run that was begun, if there is one."""
        return max(run_folders(self._runs) - self._before, default=None)

    @contextlib.contextmanager
    def _up(self, state: Path) -> Iterator[daemon.RunningLocalAws]:
        temporary = daemon.TemporaryLocalAws(state, LocalAwsOptions(region=self._stack.region))
        with self._steps.step("Bringing the local AWS up"):
            running = temporary.start()
        try:
            yield running
        finally:
            with interrupts.defer_signals(), self._steps.step("Taking the local AWS down"):
                temporary.stop()

    def _deploy(self, url: str) -> None:
        with self._steps.step(f"Deploying {self._stack.name}") as say:
            StackDeployment(self._stack, administrator_session(url), url, say).run()

    def _invoke(self, url: str) -> None:
        function = self._stack.function
        assert function is not None
        name, payload = function.qualified_name, self._stack.read_event()
        with self._steps.step(f"Invoking {name}"):
            answer, log, error = invoke_function(url, self._stack.region, name, payload)
        if error:
            raise HarnessError(f"{function.name} answered with an error ({error}): {answer}\n{log}")
        shown = answer if len(answer) <= _SHOWN_CHARACTERS else answer[:_SHOWN_CHARACTERS] + "..."
        self._steps.console.print(f"  {shown}", markup=False, soft_wrap=True)

    def _load(self, url: str, log: Path) -> Path:
        load = self._stack.load
        assert load is not None
        command = ["-f", f"{self._stack.path(load.locustfile)},{STAGES}", *load.scenarios]
        command += ["--stop-timeout", "60", "--stack", str(self._stack_file)]
        command += ["--stages", ",".join(load.scenarios), "--stage-seconds", str(self._seconds)]
        command += ["--stage-users", str(self._users), *target_options(self._stack)]
        if self._stack.event_file is not None:
            command += ["--event", str(self._stack.event_file)]
        environment = {**os.environ, **client_environment(url, self._stack.region)}
        length = self._seconds * len(load.scenarios)
        with self._steps.step(f"Load: {', then '.join(load.scenarios)}", length):
            return run_locust(command, environment, self._runs, log, length)
