"""What can be scaled here, by Application Auto Scaling's namespaces, resource ids and dimensions. Pure.

Source: botocore, RegisterScalableTarget (ResourceId and ScalableDimension).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VARIANT_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
ALIAS_DIMENSION = "lambda:function:ProvisionedConcurrency"

_VARIANT = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_ALIAS = re.compile(r"function:([^:/]+):([^:/]+)")


@dataclass(frozen=True, slots=True)
class Variant:
    """``endpoint/NAME/variant/VARIANT``."""

    endpoint: str
    variant: str


@dataclass(frozen=True, slots=True)
class FunctionAlias:
    """``function:NAME:ALIAS``; a version number in place of the alias too."""

    function: str
    alias: str


ResourceId = Variant | FunctionAlias


def parse_resource(namespace: str, resource_id: str, dimension: str) -> ResourceId | None:
    """The resource, or None for a combination that this harness has no service for, or that none has."""
    if (namespace, dimension) == ("sagemaker", VARIANT_DIMENSION):
        found = _VARIANT.fullmatch(resource_id)
        return Variant(*found.groups()) if found else None
    if (namespace, dimension) == ("lambda", ALIAS_DIMENSION):
        found = _ALIAS.fullmatch(resource_id)
        return FunctionAlias(*found.groups()) if found else None
    return None


# What an activity's Description sets. Lambda's words are unverified.
CAPACITY_NOUN = {VARIANT_DIMENSION: "desired instance count", ALIAS_DIMENSION: "desired concurrency"}
