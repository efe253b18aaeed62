"""Operations on endpoint configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting.resources import EndpointConfig, arn, timestamp
from harness.hosting.state import Operations

# Members of a production variant that would change what it does, and that nothing here answers to.
_ABSENT = ("ServerlessConfig", "InstancePools", "ManagedInstanceScaling")
_STRATEGIES = ("RANDOM", "LEAST_OUTSTANDING_REQUESTS")


class EndpointConfigOperations(Operations):
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

    async def create_endpoint_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        config = EndpointConfig(name, arn("endpoint-config", name, call), self.state.clock.now(), request)
        for problem in _problems(config):
            raise AwsError("ValidationException", problem)
        for variant in (*config.variants, *config.shadows):
            self.state.models.get(call, variant["ModelName"])
        self.state.configs.add(call, config)
        self.state.tags.add(config.arn, request.get("Tags", ()))
        return {"EndpointConfigArn": config.arn}

    async def describe_endpoint_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        config = self.state.configs.get(call, request["EndpointConfigName"])
        return {**config.request, "EndpointConfigArn": config.arn, "CreationTime": timestamp(config.created)}

    async def list_endpoint_configs(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        configs, token = self.state.configs.page(call, request)
        summaries = [
            {"EndpointConfigName": one.name, "EndpointConfigArn": one.arn, "CreationTime": timestamp(one.created)}
            for one in configs
        ]
        return {"EndpointConfigs": summaries, "NextToken": token}

    async def delete_endpoint_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        self.state.tags.forget(self.state.configs.remove(call, request["EndpointConfigName"]).arn)
        return {}


def _problems(config: EndpointConfig) -> Iterator[str]:
    """What keeps a configuration from being accepted; the sentences are ours but where a comment says otherwise."""
    variants, shadows = config.variants, config.shadows
    names = [variant["VariantName"] for variant in (*variants, *shadows)]
    if len(set(names)) < len(names):
        yield "Variant names must be unique within an endpoint configuration."
    if shadows and (len(variants), len(shadows)) != (1, 1):
        # The rule is botocore's, CreateEndpointConfigInput.
        yield "With ShadowProductionVariants there must be one production variant and one shadow variant."
    if config.asynchronous is not None and "S3OutputPath" not in config.asynchronous["OutputConfig"]:
        yield "AsyncInferenceConfig needs an S3OutputPath in its OutputConfig."
    for variant in (*variants, *shadows):
        name = variant["VariantName"]
        for member in _ABSENT:
            if member in variant:
                yield f"Variant {name}: {member} is not part of this harness; give it an InstanceType and a count."
        for member in ("InstanceType", "ModelName", "InitialInstanceCount"):
            if member not in variant:
                yield f"Variant {name} needs {member}: inference components are not part of this harness."
        strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM")
        if strategy not in _STRATEGIES:
            known = " or ".join(_STRATEGIES)
            yield f"Variant {name}: routing by {strategy} is not part of this harness; choose {known}."
