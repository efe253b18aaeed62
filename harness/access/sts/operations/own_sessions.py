"""GetSessionToken and GetFederationToken: sessions of a user's or the root's own.

Sources: STS API reference; IAM user guide, "Compare AWS STS credentials".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access.rules.access_keys import AccessKey, Session
from harness.access.rules.sessions import LONG_SECONDS, ROOT_SECONDS
from harness.access.sts.operations.base import TokenOperations, checked_packed_size, issued, tags_of, token_size
from harness.core.calls import Call


class OwnSessionOperations(TokenOperations):
    """GetSessionToken, GetFederationToken."""

    async def get_session_token(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self.caller_key(call)
        mfa_at = self.mfa_time(call, request)
        session = Session("session-token", mfa_at=mfa_at)
        new = self.state.issue_temporary(key.account, key.owner, session, _seconds(key, request), token_size(request))
        return issued(new)

    async def get_federation_token(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key, name, tags = self.caller_key(call), request["Name"], tags_of(request)
        policies = self.session_policies(request, key.account)
        percent = checked_packed_size(request, policies, tags)
        arn = f"arn:aws:sts::{key.account}:federated-user/{name}"
        actions = ["sts:GetFederationToken", *(["sts:TagSession"] if tags else [])]
        await call.require(actions, arn, {})
        # Without session policies a federated user may do what resources' own policies allow it, and nothing else.
        session = Session("federated-user", name, policies.inline or (), policies.arns, tags)
        new = self.state.issue_temporary(key.account, key.owner, session, _seconds(key, request), token_size(request))
        return {
            **issued(new),
            "FederatedUser": {"FederatedUserId": f"{key.account}:{name}", "Arn": arn},
            "PackedPolicySize": percent,  # recorded: 0 without policies, where AssumeRole leaves it out
        }


def _seconds(key: AccessKey, request: Mapping[str, Any]) -> int:
    """How long the session lasts. A longer one of the root lasts an hour."""
    seconds: int = request.get("DurationSeconds", LONG_SECONDS)
    return seconds if key.owner else min(seconds, ROOT_SECONDS)
