"""Trust policies: whether one lets a service assume its role, and whom one names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.access.rules.evaluation import AccessRequest, Policies, evaluate
from harness.access.rules.policy import MalformedPolicy, Policy, parse_policy
from harness.access.rules.principals import Caller


def trusts(trust: Policy | str | Mapping[str, Any], service: str, role_arn: str = "*") -> bool:
    """Whether a trust policy lets a service (``lambda.amazonaws.com``) assume the role. A malformed one does not."""
    try:
        policy = trust if isinstance(trust, Policy) else parse_policy("trust policy", trust, "trust")
    except MalformedPolicy:
        return False
    request = AccessRequest(Caller(service, "", "service"), "sts:AssumeRole", role_arn)
    return evaluate(request, Policies(resource=policy, trust=True)).allowed


def aws_principals(text: str) -> list[str]:
    """The AWS principals that a well-formed trust policy names, as they are written."""
    return list(dict.fromkeys(principal for element in _principals_of(json.loads(text)) for principal in element))


def with_principals(text: str, names: Mapping[str, str]) -> str:
    """The trust policy with AWS principals under other names."""
    document = json.loads(text)
    for element in _principals_of(document):
        element[:] = [names.get(principal, principal) for principal in element]
    return json.dumps(_unlisted(document))


def _principals_of(document: dict[str, Any]) -> Iterator[list[str]]:
    """Each list of AWS principals of a policy; one that is written as a text becomes a list of one."""
    statements = document["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            if isinstance(principal, dict) and "AWS" in principal:
                written = principal["AWS"]
                principal["AWS"] = [written] if isinstance(written, str) else written
                yield principal["AWS"]


def _unlisted(document: dict[str, Any]) -> dict[str, Any]:
    """Lists of one AWS principal are written as a text again, as IAM shows them."""
    statements = document["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        for element in ("Principal", "NotPrincipal"):
            principal = statement.get(element)
            if isinstance(principal, dict) and isinstance(principal.get("AWS"), list) and len(principal["AWS"]) == 1:
                principal["AWS"] = principal["AWS"][0]
    return document
