"""Users. Source: IAM API reference; the sentences are recorded from AWS in public test suites."""

from __future__ import annotations

from typing import Any

import pytest

from tests.access.operations.iam import AWS_MANAGED, READ, arn, document, refused, refused_code, trust
from tests.support import Aws, unique


def make_user(iam: Any, **members: Any) -> dict[str, Any]:
    return dict(iam.create_user(**{"UserName": unique("user"), **members})["User"])


def test_a_user_has_a_path_an_arn_and_an_id(iam: Any) -> None:
    name = unique("user")
    created = iam.create_user(UserName=name, Path="/team/dogs/", Tags=[{"Key": "a", "Value": "b"}])["User"]
    assert (created["Arn"], created["Path"]) == (arn("user", name, "/team/dogs/"), "/team/dogs/")
    assert created["UserId"].startswith("AIDA") and len(created["UserId"]) == 21
    assert iam.get_user(UserName=name)["User"] == created


def test_names_are_unique_whatever_their_case(iam: Any) -> None:
    name = make_user(iam)["UserName"]
    sentence = f"User with name {name.upper()} already exists."
    assert refused(iam.create_user, UserName=name.upper()) == ("EntityAlreadyExists", sentence)
    other = make_user(iam)["UserName"]
    assert refused_code(iam.update_user, UserName=other, NewUserName=name.upper()) == "EntityAlreadyExists"
    iam.update_user(UserName=name, NewUserName=name.upper())
    assert iam.get_user(UserName=name.upper())["User"]["UserName"] == name.upper()


def test_an_unknown_user_is_no_such_entity(iam: Any) -> None:
    sentence = "The user with name nobody cannot be found."
    for call, members in (
        (iam.get_user, {}),
        (iam.delete_user, {}),
        (iam.update_user, {"NewUserName": "somebody"}),
        (iam.tag_user, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.untag_user, {"TagKeys": ["a"]}),
        (iam.list_user_tags, {}),
        (iam.create_access_key, {}),
        (iam.list_access_keys, {}),
        (iam.put_user_policy, {"PolicyName": "p", "PolicyDocument": document()}),
        (iam.attach_user_policy, {"PolicyArn": AWS_MANAGED}),
        (iam.put_user_permissions_boundary, {"PermissionsBoundary": AWS_MANAGED}),
        (iam.list_groups_for_user, {}),
    ):
        assert refused(call, UserName="nobody", **members) == ("NoSuchEntity", sentence)


def test_get_user_without_a_name_is_the_caller(aws: Aws, iam: Any) -> None:
    name = make_user(iam)["UserName"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document({**READ, "Action": "iam:*"}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    assert own.get_user()["User"]["UserName"] == name
    assert iam.get_user()["User"]["Arn"] == arn("root", "", "")
    session = aws.as_role(aws.role({"p": {"Version": "2012-10-17", "Statement": {**READ, "Action": "*"}}}), "iam")
    sentence = "Must specify userName when calling with non-User credentials"
    assert refused(session.get_user) == ("ValidationError", sentence)


def test_names_and_paths_that_iam_does_not_take(iam: Any) -> None:
    code, sentence = refused(iam.create_user, UserName="no spaces")
    assert (code, sentence) == (
        "ValidationError",
        "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the "
        "following: +=,.@_-",
    )
    assert refused(iam.create_user, UserName="ann", Path="team")[1] == (
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
        "characters and/or / characters."
    )
    too_long = "1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length"
    assert refused(iam.create_user, UserName="a" * 65)[1] == f"{too_long} less than or equal to 64"
    assert refused(iam.create_user, UserName="añn")[0] == "ValidationError"


def test_users_are_listed_by_path_and_in_pages(iam: Any) -> None:
    path = f"/{unique('path')}/"
    names = sorted((make_user(iam, Path=path)["UserName"] for _ in range(5)), key=str.lower)
    first = iam.list_users(PathPrefix=path, MaxItems=2)
    assert ([user["UserName"] for user in first["Users"]], first["IsTruncated"]) == (names[:2], True)
    pages = iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})
    assert [user["UserName"] for page in pages for user in page["Users"]] == names
    assert "Tags" not in first["Users"][0]
    assert refused(iam.list_users, Marker="no marker") == ("ValidationError", "Invalid Marker.")


def test_a_user_is_deleted_only_when_nothing_hangs_on_it(iam: Any) -> None:
    name, group = make_user(iam)["UserName"], unique("group")
    iam.create_group(GroupName=group)
    iam.attach_user_policy(UserName=name, PolicyArn=AWS_MANAGED)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document())
    iam.add_user_to_group(UserName=name, GroupName=group)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
    steps = (
        ("detach all policies", lambda: iam.detach_user_policy(UserName=name, PolicyArn=AWS_MANAGED)),
        ("delete policies", lambda: iam.delete_user_policy(UserName=name, PolicyName="p")),
        ("remove users from group", lambda: iam.remove_user_from_group(UserName=name, GroupName=group)),
        ("delete access keys", lambda: iam.delete_access_key(UserName=name, AccessKeyId=key)),
    )
    for what, undo in steps:
        sentence = f"Cannot delete entity, must {what} first."
        assert refused(iam.delete_user, UserName=name) == ("DeleteConflict", sentence)
        undo()
    iam.delete_user(UserName=name)
    assert refused_code(iam.get_user, UserName=name) == "NoSuchEntity"


def test_a_deleted_users_key_is_unknown_also_when_the_name_is_taken_again(aws: Aws, iam: Any) -> None:
    name = make_user(iam)["UserName"]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = aws.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    assert own.get_caller_identity()["Arn"] == arn("user", name)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)
    make_user(iam, UserName=name)
    assert refused_code(own.get_caller_identity) == "InvalidClientTokenId"


