"""Operations on models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from harness.access.trust import can_assume
from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting.model_data import ModelDataError, check, source_of
from harness.hosting.resources import Model, arn, timestamp
from harness.hosting.state import Operations

SAGEMAKER_PRINCIPAL = "sagemaker.amazonaws.com"


class ModelOperations(Operations):
    """CreateModel, DescribeModel, ListModels, DeleteModel."""

    async def create_model(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        containers = request.get("Containers") or (
            [request["PrimaryContainer"]] if "PrimaryContainer" in request else []
        )
        if not containers:
            raise AwsError("ValidationException", "Either PrimaryContainer or Containers must be given.")
        if len(containers) > 1:
            message = "A model has one container here: inference pipelines are not part of this harness."
            raise AwsError("ValidationException", message)
        if containers[0].get("Mode") == "MultiModel":
            raise AwsError("ValidationException", "Multi-model endpoints are not part of this harness.")
        source = source_of(containers[0])
        if source is not None and (source.data_type, source.compression) == ("S3Prefix", "Gzip"):
            message = "With CompressionType Gzip the S3DataType must be S3Object."
            raise AwsError("ValidationException", message)
        role = request.get("ExecutionRoleArn")
        if role and not await can_assume(self.state.backend, role, SAGEMAKER_PRINCIPAL):
            # As printed in public logs of CreateModel.
            message = (
                f'The execution role ARN "{role}" is invalid. Please ensure that the role exists and that its trust '
                f'relationship policy allows the action "sts:AssumeRole" for the service principal '
                f'"{SAGEMAKER_PRINCIPAL}".'
            )
            raise AwsError("ValidationException", message)
        if source is not None:
            try:
                await asyncio.to_thread(check, self.state.backend, source)
            except ModelDataError as error:
                raise AwsError("ValidationException", str(error)) from None
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
            {"ModelName": one.name, "ModelArn": one.arn, "CreationTime": timestamp(one.created)} for one in models
        ]
        return {"Models": summaries, "NextToken": token}

    async def delete_model(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        self.state.tags.forget(self.state.models.remove(call, request["ModelName"]).arn)
        return {}
