"""SimulatePrincipalPolicy and SimulateCustomPolicy, answered by the evaluation that the gateway itself goes by.

Every other operation of IAM is the backend's. Source: IAM API reference, SimulatePrincipalPolicy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from harness.access.directory import Directory
from harness.access.rules.evaluation import Decision, Policies, Request, evaluate
from harness.access.rules.policy import MalformedPolicy, Policy, Use, parse_policy
from harness.access.rules.principals import Caller, caller_of, session_caller
from harness.core.calls import Call, Service
from harness.core.errors import AwsError

_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9*?-]+")
# MaxItems' default (IAM API reference).
_PAGE = 100


class Simulation(Service):
    """The service ``iam`` as far as it is the harness's own."""

    service_name: ClassVar[str] = "iam"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def delegates(self, operation: str) -> bool:
        return operation not in ("SimulatePrincipalPolicy", "SimulateCustomPolicy")

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        return (request["PolicySourceArn"],) if operation == "SimulatePrincipalPolicy" else ("*",)

    async def simulate_custom_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        caller = _caller(request.get("CallerArn") or self._directory.root.arn.replace(":root", ":user/simulated"))
        return _answer(request, _given(request), None, caller)

    async def simulate_principal_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        source = request["PolicySourceArn"]
        caller = _caller(source)
        entity = await self._directory.by_arn(caller.entity_arn)
        if not entity.arn:
            raise AwsError("NoSuchEntity", f"The entity {source} cannot be found.", 404)
        if request.get("CallerArn"):
            caller = _caller(request["CallerArn"])
        elif caller.kind == "assumed-role":
            caller = session_caller(caller.arn, entity.arn)
        return _answer(request, (*entity.identity, *_given(request)), entity.boundary, caller)


def _given(request: Mapping[str, Any]) -> tuple[Policy, ...]:
    return _parsed("PolicyInputList", request.get("PolicyInputList", ()))


def _parsed(name: str, documents: Iterable[str], use: Use = "identity") -> tuple[Policy, ...]:
    try:
        return tuple(parse_policy(f"{name}.{number}", text, use) for number, text in enumerate(documents, 1))
    except MalformedPolicy as error:
        raise _invalid(str(error)) from None


def _caller(arn: str) -> Caller:
    try:
        return caller_of(arn)
    except ValueError as error:
        raise _invalid(f"Invalid Entity Arn: {error}.") from None


def _answer(
    request: Mapping[str, Any], policies: Sequence[Policy], boundary: Policy | None, caller: Caller
) -> dict[str, Any]:
    context = {
        entry["ContextKeyName"].lower(): tuple(entry.get("ContextKeyValues", ()))
        for entry in request.get("ContextEntries", ())
        if entry.get("ContextKeyName")
    }
    given = request.get("ResourcePolicy")
    own = _parsed("ResourcePolicy", [given], "resource")[0] if given else None
    bounds = _parsed("PermissionsBoundaryPolicyInputList", request.get("PermissionsBoundaryPolicyInputList", ()))
    applied = Policies(tuple(policies), bounds[0] if bounds else boundary, None, own)
    results = []
    for action in request["ActionNames"]:
        if not _ACTION.fullmatch(action):
            raise _invalid(f"Invalid Action: {action} must be like s3:GetObject")
        for resource in request.get("ResourceArns") or ("*",):
            decision = evaluate(Request(caller, action, resource, context), applied)
            results.append(_result(action, resource, decision, applied, context, caller))
    begin = int(request["Marker"]) if str(request.get("Marker", "")).isdecimal() else 0
    end = begin + request.get("MaxItems", _PAGE)
    more = end < len(results)
    page: dict[str, Any] = {"EvaluationResults": results[begin:end], "IsTruncated": more}
    return {**page, "Marker": str(end)} if more else page


def _result(
    action: str,
    resource: str,
    decision: Decision,
    applied: Policies,
    context: Mapping[str, tuple[str, ...]],
    caller: Caller,
) -> dict[str, Any]:
    verdict = "allowed" if decision.allowed else "explicitDeny" if decision.explicit_deny else "implicitDeny"
    found: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": verdict,
        "MatchedStatements": [
            {"SourcePolicyId": decision.policy, "SourcePolicyType": _type(decision)}
        ] if decision.statement is not None else [],
        "MissingContextValues": _missing(action.lower(), applied, context),
    }  # fmt: skip
    if applied.boundary is not None:
        within = evaluate(Request(caller, action, resource, context), Policies(identity=(applied.boundary,)))
        found["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within.allowed}
    return found


def _type(decision: Decision) -> str:
    """Botocore, PolicySourceType: where a statement is from, as far as a policy's name tells."""
    if decision.kind == "resource-based policy":
        return "resource"
    if decision.policy.startswith("arn:aws:iam::aws:"):
        return "aws-managed"
    return "user-managed" if decision.policy.startswith("arn:") else "none"


def _missing(action: str, applied: Policies, context: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The condition keys that statements about the action read and nobody gave."""
    policies = [*applied.identity, *(one for one in (applied.boundary, applied.resource) if one is not None)]
    keys = (
        key
        for policy in policies
        for statement in policy.about(action)
        for condition in statement.conditions
        for key in condition.keys
    )
    return list(dict.fromkeys(key for key in keys if key not in context))


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidInput", message, 400)
