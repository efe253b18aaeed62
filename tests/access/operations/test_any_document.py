"""Any document at all: IAM takes it, and then it can be read, listed and evaluated, or refuses it in a sentence."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from harness.access.api import Access
from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.core.calls import Call, Principal
from harness.core.errors import AwsError
from tests.access.operations.iam import arn
from tests.support import ACCOUNT

CALL = Call("iam", "", Principal(arn("root", "", ""), ACCOUNT, "root"), ACCOUNT, "us-east-1", "id")
names = st.sampled_from(["*", ACCOUNT, arn("user", "ann"), arn("role", "dogs"), "lambda.amazonaws.com", "ann", "AIDAX"])
odd = st.none() | st.integers() | st.just({}) | st.just([]) | st.just([None]) | st.text(max_size=5)
principals = st.dictionaries(
    st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]), names | st.lists(names | odd, max_size=3) | odd
)
statements = st.fixed_dictionaries(
    {},
    optional={
        "Effect": st.sampled_from(["Allow", "Deny", "allow", 1]),
        "Action": st.sampled_from(["sts:AssumeRole", "sts:*", ["sts:AssumeRole", None], "s3:*", "*"]) | odd,
        "Principal": principals | names | odd,
        "NotPrincipal": principals,
        "Resource": names | odd,
        "Sid": odd,
        "Condition": st.dictionaries(
            st.sampled_from(["StringEquals", "Bool", "DateLessThan", "x"]), st.dictionaries(st.just("aws:x"), odd) | odd
        )
        | odd,
    },
)


@given(statements | st.lists(statements | odd, max_size=3) | odd)
def test_any_trust_policy(statement: Any) -> None:
    access = Access(cast("Backend", None), ACCOUNT)
    asyncio.run(access.create_user(CALL, {"UserName": "ann"}))
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    try:
        asyncio.run(access.create_role(CALL, {"RoleName": "dogs", "AssumeRolePolicyDocument": text}))
    except AwsError as error:
        assert error.code == "MalformedPolicyDocument" and error.message
        return
    asyncio.run(access.update_user(CALL, {"UserName": "ann", "NewUserName": "bob"}))
    asyncio.run(access.delete_user(CALL, {"UserName": "bob"}))
    asyncio.run(access.get_role(CALL, {"RoleName": "dogs"}))
    assert ServiceRoles(access.state).can_assume(arn("role", "dogs"), "lambda.amazonaws.com") in (True, False)
    trust = access.state.account(ACCOUNT).roles.get("dogs")
    assert trust is not None and arn("user", "ann") not in trust.trust.text
    asyncio.run(access.delete_role(CALL, {"RoleName": "dogs"}))
    assert not access.state.trusting
