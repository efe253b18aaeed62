"""Endpoints as DescribeEndpoint and ListEndpoints tell of them (botocore, DescribeEndpointOutput)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.hosting.deployment import Deployment, Variant
from harness.hosting.endpoint import Endpoint
from harness.hosting.resources import timestamp


def describe(endpoint: Endpoint) -> dict[str, Any]:
    current, coming = endpoint.deployment, endpoint.pending
    found: dict[str, Any] = {
        **summarize(endpoint),
        "EndpointConfigName": endpoint.config.name,
        "FailureReason": endpoint.failure or None,
        "LastDeploymentConfig": endpoint.deployed,
        "AsyncInferenceConfig": endpoint.config.asynchronous,
        "DataCaptureConfig": _capture(endpoint.capture) if endpoint.capture is not None else None,
    }
    if current is not None:
        found["ProductionVariants"] = [_variant(one) for one in current.variants.values()] or None
        found["ShadowProductionVariants"] = [_variant(one) for one in current.shadows.values()] or None
    if coming is not None and endpoint.status == "Updating":
        found["PendingDeploymentSummary"] = _pending(coming)
    return found


def summarize(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointStatus": endpoint.status,
        "CreationTime": timestamp(endpoint.created),
        "LastModifiedTime": timestamp(endpoint.modified),
    }


def _variant(variant: Variant) -> dict[str, Any]:
    return {
        "VariantName": variant.name,
        "DeployedImages": [{"SpecifiedImage": variant.image}] if variant.image else None,
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.desired_weight,
        "CurrentInstanceCount": variant.fleet.in_service,
        "DesiredInstanceCount": variant.fleet.desired,
        "RoutingConfig": variant.spec.get("RoutingConfig"),
    }


def _pending(deployment: Deployment) -> dict[str, Any]:
    return {
        "EndpointConfigName": deployment.config.name,
        "ProductionVariants": [
            {**_variant(one), "InstanceType": one.spec["InstanceType"], "VariantStatus": [{"Status": "Creating"}]}
            for one in deployment.variants.values()
        ],
        "StartTime": timestamp(deployment.started),
    }


def _capture(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
