"""GetAccountAuthorizationDetails, GetAccountSummary and GetContextKeys*. Source: IAM API reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.access.operations.iam import AWS_MANAGED, READ, arn, document, refused_code, trust
from tests.support import unique

MEMBERS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@pytest.fixture
def names(iam: Any) -> dict[str, str]:
    """A user in a group, a role in an instance profile, and a policy, all with policies."""
    name = unique("details")
    iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "ml"}])
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document())
    iam.create_group(GroupName=name)
    iam.add_user_to_group(UserName=name, GroupName=name)
    iam.attach_group_policy(GroupName=name, PolicyArn=AWS_MANAGED)
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(READ, READ), SetAsDefault=True)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), PermissionsBoundary=policy)
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return {"name": name, "policy": policy}


def details(iam: Any, **members: Any) -> dict[str, list[Any]]:
    """All pages of the account's details together."""
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(**members))
    return {member: [item for page in pages for item in page[member]] for member in MEMBERS}


def named(items: list[Any], key: str, name: str) -> Any:
    (item,) = [item for item in items if item[key] == name]
    return item


def test_everybody_with_all_relationships(iam: Any, names: dict[str, str]) -> None:
    name, policy, told = names["name"], names["policy"], details(iam)
    user = named(told["UserDetailList"], "UserName", name)
    assert user["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": json.loads(document())}]
    assert (user["GroupList"], user["Tags"]) == ([name], [{"Key": "team", "Value": "ml"}])
    group = named(told["GroupDetailList"], "GroupName", name)
    assert group["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": AWS_MANAGED}]
    role = named(told["RoleDetailList"], "RoleName", name)
    assert role["AssumeRolePolicyDocument"] == json.loads(trust())
    assert role["AttachedManagedPolicies"] == [{"PolicyName": name, "PolicyArn": policy}]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == policy
    assert [profile["Arn"] for profile in role["InstanceProfileList"]] == [arn("instance-profile", name)]
    own = named(told["Policies"], "Arn", policy)
    assert (own["AttachmentCount"], own["PermissionsBoundaryUsageCount"]) == (1, 1)
    versions = [(version["VersionId"], version["IsDefaultVersion"]) for version in own["PolicyVersionList"]]
    assert versions == [("v2", True), ("v1", False)]
    assert named(told["Policies"], "Arn", AWS_MANAGED)["PolicyVersionList"]


@pytest.mark.parametrize(
    ("chosen", "member"),
    [
        ("User", "UserDetailList"),
        ("Group", "GroupDetailList"),
        ("Role", "RoleDetailList"),
        ("LocalManagedPolicy", "Policies"),
        ("AWSManagedPolicy", "Policies"),
    ],
)
def test_a_filter_lists_one_kind(iam: Any, names: dict[str, str], chosen: str, member: str) -> None:
    told = details(iam, Filter=[chosen])
    assert [key for key in MEMBERS if told[key]] == [member]
    if member == "Policies":
        aws = {policy["Arn"].startswith("arn:aws:iam::aws:") for policy in told[member]}
        assert aws == {chosen == "AWSManagedPolicy"}


def test_pages_of_any_size_list_everything_once(iam: Any, names: dict[str, str]) -> None:
    whole = details(iam)
    for size in (1, 2, 3):
        assert details(iam, PaginationConfig={"PageSize": size}) == whole


def test_a_marker_of_no_answer_is_refused(iam: Any) -> None:
    for marker in ("%", "bm9uZQ=="):
        assert refused_code(iam.get_account_authorization_details, Marker=marker) == "ValidationError"


def test_the_summary_counts_what_exists(iam: Any) -> None:
    def summary() -> dict[str, int]:
        return dict(iam.get_account_summary()["SummaryMap"])

    before, name = summary(), unique("counted")
    keys = iam.meta.service_model.shape_for("summaryMapType").key.enum
    assert set(before) == set(keys)
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    iam.create_instance_profile(InstanceProfileName=name)
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document())["Policy"]["Arn"]
    iam.create_virtual_mfa_device(VirtualMFADeviceName=name)
    after = summary()
    more = {key for key in keys if after[key] == before[key] + 1}
    assert more == {"Users", "Groups", "Roles", "InstanceProfiles", "Policies", "MFADevices"}
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    assert summary()["PolicyVersionsInUse"] == after["PolicyVersionsInUse"] + 1


CONDITIONED = document(
    {
        **READ,
        "Resource": ["arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}/${*}"],
        "Condition": {
            "StringLike": {"s3:prefix": "${AWS:UserName}/${aws:userid}*"},
            "Bool": {"aws:SecureTransport": "true"},
        },
    }
)
READ_KEYS = ["aws:username", "aws:PrincipalTag/team", "s3:prefix", "aws:userid", "aws:SecureTransport"]


def test_the_context_keys_of_policies(iam: Any) -> None:
    assert (
        iam.get_context_keys_for_custom_policy(PolicyInputList=[CONDITIONED, document()])["ContextKeyNames"]
        == READ_KEYS
    )
    assert refused_code(iam.get_context_keys_for_custom_policy, PolicyInputList=["{"]) == "InvalidInput"


def test_the_context_keys_of_a_user_are_those_of_the_groups_too(iam: Any) -> None:
    name = unique("user")
    user = iam.create_user(UserName=name)["User"]["Arn"]
    group = iam.create_group(GroupName=name)["Group"]["Arn"]
    iam.add_user_to_group(UserName=name, GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="keys", PolicyDocument=CONDITIONED)
    for source in (user, group):
        assert iam.get_context_keys_for_principal_policy(PolicySourceArn=source)["ContextKeyNames"] == READ_KEYS
    nobody = arn("user", unique("nobody"))
    assert refused_code(iam.get_context_keys_for_principal_policy, PolicySourceArn=nobody) == "NoSuchEntity"
