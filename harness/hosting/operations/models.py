"""Operations on models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core import tasks
from harness.core.calls import Call
from harness.hosting import errors
from harness.hosting.model_data import ModelDataError, check, source_of
from harness.hosting.resources import SAGEMAKER_PRINCIPAL, Model, arn, timestamp
from harness.hosting.state import Operations


class ModelOperations(Operations):
    """CreateModel, DescribeModel, ListModels, DeleteModel."""

    async def create_model(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        containers = request.get("Containers") or (
            [request["PrimaryContainer"]] if "PrimaryContainer" in request else []
        )
        if not containers:
            raise errors.invalid(errors.CONTAINER_MISSING)
        if len(containers) > 1:
            raise errors.invalid(errors.CONTAINERS_SEVERAL)
        if containers[0].get("Mode") == "MultiModel":
            raise errors.invalid(errors.MULTI_MODEL)
        source = source_of(containers[0])
        if source is not None and (source.data_type, source.compression) == ("S3Prefix", "Gzip"):
            raise errors.invalid(errors.GZIP_PREFIX)
        role = request.get("ExecutionRoleArn")
        if role and not self.state.roles.can_assume(role, SAGEMAKER_PRINCIPAL):
            raise errors.invalid(errors.MODEL_ROLE_INVALID.format(role, SAGEMAKER_PRINCIPAL))
        if source is not None:
            try:
                await tasks.in_thread(check, self.state.backend, source)
            except ModelDataError as error:
                raise errors.invalid(str(error)) from None
        name = request["ModelName"]
        model = Model(name, arn("model", name, call), self.state.clock.now(), request)
        self.state.models.add(call, model)
        self.state.tags.add(model.arn, request.get("Tags", ()))
        return {"ModelArn": model.arn}

    async def describe_model(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        model = self.state.models.get(call, request["ModelName"])
        return {**model.request, "ModelArn": model.arn, "CreationTime": timestamp(model.created)}

    async def list_models(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        models, token = self.state.models.page(call, request)
        summaries = [
            {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": timestamp(model.created)}
            for model in models
        ]
        return {"Models": summaries, "NextToken": token}

    async def delete_model(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        self.state.tags.forget(self.state.models.remove(call, request["ModelName"]).arn)
        return {}
