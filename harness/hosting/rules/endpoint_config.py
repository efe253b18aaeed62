"""Which endpoint configurations CreateEndpointConfig accepts, and which deployments the harness can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.hosting import errors

# Members of a production variant that would change what it does, and that the harness does not have.
_UNSUPPORTED_MEMBERS = ("ServerlessConfig", "InstancePools", "ManagedInstanceScaling")
# Deployments that would go differently from the harness's.
_UNSUPPORTED_DEPLOYMENTS = ("RollingUpdatePolicy", "AutoRollbackConfiguration")
_STRATEGIES = ("RANDOM", "LEAST_OUTSTANDING_REQUESTS")
_REQUIRED = ("InstanceType", "ModelName", "InitialInstanceCount")


def config_problems(
    variants: Sequence[Mapping[str, Any]], shadows: Sequence[Mapping[str, Any]], asynchronous: Mapping[str, Any] | None
) -> Iterator[str]:
    """Why a configuration is refused. asynchronous: AsyncInferenceConfig."""
    names = [variant["VariantName"] for variant in (*variants, *shadows)]
    if len(set(names)) < len(names):
        yield errors.VARIANT_NAMES_TWICE
    if shadows and (len(variants), len(shadows)) != (1, 1):  # botocore, CreateEndpointConfigInput
        yield errors.SHADOWS_SEVERAL
    if asynchronous is not None and "S3OutputPath" not in asynchronous["OutputConfig"]:
        yield errors.ASYNC_OUTPUT_MISSING
    for variant in (*variants, *shadows):
        name = variant["VariantName"]
        for member in _UNSUPPORTED_MEMBERS:
            if member in variant:
                yield errors.VARIANT_UNSUPPORTED.format(name, member)
        for member in _REQUIRED:
            if member not in variant:
                yield errors.VARIANT_INCOMPLETE.format(name, member)
        strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM")
        if strategy not in _STRATEGIES:
            yield errors.ROUTING_UNSUPPORTED.format(name, strategy, " or ".join(_STRATEGIES))


def termination_wait(deployment_config: Mapping[str, Any] | None) -> float:
    """TerminationWaitInSeconds. Raises AwsError ValidationException for a deployment that the harness cannot do."""
    config = deployment_config or {}
    policy = config.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {}).get("Type", "ALL_AT_ONCE")
    unsupported = [member for member in _UNSUPPORTED_DEPLOYMENTS if member in config]
    if routing != "ALL_AT_ONCE":
        unsupported.append(routing)
    if unsupported:
        raise errors.invalid(errors.DEPLOYMENT_UNSUPPORTED.format(" and ".join(unsupported)))
    return float(policy.get("TerminationWaitInSeconds", 0))
