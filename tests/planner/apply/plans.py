"""Plans with everything that can be applied in them, and with as little as may be."""

from __future__ import annotations

from harness.planner.plan import Plan
from harness.simulator.settings import (
    CONCURRENCY,
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from tests.report.plan.plans import a_plan, candidate

EVERYTHING = Settings(
    variants=(
        VariantSettings(
            instance_type="ml.m5.xlarge",
            initial_instance_count=2,
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            min_capacity=1,
            max_capacity=4,
            tracking=(
                TrackingSettings(target_value=300, scale_out_cooldown=30, scale_in_cooldown=400),
                TrackingSettings(metric=CONCURRENCY, target_value=4.5, disable_scale_in=True),
            ),
            steps=(
                StepSettings(
                    threshold=500, above=True, periods=2, steps=(Step(adjustment=1), Step(bound=100, adjustment=2))
                ),
                StepSettings(threshold=50, above=False, steps=(Step(adjustment=-1),), cooldown=120),
            ),
            schedule=(
                ScheduledCapacity(second_of_day=6 * 3600 + 1800, min_capacity=2, max_capacity=6),
                ScheduledCapacity(second_of_day=20 * 3600, min_capacity=1, max_capacity=4),
            ),
        ),
    ),
    function=FunctionSettings(
        memory_size=256,
        timeout=30,
        reserved_concurrent_executions=20,
        provisioned_concurrent_executions=2,
        provisioned_scaling=ProvisionedScaling(min_capacity=1, max_capacity=5, target_value=0.7),
    ),
)
FIXED = Settings(
    variants=(VariantSettings(instance_type="ml.m5.large"),),
    function=FunctionSettings(memory_size=128, timeout=20),
)
FEW = Settings(
    variants=(
        VariantSettings(instance_type="ml.m5.large", max_capacity=2, tracking=(TrackingSettings(target_value=120),)),
    ),
    function=FunctionSettings(
        memory_size=192, timeout=20, reserved_concurrent_executions=1, provisioned_concurrent_executions=1
    ),
)


def plan_of(settings: Settings, **changes: object) -> Plan:
    return a_plan(recommended=candidate("recommended", settings), **changes)
