"""Assertions that policies allow or deny a request, which give the reason when they fail.

They need no local AWS: policies are evaluated as the gateway evaluates them. ``policies_of`` reads the policies of a
user or role from a running local AWS, or from AWS.
"""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.access.entities import Entity, read_entity
from harness.access.rules import reference
from harness.access.rules.context import Circumstances, RequestContext, Sender
from harness.access.rules.evaluation import AccessRequest, Decision, Policies, evaluate
from harness.access.rules.explanation import explanation
from harness.access.rules.policy import Attachment, Policy, parse_policy
from harness.access.rules.principals import Caller, caller_of
from harness.core.errors import reason, shown

Document = str | Path | Mapping[str, Any]
"""A policy: the path of a JSON file, the document itself or its text, or the ARN of a managed policy of AWS."""
Values = str | bool | int | float | Iterable[str]
"""The value of a condition key, or its values."""

_ACCOUNT = "123456789012"
_ASSUME = "sts:AssumeRole"
_MANAGED = "arn:aws:iam::aws:policy/"
_POLICIES = "a policy is a file's path, a document, its text, or the ARN of one of AWS's own"


def policies_of(iam: Any, arn: str) -> Entity:
    """The policies of a user or role, inline, attached and of its groups, with its permissions boundary and its tags.

    iam: a boto3 client, ``aws.client("iam")``. arn: the user's or role's ARN, or a role's name. Raises botocore's
    ClientError if there is no such user or role.
    """
    kind = "user" if ":user/" in arn else "role"
    return read_entity(iam, kind, arn.rpartition("/")[2])


def assert_allowed(
    policies: Entity | Document | Iterable[Document],
    action: str,
    resource: str | None = None,
    *,
    principal: str = "",
    context: Mapping[str, Values] | None = None,
    boundary: Document | None = None,
    session: Document | None = None,
    resource_policy: Document | None = None,
) -> None:
    """Fail with the reason if a request is denied.

    policies: the caller's. resource: an ARN; left out for an action that has no resource. principal: the caller's ARN,
    by default a role ``caller`` in the account 123456789012. context: condition keys of the request, such as
    ``{"aws:SourceIp": "10.0.0.1"}``; the keys that follow from the caller and the resource are set already. boundary,
    session: the caller's permissions boundary and session policy. resource_policy: the policy of the bucket or the
    function, or for sts:AssumeRole the role's trust policy.

    Raises TypeError or ValueError for an argument that cannot be used, such as an action that AWS does not have, and
    MalformedPolicy for a document that IAM would reject.
    """
    __tracebackhide__ = True
    request, applied = _request(policies, action, resource, principal, context, boundary, session, resource_policy)
    definition = reference.action(action)
    if resource is None and definition is not None and definition.resources:
        kinds = " or ".join(kind.arn for kind in definition.resources)
        raise ValueError(f"{definition} is on {kinds}: say on which it is to be allowed")
    decision = evaluate(request, applied)
    if not decision.allowed:
        raise AssertionError(explanation(request, applied, decision))


def assert_denied(
    policies: Entity | Document | Iterable[Document],
    action: str,
    resource: str | None = None,
    *,
    principal: str = "",
    context: Mapping[str, Values] | None = None,
    boundary: Document | None = None,
    session: Document | None = None,
    resource_policy: Document | None = None,
) -> None:
    """Fail if a request is allowed, and name the statement that allows it.

    resource: if it is left out, the action must be denied on every resource. Other arguments as in ``assert_allowed``.
    """
    __tracebackhide__ = True
    request, applied = _request(policies, action, resource, principal, context, boundary, session, resource_policy)
    decision: Decision = evaluate(request, applied)
    if decision.allowed:
        raise AssertionError(explanation(request, applied, decision))


