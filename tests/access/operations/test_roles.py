"""Roles and trust policies. Source: IAM API reference; the sentences are recorded from AWS in public test suites."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.access.operations.iam import AWS_MANAGED, arn, document, refused, refused_code, trust
from tests.support import ACCOUNT, Aws, unique


def make_role(iam: Any, **members: Any) -> dict[str, Any]:
    request = {"RoleName": unique("role"), "AssumeRolePolicyDocument": trust(), **members}
    return dict(iam.create_role(**request)["Role"])


def principal_of(iam: Any, role: str) -> Any:
    return iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]


def test_each_answer_has_the_members_that_aws_gives(iam: Any) -> None:
    members = {"Description": "d", "Tags": [{"Key": "a", "Value": "b"}], "PermissionsBoundary": AWS_MANAGED}
    path = f"/{unique('path')}/"
    created = make_role(iam, Path=path, **members)
    name = created["RoleName"]
    brief = {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    assert set(created) == brief | {"Tags", "PermissionsBoundary"}
    assert (created["Arn"], created["RoleId"][:4]) == (arn("role", name, path), "AROA")
    assert created["AssumeRolePolicyDocument"] == json.loads(trust())
    described = {*brief, "Description", "MaxSessionDuration"}
    assert set(iam.list_roles(PathPrefix=path)["Roles"][0]) == described
    whole = iam.get_role(RoleName=name)["Role"]
    assert set(whole) == described | {"Tags", "PermissionsBoundary", "RoleLastUsed"}
    assert (whole["MaxSessionDuration"], whole["RoleLastUsed"]) == (3600, {})


def test_a_role_is_updated(aws: Aws, iam: Any) -> None:
    name = make_role(iam)["RoleName"]
    iam.update_role(RoleName=name, Description="new", MaxSessionDuration=7200)
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 7200)
    assert iam.update_role_description(RoleName=name, Description="newer")["Role"]["Description"] == "newer"
    unchecked = aws.client("iam", parameter_validation=False)
    for seconds in (3599, 43201):
        assert refused_code(unchecked.update_role, RoleName=name, MaxSessionDuration=seconds) == "ValidationError"


def test_names_are_unique_whatever_their_case(iam: Any) -> None:
    name = make_role(iam)["RoleName"].upper()
    code, sentence = refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust())
    assert (code, sentence) == ("EntityAlreadyExists", f"Role with name {name} already exists.")


def test_a_role_is_deleted_only_when_nothing_hangs_on_it(iam: Any) -> None:
    name, profile = make_role(iam)["RoleName"], unique("profile")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.attach_role_policy(RoleName=name, PolicyArn=AWS_MANAGED)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document())
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=name)
    in_profile = {"InstanceProfileName": profile, "RoleName": name}
    for what, undo in (
        ("detach all policies", lambda: iam.detach_role_policy(RoleName=name, PolicyArn=AWS_MANAGED)),
        ("delete policies", lambda: iam.delete_role_policy(RoleName=name, PolicyName="p")),
        ("remove roles from instance profile", lambda: iam.remove_role_from_instance_profile(**in_profile)),
    ):
        sentence = f"Cannot delete entity, must {what} first."
        assert refused(iam.delete_role, RoleName=name) == ("DeleteConflict", sentence)
        undo()
    iam.delete_role(RoleName=name)
    gone = ("NoSuchEntity", f"The role with name {name} cannot be found.")
    assert refused(iam.get_role, RoleName=name) == gone


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": arn("user", "nobody")},
        {"AWS": arn("role", "none")},
        {"AWS": arn("group", "dogs")},
        {"AWS": ["*", f"arn:aws:sts::{ACCOUNT}:assumed-role/none/session"]},
        {"AWS": "AIDAXXXXXXXXXXXXXXXXX"},
        {"AWS": "ann"},
        {"Service": "lambda"},
    ],
)
def test_a_principal_that_does_not_exist_is_refused(iam: Any, principal: dict[str, Any]) -> None:
    kind, names = next(iter(principal.items()))
    name = names if isinstance(names, str) else names[-1]
    sentence = f'Invalid principal in policy: "{kind.upper()}":"{name}"'
    refusal = refused(iam.create_role, RoleName=unique("role"), AssumeRolePolicyDocument=trust(principal))
    assert refusal == ("MalformedPolicyDocument", sentence)


def test_principals_of_accounts_services_and_providers_are_taken(iam: Any) -> None:
    name = make_role(iam)["RoleName"]
    for principal in (
        {"AWS": "*"},
        {"AWS": [ACCOUNT, "999999999999", "arn:aws:iam::999999999999:root"]},
        {"AWS": "arn:aws:iam::888888888888:role/of-an-account-that-is-not-rehearsed"},
        {"Service": ["lambda.amazonaws.com", "delivery.logs.amazonaws.com"]},
        {"Federated": "cognito-identity.amazonaws.com"},
    ):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(principal))
        assert principal_of(iam, name) == principal
    nonsense = trust({"Federated": "nonsense"}, "sts:AssumeRoleWithSAML")
    code, sentence = refused(iam.update_assume_role_policy, RoleName=name, PolicyDocument=nonsense)
    assert code == "MalformedPolicyDocument"
    assert sentence == "Federated principals must be valid domain names or SAML metadata ARNs"


@pytest.mark.parametrize("kind", ["user", "role"])
def test_a_deleted_principal_becomes_its_id_which_a_new_one_of_that_name_does_not_have(iam: Any, kind: str) -> None:
    name = unique(kind)
    make: dict[str, Any] = {
        "user": lambda: iam.create_user(UserName=name)["User"],
        "role": lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())["Role"],
    }
    delete: dict[str, Any] = {
        "user": lambda: iam.delete_user(UserName=name),
        "role": lambda: iam.delete_role(RoleName=name),
    }
    principal = make[kind]()
    trusting = make_role(iam, AssumeRolePolicyDocument=trust({"AWS": [principal["Arn"], ACCOUNT]}))["RoleName"]
    by_id = make_role(iam, AssumeRolePolicyDocument=trust({"AWS": principal[f"{kind.capitalize()}Id"]}))["RoleName"]
    assert principal_of(iam, by_id) == {"AWS": principal["Arn"]}
    delete[kind]()
    make[kind]()
    gone = principal[f"{kind.capitalize()}Id"]
    assert principal_of(iam, trusting) == {"AWS": [gone, ACCOUNT]}
    assert principal_of(iam, by_id) == {"AWS": gone}
    text = json.dumps(iam.get_role(RoleName=by_id)["Role"]["AssumeRolePolicyDocument"])
    assert refused_code(iam.update_assume_role_policy, RoleName=by_id, PolicyDocument=text) == "MalformedPolicyDocument"


def test_a_trust_policy_has_2048_characters_without_white_space(iam: Any) -> None:
    def padded(length: int) -> str:
        text = trust(Condition={"StringEquals": {"sts:ExternalId": ""}})
        characters = len("".join(text.split()))
        return json.dumps(
            json.loads(text.replace('"sts:ExternalId": ""', f'"sts:ExternalId": "{"x" * (length - characters)}"')),
            indent=40,
        )

    make_role(iam, AssumeRolePolicyDocument=padded(2048))
    sentence = "Cannot exceed quota for ACLSizePerRole: 2048"
    refusal = refused(iam.create_role, RoleName=unique("role"), AssumeRolePolicyDocument=padded(2049))
    assert refusal == ("LimitExceeded", sentence)


def test_a_malformed_trust_policy_makes_no_role(iam: Any) -> None:
    name = unique("role")
    invalid = ("MalformedPolicyDocument", "This policy contains invalid Json")
    assert refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument="{") == invalid
    assert refused_code(iam.get_role, RoleName=name) == "NoSuchEntity"


def test_tags_of_a_role(iam: Any) -> None:
    name = make_role(iam)["RoleName"]
    assert "Tags" not in iam.get_role(RoleName=name)["Role"]
    iam.tag_role(RoleName=name, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}])
    assert [tag["Key"] for tag in iam.list_role_tags(RoleName=name)["Tags"]] == ["a", "b"]
    iam.untag_role(RoleName=name, TagKeys=["a", "none"])
    assert iam.get_role(RoleName=name)["Role"]["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_service_linked_role_is_changed_by_aws_alone(iam: Any) -> None:
    service = "sagemaker.application-autoscaling.amazonaws.com"
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    name = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    assert (role["RoleName"], role["Path"]) == (name, f"/aws-service-role/{service}/")
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AWSApplicationAutoscalingSageMakerEndpointPolicy"]
    taken = f"Service role name {name} has been taken in this account, please try a different suffix."
    assert refused(iam.create_service_linked_role, AWSServiceName=service) == ("InvalidInput", taken)
    protected = (
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
    )
    for call, members in (
        (iam.delete_role, {}),
        (iam.attach_role_policy, {"PolicyArn": AWS_MANAGED}),
        (iam.detach_role_policy, {"PolicyArn": attached[0]["PolicyArn"]}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": document()}),
        (iam.delete_role_policy, {"PolicyName": "p"}),
        (iam.update_assume_role_policy, {"PolicyDocument": trust()}),
        (iam.put_role_permissions_boundary, {"PermissionsBoundary": AWS_MANAGED}),
        (iam.update_role, {"MaxSessionDuration": 7200}),
    ):
        assert refused(call, RoleName=name, **members) == protected
    iam.update_role_description(RoleName=name, Description="mine")
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{service}/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused_code(iam.get_role, RoleName=name) == "NoSuchEntity"


def test_a_suffix_only_where_the_service_has_several_roles(iam: Any) -> None:
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="dogs")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_dogs"
    iam.delete_service_linked_role(RoleName=role["RoleName"])
    sentence = "Custom suffix is not allowed for ecs.amazonaws.com"
    refusal = refused(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com", CustomSuffix="dogs")
    assert refusal == ("InvalidInput", sentence)
    assert refused_code(iam.create_service_linked_role, AWSServiceName="nothing.amazonaws.com") == "InvalidInput"
    ordinary = make_role(iam)["RoleName"]
    assert refused_code(iam.delete_service_linked_role, RoleName=ordinary) == "InvalidInput"
