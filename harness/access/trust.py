"""Whether a service may assume a role, as Lambda and SageMaker find out before they take one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from harness.access.rules.evaluation import Policies, Request, evaluate
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.access.rules.principals import Caller
from harness.backend.client import Backend


def trusts(document: str | Mapping[str, Any], service: str, role_arn: str = "*") -> bool:
    """Whether a trust policy lets a service (``lambda.amazonaws.com``) assume the role. Pure."""
    try:
        policy = parse_policy("trust policy", document, "trust")
    except MalformedPolicy:
        return False
    request = Request(Caller(service, "", "service"), "sts:AssumeRole", role_arn)
    return evaluate(request, Policies(resource=policy, trust=True)).allowed


async def can_assume(backend: Backend, role_arn: str, service: str) -> bool:
    """Whether the role exists and trusts the service."""
    try:
        role = (await backend.call("iam", "get_role", RoleName=role_arn.rpartition("/")[2]))["Role"]
    except ClientError:
        return False
    document = role["AssumeRolePolicyDocument"]
    return role["Arn"] == role_arn and trusts(document if isinstance(document, str) else json.dumps(document), service)
