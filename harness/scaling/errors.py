"""The errors of Application Auto Scaling in AWS's words. Texts marked unverified were not found in public logs."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.errors import AwsError

UNSUPPORTED = "Unsupported service namespace, resource type or scalable dimension"
LATEST = "$LATEST is not a supported qualifier for Auto Scaling"
SAME_METRIC = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
BOUNDS_CROSSED = "Maximum capacity cannot be less than minimum capacity"
BOUNDS_MISSING = "Minimum capacity and maximum capacity must be specified for a new scalable target"  # unverified
CONFIGURATION_MISSING = "{} policy configuration must be specified"
CONFIGURATION_WRONG = (
    "You must only provide a single scaling policy configuration, which must match the scaling policy type specified."
)
TYPE_CHANGED = "The policy type of an existing scaling policy cannot be changed"  # unverified
# The rules are from botocore, PutScalingPolicy (PolicyType); the words are unverified.
PREDICTIVE = "Predictive scaling is supported for Amazon ECS services only"
STEPS_UNSUPPORTED = "Step scaling is not supported for service namespace {}"
SPECIFICATION_MISSING = (
    "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking scaling."
)
SPECIFICATIONS_BOTH = (
    "Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target tracking scaling."
)
CUSTOMIZED_INVALID = "The customized metric specification is not valid."
TARGET_NOT_POSITIVE = "Target value must be greater than 0"  # unverified
COOLDOWN_NEGATIVE = "Cooldown cannot be less than 0"  # unverified
STEPS_MISSING = "There must be at least one step adjustment"
STEPS_TYPE_MISSING = "Adjustment type must be specified"
STEPS_TOO_MANY = "There can be at most {} step adjustments per scaling policy"
STEPS_OVERLAP = "Step adjustment intervals cannot overlap"
STEPS_GAP = "Step adjustment intervals cannot have gaps between them"
STEPS_REVERSED = "The lower bound of a step adjustment must be less than its upper bound"  # unverified
STEPS_UNBOUNDED = "Both lower and upper bounds of a step adjustment cannot be left unspecified"
STEPS_OPEN_TWICE = "At most one step adjustment may have an unspecified {} bound"
STEPS_OPEN_NOWHERE = (
    "There must be a step adjustment with an unspecified {0} bound when one step adjustment has a {1} {0} bound"
)
EXACT_NEGATIVE = "Scaling adjustment cannot be less than 0 when adjustment type is ExactCapacity"
MAGNITUDE_MISPLACED = "Minimum adjustment magnitude is only allowed for adjustment type PercentChangeInCapacity"
ACTION_MISSING = "ScalableTargetAction must be set"
ACTION_EMPTY = "At least one of minimum capacity and maximum capacity should be provided"
SCHEDULE_MISSING = "Schedule must be specified"  # unverified
SCHEDULE_PAST = "The schedule expression has no time in the future"  # unverified
START_AFTER_END = "StartTime must be before EndTime"
IDS_WITHOUT_DIMENSION = "ResourceIds must be specified when ScalableDimension is specified"
BAD_TOKEN = "The next token supplied was invalid."  # noqa: S105 - unverified

# botocore, PutScalingPolicy and PutScheduledAction; Application Auto Scaling quotas.
POLICIES_PER_TARGET = 50
STEPS_PER_POLICY = 20
ACTIONS_PER_TARGET = 200


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def limit(message: str) -> AwsError:
    return AwsError("LimitExceededException", message)


def not_registered(namespace: str, resource_id: str, dimension: str) -> AwsError:
    return AwsError(
        "ObjectNotFoundException", f"No scalable target registered for {_describe(namespace, resource_id, dimension)}"
    )


def no_policy(namespace: str, resource_id: str, dimension: str, name: str) -> AwsError:
    target = _describe(namespace, resource_id, dimension)
    return AwsError("ObjectNotFoundException", f"No scaling policy found for {target}, policy name: {name}")


def no_action(namespace: str, resource_id: str, dimension: str, name: str) -> AwsError:
    target = _describe(namespace, resource_id, dimension)
    return AwsError("ObjectNotFoundException", f"No scheduled action found for {target}, scheduled action name: {name}")


def no_resource(arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Couldn't find a scalable target with the ARN {arn}")  # unverified


def bound_below(which: str, least: int) -> AwsError:
    """which: Minimum or Maximum. Public logs show this text with 1, for services that never scale to 0."""
    return invalid(f"{which} capacity cannot be less than {least}")


def predefined(dimension: str, supported: Iterable[str]) -> AwsError:
    kinds = ", ".join(sorted(supported))
    return invalid(f"Scalable dimension {dimension} only supports the following predefined metric types: {kinds}")


def _describe(namespace: str, resource_id: str, dimension: str) -> str:
    return f"service namespace: {namespace}, resource ID: {resource_id}, scalable dimension: {dimension}"
