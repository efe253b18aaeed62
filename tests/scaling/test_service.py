"""The running service: what a user sees in describe_scaling_activities and describe_alarms while it scales."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from harness.backend.metrics import Series
from harness.core.errors import AwsError
from harness.scaling.rules.tracking import ONE_MINUTE
from tests.scaling.service import START, VirtualService
from tests.support import REGION, Aws, unique


@pytest.fixture
async def service(aws: Aws) -> AsyncIterator[VirtualService]:
    async with VirtualService(aws) as virtual_service:
        yield virtual_service


async def test_what_a_user_sees_of_a_scale_out(service: VirtualService) -> None:
    # A public workshop: resource 5, about 130 invocations a minute, max 4: straight from 1 to 4 after about 5 minutes.
    resource = await service.registered(maximum=4)
    await service.tracked(resource)
    service.load(resource, lambda: 130.0)
    await service.run(290)
    assert service.counts(resource) == (1, 1)
    assert (await service.alarms(resource))["High"]["StateValue"] == "INSUFFICIENT_DATA"
    await service.run(10)
    assert service.counts(resource) == (1, 4)
    high = (await service.alarms(resource))["High"]
    assert high["StateValue"] == "ALARM"
    (activity,) = await service.activities(resource)
    assert activity["StatusCode"] == "InProgress"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Waiting for change to be fulfilled by sagemaker."
    )
    await service.run(120)
    (activity,) = await service.activities(resource)
    assert activity["Description"] == "Setting desired instance count to 4."
    assert activity["Cause"] == f"monitor alarm {high['AlarmName']} in state ALARM triggered policy p"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Change successfully fulfilled by sagemaker."
    )
    assert activity["StatusCode"] == "Successful"
    assert activity["StartTime"] == datetime.fromtimestamp(START + 300, UTC)
    assert activity["EndTime"] == datetime.fromtimestamp(START + 360, UTC)


async def test_a_policy_makes_the_alarms_that_aws_makes(service: VirtualService) -> None:
    resource = await service.registered()
    put = await service.tracked(resource, target=1500)
    alarms = await service.alarms(resource)
    assert {alarm["AlarmName"] for alarm in put["Alarms"]} == {alarm["AlarmName"] for alarm in alarms.values()}
    for which, comparison, periods, threshold in (
        ("High", "GreaterThanThreshold", ONE_MINUTE.high, 1500.0),
        ("Low", "LessThanThreshold", ONE_MINUTE.low, 1350.0),
    ):
        alarm = alarms[which]
        assert alarm["AlarmName"].startswith(f"TargetTracking-{resource['ResourceId']}-Alarm{which}-")
        assert alarm["AlarmDescription"].startswith(
            f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {put['PolicyARN']}:createdBy/"
        )
        assert (
            alarm["AlarmDescription"]
            == f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {alarm['AlarmActions'][0]}."
        )
        assert (alarm["ComparisonOperator"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (
            comparison,
            periods,
            threshold,
        )
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == (
            "AWS/SageMaker",
            "InvocationsPerInstance",
            "Sum",
            60,
        )
        assert alarm["TreatMissingData"] == "missing"
        assert (alarm["StateValue"], alarm["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")


async def test_an_alarms_state_has_its_reason(service: VirtualService) -> None:
    resource = await service.registered()
    await service.tracked(resource)
    service.load(resource, lambda: 20.0)
    await service.run(300)
    alarms = await service.alarms(resource)
    stamps = [f"20.0 ({datetime.fromtimestamp(START + minute * 60, UTC):%d/%m/%y %H:%M:%S})" for minute in (2, 1, 0)]
    assert alarms["High"]["StateReason"] == (
        f"Threshold Crossed: 3 datapoints [{', '.join(stamps)}] were greater than the threshold (5.0)."
    )
    assert '"recentDatapoints": [20.0, 20.0, 20.0]' in alarms["High"]["StateReasonData"]
    assert alarms["Low"]["StateReason"].endswith(" was not less than the threshold (4.5).")


async def test_updating_a_policy_replaces_its_alarms_and_keeps_its_arn(service: VirtualService) -> None:
    resource = await service.registered()
    first = await service.tracked(resource, target=5)
    before = await service.alarms(resource)
    second = await service.tracked(resource, target=50)
    after = await service.alarms(resource)
    assert first["PolicyARN"] == second["PolicyARN"]
    assert not {alarm["AlarmName"] for alarm in before.values()} & {alarm["AlarmName"] for alarm in after.values()}
    assert after["High"]["Threshold"] == 50.0
    await service.call("delete_scaling_policy", **resource, PolicyName="p")
    assert await service.alarms(resource) == {}


async def test_disable_scale_in_makes_no_low_alarm(service: VirtualService) -> None:
    resource = await service.registered(count=3)
    await service.tracked(resource, DisableScaleIn=True)
    service.load(resource, lambda: 0.0)
    await service.run(25 * 60)
    assert set(await service.alarms(resource)) == {"High"}
    assert service.counts(resource) == (3, 3)


async def test_scale_in_is_late_gradual_and_ends_at_the_minimum(service: VirtualService) -> None:
    resource = await service.registered(minimum=1, count=3)
    await service.tracked(resource, ScaleInCooldown=60)
    service.load(resource, lambda: 0.0)
    await service.run((ONE_MINUTE.low + 1) * 60)
    assert service.counts(resource) == (3, 3)
    await service.run(60)
    assert service.counts(resource) == (3, 2)
    await service.run(10 * 60)
    assert service.counts(resource) == (1, 1)
    assert [activity["Description"] for activity in await service.activities(resource)] == [
        "Setting desired instance count to 1.",
        "Setting desired instance count to 2.",
    ]
    (newest, *_) = await service.activities(resource, IncludeNotScaledActivities=True)
    assert newest["Description"] == "Attempting to scale due to alarm triggered"
    assert newest["NotScaledReasons"] == [{"Code": "AlreadyAtMinCapacity", "MinCapacity": 1}]
    assert newest["StatusCode"] == "Failed"


async def test_an_updating_endpoint_is_not_changed_until_it_is_done(service: VirtualService) -> None:
    resource = await service.registered(maximum=8)
    service.hosting.provisioning = 400
    await service.tracked(resource, ScaleOutCooldown=0)
    load = [12.0]
    service.load(resource, lambda: load[0])
    await service.run(300)
    assert service.counts(resource) == (1, 3)
    load[0] = 200.0
    await service.run(300)
    assert service.counts(resource) == (1, 3)
    reasons = [
        activity["NotScaledReasons"]
        for activity in await service.activities(resource, IncludeNotScaledActivities=True)
        if "NotScaledReasons" in activity
    ]
    assert reasons[0] == [{"Code": "TargetServicePutResourceAsUnscalable", "CurrentCapacity": 3}]
    await service.run(180)
    assert service.counts(resource) == (3, 8)


async def test_no_cooldown_runs_after_the_service_refused_a_change(service: VirtualService) -> None:
    resource = await service.registered()
    await service.tracked(resource)
    service.load(resource, lambda: 130.0)
    service.hosting.refusal = "The account-level service limit is 1 Instances."
    await service.run(300)
    (activity,) = await service.activities(resource)
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"] == (
        "Failed to set desired instance count to 4. Reason: The account-level service limit is 1 Instances."
    )
    service.hosting.refusal = ""
    await service.run(60)
    assert service.counts(resource) == (1, 4)


async def test_a_change_that_the_service_gives_up_is_unfulfilled_and_tried_again(service: VirtualService) -> None:
    resource = await service.registered()
    service.hosting.gives_up = True
    await service.tracked(resource)
    service.load(resource, lambda: 130.0)
    await service.run(370)
    assert [activity["StatusCode"] for activity in await service.activities(resource)] == ["InProgress", "Unfulfilled"]


async def test_new_bounds_move_the_capacity_at_once(service: VirtualService) -> None:
    # Causes as in the AWS CLI's examples.
    resource = await service.registered(minimum=2, maximum=4)
    assert service.counts(resource) == (1, 2)
    await service.run(70)
    (activity,) = await service.activities(resource)
    assert (activity["Cause"], activity["StatusCode"]) == ("minimum capacity was set to 2", "Successful")
    await service.call("register_scalable_target", **resource, MinCapacity=1, MaxCapacity=1)
    assert service.counts(resource) == (2, 1)
    assert (await service.activities(resource))[0]["Cause"] == "maximum capacity was set to 1"


async def test_bounds_set_during_an_update_are_enforced_after_it(service: VirtualService) -> None:
    resource = await service.registered(minimum=2, maximum=4)
    await service.call("register_scalable_target", **resource, MinCapacity=3)
    assert service.counts(resource) == (1, 2)
    await service.run(70)
    assert service.counts(resource) == (2, 3)


async def test_a_scheduled_action_sets_bounds_and_ignores_cooldowns(service: VirtualService) -> None:
    resource = await service.registered(count=2)
    await service.call(
        "put_scheduled_action",
        **resource,
        ScheduledActionName="morning",
        Schedule="rate(10 minutes)",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 6},
    )
    await service.tracked(resource, ScaleInCooldown=3600)
    await service.run(610)
    assert service.counts(resource) == (2, 3)
    change, bounds = await service.activities(resource)
    assert (bounds["Description"], bounds["Cause"], bounds["StatusCode"]) == (
        "Setting min capacity to 3 and max capacity to 6",
        "scheduled action name morning was triggered",
        "Successful",
    )
    assert bounds["StatusMessage"] == "Successfully set min capacity to 3 and max capacity to 6"
    assert change["Cause"] == "minimum capacity was set to 3"


async def test_a_suspended_schedule_does_nothing(service: VirtualService) -> None:
    resource = await service.registered()
    await service.call("register_scalable_target", **resource, SuspendedState={"ScheduledScalingSuspended": True})
    at = datetime.fromtimestamp(START + 120, UTC)
    await service.call(
        "put_scheduled_action",
        **resource,
        ScheduledActionName="once",
        Schedule=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 3},
    )
    await service.run(300)
    assert service.counts(resource) == (1, 1)
    (described,) = (
        await service.call(
            "describe_scalable_targets", ServiceNamespace="sagemaker", ResourceIds=[resource["ResourceId"]]
        )
    )["ScalableTargets"]
    assert (described["MinCapacity"], described["SuspendedState"]["ScheduledScalingSuspended"]) == (1, True)


async def test_a_step_policy_obeys_the_alarm_that_its_user_made(service: VirtualService) -> None:
    resource = await service.registered(maximum=10)
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 50, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 50, "ScalingAdjustment": 4},
    ]
    policy = await service.call(
        "put_scaling_policy",
        **resource,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 60},
    )
    assert policy["Alarms"] == []
    name = await service.alarm_on_load(resource, policy, EvaluationPeriods=2, Threshold=100, Statistic="Sum")
    service.load(resource, lambda: 160.0)
    await service.run(240)
    assert service.counts(resource) == (1, 5)
    assert (await service.activities(resource))[0][
        "Cause"
    ] == f"monitor alarm {name} in state ALARM triggered policy steps"
    await service.scaling.flush_alarms()
    (alarm,) = (await asyncio.to_thread(service.cloudwatch.describe_alarms, AlarmNames=[name]))["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"
    (described,) = (await service.call("describe_scaling_policies", **resource))["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in described["Alarms"]] == [name]
    await asyncio.to_thread(service.cloudwatch.delete_alarms, AlarmNames=[name])
    await service.run(120)
    assert (await service.call("describe_scaling_policies", **resource))["ScalingPolicies"][0]["Alarms"] == []


async def test_a_customized_metric_is_read_from_cloudwatch(service: VirtualService) -> None:
    resource, namespace = await service.registered(), unique("Own")
    metric = {"MetricName": "Queue", "Namespace": namespace, "Statistic": "Average"}
    await service.call(
        "put_scaling_policy",
        **resource,
        PolicyName="own",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 10, "CustomizedMetricSpecification": metric},
    )
    data = [
        {"MetricName": "Queue", "Value": 30.0, "Timestamp": datetime.fromtimestamp(START + 60 * minute + 5, UTC)}
        for minute in range(3)
    ]
    await asyncio.to_thread(service.cloudwatch.put_metric_data, Namespace=namespace, MetricData=data)
    await service.run(240)
    assert service.counts(resource) == (1, 1)
    await service.run(60)
    assert service.counts(resource) == (1, 3)


async def test_a_high_utilization_of_an_alias_provisions_more(service: VirtualService) -> None:
    resource = service.alias(provisioned=2)
    await service.call("register_scalable_target", **resource, MinCapacity=1, MaxCapacity=20)
    metric = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
    await service.call(
        "put_scaling_policy",
        **resource,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": metric,
            "ScaleOutCooldown": 900,
        },
    )
    name = resource["ResourceId"].split(":")[1]
    dimensions = (("FunctionName", name), ("Resource", f"{name}:live"))
    series = Series("AWS/Lambda", "ProvisionedConcurrencyUtilization", dimensions, "None", REGION)
    end = service.metrics.sample(60, lambda: [(series, 1.0)])
    await service.run(300)
    assert service.functions.provisioned[name, "live"] == 3
    (activity,) = await service.activities(resource)
    assert activity["Description"] == "Setting desired concurrency to 3."
    end()
    await service.run(600)
    # Without requests Lambda publishes nothing, and missing data scales nothing.
    assert service.functions.provisioned[name, "live"] == 3
    assert (await service.alarms(resource))["High"]["StateValue"] == "INSUFFICIENT_DATA"


async def test_an_endpoint_that_is_deleted_and_made_again_is_scaled_again(service: VirtualService) -> None:
    resource = await service.registered()
    await service.tracked(resource)
    service.load(resource, lambda: 130.0)
    await service.run(250)
    name = resource["ResourceId"].split("/")[1]
    counts = service.hosting.counts.pop(name)
    await service.scaling.look(START + 300)
    assert await service.activities(resource) == []
    service.hosting.counts[name] = counts
    await service.scaling.look(START + 360)
    assert service.counts(resource) == (1, 4)


async def test_the_failure_of_one_target_does_not_stop_the_others(service: VirtualService) -> None:
    broken, whole = await service.registered(), await service.registered()
    for resource in (broken, whole):
        await service.tracked(resource)
        service.load(resource, lambda: 130.0)
    await service.run(250)
    service.hosting.counts[broken["ResourceId"].split("/")[1]] = []  # describing it raises
    await service.scaling.look(START + 300)
    assert service.counts(whole) == (1, 4)


async def test_an_alarm_whose_statistic_the_backend_lacks_scales_nothing(service: VirtualService) -> None:
    resource = await service.registered(maximum=10)
    policy = await service.call(
        "put_scaling_policy",
        **resource,
        PolicyName="steps",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}],
        },
    )
    name = await service.alarm_on_load(resource, policy, EvaluationPeriods=1, Threshold=100, ExtendedStatistic="p99")
    service.load(resource, lambda: 160.0)
    await service.run(240)  # moto has no percentiles
    assert service.counts(resource) == (1, 1)
    (described,) = (await service.call("describe_scaling_policies", **resource))["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in described["Alarms"]] == [name]
    await asyncio.to_thread(service.cloudwatch.delete_alarms, AlarmNames=[name])


async def test_metric_math_is_read_from_cloudwatch(service: VirtualService) -> None:
    resource, namespace = await service.registered(), unique("Own")
    metric = {"Namespace": namespace, "MetricName": "Queue", "Dimensions": []}
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "e1", "Expression": "m1", "ReturnData": True},
    ]
    put = await service.call(
        "put_scaling_policy",
        **resource,
        PolicyName="math",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10,
            "CustomizedMetricSpecification": {"Metrics": queries},
        },
    )
    await service.scaling.flush_alarms()
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    metric_alarms = (await asyncio.to_thread(service.cloudwatch.describe_alarms, AlarmNames=names))["MetricAlarms"]
    assert [query["Id"] for query in metric_alarms[0]["Metrics"]] == ["m1", "e1"]
    data = [
        {"MetricName": "Queue", "Value": 15.0, "Timestamp": datetime.fromtimestamp(START + 60 * minute + 5, UTC)}
        for minute in range(3)
    ]
    await asyncio.to_thread(service.cloudwatch.put_metric_data, Namespace=namespace, MetricData=data)
    await service.run(300)
    assert service.counts(resource) == (1, 2)


async def test_lambda_has_no_step_scaling(service: VirtualService) -> None:
    # botocore, PutScalingPolicy (PolicyType).
    resource = service.alias(provisioned=2)
    await service.call("register_scalable_target", **resource, MinCapacity=1, MaxCapacity=3)
    with pytest.raises(AwsError, match="Step scaling is not supported for service namespace lambda"):
        await service.call(
            "put_scaling_policy",
            **resource,
            PolicyName="steps",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={"AdjustmentType": "ExactCapacity", "StepAdjustments": []},
        )


async def test_scaling_to_no_provisioned_concurrency(service: VirtualService) -> None:
    resource = service.alias(provisioned=2)
    await service.call("register_scalable_target", **resource, MinCapacity=0, MaxCapacity=0)
    assert set(service.functions.provisioned.values()) == {0}
    await service.call("register_scalable_target", **resource, MaxCapacity=3)
    assert (await service.activities(resource))[0]["Cause"] == "maximum capacity was set to 0"


async def test_the_snapshot_of_all_targets(service: VirtualService) -> None:
    resource = await service.registered(maximum=4)
    await service.tracked(resource)
    service.load(resource, lambda: 130.0)
    await service.run(300)
    snapshot = service.scaling.snapshot()
    (shown,) = snapshot["targets"]
    assert snapshot["now"] == START + 300
    assert (shown["resource"], shown["current"], shown["desired"]) == (
        resource["ResourceId"],
        1,
        1,
    )  # as of the look before the change
    assert (shown["cooldown_out"], shown["cooldown_in"]) == (300.0, 0.0)
    (policy,) = shown["policies"]
    assert (policy["metric"], policy["target"], policy["value"]) == ("InvocationsPerInstance", 5, 130.0)
    assert policy["recent"][-5:] == [130.0, 130.0, 130.0, 130.0, None]
    assert [alarm["state"] for alarm in policy["alarms"]] == ["ALARM", "OK"]
    assert shown["activities"][0]["status"] == "InProgress"


async def test_the_started_service_looks_at_its_targets(service: VirtualService) -> None:
    resource = await service.registered()
    await service.tracked(resource)
    service.load(resource, lambda: 130.0)
    await service.scaling.start()
    await service.clock.advance(305)
    assert service.counts(resource) == (1, 4)
