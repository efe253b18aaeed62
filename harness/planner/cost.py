"""What settings cost: AWS's prices (harness.core.prices) for what a run used.

Instances are billed per second from InService until they are deleted (unverified). Lambda on demand is billed by
GB-second and request, the init of a new environment included (billed since 2025-08-01, Lambda guide). Provisioned
concurrency is billed by GB-second held and, more cheaply than on demand, by GB-second executing. Throttled invocations
cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.prices import Prices
from harness.planner.plan import Cost

MB_PER_GB = 1024


@dataclass(frozen=True, slots=True)
class BilledUsage:
    """What a run used in ``seconds`` of traffic.

    instance_seconds: by instance type. init_seconds: of new environments, as far as they are billed. The other fields
    are as in SimulationOutcome.
    """

    seconds: float
    instance_seconds: Mapping[str, float]
    function_requests: float = 0
    function_seconds: float = 0.0
    init_seconds: float = 0.0
    provisioned_seconds: float = 0.0
    held_seconds: float = 0.0


def cost(usage: BilledUsage, memory_size: int, prices: Prices) -> Cost:
    """Dollars an hour. memory_size: the function's, in MB. Raises HarnessError if the prices lack an instance type."""
    hours = usage.seconds / 3600
    memory = memory_size / MB_PER_GB
    executing = (usage.function_seconds + usage.init_seconds) * memory * prices.lambda_gb_second
    held = usage.held_seconds * memory * prices.provisioned_gb_second_held
    executing_provisioned = usage.provisioned_seconds * memory * prices.provisioned_gb_second_used
    return Cost(
        instances=sum(used / 3600 * prices.instance(name) for name, used in usage.instance_seconds.items()) / hours,
        function=executing / hours,
        provisioned=(held + executing_provisioned) / hours,
        requests=usage.function_requests * prices.lambda_request / hours,
    )
