"""Operations on endpoint configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.calls import Call
from harness.hosting import errors
from harness.hosting.resources import EndpointConfig, arn, timestamp
from harness.hosting.rules.endpoint_config import config_problems
from harness.hosting.state import Operations


class EndpointConfigOperations(Operations):
    """CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

    async def create_endpoint_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request["EndpointConfigName"]
        config = EndpointConfig(name, arn("endpoint-config", name, call), self.state.clock.now(), request)
        for problem in config_problems(config.variants, config.shadows, config.asynchronous):
            raise errors.invalid(problem)
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
            {
                "EndpointConfigName": config.name,
                "EndpointConfigArn": config.arn,
                "CreationTime": timestamp(config.created),
            }
            for config in configs
        ]
        return {"EndpointConfigs": summaries, "NextToken": token}

    async def delete_endpoint_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        self.state.tags.forget(self.state.configs.remove(call, request["EndpointConfigName"]).arn)
        return {}
