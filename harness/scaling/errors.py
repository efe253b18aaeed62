"""Application Auto Scaling's refusals in AWS's words; a text marked unverified was not seen in a public log."""

from __future__ import annotations

from harness.errors import AwsError

UNSUPPORTED = "Unsupported service namespace, resource type or scalable dimension"
SAME_METRIC = "Only one TargetTrackingScaling policy for a given metric specification is allowed."
BOUNDS_CROSSED = "Maximum capacity cannot be less than minimum capacity"
BOUND_NEGATIVE = "Minimum capacity and maximum capacity cannot be less than 0"  # unverified
BOUNDS_MISSING = "Minimum capacity and maximum capacity must be specified for a new scalable target"  # unverified
CONFIGURATION_MISSING = "{0}PolicyConfiguration must be specified for policy type {0}"  # unverified
CONFIGURATION_WRONG = "{0}PolicyConfiguration cannot be specified for policy type {1}"  # unverified
TYPE_CHANGED = "The policy type of an existing scaling policy cannot be changed"  # unverified
PREDICTIVE = "Predictive scaling is supported for Amazon ECS services only"  # botocore, PutScalingPolicy
ONE_SPECIFICATION = (
    "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified"  # unverified
)
CUSTOMIZED_INCOMPLETE = (
    "CustomizedMetricSpecification needs Metrics, or MetricName, Namespace and Statistic"  # unverified
)
TARGET_NOT_POSITIVE = "Target value must be greater than 0"  # unverified
COOLDOWN_NEGATIVE = "Cooldown cannot be less than 0"  # unverified
STEPS_MISSING = "At least one step adjustment must be specified"  # unverified
STEPS_TYPE_MISSING = "AdjustmentType must be specified"  # unverified
STEPS_OVERLAP = "StepAdjustment intervals cannot overlap"
STEPS_GAP = "StepAdjustment intervals cannot have gaps between them"
STEPS_UNBOUNDED = "The upper and lower bound cannot both be null in a step adjustment"  # unverified
_UNSPECIFIED = (
    "There must be a step adjustment with an unspecified {0} bound when one has a {1} {0} bound"  # unverified
)
STEPS_NO_LOWEST = _UNSPECIFIED.format("lower", "negative")
STEPS_NO_HIGHEST = _UNSPECIFIED.format("upper", "positive")
MAGNITUDE_MISPLACED = "MinAdjustmentMagnitude is supported for PercentChangeInCapacity only"  # unverified
ACTION_EMPTY = "ScalableTargetAction must specify MinCapacity, MaxCapacity or both"  # unverified
SCHEDULE_MISSING = "Schedule must be specified"  # unverified
SCHEDULE_PAST = "The schedule expression has no time in the future"  # unverified
START_AFTER_END = "Start time must be before end time"  # unverified
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
        "ObjectNotFoundException", f"No scalable target registered for {_where(namespace, resource_id, dimension)}"
    )


def no_policy(namespace: str, resource_id: str, dimension: str, name: str) -> AwsError:
    where = _where(namespace, resource_id, dimension)
    return AwsError("ObjectNotFoundException", f"No scaling policy found for {where}, policy name: {name}")


def no_action(namespace: str, resource_id: str, dimension: str, name: str) -> AwsError:
    where = _where(namespace, resource_id, dimension)
    return AwsError("ObjectNotFoundException", f"No scheduled action found for {where}, scheduled action name: {name}")


def no_resource(arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Couldn't find a scalable target with the ARN {arn}")  # unverified


def predefined(metric: str, namespace: str) -> AwsError:
    return invalid(f"Unsupported predefined metric type {metric} for service namespace {namespace}")  # unverified


def schedule(expression: str, why: str) -> AwsError:
    return invalid(f"Invalid schedule expression. Details: {expression}: {why}")  # unverified


def _where(namespace: str, resource_id: str, dimension: str) -> str:
    return f"service namespace: {namespace}, resource ID: {resource_id}, scalable dimension: {dimension}"
