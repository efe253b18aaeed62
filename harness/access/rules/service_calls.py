"""What AWS's own services call as a role: Lambda for a function, SageMaker for a model behind an endpoint. Pure.

The harness does these things itself, as nobody; on AWS they are calls of the role, and fail without its permission.
Sources: Lambda developer guide, "Execution role"; SageMaker developer guide, sagemaker-roles, "CreateModel API".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.access.rules.actions import Place

_IMAGE = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
_SENDING = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}
# Of the metrics that a container's instance puts; the guide names the permission and no namespace: unverified.
_NAMESPACE = "/aws/sagemaker/Endpoints"
_PULLING = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
_LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One call. role: the ARN that it is made as; service: who makes it; context: condition keys that it has."""

    role: str
    service: str
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def function_calls(name: str, role: str, destinations: Iterable[str], place: Place) -> Iterator[ServiceCall]:
    """Lambda's for a function. destinations: ARNs that its asynchronous invocations' records go to."""
    for action, resource in _logs(f"/aws/lambda/{name}", place):
        yield ServiceCall(role, "lambda", action, resource)
    for arn in destinations:
        sending = _SENDING.get(arn.split(":")[2] if arn.count(":") >= 5 else "")
        if sending is not None:
            yield ServiceCall(role, "lambda", sending, arn)


def endpoint_calls(
    endpoint: str, model: Mapping[str, Any], config: Mapping[str, Any], place: Place
) -> Iterator[ServiceCall]:
    """SageMaker's for a model behind an endpoint. model, config: CreateModel's and CreateEndpointConfig's requests."""
    role = model.get("ExecutionRoleArn")
    if not role:
        return
    container = model.get("PrimaryContainer") or (model.get("Containers") or [{}])[0]
    asked = [
        *_data(container),
        *_image(container.get("Image", "")),
        *_logs(f"/aws/sagemaker/Endpoints/{endpoint}", place),
        ("logs:DescribeLogStreams", _group(f"/aws/sagemaker/Endpoints/{endpoint}", place)),
        *_kept(config),
    ]
    for action, resource in asked:
        yield ServiceCall(role, "sagemaker", action, resource)
    yield ServiceCall(role, "sagemaker", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": (_NAMESPACE,)})


def _logs(group: str, place: Place) -> Iterator[tuple[str, str]]:
    arn = _group(group, place)
    yield "logs:CreateLogGroup", arn
    for action in _LOGGING:
        yield action, f"{arn}:log-stream:*"


def _group(name: str, place: Place) -> str:
    return f"arn:aws:logs:{place.region}:{place.account}:log-group:{name}"


def _data(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = container.get("ModelDataUrl") or source.get("S3Uri")
    if not uri:
        return
    arn = _s3_arn(uri)
    if source.get("S3DataType") == "S3Prefix":
        yield "s3:ListBucket", arn.partition("/")[0]
        arn = f"{arn.rstrip('/')}/*"
    yield "s3:GetObject", arn


def _image(image: str) -> Iterator[tuple[str, str]]:
    found = _IMAGE.match(image)
    if found is None:
        return
    account, region, repository = found.groups()
    yield "ecr:GetAuthorizationToken", "*"
    for action in _PULLING:
        yield action, f"arn:aws:ecr:{region}:{account}:repository/{repository}"


def _kept(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What data capture and asynchronous inference write, and whom they tell."""
    capture = config.get("DataCaptureConfig") or {}
    if capture.get("EnableCapture") and capture.get("DestinationS3Uri"):
        yield "s3:PutObject", f"{_s3_arn(capture['DestinationS3Uri']).rstrip('/')}/*"
    output = (config.get("AsyncInferenceConfig") or {}).get("OutputConfig") or {}
    for member in ("S3OutputPath", "S3FailurePath"):
        if output.get(member):
            yield "s3:PutObject", f"{_s3_arn(output[member]).rstrip('/')}/*"
    for topic in (output.get("NotificationConfig") or {}).values():
        if isinstance(topic, str):
            yield "sns:Publish", topic


def _s3_arn(uri: str) -> str:
    return f"arn:aws:s3:::{uri.removeprefix('s3://')}"
