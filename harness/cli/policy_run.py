"""A stack's own run, for its policies: deployed and invoked on a local AWS of its own, with every call looked at."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.access.rules.access_history import AccessHistory
from harness.access.rules.policy import MalformedPolicy
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.invocation import invoke_function
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.tables import Stack

# Nothing here is measured, and provisioned concurrency takes 90 s of the clock.
_SPEED = 10.0
FILE = "access.json"
"""What a run keeps of its calls, beside what else it recorded."""


@dataclass(frozen=True, slots=True)
class PolicyRun:
    """failed: the function's error, or "". answer: what it answered, or its traceback."""

    history: AccessHistory
    failed: str
    answer: str


def run_stack(stack: Stack, steps: Steps, what: str) -> PolicyRun:
    """Deploys a stack on a local AWS that lives as long as this takes, and invokes its function once.

    Raises HarnessError where it cannot be deployed. A function that fails is no error here: it may lack a permission.
    """
    with tempfile.TemporaryDirectory(prefix="harness-policy-", ignore_cleanup_errors=True) as scratch:
        temporary = daemon.Temporary(Path(scratch) / "local-aws", LocalAwsOptions(region=stack.region, speed=_SPEED))
        with steps.step("Bringing the local AWS up"):
            temporary.start()
        with temporary as running:
            with steps.step(f"Deploying {what}") as say:
                StackDeployment(stack, administrator_session(running.url), running.url, say).run()
            answer = failed = ""
            if stack.function is not None:
                event = stack.path(stack.function.event).read_bytes() if stack.function.event else b"{}"
                with steps.step(f"Invoking {stack.function.qualified_name}"):
                    answer, _, failed = invoke_function(running.url, stack.region, stack.function.qualified_name, event)
            return PolicyRun(read_history(running.url), failed, answer)


def read_history(url: str) -> AccessHistory:
    """The calls that the harness at ``url`` has seen. Raises HarnessError where none answers."""
    return _read(LocalAwsClient(url).access(), url)


def recorded_history(run: Path) -> AccessHistory:
    """The calls of a recorded run. Raises HarnessError where the folder has none."""
    file = run / FILE
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise HarnessError(f"{run} has no {FILE}: `harness rehearse` records a run with the calls it made.") from None
    except (ValueError, RecursionError):
        raise HarnessError(f"{file} is not JSON.") from None
    return _read(document, str(file))


def _read(document: Mapping[str, Any], where: str) -> AccessHistory:
    try:
        return AccessHistory.from_document(document)
    except (KeyError, TypeError, AttributeError, ValueError, MalformedPolicy) as error:
        raise HarnessError(f"{where} is no record of calls that this version reads: {error}.") from None


def with_policies(stack: Stack, documents: Mapping[str, Mapping[str, Any]], folder: Path) -> Stack:
    """The stack with other policies for some of its roles, kept as files in a folder. documents: by the role's name."""
    roles = dict(stack.roles)
    for name, document in documents.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        policies = [file] if document["Statement"] else []
        roles[name] = roles[name].model_copy(update={"policies": policies, "managed_policies": []})
    return stack.model_copy(update={"roles": roles})