def test_a_renamed_user_keeps_key_policies_groups_and_trust(aws: Aws, iam: Any) -> None:
    user, new_name, group, role = make_user(iam), unique("new"), unique("group"), unique("role")
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document({**READ, "Action": "iam:Get*"}))
    iam.add_user_to_group(UserName=user["UserName"], GroupName=group)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"AWS": user["Arn"]}))
    key = iam.create_access_key(UserName=user["UserName"])["AccessKey"]
    iam.update_user(UserName=user["UserName"], NewUserName=new_name, NewPath="/moved/")
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    assert own.get_user()["User"] == {
        **user,
        "UserName": new_name,
        "Path": "/moved/",
        "Arn": arn("user", new_name, "/moved/"),
    }
    assert [member["UserName"] for member in iam.get_group(GroupName=group)["Users"]] == [new_name]
    principal = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": arn("user", new_name, "/moved/")}


def test_a_boundary_is_kept_and_binds(aws: Aws, iam: Any) -> None:
    name = make_user(iam, PermissionsBoundary=AWS_MANAGED)["UserName"]
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": AWS_MANAGED}
    assert iam.get_user(UserName=name)["User"]["PermissionsBoundary"] == boundary
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document({**READ, "Action": "*"}))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    own.get_user()
    assert refused_code(own.create_group, GroupName=unique("group")) == "AccessDenied"
    iam.delete_user_permissions_boundary(UserName=name)
    own.create_group(GroupName=unique("group"))
    assert refused_code(iam.delete_user_permissions_boundary, UserName=name) == "NoSuchEntity"


def test_who_may_only_give_rights_within_a_boundary(aws: Aws, iam: Any) -> None:
    """The delegation of the user guide: iam:PermissionsBoundary is the request's own, or the one that a user has."""
    name, bounded, free = (make_user(iam)["UserName"] for _ in range(3))
    iam.put_user_permissions_boundary(UserName=bounded, PermissionsBoundary=AWS_MANAGED)
    condition = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": AWS_MANAGED}}}
    actions = ["iam:CreateUser", "iam:PutUserPolicy"]
    policy = document({**READ, "Action": actions, **condition})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    inline = {"PolicyName": "p", "PolicyDocument": document()}
    own.put_user_policy(UserName=bounded, **inline)
    assert refused_code(own.put_user_policy, UserName=free, **inline) == "AccessDenied"
    own.create_user(UserName=unique("user"), PermissionsBoundary=AWS_MANAGED)
    assert refused_code(own.create_user, UserName=unique("user")) == "AccessDenied"


@pytest.mark.parametrize("kind", ["user", "role"])
def test_a_boundary_that_does_not_exist_is_refused(iam: Any, kind: str) -> None:
    name, missing = unique(kind), arn("policy", "missing")
    if kind == "user":
        create, put = iam.create_user, iam.put_user_permissions_boundary
        who: dict[str, Any] = {"UserName": name}
        more: dict[str, Any] = {}
    else:
        create, put = iam.create_role, iam.put_role_permissions_boundary
        who, more = {"RoleName": name}, {"AssumeRolePolicyDocument": trust()}
    unknown = ("NoSuchEntity", f"Scope ARN: {missing} does not exist or is not attachable.")
    no_policy = "arn:aws:iam::123456789:not_a_boundary"
    invalid = ("ValidationError", f"Value ({no_policy}) for parameter PermissionsBoundary is invalid.")
    assert refused(create, **who, **more, PermissionsBoundary=missing) == unknown
    create(**who, **more)
    assert refused(put, **who, PermissionsBoundary=missing) == unknown
    assert refused(put, **who, PermissionsBoundary=no_policy) == invalid


def test_tags_are_unique_whatever_their_case_and_at_most_50(iam: Any) -> None:
    name = make_user(iam)["UserName"]
    iam.tag_user(UserName=name, Tags=[{"Key": "Team", "Value": "dogs"}, {"Key": "cost", "Value": "1"}])
    iam.tag_user(UserName=name, Tags=[{"Key": "TEAM", "Value": "cats"}])
    assert {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName=name)["Tags"]} == {
        "TEAM": "cats",
        "cost": "1",
    }
    iam.untag_user(UserName=name, TagKeys=["team"])
    assert len(iam.list_user_tags(UserName=name)["Tags"]) == 1
    duplicate = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    sentence = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    assert refused(iam.tag_user, UserName=name, Tags=duplicate) == ("InvalidInput", sentence)
    assert refused_code(iam.tag_user, UserName=name, Tags=[{"Key": "aws:a", "Value": "1"}]) == "InvalidInput"
    iam.tag_user(UserName=name, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(49)])
    assert refused_code(iam.tag_user, UserName=name, Tags=[{"Key": "51st", "Value": ""}]) == "LimitExceeded"


def test_a_user_can_be_in_ten_groups(iam: Any) -> None:
    name = make_user(iam)["UserName"]
    groups = [unique("group") for _ in range(11)]
    for group in groups:
        iam.create_group(GroupName=group)
    for group in groups[:10]:
        iam.add_user_to_group(UserName=name, GroupName=group)
    iam.add_user_to_group(UserName=name, GroupName=groups[0])
    sentence = "Cannot exceed quota for GroupsPerUser: 10"
    assert refused(iam.add_user_to_group, UserName=name, GroupName=groups[10]) == ("LimitExceeded", sentence)
    assert len(iam.list_groups_for_user(UserName=name)["Groups"]) == 10
