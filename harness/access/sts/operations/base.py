"""What the groups of STS's operations share: session policies, tags, MFA, and the answer with credentials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.access.directory import Directory
from harness.access.errors import malformed_policy
from harness.access.identities import User
from harness.access.rules.access_keys import AccessKey
from harness.access.rules.policy import MalformedPolicy, Policy, parse_policy
from harness.access.rules.sessions import (
    MOST_POLICY_ARNS,
    MOST_POLICY_CHARACTERS,
    MOST_TOKEN_BYTES,
    packed_percent,
)
from harness.access.state import State
from harness.access.sts import errors
from harness.core.calls import Call


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """The session policies of a request. inline: None, and no arns, if the request has none."""

    inline: tuple[Policy, ...] | None
    arns: tuple[str, ...]


class TokenOperations:
    """Some of STS's operations, as methods on the shared state."""

    state: State
    directory: Directory

    def caller_key(self, call: Call) -> AccessKey:
        """The key that signed the call."""
        key = self.directory.key(call.access_key)
        assert key is not None, "the gateway has found the key's owner"
        return key

    def session_policies(self, request: Mapping[str, Any], account_id: str) -> SessionPolicies:
        """The session policies of a request. account_id: of the session. Raises AwsError for what AWS refuses."""
        text: str = request.get("Policy", "")
        arns = tuple(str(policy.get("arn", "")) for policy in request.get("PolicyArns", ()))
        if len(arns) > MOST_POLICY_ARNS:
            raise errors.too_many_policy_arns(MOST_POLICY_ARNS)
        if len(text) + sum(map(len, arns)) > MOST_POLICY_CHARACTERS:
            raise errors.policies_too_long(MOST_POLICY_CHARACTERS)
        account = self.state.account(account_id)
        for arn in arns:
            if account.policy(arn) is None:
                raise errors.no_such_session_policy(arn)
        if not text:
            return SessionPolicies(() if arns else None, arns)
        try:
            return SessionPolicies((parse_policy("session policy", text),), arns)
        except MalformedPolicy as error:
            raise malformed_policy(str(error), "sts") from None

    def mfa_time(self, call: Call, request: Mapping[str, Any]) -> float | None:
        """When the caller proved an MFA code with this request, which is now; None if the request has none.

        Raises AwsError unless the device is the calling user's own and the code is one of now that was not used yet.
        """
        serial, code = request.get("SerialNumber"), request.get("TokenCode")
        if serial is None and code is None:
            return None
        if not serial or not code:
            raise errors.mfa_incomplete()
        account = self.state.account_of(call)
        device = account.mfa_devices.get(serial)
        holder = account.by_id(self.caller_key(call).owner)
        if device is None or not isinstance(holder, User) or device.user != holder.name or device.enabled is None:
            raise errors.mfa_wrong_serial()
        now = self.state.now()
        if not device.accept(code, now):
            raise errors.mfa_wrong_code()
        return now


def tags_of(request: Mapping[str, Any]) -> dict[str, str]:
    """The session tags of a request. Raises AwsError for keys that are the same but for their case."""
    tags: Sequence[Mapping[str, str]] = request.get("Tags", ())
    keys = [tag["Key"] for tag in tags]
    if len({key.lower() for key in keys}) < len(keys):
        raise errors.duplicate_tag_keys()
    return {tag["Key"]: tag["Value"] for tag in tags}


def checked_packed_size(request: Mapping[str, Any], policies: SessionPolicies, tags: Mapping[str, str]) -> int:
    """The percentage of the packed size that a request's policies and tags take. Raises AwsError above 100."""
    percent = packed_percent(request.get("Policy", ""), policies.arns, tags)
    if percent > 100:
        raise errors.packed_too_large(percent)
    return percent


def token_size(request: Mapping[str, Any]) -> int:
    """The least number of bytes that the session token is to have."""
    return int(request.get("MinimumSessionTokenSize", 0))


def issued(key: AccessKey) -> dict[str, Any]:
    """New credentials, and the size of their token, as answers have them."""
    return {
        "Credentials": {
            "AccessKeyId": key.key_id,
            "SecretAccessKey": key.secret,
            "SessionToken": key.token,
            "Expiration": datetime.fromtimestamp(int(key.expires or 0), UTC),
        },
        "SessionTokenSize": len(key.token),
        "SessionTokenUtilization": -(-100 * len(key.token) // MOST_TOKEN_BYTES),
    }
