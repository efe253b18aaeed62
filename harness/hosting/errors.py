"""SageMaker's refusals and failure reasons in AWS's words, as printed in public logs.

A comment marks the words that are ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.errors import AwsError
from harness.hosting.rules.sizes import ANSWER_LIMIT, ASYNC_INPUT_LIMIT

# Resources by name: the kind of resource and its ARN.
NAME_TAKEN = 'Cannot create already existing {} "{}".'
NOT_FOUND = 'Could not find {} "{}".'
BAD_TOKEN = "The NextToken is not one that this operation gave out."  # noqa: S105 - ours
TAGS_TOO_MANY = "A resource can have {} tags; this would be {}."  # ours

# CreateModel; the words about containers are ours.
CONTAINER_MISSING = "Either PrimaryContainer or Containers must be given."
CONTAINERS_SEVERAL = "A model has one container here: inference pipelines are not part of this harness."
MULTI_MODEL = "Multi-model endpoints are not part of this harness."
GZIP_PREFIX = "With CompressionType Gzip the S3DataType must be S3Object."
MODEL_ROLE_INVALID = (
    'The execution role ARN "{}" is invalid. Please ensure that the role exists and that its trust relationship policy '
    'allows the action "sts:AssumeRole" for the service principal "{}".'
)

# Model data, in CreateModel's refusal or an endpoint's FailureReason. Only the words for missing data and for a broken
# archive are AWS's.
MODEL_DATA_MISSING = "Could not find model data at {}."
MODEL_DATA_DENIED = "Could not access model data at {}: S3 answered {}."
MODEL_DATA_ELSEWHERE = "Model data must be at s3://BUCKET/KEY, not {}."
MODEL_DATA_LATE = "The model data was not downloaded within {:g} s: {}."
DOWNLOAD_FAILED = "Failed to download model data from {}: {}."
KEY_OUTSIDE = "Failed to download model data: the key {} leads outside of the model."
KEY_UNUSABLE = "Failed to download model data: the key {}."
MEMBER_UNSAFE = "Failed to extract model data: the archive has an unsafe member ({})."
NO_SPACE = "Failed to extract model data: {}; free some, or set TMPDIR."
ARCHIVE_BROKEN = (
    'Failed to extract model data archive from URL "{}". Please ensure that the object located at the URL is a valid '
    "tar.gz archive. ({}; `tar czf model.tar.gz -C FOLDER .` makes one.)"  # the parenthesis is ours
)

# CreateEndpointConfig; all words are ours.
VARIANT_NAMES_TWICE = "Variant names must be unique within an endpoint configuration."
SHADOWS_SEVERAL = "With ShadowProductionVariants there must be one production variant and one shadow variant."
ASYNC_OUTPUT_MISSING = "AsyncInferenceConfig needs an S3OutputPath in its OutputConfig."
VARIANT_UNSUPPORTED = "Variant {}: {} is not part of this harness; give it an InstanceType and a count."
VARIANT_INCOMPLETE = "Variant {} needs {}: inference components are not part of this harness."
ROUTING_UNSUPPORTED = "Variant {}: routing by {} is not part of this harness; choose {}."

# UpdateEndpoint, UpdateEndpointWeightsAndCapacities and DeleteEndpoint. UpdateEndpoint and DeleteEndpoint refuse an
# endpoint that is being changed in the same words.
IN_PROGRESS = 'Cannot update in-progress endpoint "{}".'
FAILED = 'Cannot update failed endpoint "{}". Delete it and create it again.'  # ours
# AWS's words are the first sentence for "removed from"; "added to" and the second sentence are ours.
ASYNC_CHANGED = (
    "The AsyncInferenceConfig parameter cannot be {} this endpoint {}. To change the endpoint between real-time and "
    "asynchronous inference, delete it and create it again."
)
DEPLOYMENT_UNSUPPORTED = "{} of a DeploymentConfig are not part of this harness; it deploys ALL_AT_ONCE."  # ours
VARIANT_TWICE = 'The variant name "{}" was non-unique within the request.'
VARIANTS_UNKNOWN = 'The variant name(s) {} is/are not present within endpoint configuration "{}".'
COUNT_ZERO = "The desired instance count of a variant for real-time inference must be at least 1."  # ours

# FailureReason of an endpoint.
UNHEALTHY = (
    "The primary container for production variant {} did not pass the ping health check. Please check CloudWatch logs "
    "for this endpoint. Its last lines: "  # the last sentence is ours, and the container's own lines follow it
)
ROLE_NOT_ASSUMED = "Could not assume role {}. Please ensure that the role exists and trusts SageMaker."
HARNESS_FAILED = "The harness failed on this endpoint ({}); its log has the details."  # ours
KIND_FAILED = "The kind of instance raised {}"  # ours

# Inference Recommender; only the words about the role are AWS's.
JOB_TAKEN = "A job of the name {} exists already."
JOB_NOT_FOUND = "Could not find the job {}."
JOB_ROLE_INVALID = (
    "Could not assume role {}. Please ensure that the role exists and allows principal '{}' to assume the role."
)
JOB_OVER = "The job {} is {}: there is nothing to stop."
JOB_WITHOUT_OPTION = "The job {} has no recommendation: {}"
RECOMMENDATION_AMBIGUOUS = "Specify either RecommendationId or EndpointName, not both."
RECOMMENDATION_NOT_FOUND = "The job {} has no recommendation {}."
PLAN_MISSING = (
    "There is no plan of this model here: make one with `harness plan` and hand it over with `harness deploy --plan`."
)
PLAN_EMPTY = "No setting serves the planned traffic: {}"
PLAN_EXCEEDED = (
    "The plan was made for up to {} invocations a minute, and {} are asked for: plan this traffic with `harness plan`."
)
PERCENTILE_UNKNOWN = "A plan knows the percentiles {}, not {}."
OPTIONS_EXCLUDED = "None of the plan's settings is of these instance types and within these latencies."
PLAN_MALFORMED = "This is not a plan of an endpoint: {}: {}."

# InvokeEndpoint and its sisters.
ENDPOINT_NOT_FOUND = "Endpoint {} of account {} not found."
VARIANT_NOT_FOUND = "Variant {} not found for endpoint {}."
NONE_IN_SERVICE = "No instance of variant {} is in service."
COMPONENT_GIVEN = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)
# The rules are the SM guide's (async-inference); the words are ours.
ENDPOINT_ASYNC = "Endpoint {} is for asynchronous inference: call InvokeEndpointAsync."
ENDPOINT_REAL_TIME = "Endpoint {} is for real-time inference: call InvokeEndpoint, or give it an AsyncInferenceConfig."
PAYLOAD_AMBIGUOUS = "Give either InputLocation or Body, and not both."
# OriginalMessage of a ModelError whose container did not answer.
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
EXITED = "An error occurred while handling request as the model process exited."
ANSWER_TOO_LARGE = f"The response of container primary is larger than {ANSWER_LIMIT:,} bytes."  # ours
MALFORMED = "The response of container primary is not valid HTTP."  # ours
MODEL_ERROR = 'Received {} error ({}) from primary with message "{}". See {} in account {} for more information.'
# ErrorCode of a ModelStreamError (botocore) and its message; the messages are ours.
STREAM_LATE = ("ModelInvocationTimeExceeded", "The model did not finish its response in time.")
STREAM_BROKEN = "StreamBroken"

# Why an asynchronous inference failed.
INPUT_TOO_LARGE = f"ClientError: The input is larger than {ASYNC_INPUT_LIMIT:,} bytes."  # ours; AWS takes 1 GB
EXPIRED = "ClientError: The request was in the queue for longer than its RequestTTLSeconds."
ASYNC_HARNESS_FAILED = "InternalServerError: The harness failed on this request ({})."  # unverified
ASYNC_MODEL_ERROR = (
    "ClientError: Received {} error ({}) from model. See the SageMaker Endpoint logs in your account for more "
    "information."
)


def invalid(message: str) -> AwsError:
    """A refusal of the service ``sagemaker``."""
    return AwsError("ValidationException", message)


def invalid_invocation(message: str) -> AwsError:
    """A refusal of the service ``sagemaker-runtime``."""
    return AwsError("ValidationError", message)


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFound", message)


def none_in_service(variant: str) -> AwsError:
    return AwsError("ServiceUnavailable", NONE_IN_SERVICE.format(variant), 503)


def throttled() -> AwsError:
    """SageMaker's refusal, which does not say why: status 400 and a message of null (opensearch ml-commons#2429)."""
    return AwsError("ThrottlingException", "None", fields={"message": None, "Message": None})


def fault_of(status: int) -> str:
    """Whose error a container's status is, in AWS's words."""
    return "client" if 400 <= status < 500 else "server"


def model_error(message: str, original: Mapping[str, object], headers: Mapping[str, str]) -> AwsError:
    """original: OriginalStatusCode, OriginalMessage and LogStreamArn."""
    return AwsError("ModelError", message, 424, fields=original, headers=headers)


def stream_error(code: str, message: str) -> AwsError:
    return AwsError("ModelStreamError", message, 400, fields={"ErrorCode": code})
