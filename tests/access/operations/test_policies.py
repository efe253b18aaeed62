"""Inline and managed policies and their attachments. Sources: IAM API reference; IAM user guide, "IAM and AWS STS
quotas"; the sentences are recorded from AWS in public test suites."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.access.operations.iam import AWS_MANAGED, READ, arn, document, refused, refused_code, trust
from tests.support import Aws, unique

KINDS = ("user", "group", "role")


def make(iam: Any, kind: str) -> dict[str, str]:
    """A new user, group or role, as the member that names it."""
    name = unique(kind)
    more = {"AssumeRolePolicyDocument": trust()} if kind == "role" else {}
    getattr(iam, f"create_{kind}")(**{f"{kind.capitalize()}Name": name}, **more)
    return {f"{kind.capitalize()}Name": name}


def make_policy(iam: Any, **members: Any) -> str:
    request = {"PolicyName": unique("policy"), "PolicyDocument": document(), **members}
    return str(iam.create_policy(**request)["Policy"]["Arn"])


def padded(characters: int) -> str:
    """A policy of so many characters without white space, and of more with it."""
    empty = len("".join(document({**READ, "Resource": "arn:aws:s3:::"}).split()))
    text = document({**READ, "Resource": "arn:aws:s3:::" + "x" * (characters - empty)})
    return json.dumps(json.loads(text), indent=30)


@pytest.mark.parametrize("kind", KINDS)
def test_inline_policies(iam: Any, kind: str) -> None:
    who = make(iam, kind)
    put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
    listed, delete = getattr(iam, f"list_{kind}_policies"), getattr(iam, f"delete_{kind}_policy")
    put(**who, PolicyName="b", PolicyDocument=document())
    put(**who, PolicyName="a", PolicyDocument=document())
    put(**who, PolicyName="a", PolicyDocument=document(READ, {**READ, "Effect": "Deny"}))
    assert listed(**who)["PolicyNames"] == ["a", "b"]
    assert listed(**who, MaxItems=1)["IsTruncated"]
    answer = get(**who, PolicyName="a")
    assert (answer["PolicyName"], answer["PolicyDocument"]["Statement"]) == ("a", [READ, {**READ, "Effect": "Deny"}])
    delete(**who, PolicyName="a")
    missing = ("NoSuchEntity", f"The {kind} policy with name a cannot be found.")
    assert refused(get, **who, PolicyName="a") == missing
    assert refused(delete, **who, PolicyName="a") == missing
    malformed = ("MalformedPolicyDocument", "Syntax errors in policy.")
    assert refused(put, **who, PolicyName="c", PolicyDocument="{}") == malformed


@pytest.mark.parametrize(("kind", "limit"), [("user", 2048), ("group", 5120), ("role", 10240)])
def test_inline_policies_of_one_have_a_size_together_without_white_space(iam: Any, kind: str, limit: int) -> None:
    who = make(iam, kind)
    put = getattr(iam, f"put_{kind}_policy")
    put(**who, PolicyName="a", PolicyDocument=padded(limit - 1000))
    put(**who, PolicyName="b", PolicyDocument=padded(1000))
    put(**who, PolicyName="b", PolicyDocument=padded(999))
    sentence = f"Maximum policy size of {limit} bytes exceeded for {kind} {next(iter(who.values()))}"
    assert refused(put, **who, PolicyName="b", PolicyDocument=padded(1001)) == ("LimitExceeded", sentence)
    assert refused_code(put, **who, PolicyName="c", PolicyDocument=document()) == "LimitExceeded"


@pytest.mark.parametrize("kind", KINDS)
def test_managed_policies_are_attached_ten_at_most(iam: Any, kind: str) -> None:
    who = make(iam, kind)
    attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
    listed = getattr(iam, f"list_attached_{kind}_policies")
    arns = [make_policy(iam) for _ in range(10)]
    for policy in [*arns, arns[0]]:
        attach(**who, PolicyArn=policy)
    names = [policy["PolicyName"] for policy in listed(**who)["AttachedPolicies"]]
    assert names == sorted(policy.rpartition("/")[2] for policy in arns)
    sentence = f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: 10"
    assert refused(attach, **who, PolicyArn=AWS_MANAGED) == ("LimitExceeded", sentence)
    detach(**who, PolicyArn=arns[0])
    not_found = ("NoSuchEntity", f"Policy {arns[0]} was not found.")
    assert refused(detach, **who, PolicyArn=arns[0]) == not_found
    missing = arn("policy", "missing")
    not_attachable = ("NoSuchEntity", f"Policy {missing} does not exist or is not attachable.")
    assert refused(attach, **who, PolicyArn=missing) == not_attachable
    unparsable = ("ValidationError", "Invalid ARN:  Could not be parsed!")
    assert refused(attach, **who, PolicyArn="a-name-instead-of-an-arn") == unparsable


def test_a_policy_and_its_description(iam: Any) -> None:
    name = unique("policy")
    created = iam.create_policy(
        PolicyName=name,
        Path="/team/",
        Description="d",
        PolicyDocument=document(),
        Tags=[{"Key": "a", "Value": "b"}],
    )["Policy"]
    assert (created["Arn"], created["DefaultVersionId"]) == (arn("policy", name, "/team/"), "v1")
    assert "Description" not in created
    policy = iam.get_policy(PolicyArn=created["Arn"])["Policy"]
    assert (policy["Description"], policy["Tags"]) == ("d", [{"Key": "a", "Value": "b"}])
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (0, 0)
    sentence = f"A policy called {name.upper()} already exists. Duplicate names are not allowed."
    again = refused(iam.create_policy, PolicyName=name.upper(), PolicyDocument=document())
    assert again == ("EntityAlreadyExists", sentence)
    wrong_path = arn("policy", name)
    assert refused(iam.get_policy, PolicyArn=wrong_path) == ("NoSuchEntity", f"Policy {wrong_path} was not found.")


def test_a_managed_policy_has_6144_characters_without_white_space(iam: Any) -> None:
    policy = make_policy(iam, PolicyDocument=padded(6144))
    too_large = ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    assert refused(iam.create_policy, PolicyName=unique("policy"), PolicyDocument=padded(6145)) == too_large
    assert refused(iam.create_policy_version, PolicyArn=policy, PolicyDocument=padded(6145)) == too_large


def test_versions(iam: Any) -> None:
    policy = make_policy(iam)
    for number in range(2, 6):
        version = iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(READ, READ))["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", False)
    sentence = (
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version."
    )
    too_many = refused(iam.create_policy_version, PolicyArn=policy, PolicyDocument=document())
    assert too_many == ("LimitExceeded", sentence)
    iam.delete_policy_version(PolicyArn=policy, VersionId="v3")
    newest = iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(), SetAsDefault=True)
    assert newest["PolicyVersion"]["VersionId"] == "v6"
    versions = iam.list_policy_versions(PolicyArn=policy)["Versions"]
    assert [version["VersionId"] for version in versions] == ["v6", "v5", "v4", "v2", "v1"]
    assert [version["VersionId"] for version in versions if version["IsDefaultVersion"]] == ["v6"]
    pages = iam.get_paginator("list_policy_versions").paginate(PolicyArn=policy, PaginationConfig={"PageSize": 2})
    assert [version["VersionId"] for page in pages for version in page["Versions"]] == ["v6", "v5", "v4", "v2", "v1"]
    in_use = ("DeleteConflict", "Cannot delete the default version of a policy.")
    assert refused(iam.delete_policy_version, PolicyArn=policy, VersionId="v6") == in_use
    document_of_v2 = iam.get_policy_version(PolicyArn=policy, VersionId="v2")["PolicyVersion"]["Document"]
    assert document_of_v2["Statement"] == [READ, READ]
    for call in (iam.get_policy_version, iam.set_default_policy_version, iam.delete_policy_version):
        missing = f"Policy {policy} version v9 does not exist or is not attachable."
        assert refused(call, PolicyArn=policy, VersionId="v9") == ("NoSuchEntity", missing)
        assert refused(call, PolicyArn=policy, VersionId="9")[1] == (
            "1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy "
            r"regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?"
        )


def test_the_default_version_is_what_holds(aws: Aws, iam: Any) -> None:
    user, policy = make(iam, "user"), make_policy(iam, PolicyDocument=document({**READ, "Action": "iam:ListUsers"}))
    iam.attach_user_policy(**user, PolicyArn=policy)
    key = iam.create_access_key(**user)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    own.list_users()
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document(), SetAsDefault=True)
    assert refused_code(own.list_users) == "AccessDenied"
    iam.set_default_policy_version(PolicyArn=policy, VersionId="v1")
    own.list_users()


def test_a_policy_is_deleted_only_when_nothing_has_it(iam: Any) -> None:
    policy, user, role = make_policy(iam), make(iam, "user"), make(iam, "role")
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=document())
    iam.attach_user_policy(**user, PolicyArn=policy)
    iam.put_role_permissions_boundary(**role, PermissionsBoundary=policy)
    attached = ("DeleteConflict", "Cannot delete a policy attached to entities.")
    assert refused(iam.delete_policy, PolicyArn=policy) == attached
    iam.detach_user_policy(**user, PolicyArn=policy)
    assert refused(iam.delete_policy, PolicyArn=policy) == attached
    iam.delete_role_permissions_boundary(**role)
    assert refused(iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=policy, VersionId="v2")
    iam.delete_policy(PolicyArn=policy)
    assert refused(iam.get_policy, PolicyArn=policy) == ("NoSuchEntity", f"Policy {policy} was not found.")


def test_awss_policies_are_nobodys_to_change(iam: Any) -> None:
    version = iam.get_policy(PolicyArn=AWS_MANAGED)["Policy"]["DefaultVersionId"]
    for call, members in (
        (iam.delete_policy, {}),
        (iam.create_policy_version, {"PolicyDocument": document()}),
        (iam.set_default_policy_version, {"VersionId": version}),
        (iam.delete_policy_version, {"VersionId": version}),
        (iam.tag_policy, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_policy, {"TagKeys": ["a"]}),
    ):
        assert refused_code(call, PolicyArn=AWS_MANAGED, **members) == "AccessDenied"


def test_who_has_a_policy(iam: Any) -> None:
    policy = make_policy(iam)
    user, group, role = make(iam, "user"), make(iam, "group"), make(iam, "role")
    iam.attach_user_policy(**user, PolicyArn=policy)
    iam.attach_group_policy(**group, PolicyArn=policy)
    iam.put_role_permissions_boundary(**role, PermissionsBoundary=policy)

    def names(**filters: Any) -> tuple[list[str], ...]:
        entities = iam.list_entities_for_policy(PolicyArn=policy, **filters)
        return tuple(
            [entity[f"{kind}Name"] for entity in entities[f"Policy{kind}s"]] for kind in ("User", "Group", "Role")
        )

    users, groups, roles = [[*who.values()] for who in (user, group, role)]
    assert names() == (users, groups, roles)
    assert names(PolicyUsageFilter="PermissionsPolicy") == (users, groups, [])
    assert names(PolicyUsageFilter="PermissionsBoundary") == ([], [], roles)
    assert names(EntityFilter="Group") == ([], groups, [])
    pages = iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy, PaginationConfig={"PageSize": 1})
    assert sum(len(page[f"Policy{kind}s"]) for page in pages for kind in ("User", "Group", "Role")) == 3
    described = iam.get_policy(PolicyArn=policy)["Policy"]
    assert (described["AttachmentCount"], described["PermissionsBoundaryUsageCount"]) == (2, 1)


def test_lists_of_policies_by_scope_path_and_use(iam: Any) -> None:
    path = f"/{unique('path')}/"
    used, unused = (make_policy(iam, Path=path) for _ in range(2))
    iam.attach_user_policy(**make(iam, "user"), PolicyArn=used)

    def arns(**filters: Any) -> list[str]:
        pages = iam.get_paginator("list_policies").paginate(**filters)
        return [policy["Arn"] for page in pages for policy in page["Policies"]]

    assert sorted(arns(PathPrefix=path)) == sorted([used, unused])
    assert arns(PathPrefix=path, OnlyAttached=True) == [used]
    assert arns(PathPrefix=path, PolicyUsageFilter="PermissionsBoundary") == []
    of_aws = arns(Scope="AWS", PathPrefix="/job-function/")
    assert len(of_aws) > 5 and all(policy.startswith("arn:aws:iam::aws:policy/job-function/") for policy in of_aws)
    everything = arns()
    assert len(everything) == len(set(everything)) and {used, AWS_MANAGED} <= set(everything)
    assert {used, unused} <= set(arns(Scope="Local")) and AWS_MANAGED not in arns(Scope="Local")


def test_which_policies_grant_a_service(iam: Any) -> None:
    user, group, policy = make(iam, "user"), make(iam, "group"), make_policy(iam)
    iam.add_user_to_group(**user, **group)
    iam.put_group_policy(**group, PolicyName="inline", PolicyDocument=document({**READ, "Action": "*"}))
    iam.attach_user_policy(**user, PolicyArn=policy)
    iam.put_user_policy(**user, PolicyName="deny", PolicyDocument=document({**READ, "Effect": "Deny"}))
    answer = iam.list_policies_granting_service_access(
        Arn=arn("user", user["UserName"]), ServiceNamespaces=["s3", "ec2"]
    )["PoliciesGrantingServiceAccess"]
    granting = {entry["ServiceNamespace"]: [policy["PolicyName"] for policy in entry["Policies"]] for entry in answer}
    assert granting == {"s3": [policy.rpartition("/")[2], "inline"], "ec2": ["inline"]}
