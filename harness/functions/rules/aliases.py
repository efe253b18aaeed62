"""Aliases: names for versions. An alias of two versions divides the requests between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.functions import errors
from harness.functions.rules.names import LATEST


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for one or two versions.

    weights: the second version and its share of the requests, 0 to 1. ``version`` gets the other requests.
    """

    name: str
    arn: str
    version: str
    revision: str
    description: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)

    def choose(self, random: float) -> str:
        """The version that serves one request. random: a number from 0 to 1, excluding 1."""
        for version, weight in self.weights.items():
            if random < weight:
                return version
        return self.version

    @property
    def versions(self) -> tuple[str, ...]:
        """All versions that the alias names."""
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
    """Weights of a RoutingConfig for an alias of ``version``, already within the model's bounds. Raises AwsError."""
    shares: dict[str, float] = dict((routing or {}).get("AdditionalVersionWeights") or {})
    if len(shares) > 1:
        raise errors.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for second in shares:
        if version == LATEST:
            raise errors.invalid("$LATEST is not supported for an alias pointing to more than 1 version")
        if second == version:
            raise errors.invalid(
                f"Invalid function version {second}. Function version {second} is already included in routing "
                "configuration."
            )
    return shares