def _request(
    policies: Entity | Document | Iterable[Document],
    action: str,
    resource: str | None,
    principal: str,
    context: Mapping[str, Values] | None,
    boundary: Document | None,
    session: Document | None,
    resource_policy: Document | None,
) -> tuple[AccessRequest, Policies]:
    _check_texts(action=action, resource=resource, principal=principal)
    if resource not in (None, "*") and not str(resource).startswith("arn:"):
        raise ValueError(f"resource is an ARN, such as arn:aws:s3:::bucket/key, or *, not {shown(str(resource))}")
    definition = reference.action(action)
    if definition is None:
        raise ValueError(f"AWS has no action {action!r}{_suggestion(action)}")
    if resource is None and not definition.resources:
        resource = "*"
    entity = policies if isinstance(policies, Entity) else Entity("", _all(policies))
    try:
        caller = caller_of(principal or entity.arn or f"arn:aws:iam::{_account(resource)}:role/caller")
    except ValueError:
        example = "arn:aws:iam::123456789012:role/caller"
        raise ValueError(f"principal is the ARN of a user or role, such as {example}, not {shown(principal)}") from None
    use: Attachment = "trust" if str(definition) == _ASSUME else "resource"
    applied = Policies(
        entity.identity,
        entity.boundary if boundary is None else _policy(boundary),
        None if session is None else (_policy(session),),
        None if resource_policy is None else _policy(resource_policy, use),
        resource_account=_account(resource) if resource is not None and caller.account else "",
        trust=use == "trust",
    )
    return AccessRequest(caller, str(definition), resource, _context(caller, entity, resource, context or {})), applied


def _check_texts(**arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{name} is a text, not {_described(value)}")


def _described(value: object) -> str:
    return f"{type(value).__name__} {shown(repr(value))[1:-1]}"


def _suggestion(action: str) -> str:
    names = [str(definition) for definition in reference.actions(action.lower().partition(":")[0]).values()]
    near = difflib.get_close_matches(action, names, 1)
    return f"; is it {near[0]}?" if near else ""


def _account(resource: str | None) -> str:
    parts = (resource or "").split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else _ACCOUNT


def _context(
    caller: Caller, entity: Entity, resource: str | None, context: Mapping[str, Values]
) -> Mapping[str, tuple[str, ...]]:
    parts = (resource or "").split(":", 5)
    region = parts[3] if len(parts) == 6 and parts[3] else "us-east-1"
    if not isinstance(context, Mapping) or not all(isinstance(key, str) for key in context):
        example = '{"aws:SourceIp": "10.0.0.1"}'
        raise TypeError(f"context has values by condition keys, such as {example}, not {_described(context)}")
    extra = {key.lower(): _values(key, value) for key, value in context.items()}
    circumstances = Circumstances(region, _account(resource), time.time(), "127.0.0.1", {}, {}, extra=extra)
    user_id = f"{entity.identifier}:{caller.arn.rpartition('/')[2]}" if entity.identifier else ""
    return RequestContext(Sender(caller, entity.tags, user_id), circumstances)


def _values(key: str, value: Values) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if not isinstance(value, str | int | float | Iterable):
        raise TypeError(f"{key} in context has a text, a number, true or false, or several, not {_described(value)}")
    return (str(value),) if isinstance(value, str | int | float) else tuple(str(member) for member in value)


def _all(policies: Document | Iterable[Document]) -> tuple[Policy, ...]:
    if isinstance(policies, str | Path | Mapping):
        return (_policy(policies),)
    if not isinstance(policies, Iterable):
        raise TypeError(f"{_POLICIES}, or several, not {_described(policies)}")
    return tuple(_policy(document) for document in policies)


def _policy(document: Document, use: Attachment = "identity") -> Policy:
    if isinstance(document, Mapping):
        return parse_policy("document", document, use)
    if not isinstance(document, str | Path):
        raise TypeError(f"{_POLICIES}, not {_described(document)}")
    text = str(document)
    if text.lstrip().startswith("{"):
        return parse_policy("document", text, use)
    if text.startswith(_MANAGED):
        return parse_policy(text, _managed(text), use)
    if text.startswith("arn:"):
        raise ValueError(f"{text} is not a policy of AWS's own: give its document, or policies_of(iam, ROLE)")
    try:
        content = Path(text).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(f"the policy {shown(text)} cannot be read as a file ({reason(error)})") from None
    return parse_policy(Path(text).stem, content, use)


def _managed(arn: str) -> Mapping[str, Any]:
    """A managed policy of AWS, from moto's copy."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    policy = json.loads(aws_managed_policies_data).get(arn.rpartition("/")[2])
    if policy is None:
        raise ValueError(f"{arn} is not a managed policy that this version of moto has")
    return dict(policy["Document"])
