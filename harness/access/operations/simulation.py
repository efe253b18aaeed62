"""SimulatePrincipalPolicy and SimulateCustomPolicy, decided by the same evaluation as requests at the gateway.

An action has one result, and in it one for each resource that the request names. Source: IAM API reference,
SimulatePrincipalPolicy, EvaluationResult.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.access import errors
from harness.access.directory import Directory
from harness.access.operations.base import page_of
from harness.access.rules import reference
from harness.access.rules.evaluation import AccessRequest, Decision, Policies, evaluate
from harness.access.rules.policy import Attachment, MalformedPolicy, Policy, parse_policy
from harness.access.rules.principals import Caller
from harness.access.rules.simulation_inputs import check_scenario, context_of, resource_owner, simulated_caller
from harness.core.calls import Call

_ACTION = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9*?-]+")

# The harness's own limits, so that no simulation holds up other requests for long: resources of one, and decisions in a
# page. "IAM might return fewer than the MaxItems number of results" (IAM API reference).
_MOST_RESOURCES = 10_000
_DECISIONS_PER_PAGE = 2_000
_PAGE_SIZE = 100  # the default of MaxItems (IAM API reference)

ConditionKeys = Mapping[str, tuple[str, ...]]
Answer = dict[str, Any]

# The decisions, the most restrictive one first: the result of an action is that of all of its resources together.
_DECISIONS = ("explicitDeny", "implicitDeny", "allowed")


class SimulationOperations:
    """SimulatePrincipalPolicy, SimulateCustomPolicy."""

    directory: Directory

    async def simulate_custom_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        if request.get("ResourcePolicy") and not request.get("CallerArn"):
            raise errors.invalid_input("CallerArn is required with a ResourcePolicy: its Principal names the caller.")
        caller = parse_caller(request.get("CallerArn") or f"arn:aws:iam::{call.account}:user/simulated")
        return _simulate(request, parse_input_policies(request), None, caller)

    async def simulate_principal_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        source = request["PolicySourceArn"]
        caller = parse_caller(source)
        entity = self.directory.entity_of_arn(source) if caller.account == call.account else None
        if entity is None:
            raise errors.no_such_entity(source)
        if request.get("CallerArn"):
            caller = parse_caller(request["CallerArn"])
        return _simulate(request, (*entity.identity, *parse_input_policies(request)), entity.boundary, caller)


def parse_caller(arn: str) -> Caller:
    """The caller with the ARN of a user, group or role. Raises AwsError InvalidInput for any other ARN."""
    try:
        return simulated_caller(arn)
    except ValueError as error:
        raise errors.invalid_input(str(error)) from None


def parse_input_policies(request: Mapping[str, Any]) -> tuple[Policy, ...]:
    return _parse_policies("PolicyInputList", request.get("PolicyInputList", ()))


def _parse_policies(member: str, documents: Iterable[str], attachment: Attachment = "identity") -> tuple[Policy, ...]:
    try:
        return tuple(parse_policy(f"{member}.{number}", text, attachment) for number, text in enumerate(documents, 1))
    except MalformedPolicy as error:
        raise errors.invalid_input(str(error)) from None


@dataclass(frozen=True, slots=True)
class Simulation:
    """What all results of a simulation share.

    owner: the account of the resources that name none. organization: the service control policies of each level, from
    the root down; every level has to allow a request.
    """

    caller: Caller
    policies: Policies
    context: ConditionKeys
    owner: str
    organization: Sequence[tuple[Policy, ...]]


def _simulate(
    request: Mapping[str, Any], identity: Sequence[Policy], boundary: Policy | None, caller: Caller
) -> Answer:
    """One page of results. boundary: the caller's own, which one in the request replaces."""
    resources = tuple(request.get("ResourceArns") or ("*",))
    if len(resources) > _MOST_RESOURCES:
        sentence = f"The harness simulates at most {_MOST_RESOURCES} ResourceArns at a time, not {len(resources)}."
        raise errors.invalid_input(sentence)
    try:
        context = context_of(request.get("ContextEntries", ()))
        owner = resource_owner(request["ResourceOwner"]) if request.get("ResourceOwner") else caller.account
        if request.get("ResourceHandlingOption"):
            check_scenario(request["ResourceHandlingOption"], resources)
    except ValueError as error:
        raise errors.invalid_input(str(error)) from None
    document = request.get("ResourcePolicy")
    resource_policy = _parse_policies("ResourcePolicy", [document], "resource")[0] if document else None
    member = "PermissionsBoundaryPolicyInputList"
    boundaries = _parse_policies(member, request.get(member, ()))
    if len(boundaries) > 1:
        raise errors.invalid_input(f"{member} must have one policy, not {len(boundaries)}.")
    member = "OrderedOrganizationPolicyInputList"
    organization = [
        _parse_policies(f"{member}.{number}", level.get("ServiceControlPolicyInputList", ()))
        for number, level in enumerate(request.get(member, ()), 1)
    ]
    for action in request["ActionNames"]:
        if not _ACTION.fullmatch(action):
            raise errors.invalid_input(f"Invalid Action: {action} must be like s3:GetObject")
    policies = Policies(tuple(identity), boundaries[0] if boundaries else boundary, None, resource_policy)
    simulation = Simulation(caller, policies, context, owner, organization)
    actions = list(enumerate(request["ActionNames"]))
    size = max(1, min(request.get("MaxItems", _PAGE_SIZE), _DECISIONS_PER_PAGE // len(resources)))
    return page_of(
        "EvaluationResults",
        actions,
        {**request, "MaxItems": size},
        lambda action: _result(simulation, action[1], resources),
        lambda action: f"{action[0]:06}",
    )


def _result(simulation: Simulation, action: str, resources: Sequence[str]) -> Answer:
    """botocore's EvaluationResult: of an action on all resources, and on each."""
    results = [_resource_result(simulation, action, resource) for resource in resources]
    answer: Answer = {
        "EvalActionName": action,
        "EvalResourceName": _template(action, resources),
        "EvalDecision": _strictest(result["EvalResourceDecision"] for result in results),
    }
    matched = {
        tuple(statement.items()): statement
        for result in results
        if result["EvalResourceDecision"] == answer["EvalDecision"]
        for statement in result["MatchedStatements"]
    }
    answer["MatchedStatements"] = list(matched.values())
    answer["MissingContextValues"] = list(dict.fromkeys(key for one in results for key in one["MissingContextValues"]))
    details = [result["EvalDecisionDetails"] for result in results if result["EvalDecisionDetails"]]
    kinds = dict.fromkeys(kind for one in details for kind in one)
    if tuple(resources) != ("*",):
        answer["EvalDecisionDetails"] = {
            kind: _strictest(one[kind] for one in details if kind in one) for kind in kinds
        }
    detail, allowed = "PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"
    if simulation.policies.boundary is not None:
        answer[detail] = {allowed: all(result[detail][allowed] for result in results)}
    if simulation.organization:
        decisions = [_organization(simulation, action, resource) for resource in resources]
        answer["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": all(one.allowed for one in decisions)}
    if tuple(resources) != ("*",):
        answer["ResourceSpecificResults"] = results
    return answer


def _resource_result(simulation: Simulation, action: str, resource: str) -> Answer:
    """botocore's ResourceSpecificResult."""
    owner = _account_of(resource) or simulation.owner
    policies = replace(simulation.policies, resource_account=owner)
    if resource == "*" and policies.resource is None:
        policies = replace(policies, resource_account="")
    request = AccessRequest(simulation.caller, action, resource, simulation.context)
    decision = evaluate(request, policies)
    organization = _organization(simulation, action, resource)
    verdict = _verdict(decision)
    matched = [{"SourcePolicyId": decision.policy, "SourcePolicyType": _source_type(decision)}]
    if not organization.allowed:  # statements of service control policies are not told
        verdict, matched = _strictest((verdict, _verdict(organization))), matched if decision.explicit_deny else []
    result: Answer = {
        "EvalResourceName": resource,
        "EvalResourceDecision": verdict,
        "MatchedStatements": matched if decision.statement is not None else [],
        "MissingContextValues": _missing_keys(action.lower(), policies, simulation.context),
        "EvalDecisionDetails": {},
    }
    if policies.resource_account not in ("", simulation.caller.account):
        result["EvalDecisionDetails"] = _details(request, policies)
    if policies.boundary is not None:
        within = evaluate(request, Policies(identity=(policies.boundary,)))
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within.allowed}
    return result


def _details(request: AccessRequest, policies: Policies) -> dict[str, str]:
    """What each type of policy decides by itself, across accounts. The names of the types are unverified."""
    resource = replace(policies, identity=_EVERYTHING, boundary=None)
    details = {
        "IAM Policy": _verdict(evaluate(request, Policies(policies.identity))),
        "Resource Policy": _verdict(evaluate(request, resource)),
    }
    if policies.boundary is not None:
        details["Permissions Boundary Policy"] = _verdict(evaluate(request, Policies((policies.boundary,))))
    return details


_EVERYTHING = (parse_policy("everything", {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),)


def _organization(simulation: Simulation, action: str, resource: str) -> Decision:
    """The decision of the organization's policies: every level has to allow the request, and none may deny it."""
    request = AccessRequest(simulation.caller, action, resource, simulation.context)
    decisions = [evaluate(request, Policies(level)) for level in simulation.organization]
    refused = [decision for decision in decisions if not decision.allowed]
    return next((decision for decision in refused if decision.explicit_deny), refused[0] if refused else Decision(True))


def _verdict(decision: Decision) -> str:
    return "allowed" if decision.allowed else "explicitDeny" if decision.explicit_deny else "implicitDeny"


def _strictest(verdicts: Iterable[str]) -> str:
    return min(verdicts, key=_DECISIONS.index)


def _account_of(resource: str) -> str:
    """The account in an ARN; "" if it has none."""
    parts = resource.split(":", 5)
    return parts[4] if len(parts) == 6 and re.fullmatch(r"\d{12}", parts[4], re.ASCII) else ""


def _template(action: str, resources: Sequence[str]) -> str:
    """The ARN template of the action's resource type that fits a resource, else of the first; ``*`` without any."""
    entry = reference.action(action)
    kinds = () if entry is None else entry.resources
    fitting = (kind.arn for kind in kinds for resource in resources if kind.pattern.fullmatch(resource))
    return next(fitting, kinds[0].arn if kinds else "*")


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
