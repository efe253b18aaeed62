"""What the planner varies: the complete settings of a stack, under AWS's own parameter names in snake case.

The same object is simulated, priced, run on twins, written to files that are ready to apply, and printed in a plan.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.hosting.rules.routing import Strategy, traffic_share
from harness.scaling.rules.metric_sources import VariantMetric
from harness.scaling.rules.tracking import DEFAULT_COOLDOWN

INVOCATIONS: VariantMetric = "SageMakerVariantInvocationsPerInstance"
CONCURRENCY: VariantMetric = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrackingSettings(_Settings):
    """A target tracking policy.

    target_value: invocations **per minute** per instance, or concurrent requests per model. Cooldowns are in seconds.
    """

    metric: VariantMetric = INVOCATIONS
    target_value: float = Field(gt=0, allow_inf_nan=False)
    scale_out_cooldown: float = Field(default=DEFAULT_COOLDOWN, ge=0, allow_inf_nan=False)
    scale_in_cooldown: float = Field(default=DEFAULT_COOLDOWN, ge=0, allow_inf_nan=False)
    disable_scale_in: bool = False


class Step(_Settings):
    """One step of a step policy.

    bound: how far the metric must be past the threshold for this step to apply: above it in a policy that adds
    instances, below it in one that removes them. The step with the largest bound reached applies.
    adjustment: the instances added; negative to remove some.
    """

    bound: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    adjustment: int


class StepSettings(_Settings):
    """A ChangeInCapacity step policy with its alarm on one-minute invocations per instance.

    threshold: invocations per minute per instance. above: whether the alarm goes off above the threshold, so that the
    policy scales out, or below it. periods: how many one-minute datapoints in a row must be past the threshold.
    """

    threshold: float = Field(gt=0, allow_inf_nan=False)
    above: bool
    periods: int = Field(default=3, ge=1, le=60)
    steps: tuple[Step, ...] = Field(min_length=1)
    cooldown: float = Field(default=DEFAULT_COOLDOWN, ge=0, allow_inf_nan=False)


class ScheduledCapacity(_Settings):
    """A scheduled action that runs daily in UTC. second_of_day: 0 to 86,399, at a whole minute."""

    second_of_day: int = Field(ge=0, lt=86_400, multiple_of=60)
    min_capacity: int = Field(ge=1)
    max_capacity: int = Field(ge=1)


class VariantSettings(_Settings):
    """A production variant with its scalable target.

    Without a policy and a schedule, the number of instances stays at the initial count.
    """

    name: str = "AllTraffic"
    instance_type: str
    initial_instance_count: int = Field(default=1, ge=1)
    initial_variant_weight: float = Field(default=1.0, ge=0)
    routing_strategy: Strategy = "RANDOM"
    min_capacity: int = Field(default=1, ge=1)
    max_capacity: int = Field(default=1, ge=1)
    tracking: tuple[TrackingSettings, ...] = ()
    steps: tuple[StepSettings, ...] = ()
    schedule: tuple[ScheduledCapacity, ...] = ()

    @model_validator(mode="after")
    def _bounds(self) -> VariantSettings:
        if self.max_capacity < self.min_capacity:
            raise ValueError(f"max_capacity {self.max_capacity} is less than min_capacity {self.min_capacity}")
        return self

    @property
    def scales(self) -> bool:
        return bool(self.tracking or self.steps or self.schedule)


class ProvisionedScaling(_Settings):
    """Target tracking of provisioned concurrency. target_value: the utilization, 0 to 1."""

    min_capacity: int = Field(ge=1)
    max_capacity: int = Field(ge=1)
    target_value: float = Field(gt=0, le=1)


class FunctionSettings(_Settings):
    """The Lambda function.

    memory_size: MB. timeout: seconds. reserved_concurrent_executions: None to reserve none.
    """

    memory_size: int = Field(default=128, ge=128, le=10_240)
    timeout: float = Field(default=60, gt=0, le=900)
    reserved_concurrent_executions: int | None = Field(default=None, ge=0)
    provisioned_concurrent_executions: int = Field(default=0, ge=0)
    provisioned_scaling: ProvisionedScaling | None = None


class Settings(_Settings):
    """The settings of a whole stack. function: None if callers invoke the endpoint directly."""

    variants: tuple[VariantSettings, ...] = Field(min_length=1)
    function: FunctionSettings | None = None

    def traffic_share(self, variant: VariantSettings) -> float:
        """Returns the share of the requests that a variant gets by its weight."""
        weights = [production_variant.initial_variant_weight for production_variant in self.variants]
        return traffic_share(variant.initial_variant_weight, weights)
