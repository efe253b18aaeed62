"""Whether a service can assume a role: Lambda and SageMaker check this before they accept the role."""

from __future__ import annotations

from botocore.exceptions import ClientError

from harness.access.rules.trust import trusts
from harness.backend.client import Backend


async def can_assume(backend: Backend, role_arn: str, service: str) -> bool:
    """Whether the role exists and trusts the service."""
    try:
        role = (await backend.call("iam", "get_role", RoleName=role_arn.rpartition("/")[2]))["Role"]
    except ClientError:
        return False
    return role["Arn"] == role_arn and trusts(role["AssumeRolePolicyDocument"], service)
