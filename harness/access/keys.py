"""The access keys that local STS and IAM have issued, as far as their answers were seen: whose they are, their secrets.

STS and IAM tell a secret once, in the answer that issues it. The gateway sees those answers pass, and the harness its
own. A key that was issued otherwise (by a backend before this harness was up, say) is known by its owner only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.access.rules.policy import Policy, parse_policy
from harness.core.calls import Principal

# Expired sessions are dropped once there are so many keys.
_TIDY_AT = 10_000
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
"""Operations whose answers have a secret in them."""


@dataclass(frozen=True, slots=True)
class Key:
    """One access key.

    secret: "" where it was never seen, so that signatures cannot be verified. token: of temporary credentials; "" else.
    issued, expires: seconds since 1970. session, session_arns: the session policies, None where there are none: those
    given in full and the managed ones' ARNs. tags: of the session.
    """

    access_key: str
    principal: Principal
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    issued: float | None = None
    expires: float | None = None
    active: bool = True
    session: tuple[Policy, ...] | None = None
    session_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


class Keys:
    """Keys by their ids."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

    def get(self, access_key: str) -> Key | None:
        return self._keys.get(access_key)

    def add(self, key: Key) -> None:
        if len(self._keys) >= _TIDY_AT and key.issued is not None:
            now = key.issued
            self._keys = {name: one for name, one in self._keys.items() if one.expires is None or one.expires > now}
        self._keys[key.access_key] = key

    def delete(self, access_key: str) -> None:
        self._keys.pop(access_key, None)

    def set_active(self, access_key: str, *, active: bool) -> None:
        found = self._keys.get(access_key)
        if found is not None:
            self._keys[access_key] = replace(found, active=active)

    def forget_unseen(self) -> None:
        """Drops the keys whose secrets were never seen: their owners may be asked for again."""
        self._keys = {name: one for name, one in self._keys.items() if one.secret}


def issued(
    operation: str,
    request: Mapping[str, Any],
    answer: Mapping[str, Any],
    account: str,
    caller: Principal | None,
    now: float,
) -> Key | None:
    """The key in an answer of one of ISSUING; None where the answer has none (it was refused).

    request, answer: by botocore's names. caller: who asked, whose own key GetSessionToken and CreateAccessKey issue.
    """
    if operation == "CreateAccessKey":
        return _of_user(answer, account)
    credentials = answer.get("Credentials")
    if not credentials:
        return None
    if operation == "GetSessionToken":
        principal = caller
    elif operation == "GetFederationToken":
        # Limited by the session policies and the user's own (IAM user guide, GetFederationToken).
        principal = caller
    else:
        principal = Principal(answer["AssumedRoleUser"]["Arn"], account, "assumed-role")
    if principal is None:
        return None
    policies = request.get("Policy"), request.get("PolicyArns") or ()
    limited = policies[0] is not None or bool(policies[1]) or operation == "GetFederationToken"
    return Key(
        credentials["AccessKeyId"],
        principal,
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        now,
        credentials["Expiration"].timestamp(),
        session=_session(policies[0]) if limited else None,
        session_arns=tuple(one["arn"] for one in policies[1] if "arn" in one),
        tags={tag["Key"]: tag["Value"] for tag in _tags(request)},
    )


def _of_user(answer: Mapping[str, Any], account: str) -> Key | None:
    made = answer.get("AccessKey")
    if not made:
        return None
    arn = f"arn:aws:iam::{account}:user/{made['UserName']}"
    return Key(made["AccessKeyId"], Principal(arn, account, "user"), made["SecretAccessKey"])


def _session(document: str | None) -> tuple[Policy, ...]:
    return () if document is None else (parse_policy("session policy", document),)


def _tags(request: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    return request.get("Tags") or ()
