"""Service last accessed information, of what is really called. Source: IAM API reference; IAM user guide."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.access.operations.iam import arn, document, refused_code
from tests.support import Aws, unique

LISTS = {"Effect": "Allow", "Action": ["iam:ListUsers", "s3:*", "sqs:SendMessage"], "Resource": "*"}


def job(iam: Any, source: str, granularity: str = "SERVICE_LEVEL") -> str:
    return str(iam.generate_service_last_accessed_details(Arn=source, Granularity=granularity)["JobId"])


def services(iam: Any, source: str, granularity: str = "SERVICE_LEVEL") -> dict[str, Any]:
    answer = iam.get_service_last_accessed_details(JobId=job(iam, source, granularity))
    assert (answer["JobStatus"], answer["JobType"]) == ("COMPLETED", granularity)
    return {service["ServiceNamespace"]: service for service in answer["ServicesLastAccessed"]}


@pytest.fixture
def role(aws: Aws) -> str:
    """A role that has listed the users, and tried to list the roles."""
    role = aws.role({"lists": {"Version": "2012-10-17", "Statement": [LISTS]}})
    client = aws.as_role(role, "iam")
    client.list_users()
    refused_code(client.list_roles)
    return role


def test_a_role_is_told_for_each_service_that_its_policies_allow(iam: Any, role: str) -> None:
    told = services(iam, role)
    assert set(told) == {"iam", "s3", "sqs"}
    used = told["iam"]
    assert (used["LastAuthenticatedEntity"], used["LastAuthenticatedRegion"]) == (role, "us-east-1")
    assert used["TotalAuthenticatedEntities"] == 1
    assert "LastAuthenticated" not in told["s3"]
    assert told["s3"]["TotalAuthenticatedEntities"] == 0
    assert "TrackedActionsLastAccessed" not in used


def test_actions_count_whether_allowed_or_refused(iam: Any, role: str) -> None:
    tracked = services(iam, role, "ACTION_LEVEL")["iam"]["TrackedActionsLastAccessed"]
    assert [action["ActionName"] for action in tracked] == ["ListRoles", "ListUsers"]
    assert {action["LastAccessedEntity"] for action in tracked} == {role}


def test_a_report_is_of_the_time_when_it_was_made(aws: Aws, iam: Any, role: str) -> None:
    before = job(iam, role, "ACTION_LEVEL")
    aws.as_role(role, "s3").list_buckets()
    (s3,) = [
        service
        for service in iam.get_service_last_accessed_details(JobId=before)["ServicesLastAccessed"]
        if service["ServiceNamespace"] == "s3"
    ]
    assert "LastAuthenticated" not in s3
    assert "LastAuthenticated" in services(iam, role)["s3"]


def test_a_new_role_of_the_same_name_has_called_nothing(iam: Any, role: str) -> None:
    name = role.rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role_policy(RoleName=name, PolicyName="lists")
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(*trust["Statement"]))
    iam.put_role_policy(RoleName=name, PolicyName="lists", PolicyDocument=document(LISTS))
    assert "LastAuthenticated" not in services(iam, role)["iam"]


def test_a_groups_members_and_whoever_has_a_policy(aws: Aws, iam: Any) -> None:
    name, idle = unique("busy"), unique("idle")
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document(LISTS))["Policy"]["Arn"]
    group = iam.create_group(GroupName=name)["Group"]["Arn"]
    iam.attach_group_policy(GroupName=name, PolicyArn=policy)
    for user in (name, idle):
        iam.create_user(UserName=user)
        iam.add_user_to_group(UserName=user, GroupName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    aws.client("iam", key["AccessKeyId"], key["SecretAccessKey"]).list_users()
    for source in (group, policy):
        assert services(iam, source)["iam"]["LastAuthenticatedEntity"] == arn("user", name)
        request = {"JobId": job(iam, source), "ServiceNamespace": "iam"}
        first = iam.get_service_last_accessed_details_with_entities(**request, MaxItems=1)
        entity = first["EntityDetailsList"][0]
        assert (entity["EntityInfo"]["Arn"], entity["EntityInfo"]["Type"]) == (arn("user", name), "USER")
        assert "LastAuthenticated" in entity
        rest = iam.get_service_last_accessed_details_with_entities(**request, Marker=first["Marker"])
        assert [entity["EntityInfo"]["Name"] for entity in rest["EntityDetailsList"]] == [idle]
        assert not any("LastAuthenticated" in entity for entity in rest["EntityDetailsList"])


@pytest.mark.parametrize(
    ("statement", "granted"),
    [
        ({"NotAction": "s3:*"}, False),
        ({"NotAction": "s3:Get*"}, True),
        ({"Action": "*"}, True),
        ({"Action": "S3:List*"}, True),
        ({"Action": "sqs:*"}, False),
        ({"Action": "s3:*", "Effect": "Deny"}, False),
    ],
)
def test_which_services_a_policy_allows(iam: Any, statement: dict[str, Any], granted: bool) -> None:
    name = unique("grants")
    body = document({"Effect": "Allow", "Resource": "*", **statement})
    policy = iam.create_policy(PolicyName=name, PolicyDocument=body)["Policy"]["Arn"]
    found: set[str] = set()
    request = {"JobId": job(iam, policy)}
    while True:
        page = iam.get_service_last_accessed_details(**request)
        found |= {service["ServiceNamespace"] for service in page["ServicesLastAccessed"]}
        if not page["IsTruncated"]:
            break
        request["Marker"] = page["Marker"]
    assert ("s3" in found) == granted


def test_bad_input_is_refused_in_words(iam: Any, role: str) -> None:
    generate = iam.generate_service_last_accessed_details
    assert refused_code(generate, Arn=arn("role", unique("none"))) == "NoSuchEntity"
    assert refused_code(generate, Arn="no arn, but twenty characters") == "ValidationError"
    assert refused_code(iam.get_service_last_accessed_details, JobId=str(uuid.uuid4())) == "NoSuchEntity"
    with_entities = iam.get_service_last_accessed_details_with_entities
    assert refused_code(with_entities, JobId=job(iam, role), ServiceNamespace="kms") == "NoSuchEntity"
