"""Access keys, as STS and IAM issue them.

STS and IAM tell a secret once, in the answer that issues it. The harness sees those answers pass. A key that was issued
otherwise (by the backend before the harness was up, for example) is known without its secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.access.rules.policy import Policy, parse_policy
from harness.core.calls import Principal

ISSUING = frozenset(
    (
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        "CreateAccessKey",
        "GetFederationToken",
        "GetSessionToken",
    )
)
"""The operations of STS and IAM that answer with a secret."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key and whom it belongs to.

    secret: "" if it was never seen; then signatures cannot be verified. token: the session token of temporary
    credentials, else "". issued, expires: seconds since 1970. session: the session policies that were given in full;
    None if the session has none and nothing limits it. session_arns: the ARNs of the managed session policies.
    tags: the session's.
    """

    key_id: str
    principal: Principal
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    issued: float | None = None
    expires: float | None = None
    active: bool = True
    session: tuple[Policy, ...] | None = None
    session_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def issued_key(
    operation: str,
    request: Mapping[str, Any],
    answer: Mapping[str, Any],
    account: str,
    caller: Principal | None,
    now: float,
) -> AccessKey | None:
    """The key in the answer of one of the ISSUING operations; None if the answer has none, because it is an error.

    request, answer: members by their botocore names. caller: who sent the request; GetSessionToken and
    GetFederationToken issue a key of the caller's own.
    """
    if operation == "CreateAccessKey":
        return _users_key(answer, account)
    credentials = answer.get("Credentials")
    if not credentials:
        return None
    if operation in ("GetSessionToken", "GetFederationToken"):
        principal = caller
    else:
        principal = Principal(answer["AssumedRoleUser"]["Arn"], account, "assumed-role")
    if principal is None:
        return None
    document, managed = request.get("Policy"), request.get("PolicyArns") or ()
    # The session policies and the user's own limit a federated user (IAM user guide, GetFederationToken).
    limited = document is not None or bool(managed) or operation == "GetFederationToken"
    return AccessKey(
        credentials["AccessKeyId"],
        principal,
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        now,
        credentials["Expiration"].timestamp(),
        session=_session_policies(document) if limited else None,
        session_arns=tuple(policy["arn"] for policy in managed if "arn" in policy),
        tags={tag["Key"]: tag["Value"] for tag in request.get("Tags") or ()},
    )


def _users_key(answer: Mapping[str, Any], account: str) -> AccessKey | None:
    key = answer.get("AccessKey")
    if not key:
        return None
    arn = f"arn:aws:iam::{account}:user/{key['UserName']}"
    return AccessKey(key["AccessKeyId"], Principal(arn, account, "user"), key["SecretAccessKey"])


def _session_policies(document: str | None) -> tuple[Policy, ...]:
    return () if document is None else (parse_policy("session policy", document),)
