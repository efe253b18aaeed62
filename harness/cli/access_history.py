"""The calls that a stack made, by which its policies are judged.

They come from a recorded run, from a running local AWS, or from a run that is made for them: the stack is deployed and
invoked once on a local AWS of its own.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.access.rules.access_history import AccessHistory
from harness.access.rules.policy import MalformedPolicy
from harness.core.errors import HarnessError, reason
from harness.core.progress import Steps
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.invocation import invoke_function
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.tables import Stack

# Nothing is measured in such a run, and provisioned concurrency takes 90 s of the clock.
_SPEED = 10.0
ACCESS_FILE = "access.json"
"""The file of a recorded run that has its calls."""


@dataclass(frozen=True, slots=True)
class HistoryRun:
    """A stack's calls. error: the function's error, or "". answer: what the function answered, or its traceback."""

    history: AccessHistory
    error: str = ""
    answer: str = ""


def run_stack(stack: Stack, steps: Steps, what: str) -> HistoryRun:
    """Deploys a stack on a local AWS that lives as long as this takes, and invokes its function once.

    what: names the stack on the terminal. Raises HarnessError if the stack cannot be deployed. A function that fails
    raises nothing: it may lack a permission.
    """
    with tempfile.TemporaryDirectory(prefix="harness-policy-", ignore_cleanup_errors=True) as scratch:
        options = LocalAwsOptions(region=stack.region, speed=_SPEED)
        temporary = daemon.TemporaryLocalAws(Path(scratch) / "local-aws", options)
        with steps.step("Bringing the local AWS up"):
            temporary.start()
        with temporary as running:
            with steps.step(f"Deploying {what}") as say:
                StackDeployment(stack, administrator_session(running.url), running.url, say).run()
            answer = error = ""
            if stack.function is not None:
                name = stack.function.qualified_name
                with steps.step(f"Invoking {name}"):
                    answer, _, error = invoke_function(running.url, stack.region, name, stack.read_event())
            return HistoryRun(read_history(running.url), error, answer)


def read_history(url: str) -> AccessHistory:
    """The calls that the harness at ``url`` has seen. Raises HarnessError if none answers there."""
    return _read(LocalAwsClient(url).access(), url)


def recorded_history(run: Path) -> AccessHistory:
    """The calls of the recorded run in a folder. Raises HarnessError if the folder has none."""
    file = run / ACCESS_FILE
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise HarnessError(
            f"{run} has no {ACCESS_FILE}: `harness rehearse` records a run with the calls it made."
        ) from None
    except (ValueError, RecursionError):
        raise HarnessError(f"{file} is not JSON.") from None
    return _read(document, str(file))


def _read(document: Mapping[str, Any], where: str) -> AccessHistory:
    try:
        return AccessHistory.from_document(document)
    except (KeyError, TypeError, AttributeError, ValueError, MalformedPolicy) as error:
        raise HarnessError(f"{where} is not a record of calls that this version reads: {reason(error)}.") from None


def with_policies(stack: Stack, documents: Mapping[str, Mapping[str, Any]], folder: Path) -> Stack:
    """The stack with other policies for some of its roles.

    documents: policies by the names of the roles; they are written to files in ``folder``.
    """
    roles = dict(stack.roles)
    for name, document in documents.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        policies = [file] if document["Statement"] else []
        roles[name] = roles[name].model_copy(update={"policies": policies, "managed_policies": []})
    return stack.model_copy(update={"roles": roles})
