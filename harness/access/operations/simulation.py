"""SimulatePrincipalPolicy and SimulateCustomPolicy, decided by the same evaluation as requests at the gateway.

Source: IAM API reference, SimulatePrincipalPolicy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.access import errors
from harness.access.directory import Directory
from harness.access.rules.evaluation import AccessRequest, Decision, Policies, evaluate
from harness.access.rules.policy import Attachment, MalformedPolicy, Policy, parse_policy
from harness.access.rules.principals import Caller, caller_of, session_caller
from harness.core.calls import Call

_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9*?-]+")
_PAGE_SIZE = 100  # the default of MaxItems (IAM API reference)

ConditionKeys = Mapping[str, tuple[str, ...]]


class SimulationOperations:
    """SimulatePrincipalPolicy, SimulateCustomPolicy."""

    directory: Directory

    async def simulate_custom_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        default = self.directory.root.arn.replace(":root", ":user/simulated")
        caller = parse_caller(request.get("CallerArn") or default)
        return _simulate(request, parse_input_policies(request), None, caller)

    async def simulate_principal_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        source = request["PolicySourceArn"]
        caller = parse_caller(source)
        entity = self.directory.entity_of_arn(caller.entity_arn)
        if entity is None:
            raise errors.no_such_entity(source)
        if request.get("CallerArn"):
            caller = parse_caller(request["CallerArn"])
        elif caller.kind == "assumed-role":
            caller = session_caller(caller.arn, entity.arn)
        return _simulate(request, (*entity.identity, *parse_input_policies(request)), entity.boundary, caller)


def parse_caller(arn: str) -> Caller:
    """The caller of an ARN. Raises AwsError InvalidInput for an ARN of nobody who can call."""
    try:
        return caller_of(arn)
    except ValueError as error:
        raise errors.invalid_input(f"Invalid Entity Arn: {error}.") from None


def parse_input_policies(request: Mapping[str, Any]) -> tuple[Policy, ...]:
    return _parse_policies("PolicyInputList", request.get("PolicyInputList", ()))


def _parse_policies(member: str, documents: Iterable[str], attachment: Attachment = "identity") -> tuple[Policy, ...]:
    try:
        return tuple(parse_policy(f"{member}.{number}", text, attachment) for number, text in enumerate(documents, 1))
    except MalformedPolicy as error:
        raise errors.invalid_input(str(error)) from None


def _simulate(
    request: Mapping[str, Any], identity: Sequence[Policy], boundary: Policy | None, caller: Caller
) -> dict[str, Any]:
    """One page of results. boundary: the caller's own, which one in the request replaces."""
    context = {
        entry["ContextKeyName"].lower(): tuple(entry.get("ContextKeyValues", ()))
        for entry in request.get("ContextEntries", ())
        if entry.get("ContextKeyName")
    }
    document = request.get("ResourcePolicy")
    resource_policy = _parse_policies("ResourcePolicy", [document], "resource")[0] if document else None
    boundaries = _parse_policies(
        "PermissionsBoundaryPolicyInputList", request.get("PermissionsBoundaryPolicyInputList", ())
    )
    policies = Policies(tuple(identity), boundaries[0] if boundaries else boundary, None, resource_policy)
    results = []
    for action in request["ActionNames"]:
        if not _ACTION.fullmatch(action):
            raise errors.invalid_input(f"Invalid Action: {action} must be like s3:GetObject")
        resources = request.get("ResourceArns") or ("*",)
        results += [_result(AccessRequest(caller, action, resource, context), policies) for resource in resources]
    begin = int(request["Marker"]) if str(request.get("Marker", "")).isdecimal() else 0
    end = begin + request.get("MaxItems", _PAGE_SIZE)
    more = end < len(results)
    page: dict[str, Any] = {"EvaluationResults": results[begin:end], "IsTruncated": more}
    return {**page, "Marker": str(end)} if more else page


def _result(request: AccessRequest, policies: Policies) -> dict[str, Any]:
    """botocore's EvaluationResult."""
    decision = evaluate(request, policies)
    verdict = "allowed" if decision.allowed else "explicitDeny" if decision.explicit_deny else "implicitDeny"
    result: dict[str, Any] = {
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": verdict,
        "MatchedStatements": [
            {"SourcePolicyId": decision.policy, "SourcePolicyType": _source_type(decision)}
        ] if decision.statement is not None else [],
        "MissingContextValues": _missing_keys(request.action.lower(), policies, request.context),
    }  # fmt: skip
    if policies.boundary is not None:
        within = evaluate(request, Policies(identity=(policies.boundary,)))
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within.allowed}
    return result


def _source_type(decision: Decision) -> str:
    """botocore's PolicySourceType, as far as the policy's name tells it."""
    if decision.kind == "resource-based policy":
        return "resource"
    if decision.policy.startswith("arn:aws:iam::aws:"):
        return "aws-managed"
    return "user-managed" if decision.policy.startswith("arn:") else "none"


def _missing_keys(action: str, policies: Policies, context: ConditionKeys) -> list[str]:
    """The condition keys that statements about the action read and that the request does not give."""
    optional = (policies.boundary, policies.resource)
    keys = (
        key
        for policy in (*policies.identity, *(policy for policy in optional if policy is not None))
        for statement in policy.about(action)
        for condition in statement.conditions
        for key in condition.keys
    )
    return list(dict.fromkeys(key for key in keys if key not in context))
