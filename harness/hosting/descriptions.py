"""Endpoints as DescribeEndpoint and ListEndpoints tell them (botocore, DescribeEndpointOutput)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.hosting.deployment import Deployment, Variant
from harness.hosting.endpoint import Endpoint
from harness.hosting.resources import timestamp


def describe(endpoint: Endpoint) -> dict[str, Any]:
    description: dict[str, Any] = {
        **summarize(endpoint),
        "EndpointConfigName": endpoint.config.name,
        "FailureReason": endpoint.failure or None,
        "LastDeploymentConfig": endpoint.deployment_config,
        "AsyncInferenceConfig": endpoint.config.asynchronous,
        "DataCaptureConfig": _capture(endpoint.capture) if endpoint.capture is not None else None,
    }
    if endpoint.deployment is not None:
        variants, shadows = endpoint.deployment.variants, endpoint.deployment.shadows
        description["ProductionVariants"] = [_variant(variant) for variant in variants.values()] or None
        description["ShadowProductionVariants"] = [_variant(variant) for variant in shadows.values()] or None
    if endpoint.pending is not None and endpoint.status == "Updating":
        description["PendingDeploymentSummary"] = _pending(endpoint.pending)
    return description


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
            {
                **_variant(variant),
                "InstanceType": variant.spec["InstanceType"],
                "VariantStatus": [{"Status": "Creating"}],
            }
            for variant in deployment.variants.values()
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
