"""What was seen of a stack's access: its calls, and the policies of the roles that made them. Pure.

Written beside a run as access.json, and what `harness policy` goes by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.access.rules.policy import Policy, parse_policy
from harness.access.rules.record import Recorded, recorded


@dataclass(frozen=True, slots=True)
class Observed:
    """account, region: where the calls were made. roles: policies by the ARN of the role. left_out: calls not kept."""

    account: str
    region: str
    calls: Sequence[Recorded]
    roles: Mapping[str, Sequence[Policy]]
    left_out: int = 0

    def role(self, name: str) -> str | None:
        """The ARN of a role by its name."""
        return next((arn for arn in self.roles if arn.rpartition("/")[2] == name), None)

    def of(self, role_arn: str) -> list[Recorded]:
        """The calls made as a role."""
        return [call for call in self.calls if call.principal == role_arn]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "account": self.account,
            "region": self.region,
            "calls": [call.document() for call in self.calls],
            "roles": {
                arn: {policy.name: policy.document() for policy in policies} for arn, policies in self.roles.items()
            },
            "left_out": self.left_out,
        }


def observed(document: Mapping[str, Any]) -> Observed:
    """Out of JSON. Raises KeyError, TypeError, AttributeError or ValueError for what is none."""
    return Observed(
        document["account"],
        document["region"],
        [recorded(call) for call in document["calls"]],
        {
            arn: [parse_policy(name, body) for name, body in policies.items()]
            for arn, policies in document["roles"].items()
        },
        document["left_out"],
    )
