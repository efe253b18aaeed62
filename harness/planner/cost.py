"""What a setting costs: AWS's prices (harness.core.prices) on what a run used. Pure.

Instances are billed per second from InService until they are deleted (unverified); on demand, Lambda by GB-second and
request, the init of a new environment included (billed since 2025-08-01, Lambda guide); provisioned concurrency by
GB-second held and, cheaper than on demand, by GB-second executing. Throttled invocations cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.prices import Prices
from harness.planner.plan import Cost

MB_PER_GB = 1024


@dataclass(frozen=True, slots=True)
class BilledUsage:
    """What a run used in ``seconds`` of traffic. instance_seconds: by instance type; the rest seconds of Lambda
    environments and numbers of them, as in SimulationOutcome; init_seconds: of new environments, where it is billed."""

    seconds: float
    instance_seconds: Mapping[str, float]
    function_requests: float = 0
    function_seconds: float = 0.0
    init_seconds: float = 0.0
    provisioned_seconds: float = 0.0
    held_seconds: float = 0.0


def cost(usage: BilledUsage, memory_size: int, prices: Prices) -> Cost:
    """Dollars an hour. memory_size: of the function, MB. HarnessError where the table lacks an instance type."""
    hours = usage.seconds / 3600
    memory = memory_size / MB_PER_GB
    executing = (usage.function_seconds + usage.init_seconds) * memory * prices.lambda_gb_second
    held = usage.held_seconds * memory * prices.provisioned_gb_second_held
    used = usage.provisioned_seconds * memory * prices.provisioned_gb_second_used
    return Cost(
        instances=sum(each / 3600 * prices.instance(name) for name, each in usage.instance_seconds.items()) / hours,
        function=executing / hours,
        provisioned=(held + used) / hours,
        requests=usage.function_requests * prices.lambda_request / hours,
    )
