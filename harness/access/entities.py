"""Users, groups and roles with their policies, read from an IAM through boto3: the harness's or AWS's own."""

from __future__ import annotations

import json
import logging
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from harness.access.rules.policy import Attachment, MalformedPolicy, Policy, parse_policy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, group or role, with the policies that limit whoever acts as it.

    identity: its identity-based policies. identifier: ``AIDA...`` or ``AROA...``. trust: a role's trust policy; None
    if it cannot be read.
    """

    arn: str
    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    identifier: str = ""
    trust: Policy | None = None


def read_entity(iam: Any, kind: str, name: str) -> Entity:
    """Reads a ``user``, ``group`` or ``role`` with its boundary and, for a user, the policies of the user's groups.

    iam: a boto3 client. Raises botocore's ClientError if there is none of that name.
    """
    noun = kind.capitalize()
    description = getattr(iam, f"get_{kind}")(**{f"{noun}Name": name})[noun]
    policies = _policies(iam, kind, **{f"{noun}Name": name})
    if kind == "user":
        for group in iam.list_groups_for_user(UserName=name)["Groups"]:
            policies += _policies(iam, "group", GroupName=group["GroupName"])
    boundary = description.get("PermissionsBoundary")
    trust = description.get("AssumeRolePolicyDocument")
    return Entity(
        description["Arn"],
        tuple(policies),
        read_managed(iam, boundary["PermissionsBoundaryArn"]) if boundary else None,
        {tag["Key"]: tag["Value"] for tag in description.get("Tags", ())},
        description.get(f"{noun}Id", ""),
        read_policy(f"trust policy of {name}", trust, "trust") if trust else None,
    )


def _policies(iam: Any, kind: str, **name: str) -> list[Policy]:
    def pages(method: str, key: str) -> list[Any]:
        return [item for page in iam.get_paginator(method).paginate(**name) for item in page[key]]

    get_policy: Callable[..., dict[str, Any]] = getattr(iam, f"get_{kind}_policy")
    inline = [
        read_policy(policy, get_policy(PolicyName=policy, **name)["PolicyDocument"])
        for policy in pages(f"list_{kind}_policies", "PolicyNames")
    ]
    attached = pages(f"list_attached_{kind}_policies", "AttachedPolicies")
    return inline + [read_managed(iam, policy["PolicyArn"]) for policy in attached]


def read_managed(iam: Any, arn: str) -> Policy:
    """A managed policy's default version; a policy without statements if IAM does not have it."""
    try:
        default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]
    except ClientError:
        return Policy(arn, ())
    return read_policy(arn, version["Document"])


def read_policy(name: str, document: Any, attachment: Attachment = "identity") -> Policy:
    """Parses a policy that IAM or S3 returned. botocore parses some already; some backends send them URL-encoded.

    A malformed one, which IAM would not have taken, grants nothing. The log has a warning then.
    """
    text = urllib.parse.unquote(document) if isinstance(document, str) else json.dumps(document)
    try:
        return parse_policy(name, text, attachment)
    except MalformedPolicy as error:
        log.warning("left out, for it is malformed: %s", error)
        return Policy(name, ())
