"""The calls that AWS's services make as a role: Lambda for a function, SageMaker for a model behind an endpoint.

The harness does the work of these calls without a role. On AWS they are calls as the role, and fail without permission.
Sources: Lambda developer guide, "Execution role"; SageMaker developer guide, sagemaker-roles, "CreateModel API".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.access.rules.actions import AccountRegion

_IMAGE = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")
# Service of a destination -> the action that sends a record to it.
_SENDING = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}
# The namespace of the metrics that an endpoint's instance puts. The guide names the permission only: unverified.
_NAMESPACE = "/aws/sagemaker/Endpoints"
_PULLING = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
_LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One call. role: the ARN of the role; service: the service that calls; context: its condition keys."""

    role: str
    service: str
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def function_calls(name: str, role: str, destinations: Iterable[str], place: AccountRegion) -> Iterator[ServiceCall]:
    """Lambda's calls for a function. destinations: ARNs to which the records of asynchronous invocations go."""
    for action, resource in _logs(f"/aws/lambda/{name}", place):
        yield ServiceCall(role, "lambda", action, resource)
    for arn in destinations:
        sending = _SENDING.get(arn.split(":")[2] if arn.count(":") >= 5 else "")
        if sending is not None:
            yield ServiceCall(role, "lambda", sending, arn)


def endpoint_calls(
    endpoint: str, model: Mapping[str, Any], config: Mapping[str, Any], place: AccountRegion
) -> Iterator[ServiceCall]:
    """SageMaker's calls for a model behind an endpoint.

    model, config: the requests of CreateModel and CreateEndpointConfig.
    """
    role = model.get("ExecutionRoleArn")
    if not role:
        return
    container = model.get("PrimaryContainer") or (model.get("Containers") or [{}])[0]
    calls = [
        *_model_data(container),
        *_image(container.get("Image", "")),
        *_logs(f"/aws/sagemaker/Endpoints/{endpoint}", place),
        ("logs:DescribeLogStreams", _group(f"/aws/sagemaker/Endpoints/{endpoint}", place)),
        *_outputs(config),
    ]
    for action, resource in calls:
        yield ServiceCall(role, "sagemaker", action, resource)
    yield ServiceCall(role, "sagemaker", "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": (_NAMESPACE,)})


def _logs(group: str, place: AccountRegion) -> Iterator[tuple[str, str]]:
    arn = _group(group, place)
    yield "logs:CreateLogGroup", arn
    for action in _LOGGING:
        yield action, f"{arn}:log-stream:*"


def _group(name: str, place: AccountRegion) -> str:
    return f"arn:aws:logs:{place.region}:{place.account}:log-group:{name}"


def _model_data(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
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
    match = _IMAGE.match(image)
    if match is None:
        return
    account, region, repository = match.groups()
    yield "ecr:GetAuthorizationToken", "*"
    for action in _PULLING:
        yield action, f"arn:aws:ecr:{region}:{account}:repository/{repository}"


def _outputs(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objects that data capture and asynchronous inference write, and the topics that they notify."""
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
