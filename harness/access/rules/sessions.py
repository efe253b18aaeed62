"""What AWS STS allows of a session: how long it lasts, what it may call, and how large its policies and tags may be.

Sources: STS API reference; IAM user guide, "Compare AWS STS credentials", "Pass session tags in AWS STS" and
"IAM and AWS STS quotas".
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping, Sequence

from harness.access.rules.access_keys import Session

DEFAULT_SECONDS, CHAINED_SECONDS, ROOT_SECONDS = 3600, 3600, 3600
LONG_SECONDS = 43_200
"""The default of GetSessionToken and GetFederationToken."""
MOST_POLICY_CHARACTERS = 2_048
"""Of the inline session policy and the ARNs of the managed ones together."""
MOST_POLICY_ARNS = 10
MOST_TOKEN_BYTES = 4_096
"""Of a session token."""
_MOST_PACKED_BYTES = 2_048
"""AWS's packed binary format and its limit are not published: the compressed size is compared with a limit of ours."""
_ROLE_ARN = re.compile(r"arn:aws:iam::([0-9]{12}):role/(?:[!-~]+/)?([\w+=,.@-]{1,64})", re.ASCII)

Tags = Mapping[str, str]


def account_of_role(arn: str) -> str | None:
    """The account in the ARN of a role; None for a text that is no such ARN."""
    match = _ROLE_ARN.fullmatch(arn)
    return None if match is None else match[1]


def may_call(session: Session | None, service: str, operation: str) -> bool:
    """Whether credentials of this kind may call an operation at all, whatever policies say. service: botocore's name.

    Credentials of GetFederationToken call nothing of IAM, and of STS only GetCallerIdentity. Those of GetSessionToken
    call IAM only with MFA, and of STS only AssumeRole and GetCallerIdentity. Those of a role call everything but
    GetFederationToken and GetSessionToken.
    """
    if session is None:
        return True
    if service == "iam":
        return session.kind == "assumed-role" or (session.kind == "session-token" and session.mfa_at is not None)
    if service != "sts" or operation == "GetCallerIdentity":
        return True
    if session.kind == "federated-user":
        return False
    if session.kind == "session-token":
        return operation == "AssumeRole"
    return operation not in ("GetFederationToken", "GetSessionToken")


def with_session_tags(own: Tags, session: Tags) -> dict[str, str]:
    """The tags of a principal in a session: a session tag replaces the role's own, whatever the case of its key."""
    if not session:
        return dict(own)
    replaced = {key.lower() for key in session}
    return {**{key: value for key, value in own.items() if key.lower() not in replaced}, **session}


def packed_percent(policy: str, policy_arns: Sequence[str], tags: Tags) -> int:
    """How much of the packed size policies and tags take, in percent. AWS's own figure is not published."""
    if not (policy or policy_arns or tags):
        return 0
    text = json.dumps([policy, list(policy_arns), dict(tags)], separators=(",", ":"))
    return max(1, -(-100 * len(zlib.compress(text.encode(), 9)) // _MOST_PACKED_BYTES))
