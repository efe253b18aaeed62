"""Whether a role's trust policy lets a service assume the role."""

from __future__ import annotations

from collections.abc import Mapping
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
