"""Groups. Source: IAM API reference; the sentences are recorded from AWS in public test suites."""

from __future__ import annotations

from typing import Any

from tests.access.operations.iam import AWS_MANAGED, READ, arn, document, refused, refused_code
from tests.support import Aws, unique


def make_group(iam: Any, **members: Any) -> str:
    return str(iam.create_group(**{"GroupName": unique("group"), **members})["Group"]["GroupName"])


def test_a_group_has_a_path_and_an_id(iam: Any) -> None:
    name = make_group(iam, Path="/team/")
    group = iam.get_group(GroupName=name)["Group"]
    assert (group["Arn"], group["GroupId"][:4]) == (arn("group", name, "/team/"), "AGPA")
    assert [known["GroupName"] for known in iam.list_groups(PathPrefix="/team/")["Groups"]] == [name]


def test_names_are_unique_whatever_their_case(iam: Any) -> None:
    name, other = make_group(iam), make_group(iam)
    exists = ("EntityAlreadyExists", f"Group with name {name.upper()} already exists.")
    assert refused(iam.create_group, GroupName=name.upper()) == exists
    assert refused(iam.update_group, GroupName=other, NewGroupName=name.upper()) == exists


def test_a_renamed_group_keeps_members_and_their_rights(aws: Aws, iam: Any) -> None:
    name, new_name, user = make_group(iam), unique("new"), unique("user")
    iam.create_user(UserName=user)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=document({**READ, "Action": "iam:GetUser"}))
    iam.add_user_to_group(UserName=user, GroupName=name)
    iam.update_group(GroupName=name, NewGroupName=new_name)
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName=user)["Groups"]] == [new_name]
    key = iam.create_access_key(UserName=user)["AccessKey"]
    aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"]).get_user()
    assert refused_code(iam.get_group, GroupName=name) == "NoSuchEntity"


def test_a_former_member_loses_the_groups_rights_at_once(aws: Aws, iam: Any) -> None:
    name, user = make_group(iam), unique("user")
    iam.create_user(UserName=user)
    iam.attach_group_policy(GroupName=name, PolicyArn=AWS_MANAGED)
    iam.add_user_to_group(UserName=user, GroupName=name)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"])
    own.list_users()
    iam.remove_user_from_group(UserName=user, GroupName=name)
    assert refused_code(own.list_users) == "AccessDenied"
    iam.remove_user_from_group(UserName=user, GroupName=name)


def test_the_user_is_looked_for_before_the_group(iam: Any) -> None:
    user = unique("user")
    iam.create_user(UserName=user)
    no_user = ("NoSuchEntity", "The user with name nobody cannot be found.")
    no_group = ("NoSuchEntity", "The group with name none cannot be found.")
    for call in (iam.add_user_to_group, iam.remove_user_from_group):
        assert refused(call, UserName="nobody", GroupName="none") == no_user
        assert refused(call, UserName=user, GroupName="none") == no_group


def test_a_group_is_deleted_only_when_nothing_hangs_on_it(iam: Any) -> None:
    name, user = make_group(iam), unique("user")
    iam.create_user(UserName=user)
    iam.attach_group_policy(GroupName=name, PolicyArn=AWS_MANAGED)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=document())
    iam.add_user_to_group(UserName=user, GroupName=name)
    for what, undo in (
        ("detach all policies", lambda: iam.detach_group_policy(GroupName=name, PolicyArn=AWS_MANAGED)),
        ("delete policies", lambda: iam.delete_group_policy(GroupName=name, PolicyName="p")),
        ("remove users from group", lambda: iam.remove_user_from_group(UserName=user, GroupName=name)),
    ):
        sentence = f"Cannot delete entity, must {what} first."
        assert refused(iam.delete_group, GroupName=name) == ("DeleteConflict", sentence)
        undo()
    iam.delete_group(GroupName=name)
