"""Quotas of IAM. Source: IAM user guide, "IAM and AWS STS quotas"."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from harness.access.api import Access
from harness.access.rules.quotas import Quotas, adjusted_quotas, policy_characters
from harness.backend.client import Backend
from harness.core.calls import Call, Principal
from harness.core.errors import AwsError
from tests.access.operations.iam import arn, document, trust
from tests.support import ACCOUNT


def test_white_space_does_not_count() -> None:
    text = document()
    assert policy_characters(json.dumps(json.loads(text), indent=9)) == policy_characters(text) < len(text)


def test_quotas_are_raised_as_far_as_aws_raises_them() -> None:
    assert adjusted_quotas({"PoliciesPerRole": 20}).attachments("role") == 20
    assert adjusted_quotas({}) == Quotas()
    with pytest.raises(ValueError, match="from 1 to 20"):
        adjusted_quotas({"PoliciesPerRole": 21})
    with pytest.raises(ValueError, match="'AccessKeysPerUser' is no quota"):
        adjusted_quotas({"AccessKeysPerUser": 3})


@pytest.mark.parametrize(
    ("name", "operation", "request_of"),
    [
        ("UsersPerAccount", "create_user", lambda name: {"UserName": name}),
        ("GroupsPerAccount", "create_group", lambda name: {"GroupName": name}),
        ("RolesPerAccount", "create_role", lambda name: {"RoleName": name, "AssumeRolePolicyDocument": trust()}),
        ("PoliciesPerAccount", "create_policy", lambda name: {"PolicyName": name, "PolicyDocument": document()}),
        ("InstanceProfilesPerAccount", "create_instance_profile", lambda name: {"InstanceProfileName": name}),
    ],
)
def test_an_account_has_no_more_than_its_quota(name: str, operation: str, request_of: Any) -> None:
    access = Access(cast("Backend", None), ACCOUNT, quotas={name: 2})
    call = Call("iam", "", Principal(arn("root", "", ""), ACCOUNT, "root"), ACCOUNT, "us-east-1", "id")
    for number in range(2):
        asyncio.run(getattr(access, operation)(call, request_of(f"name{number}")))
    with pytest.raises(AwsError, match=f"LimitExceeded: Cannot exceed quota for {name}: 2"):
        asyncio.run(getattr(access, operation)(call, request_of("one-more")))
