"""The access history of a stack: what its roles called, and the policies that they have.

A run writes it to access.json, and `harness policy` gives its advice from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.access.rules.call_log import LoggedCall
from harness.access.rules.policy import Policy, parse_policy


@dataclass(frozen=True, slots=True)
class AccessHistory:
    """account, region: where the calls were made. roles: each role's policies, by its ARN. left_out: calls not kept."""

    account: str
    region: str
    calls: Sequence[LoggedCall]
    roles: Mapping[str, Sequence[Policy]]
    left_out: int = 0

    def role_arn(self, name: str) -> str | None:
        """The ARN of the role of that name; None if there is none."""
        return next((arn for arn in self.roles if arn.rpartition("/")[2] == name), None)

    def calls_of(self, role_arn: str) -> list[LoggedCall]:
        """The calls made as the role."""
        return [call for call in self.calls if call.principal == role_arn]

    def document(self) -> dict[str, Any]:
        """The history as JSON."""
        return {
            "account": self.account,
            "region": self.region,
            "calls": [call.document() for call in self.calls],
            "roles": {
                arn: {policy.name: policy.document() for policy in policies} for arn, policies in self.roles.items()
            },
            "left_out": self.left_out,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> AccessHistory:
        """Reads a history from JSON. Raises KeyError, TypeError, AttributeError or ValueError if it is not one."""
        return cls(
            document["account"],
            document["region"],
            [LoggedCall.from_document(call) for call in document["calls"]],
            {
                arn: [parse_policy(name, body) for name, body in policies.items()]
                for arn, policies in document["roles"].items()
            },
            document["left_out"],
        )
