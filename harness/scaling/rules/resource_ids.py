"""What can be scaled, by Application Auto Scaling's namespaces, resource ids and dimensions.

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
class VariantId:
    """A production variant: ``endpoint/NAME/variant/VARIANT``."""

    endpoint: str
    variant: str


@dataclass(frozen=True, slots=True)
class AliasId:
    """An alias of a function: ``function:NAME:ALIAS``. A version number may stand for the alias."""

    function: str
    alias: str


ResourceId = VariantId | AliasId


def parse_resource(namespace: str, resource_id: str, dimension: str) -> ResourceId | None:
    """Returns the resource, or None for a combination that AWS does not have or the harness does not support."""
    if (namespace, dimension) == ("sagemaker", VARIANT_DIMENSION):
        match = _VARIANT.fullmatch(resource_id)
        return VariantId(*match.groups()) if match else None
    if (namespace, dimension) == ("lambda", ALIAS_DIMENSION):
        match = _ALIAS.fullmatch(resource_id)
        return AliasId(*match.groups()) if match else None
    return None


# What the Description of an activity says was set. The words for Lambda are unverified.
CAPACITY_NOUN = {VARIANT_DIMENSION: "desired instance count", ALIAS_DIMENSION: "desired concurrency"}
