"""Users, groups and roles with their policies, as an IAM keeps them: read through boto3, of the harness or of AWS."""

from __future__ import annotations

import json
import logging
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from harness.access.rules.policy import MalformedPolicy, Policy, Use, parse_policy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entity:
    """A user or a role: what limits whoever acts as it. trust: of a role, None where it cannot be read.

    identifier: ``AIDA...`` or ``AROA...``.
    """

    arn: str
    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    identifier: str = ""
    trust: Policy | None = None


def read_entity(iam: Any, kind: str, name: str) -> Entity:
    """A ``user``, ``group`` or ``role`` by its name, with its boundary and, of a user, his groups' policies.

    iam: a boto3 client. Raises botocore's ClientError where there is none of that name.
    """
    word = kind.capitalize()
    described = getattr(iam, f"get_{kind}")(**{f"{word}Name": name})[word]
    policies = _policies(iam, kind, **{f"{word}Name": name})
    if kind == "user":
        for group in iam.list_groups_for_user(UserName=name)["Groups"]:
            policies += _policies(iam, "group", GroupName=group["GroupName"])
    boundary = described.get("PermissionsBoundary")
    trust = described.get("AssumeRolePolicyDocument")
    return Entity(
        described["Arn"],
        tuple(policies),
        read_managed(iam, boundary["PermissionsBoundaryArn"]) if boundary else None,
        {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())},
        described.get(f"{word}Id", ""),
        read_policy(f"trust policy of {name}", trust, "trust") if trust else None,
    )


def _policies(iam: Any, kind: str, **name: str) -> list[Policy]:
    def every(method: str, key: str) -> list[Any]:
        pages = iam.get_paginator(method).paginate(**name)
        return [item for page in pages for item in page[key]]

    call: Callable[..., dict[str, Any]] = getattr(iam, f"get_{kind}_policy")
    inline = [
        read_policy(policy, call(PolicyName=policy, **name)["PolicyDocument"])
        for policy in every(f"list_{kind}_policies", "PolicyNames")
    ]
    attached = every(f"list_attached_{kind}_policies", "AttachedPolicies")
    return inline + [read_managed(iam, entry["PolicyArn"]) for entry in attached]


def read_managed(iam: Any, arn: str) -> Policy:
    """A managed policy's default version; one without statements where it is not there."""
    try:
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    except ClientError:
        return Policy(arn, ())
    return read_policy(arn, found["Document"])


def read_policy(name: str, document: Any, use: Use = "identity") -> Policy:
    """A policy of the backend's: botocore parses some, some backends send them URL-encoded once more.

    One that no IAM would have taken grants nothing, and the log says so.
    """
    text = urllib.parse.unquote(document) if isinstance(document, str) else json.dumps(document)
    try:
        return parse_policy(name, text, use)
    except MalformedPolicy as error:
        log.warning("left out, for it is malformed: %s", error)
        return Policy(name, ())
