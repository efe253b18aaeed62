"""Aliases: names for versions, and how one that names two divides requests between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.functions import errors
from harness.functions.rules.names import LATEST


@dataclass(frozen=True, slots=True)
class Alias:
    """weights: the one further version and its part of the requests, 0 to 1; the rest are ``version``'s."""

    name: str
    arn: str
    version: str
    revision: str
    description: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)

    def choose(self, random: float) -> str:
        """The version for one request; random: from 0 up to, not including, 1."""
        for version, weight in self.weights.items():
            if random < weight:
                return version
        return self.version

    @property
    def versions(self) -> tuple[str, ...]:
        """All that it names."""
        return self.version, *self.weights

    def response(self) -> dict[str, Any]:
        """botocore's AliasConfiguration."""
        response: dict[str, Any] = {
            "AliasArn": self.arn,
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision,
        }
        if self.weights:
            response["RoutingConfig"] = {"AdditionalVersionWeights": dict(self.weights)}
        return response


def weights(routing: Mapping[str, Any] | None, version: str) -> dict[str, float]:
    """A RoutingConfig's weights, within the model's bounds, for an alias of ``version``. Raises AwsError."""
    found: dict[str, float] = dict((routing or {}).get("AdditionalVersionWeights") or {})
    if len(found) > 1:
        raise errors.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for other in found:
        if version == LATEST:
            raise errors.invalid("$LATEST is not supported for an alias pointing to more than 1 version")
        if other == version:
            raise errors.invalid(
                f"Invalid function version {other}. Function version {other} is already included in routing "
                "configuration."
            )
    return found
