"""Application Auto Scaling's operations through the gateway: answers, refusals, pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.scaling.service import ALIAS, VARIANT, invocations
from tests.scaling.twins import members, twin_endpoint
from tests.support import ACCOUNT, REGION, Aws, unique


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("application-autoscaling")


@pytest.fixture(scope="session")
def shared_endpoint(aws: Aws) -> str:
    return twin_endpoint(aws)


@pytest.fixture
def endpoint(client: Any, shared_endpoint: str) -> dict[str, str]:
    """The members that name an endpoint's variant, which is not registered."""
    variant = members(shared_endpoint)
    if client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[variant["ResourceId"]])[
        "ScalableTargets"
    ]:
        client.deregister_scalable_target(**variant)
    return variant


@pytest.fixture
def target(client: Any, endpoint: dict[str, str]) -> dict[str, str]:
    """The members of a variant that is registered from 1 to 3."""
    client.register_scalable_target(**endpoint, MinCapacity=1, MaxCapacity=3)
    return endpoint


def refused(call: Any, **request: Any) -> tuple[str, str]:
    """Makes a call that fails, and returns the code and message of the error."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def put(client: Any, target: dict[str, str], name: str = "p", **configuration: Any) -> Any:
    return client.put_scaling_policy(
        **target,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**invocations(), **configuration},
    )


class TestScalableTargets:
    def test_register_describe_deregister(self, client: Any, endpoint: dict[str, str]) -> None:
        arn = client.register_scalable_target(**endpoint, MinCapacity=1, MaxCapacity=3)["ScalableTargetARN"]
        assert arn.startswith(f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/")
        (described,) = client.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[endpoint["ResourceId"]]
        )["ScalableTargets"]
        assert described.pop("CreationTime") <= datetime.now(UTC) + timedelta(seconds=5)
        path = "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
        role = f"{path}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        assert described == {
            **endpoint,
            "MinCapacity": 1,
            "MaxCapacity": 3,
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:{role}",
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
            },
            "ScalableTargetARN": arn,
        }
        client.deregister_scalable_target(**endpoint)
        assert not client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[endpoint["ResourceId"]])[
            "ScalableTargets"
        ]

    def test_registering_again_changes_only_the_given_members(self, client: Any, target: dict[str, str]) -> None:
        suspended = {"DynamicScalingInSuspended": True}
        client.register_scalable_target(**target, MaxCapacity=7, SuspendedState=suspended)
        (described,) = client.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]]
        )["ScalableTargets"]
        assert (described["MinCapacity"], described["MaxCapacity"]) == (1, 7)
        assert described["SuspendedState"]["DynamicScalingInSuspended"] is True

    @pytest.mark.parametrize(
        ("members", "message"),
        [
            ({"MinCapacity": 4, "MaxCapacity": 3}, "Maximum capacity cannot be less than minimum capacity"),
            ({"MinCapacity": -1, "MaxCapacity": 3}, "Minimum capacity cannot be less than 0"),
            ({"MinCapacity": 1, "MaxCapacity": -3}, "Maximum capacity cannot be less than 0"),
            ({"MinCapacity": 1}, "must be specified for a new scalable target"),
            ({"MinCapacity": 0, "MaxCapacity": 3}, "Minimum capacity cannot be less than 1"),
        ],
    )
    def test_invalid_bounds_are_refused(
        self, client: Any, endpoint: dict[str, str], members: dict[str, int], message: str
    ) -> None:
        code, text = refused(client.register_scalable_target, **endpoint, **members)
        assert code == "ValidationException"
        assert message in text

    @pytest.mark.parametrize(
        "changed",
        [
            {"ServiceNamespace": "ecs"},
            {"ScalableDimension": "ecs:service:DesiredCount"},
            {"ResourceId": "endpoint/alone"},
            {"ResourceId": "function:name:live"},
        ],
    )
    def test_an_unsupported_resource_is_refused(
        self, client: Any, endpoint: dict[str, str], changed: dict[str, str]
    ) -> None:
        assert refused(client.register_scalable_target, **{**endpoint, **changed}, MinCapacity=1, MaxCapacity=2) == (
            "ValidationException",
            "Unsupported service namespace, resource type or scalable dimension",
        )

    def test_a_missing_variant_is_refused(self, client: Any, endpoint: dict[str, str]) -> None:
        missing = {**VARIANT, "ResourceId": "endpoint/none/variant/AllTraffic"}
        assert (
            "Could not find endpoint"
            in refused(client.register_scalable_target, **missing, MinCapacity=1, MaxCapacity=2)[1]
        )
        other = {**endpoint, "ResourceId": endpoint["ResourceId"].replace("AllTraffic", "Other")}
        assert (
            "Could not find variant"
            in refused(client.register_scalable_target, **other, MinCapacity=1, MaxCapacity=2)[1]
        )

    def test_a_missing_alias_is_refused(self, client: Any) -> None:
        code, _ = refused(
            client.register_scalable_target, **ALIAS, ResourceId="function:none:live", MinCapacity=1, MaxCapacity=2
        )
        assert code == "ValidationException"

    def test_an_unpublished_version_has_no_provisioned_concurrency(self, client: Any) -> None:
        members = {**ALIAS, "ResourceId": "function:none:$LATEST"}
        assert refused(client.register_scalable_target, **members, MinCapacity=1, MaxCapacity=2) == (
            "ValidationException",
            "$LATEST is not a supported qualifier for Auto Scaling",
        )

    def test_burstable_instances_cannot_scale(self, aws: Aws, client: Any) -> None:
        name = twin_endpoint(aws, instance_type="ml.t2.medium")
        assert refused(client.register_scalable_target, **members(name), MinCapacity=1, MaxCapacity=2) == (
            "ValidationException",
            "You cannot register a variant with ml.t2.medium instance type as a scalable target. This is because the "
            "burstable performance of these instances can lead to unpredictable behavior with Auto Scaling.",
        )

    def test_describing_by_dimension_needs_resource_ids(self, client: Any) -> None:
        assert refused(client.describe_scalable_targets, **VARIANT) == (
            "ValidationException",
            "ResourceIds must be specified when ScalableDimension is specified",
        )

    def test_tags(self, client: Any, endpoint: dict[str, str]) -> None:
        arn = client.register_scalable_target(**endpoint, MinCapacity=1, MaxCapacity=3, Tags={"a": "1"})[
            "ScalableTargetARN"
        ]
        client.tag_resource(ResourceARN=arn, Tags={"b": "2"})
        client.untag_resource(ResourceARN=arn, TagKeys=["a"])
        assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
        unknown = arn[: arn.rindex("/")] + "/0"
        assert refused(client.list_tags_for_resource, ResourceARN=unknown)[0] == "ResourceNotFoundException"


class TestScalingPolicies:
    def test_put_describe_delete(self, client: Any, target: dict[str, str]) -> None:
        policy = put(client, target)
        assert f":resource/sagemaker/{target['ResourceId']}:policyName/p" in policy["PolicyARN"]
        (described,) = client.describe_scaling_policies(**target)["ScalingPolicies"]
        assert described["PolicyType"] == "TargetTrackingScaling"
        assert described["TargetTrackingScalingPolicyConfiguration"] == invocations()
        assert described["Alarms"] == policy["Alarms"]
        client.delete_scaling_policy(**target, PolicyName="p")
        assert client.describe_scaling_policies(**target)["ScalingPolicies"] == []

    def test_policies_of_an_unregistered_target(self, client: Any, endpoint: dict[str, str]) -> None:
        target_words = (
            f"service namespace: sagemaker, resource ID: {endpoint['ResourceId']}, "
            "scalable dimension: sagemaker:variant:DesiredInstanceCount"
        )
        missing = ("ObjectNotFoundException", f"No scalable target registered for {target_words}")
        with pytest.raises(ClientError) as caught:
            put(client, endpoint)
        assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == missing
        assert refused(client.deregister_scalable_target, **endpoint) == missing
        assert refused(client.delete_scaling_policy, **endpoint, PolicyName="p") == (
            "ObjectNotFoundException",
            f"No scaling policy found for {target_words}, policy name: p",
        )

    def test_only_one_policy_may_track_a_metric(self, client: Any, target: dict[str, str]) -> None:
        put(client, target)
        with pytest.raises(ClientError) as caught:
            put(client, target, "another")
        assert caught.value.response["Error"]["Message"] == (
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )
        put(client, target, TargetValue=7)  # the same policy may be updated

    @pytest.mark.parametrize(
        ("configuration", "message"),
        [
            ({"TargetValue": 0}, "Target value must be greater than 0"),
            ({"ScaleInCooldown": -1}, "Cooldown cannot be less than 0"),
            ({"ScaleOutCooldown": -1}, "Cooldown cannot be less than 0"),
            (
                {"PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}},
                "Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following predefined "
                "metric types: SageMakerVariantConcurrentRequestsPerModelHighResolution, "
                "SageMakerVariantInvocationsPerInstance",
            ),
            (
                {"CustomizedMetricSpecification": {"MetricName": "m", "Namespace": "n", "Statistic": "Sum"}},
                "Only one of PredefinedMetricSpecification or CustomizedMetricSpecification can be set for target "
                "tracking scaling.",
            ),
            (
                {"PredefinedMetricSpecification": None},
                "PredefinedMetricSpecification or CustomizedMetricSpecification must be set for target tracking "
                "scaling.",
            ),
            *(
                (
                    {"PredefinedMetricSpecification": None, "CustomizedMetricSpecification": customized},
                    "The customized metric specification is not valid.",
                )
                for customized in (
                    {"MetricName": "m", "Namespace": "n"},
                    {"MetricName": "m", "Metrics": [{"Id": "e", "Expression": "1"}]},
                    {"Metrics": [{"Id": "e", "Expression": "1"}, {"Id": "f", "Expression": "2"}]},
                    {"Metrics": [{"Id": "e", "Expression": "1", "ReturnData": False}]},
                )
            ),
        ],
    )
    def test_an_invalid_tracking_configuration_is_refused(
        self, client: Any, target: dict[str, str], configuration: dict[str, Any], message: str
    ) -> None:
        merged = {**invocations(), **configuration}
        assert refused(
            client.put_scaling_policy,
            **target,
            PolicyName="p",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                member: value for member, value in merged.items() if value is not None
            },
        ) == ("ValidationException", message)

    @pytest.mark.parametrize(
        ("steps", "more", "message"),
        [
            ([], {}, "There must be at least one step adjustment"),
            ([(None, None)], {}, "Both lower and upper bounds of a step adjustment cannot be left unspecified"),
            ([(0, 10), (5, None)], {}, "Step adjustment intervals cannot overlap"),
            ([(0, 10), (20, None)], {}, "Step adjustment intervals cannot have gaps between them"),
            ([(0, None), (5, None)], {}, "At most one step adjustment may have an unspecified upper bound"),
            ([(None, 0), (None, 5)], {}, "At most one step adjustment may have an unspecified lower bound"),
            (
                [(0, 10)],
                {},
                "There must be a step adjustment with an unspecified upper bound when one step adjustment has a "
                "positive upper bound",
            ),
            (
                [(-10, 0)],
                {},
                "There must be a step adjustment with an unspecified lower bound when one step adjustment has a "
                "negative lower bound",
            ),
            ([(10, 0)], {}, "must be less than its upper bound"),
            (
                [(0, None)],
                {"MinAdjustmentMagnitude": 1},
                "Minimum adjustment magnitude is only allowed for adjustment type PercentChangeInCapacity",
            ),
            ([(0, None)], {"AdjustmentType": None}, "Adjustment type must be specified"),
            (
                [(index, index + 1) for index in range(20)] + [(20, None)],
                {},
                "There can be at most 20 step adjustments per scaling policy",
            ),
        ],
    )
    def test_invalid_steps_are_refused(
        self, client: Any, target: dict[str, str], steps: list[Any], more: dict[str, Any], message: str
    ) -> None:
        adjustments = [
            {"ScalingAdjustment": 1}
            | ({} if low is None else {"MetricIntervalLowerBound": low})
            | ({} if high is None else {"MetricIntervalUpperBound": high})
            for low, high in steps
        ]
        configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": adjustments, **more}
        configuration = {member: value for member, value in configuration.items() if value is not None}
        _, text = refused(
            client.put_scaling_policy,
            **target,
            PolicyName="s",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=configuration,
        )
        assert message in text

    def test_an_exact_capacity_cannot_be_negative(self, client: Any, target: dict[str, str]) -> None:
        steps = [{"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1}]
        configuration = {"AdjustmentType": "ExactCapacity", "StepAdjustments": steps}
        assert refused(
            client.put_scaling_policy,
            **target,
            PolicyName="s",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=configuration,
        ) == (
            "ValidationException",
            "Scaling adjustment cannot be less than 0 when adjustment type is ExactCapacity",
        )

    def test_the_type_and_its_configuration_belong_together(self, client: Any, target: dict[str, str]) -> None:
        for kind in ("StepScaling", "TargetTrackingScaling"):
            assert refused(client.put_scaling_policy, **target, PolicyName="p", PolicyType=kind) == (
                "ValidationException",
                f"{kind} policy configuration must be specified",
            )
        both = {
            "TargetTrackingScalingPolicyConfiguration": invocations(),
            "StepScalingPolicyConfiguration": {"AdjustmentType": "ExactCapacity"},
        }
        assert refused(client.put_scaling_policy, **target, PolicyName="p", PolicyType="StepScaling", **both) == (
            "ValidationException",
            "You must only provide a single scaling policy configuration, which must match the scaling policy type "
            "specified.",
        )
        code, _ = refused(client.put_scaling_policy, **target, PolicyName="p", PolicyType="PredictiveScaling")
        assert code == "ValidationException"
        put(client, target)
        code, _ = refused(client.put_scaling_policy, **target, PolicyName="p", PolicyType="StepScaling")
        assert code == "ValidationException"

    def test_pages(self, client: Any, target: dict[str, str]) -> None:
        steps = {
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"ScalingAdjustment": 1, "MetricIntervalLowerBound": 0}],
        }
        names = [f"s{number:02}" for number in range(12)]
        for name in names:
            client.put_scaling_policy(
                **target, PolicyName=name, PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
            )
        # 10 at most (botocore).
        assert len(client.describe_scaling_policies(**target)["ScalingPolicies"]) == 10
        pages = client.get_paginator("describe_scaling_policies").paginate(**target)
        assert [policy["PolicyName"] for page in pages for policy in page["ScalingPolicies"]] == names
        (named,) = client.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["s07"])[
            "ScalingPolicies"
        ]
        assert named["PolicyName"] == "s07"
        assert refused(client.describe_scaling_policies, **target, NextToken="?")[0] == "InvalidNextTokenException"


class TestScheduledActions:
    def test_put_describe_delete(self, client: Any, target: dict[str, str]) -> None:
        action = {
            "Schedule": "cron(0 8 ? * MON-FRI *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 4},
        }
        client.put_scheduled_action(**target, ScheduledActionName="morning", **action)
        (described,) = client.describe_scheduled_actions(
            ServiceNamespace="sagemaker", ScheduledActionNames=["morning"]
        )["ScheduledActions"]
        assert action.items() <= described.items()
        assert described["ScheduledActionARN"].endswith(":scheduledActionName/morning")
        client.put_scheduled_action(**target, ScheduledActionName="morning", ScalableTargetAction={"MinCapacity": 3})
        (changed,) = client.describe_scheduled_actions(**target)["ScheduledActions"]
        assert (changed["Schedule"], changed["ScalableTargetAction"]) == (action["Schedule"], {"MinCapacity": 3})
        client.delete_scheduled_action(**target, ScheduledActionName="morning")
        assert refused(client.delete_scheduled_action, **target, ScheduledActionName="morning")[0] == (
            "ObjectNotFoundException"
        )

    def test_an_update_without_start_and_end_deletes_them(self, client: Any, target: dict[str, str]) -> None:
        # botocore, PutScheduledAction.
        window = {"StartTime": datetime(2031, 1, 1, tzinfo=UTC), "EndTime": datetime(2031, 2, 1, tzinfo=UTC)}
        members = {**target, "ScheduledActionName": "window"}
        client.put_scheduled_action(
            **members, Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 2}, **window
        )
        client.put_scheduled_action(**members, Schedule="rate(2 days)")
        (described,) = client.describe_scheduled_actions(**target)["ScheduledActions"]
        assert (described["Schedule"], described["ScalableTargetAction"]) == ("rate(2 days)", {"MinCapacity": 2})
        assert not window.keys() & described.keys()
        client.delete_scheduled_action(**members)

    @pytest.mark.parametrize(
        ("action", "message"),
        [
            ({"ScalableTargetAction": {"MinCapacity": 1}}, "Schedule must be specified"),
            ({"Schedule": "rate(1 day)"}, "ScalableTargetAction must be set"),
            (
                {"Schedule": "rate(1 day)", "ScalableTargetAction": {}},
                "At least one of minimum capacity and maximum capacity should be provided",
            ),
            (
                {"Schedule": "every day", "ScalableTargetAction": {"MinCapacity": 1}},
                r"Invalid schedule expression. Details: Schedule expressions must have the following syntax: "
                r"rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss).",
            ),
            (
                {"Schedule": "at(2001-01-01T00:00:00)", "ScalableTargetAction": {"MinCapacity": 1}},
                "The schedule expression has no time in the future",
            ),
            (
                {"Schedule": "rate(1 day)", "Timezone": "Mars", "ScalableTargetAction": {"MinCapacity": 1}},
                "Invalid time zone: Mars",
            ),
            (
                {"Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}},
                "Maximum capacity cannot be less than minimum capacity",
            ),
            (
                {
                    "Schedule": "rate(1 day)",
                    "ScalableTargetAction": {"MinCapacity": 1},
                    "StartTime": datetime(2031, 1, 2, tzinfo=UTC),
                    "EndTime": datetime(2031, 1, 1, tzinfo=UTC),
                },
                "StartTime must be before EndTime",
            ),
        ],
    )
    def test_invalid_actions_are_refused(
        self, client: Any, target: dict[str, str], action: dict[str, Any], message: str
    ) -> None:
        assert refused(client.put_scheduled_action, **target, ScheduledActionName="a", **action) == (
            "ValidationException",
            message,
        )

    def test_describing_actions_by_dimension_needs_the_resource(self, client: Any) -> None:
        assert refused(client.describe_scheduled_actions, **VARIANT)[0] == "ValidationException"


def test_access_is_decided_by_the_targets_arn(aws: Aws, client: Any, target: dict[str, str]) -> None:
    (described,) = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])[
        "ScalableTargets"
    ]
    action = "application-autoscaling:RegisterScalableTarget"
    statement = {"Effect": "Allow", "Action": action, "Resource": described["ScalableTargetARN"]}
    role = aws.role({unique("p"): {"Version": "2012-10-17", "Statement": [statement]}})
    limited = aws.as_role(role, "application-autoscaling")
    limited.register_scalable_target(**target, MaxCapacity=5)
    code, text = refused(limited.deregister_scalable_target, **target)
    assert code == "AccessDeniedException"
    assert f"application-autoscaling:DeregisterScalableTarget on resource: {described['ScalableTargetARN']}" in text


def test_an_empty_history(client: Any, target: dict[str, str]) -> None:
    assert client.describe_scaling_activities(**target)["ScalingActivities"] == []
