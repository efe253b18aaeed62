"""The access history of a write-up's stack: its roles' policies, one invocation, and the calls of AWS's services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from harness.access.rules.access_history import AccessHistory
from harness.access.rules.actions import AccountRegion
from harness.access.rules.advice.risks import risks
from harness.access.rules.advice.smallest import smallest_policy
from harness.access.rules.advice.usage import denied_calls, statement_uses
from harness.access.rules.call_log import CallLog, LoggedCall
from harness.access.rules.evaluation import AccessRequest, Policies, evaluate
from harness.access.rules.policy import Policy, parse_policy
from harness.access.rules.principals import session_caller
from harness.access.rules.service_calls import ServiceCall, endpoint_calls, function_calls
from harness.stack.tables import Stack
from tests.access.policies import ACCOUNT

FIXTURES = Path(__file__).parents[4] / "fixtures"


@cache
def managed() -> dict[str, Any]:
    """AWS's own policies by their names, from moto."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data  # type: ignore[import-untyped,unused-ignore]

    return dict(json.loads(aws_managed_policies_data))


def aws_policy(name: str) -> Policy:
    return parse_policy(f"arn:aws:iam::aws:policy/{name}", managed()[name.rpartition("/")[2]]["Document"])


def arn(role: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def run_history(stack: Stack) -> AccessHistory:
    """The calls of a deployment and one invocation, decided by the stack's own policies."""
    roles = {
        arn(name): (
            *(parse_policy(file.stem, stack.path(file).read_text()) for file in role.policies),
            *(aws_policy(name) for name in role.managed_policies),
        )
        for name, role in stack.roles.items()
    }
    return AccessHistory(ACCOUNT, stack.region, [_decided(call, roles[call.role]) for call in _calls(stack)], roles)


def findings(history: AccessHistory, role: str) -> dict[str, Any]:
    """The findings about a role, in the form of fixtures/writeups/*/findings.json."""
    used: dict[str, list[int]] = {}
    never: dict[str, int] = {}
    for use in statement_uses(history, role):
        policy = use.policy.rpartition("/")[2]
        if use.calls:
            used.setdefault(policy, []).append(use.statement.index)
        else:
            never[policy] = never.get(policy, 0) + 1
    return {
        "used": used,
        "never_used": never,
        "denied": [call.action for call in denied_calls(history, role)],
        "risks": [risk.capability.name for risk in risks(history.roles[role])],
        "enough": smallest_policy(history.calls_of(role), history.account)["Statement"],
    }


def _calls(stack: Stack) -> Iterator[ServiceCall]:
    place, function = AccountRegion(stack.region, ACCOUNT), stack.function
    assert function is not None
    endpoint = f"arn:aws:sagemaker:{stack.region}:{ACCOUNT}:endpoint/{stack.endpoint.name}"
    yield ServiceCall(arn(function.role), "", "sagemaker:InvokeEndpoint", endpoint)
    yield from function_calls(function.name, arn(function.role), (), place)
    for variant in stack.endpoint.production_variants.values():
        model = stack.models[variant.model]
        uri = f"s3://{stack.bucket}/{stack.name}/{variant.model}/model.tar.gz"
        request = {"ExecutionRoleArn": arn(model.role), "PrimaryContainer": {"Image": model.image, "ModelDataUrl": uri}}
        yield from endpoint_calls(stack.endpoint.name, request, {}, place)


def _decided(call: ServiceCall, policies: tuple[Policy, ...]) -> LoggedCall:
    caller = session_caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/{call.role.rpartition('/')[2]}/session")
    decision = evaluate(AccessRequest(caller, call.action, call.resource, call.context), Policies(identity=policies))
    log = CallLog()
    log.add(call.role, call.action, call.resource, decision, lambda: call.context)
    return next(iter(log.entries()))
