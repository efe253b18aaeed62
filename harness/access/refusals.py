"""The encoded messages of EC2's refusals, which DecodeAuthorizationMessage decodes.

They are encrypted, since who is refused may not read why: only whoever may call sts:DecodeAuthorizationMessage.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from harness.access.rules.evaluation import Decision
from harness.access.rules.principals import Caller

_MOST_CHARACTERS = 10_240  # of an encoded message (botocore)
# Bytes of a decoded message: none that the harness encodes is longer.
_LONGEST = 1_048_576


class EncodedRefusals:
    """Encodes and decodes refusals with a key of its own: messages of another harness, or of AWS, are not valid."""

    @cached_property
    def _cipher(self) -> Fernet:
        return Fernet(Fernet.generate_key())

    def encode(self, account: str, refusal: Mapping[str, Any]) -> str:
        """The message. A refusal that is too long for DecodeAuthorizationMessage has no statements in it."""
        encoded = self._encode(account, refusal)
        return (
            encoded if len(encoded) <= _MOST_CHARACTERS else self._encode(account, {**refusal, "matchedStatements": {}})
        )

    def _encode(self, account: str, refusal: Mapping[str, Any]) -> str:
        text = json.dumps([account, refusal], separators=(",", ":"))
        return self._cipher.encrypt(zlib.compress(text.encode())).decode().rstrip("=")

    def decode(self, account: str, message: str) -> str:
        """The refusal as JSON. Raises ValueError if the message is none of this harness's, or of another account."""
        try:
            data = self._cipher.decrypt((message + "=" * (-len(message) % 4)).encode())
        except (InvalidToken, UnicodeEncodeError):
            raise ValueError("the message is not one of this harness") from None
        of_account, refusal = json.loads(zlib.decompressobj().decompress(data, _LONGEST))
        if of_account != account:
            raise ValueError("the message is another account's")
        return json.dumps(refusal, separators=(",", ":"))


def refusal_of(
    caller: Caller,
    user_id: str,
    action: str,
    resource: str | None,
    decision: Decision,
    context: Mapping[str, tuple[str, ...]],
) -> dict[str, Any]:
    """The refusal as AWS decodes it. context: the condition keys that were read.

    Source: STS API reference, DecodeAuthorizationMessage; the members' names are from public logs.
    """
    statements = [dict(decision.statement.source)] if decision.statement is not None else []
    return {
        "allowed": False,
        "explicitDeny": decision.explicit_deny,
        "matchedStatements": {"items": statements},
        "failures": {"items": []},
        "context": {
            "principal": {"id": user_id, "name": caller.arn.rpartition("/")[2], "arn": caller.arn},
            "action": action,
            "resource": resource or "*",
            "conditions": {
                "items": [
                    {"key": key, "values": {"items": [{"value": value} for value in values]}}
                    for key, values in context.items()
                ]
            },
        },
    }
