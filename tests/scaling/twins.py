"""Endpoints whose instances are twins, through boto3."""

from __future__ import annotations

import json
import time
from typing import Any

from harness.local_aws.client import LocalAwsClient
from tests.profiles import a_profile, constant
from tests.support import Aws, unique

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def twin_endpoint(aws: Aws, *, instance_type: str = "ml.m5.large", instances: int = 1, **local: Any) -> str:
    """Makes an endpoint that serves, and returns its name. local: more of the harness's own settings for it."""
    name, sagemaker = unique("twin"), aws.client("sagemaker")
    role = aws.role(service="sagemaker.amazonaws.com")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE})
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": instance_type}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": instances}]
    )
    profile = json.loads(a_profile(service_times=(constant(0.001),)).model_dump_json())
    LocalAwsClient(aws.url).put_endpoint(name, {"instances": "twin", "profile": profile, **local})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait_in_service(aws, name)
    return name


def wait_in_service(aws: Aws, name: str, seconds: float = 60) -> dict[str, Any]:
    sagemaker, end = aws.client("sagemaker"), time.monotonic() + seconds
    while time.monotonic() < end:
        endpoint: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        if endpoint["EndpointStatus"] == "InService":
            return endpoint
        assert endpoint["EndpointStatus"] != "Failed", endpoint["FailureReason"]
        time.sleep(0.05)
    raise AssertionError(f"{name} is still {endpoint['EndpointStatus']}")


def members(name: str) -> dict[str, str]:
    """Returns the members that name the endpoint's variant in requests."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": DIMENSION,
    }
