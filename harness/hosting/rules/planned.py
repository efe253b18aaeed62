"""What a capacity plan says about an endpoint, for Inference Recommender's operations to answer from.

A plan comes over ``PUT /_harness/plans/ENDPOINT``; hosting does not know how it was made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.hosting import errors


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedPolicy(_Part):
    """A target tracking policy on a predefined metric."""

    metric: str
    target_value: float


class PlannedOption(_Part):
    """A setting that meets the plan's objective.

    cost_per_hour: dollars of one instance. cost_per_inference: dollars of all instances for each request.
    max_invocations: the most requests a minute that one instance was measured to answer. latency: milliseconds by
    percentile (``P99``).
    """

    instance_type: str
    initial_instance_count: int
    cost_per_hour: float
    cost_per_inference: float
    max_invocations: int | None
    latency: dict[str, int]
    min_capacity: int
    max_capacity: int
    scale_in_cooldown: int | None = None
    scale_out_cooldown: int | None = None
    policies: tuple[PlannedPolicy, ...] = ()


class PlannedEndpoint(_Part):
    """The plan of one endpoint.

    options: the recommended one comes first; empty if nothing serves the traffic, and ``limit`` then says what breaks.
    most: the most invocations a minute that were planned for.
    """

    region: str
    endpoint: str
    variant: str
    model: str
    most: int = Field(ge=0)
    options: tuple[PlannedOption, ...] = ()
    limit: str | None = None


def read_planned(document: Mapping[str, Any]) -> PlannedEndpoint:
    """Raises AwsError ValidationException that names the first problem."""
    try:
        return PlannedEndpoint.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise errors.invalid(errors.PLAN_MALFORMED.format(where, first["msg"])) from None
