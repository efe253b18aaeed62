"""The running service: what a user sees in describe_scaling_activities and describe_alarms while it scales."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from harness.backend.metrics import Series
from harness.core.errors import AwsError
from tests.scaling.world import START, World
from tests.support import REGION, Aws, unique


@pytest.fixture
async def world(aws: Aws) -> AsyncIterator[World]:
    async with World(aws) as one:
        yield one


async def test_a_scale_out_as_a_user_sees_it(world: World) -> None:
    # A public workshop: target 5, about 130 invocations a minute, max 4: straight from 1 to 4 after about 5 minutes.
    where = await world.registered(maximum=4)
    await world.tracked(where)
    world.load(where, lambda: 130.0)
    await world.run(290)
    assert world.counts(where) == (1, 1)
    assert (await world.alarms(where))["High"]["StateValue"] == "INSUFFICIENT_DATA"
    await world.run(10)
    assert world.counts(where) == (1, 4)
    high = (await world.alarms(where))["High"]
    assert high["StateValue"] == "ALARM"
    (activity,) = await world.activities(where)
    assert activity["StatusCode"] == "InProgress"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Waiting for change to be fulfilled by sagemaker."
    )
    await world.run(120)
    (activity,) = await world.activities(where)
    assert activity["Description"] == "Setting desired instance count to 4."
    assert activity["Cause"] == f"monitor alarm {high['AlarmName']} in state ALARM triggered policy p"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Change successfully fulfilled by sagemaker."
    )
    assert activity["StatusCode"] == "Successful"
    assert activity["StartTime"] == datetime.fromtimestamp(START + 300, UTC)
    assert activity["EndTime"] == datetime.fromtimestamp(START + 360, UTC)


async def test_the_alarms_are_as_aws_makes_them(world: World) -> None:
    where = await world.registered()
    put = await world.tracked(where, target=1500)
    alarms = await world.alarms(where)
    assert {alarm["AlarmName"] for alarm in put["Alarms"]} == {alarm["AlarmName"] for alarm in alarms.values()}
    for kind, comparison, periods, threshold in (
        ("High", "GreaterThanThreshold", 3, 1500.0),
        ("Low", "LessThanThreshold", 15, 1350.0),
    ):
        alarm = alarms[kind]
        assert alarm["AlarmName"].startswith(f"TargetTracking-{where['ResourceId']}-Alarm{kind}-")
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


async def test_a_state_says_its_reason(world: World) -> None:
    where = await world.registered()
    await world.tracked(where)
    world.load(where, lambda: 20.0)
    await world.run(300)
    alarms = await world.alarms(where)
    stamps = [f"20.0 ({datetime.fromtimestamp(START + minute * 60, UTC):%d/%m/%y %H:%M:%S})" for minute in (2, 1, 0)]
    assert alarms["High"]["StateReason"] == (
        f"Threshold Crossed: 3 datapoints [{', '.join(stamps)}] were greater than the threshold (5.0)."
    )
    assert '"recentDatapoints": [20.0, 20.0, 20.0]' in alarms["High"]["StateReasonData"]
    assert alarms["Low"]["StateReason"].endswith(" was not less than the threshold (4.5).")


async def test_updating_a_policy_replaces_its_alarms_and_keeps_its_arn(world: World) -> None:
    where = await world.registered()
    first = await world.tracked(where, target=5)
    before = await world.alarms(where)
    second = await world.tracked(where, target=50)
    after = await world.alarms(where)
    assert first["PolicyARN"] == second["PolicyARN"]
    assert not {one["AlarmName"] for one in before.values()} & {one["AlarmName"] for one in after.values()}
    assert after["High"]["Threshold"] == 50.0
    await world.call("delete_scaling_policy", **where, PolicyName="p")
    assert await world.alarms(where) == {}


async def test_disable_scale_in_makes_no_low_alarm(world: World) -> None:
    where = await world.registered(count=3)
    await world.tracked(where, DisableScaleIn=True)
    world.load(where, lambda: 0.0)
    await world.run(25 * 60)
    assert set(await world.alarms(where)) == {"High"}
    assert world.counts(where) == (3, 3)


async def test_scale_in_is_late_gradual_and_ends_at_the_minimum(world: World) -> None:
    where = await world.registered(minimum=1, count=3)
    await world.tracked(where, ScaleInCooldown=60)
    world.load(where, lambda: 0.0)
    await world.run(16 * 60)
    assert world.counts(where) == (3, 3)
    await world.run(60)
    assert world.counts(where) == (3, 2)
    await world.run(10 * 60)
    assert world.counts(where) == (1, 1)
    assert [one["Description"] for one in await world.activities(where)] == [
        "Setting desired instance count to 1.",
        "Setting desired instance count to 2.",
    ]
    (newest, *_) = await world.activities(where, IncludeNotScaledActivities=True)
    assert newest["Description"] == "Attempting to scale due to alarm triggered"
    assert newest["NotScaledReasons"] == [{"Code": "AlreadyAtMinCapacity", "MinCapacity": 1}]
    assert newest["StatusCode"] == "Failed"


async def test_an_updating_endpoint_is_left_alone_and_tried_again(world: World) -> None:
    where = await world.registered(maximum=8)
    world.hosting.provisioning = 400
    await world.tracked(where, ScaleOutCooldown=0)
    load = [12.0]
    world.load(where, lambda: load[0])
    await world.run(300)
    assert world.counts(where) == (1, 3)
    load[0] = 200.0
    await world.run(300)
    assert world.counts(where) == (1, 3)
    reasons = [
        one["NotScaledReasons"]
        for one in await world.activities(where, IncludeNotScaledActivities=True)
        if "NotScaledReasons" in one
    ]
    assert reasons[0] == [{"Code": "TargetServicePutResourceAsUnscalable", "CurrentCapacity": 3}]
    await world.run(180)
    assert world.counts(where) == (3, 8)


async def test_a_service_that_refuses_starts_no_cooldown(world: World) -> None:
    where = await world.registered()
    await world.tracked(where)
    world.load(where, lambda: 130.0)
    world.hosting.refusal = "The account-level service limit is 1 Instances."
    await world.run(300)
    (activity,) = await world.activities(where)
    assert activity["StatusCode"] == "Failed"
    assert activity["StatusMessage"] == (
        "Failed to set desired instance count to 4. Reason: The account-level service limit is 1 Instances."
    )
    world.hosting.refusal = ""
    await world.run(60)
    assert world.counts(where) == (1, 4)


async def test_a_change_that_the_service_gives_up_is_unfulfilled_and_tried_again(world: World) -> None:
    where = await world.registered()
    world.hosting.gives_up = True
    await world.tracked(where)
    world.load(where, lambda: 130.0)
    await world.run(370)
    assert [one["StatusCode"] for one in await world.activities(where)] == ["InProgress", "Unfulfilled"]


async def test_bounds_move_a_capacity_outside_of_them_at_once(world: World) -> None:
    # Causes as in the AWS CLI's examples.
    where = await world.registered(minimum=2, maximum=4)
    assert world.counts(where) == (1, 2)
    await world.run(70)
    (activity,) = await world.activities(where)
    assert (activity["Cause"], activity["StatusCode"]) == ("minimum capacity was set to 2", "Successful")
    await world.call("register_scalable_target", **where, MinCapacity=1, MaxCapacity=1)
    assert world.counts(where) == (2, 1)
    assert (await world.activities(where))[0]["Cause"] == "maximum capacity was set to 1"


async def test_bounds_set_while_the_endpoint_updates_hold_once_it_is_done(world: World) -> None:
    where = await world.registered(minimum=2, maximum=4)
    await world.call("register_scalable_target", **where, MinCapacity=3)
    assert world.counts(where) == (1, 2)
    await world.run(70)
    assert world.counts(where) == (2, 3)


async def test_a_scheduled_action_sets_bounds_and_ignores_cooldowns(world: World) -> None:
    where = await world.registered(count=2)
    await world.call(
        "put_scheduled_action",
        **where,
        ScheduledActionName="morning",
        Schedule="rate(10 minutes)",
        ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 6},
    )
    await world.tracked(where, ScaleInCooldown=3600)
    await world.run(610)
    assert world.counts(where) == (2, 3)
    change, bounds = await world.activities(where)
    assert (bounds["Description"], bounds["Cause"], bounds["StatusCode"]) == (
        "Setting min capacity to 3 and max capacity to 6",
        "scheduled action name morning was triggered",
        "Successful",
    )
    assert bounds["StatusMessage"] == "Successfully set min capacity to 3 and max capacity to 6"
    assert change["Cause"] == "minimum capacity was set to 3"


async def test_a_suspended_schedule_does_nothing(world: World) -> None:
    where = await world.registered()
    await world.call("register_scalable_target", **where, SuspendedState={"ScheduledScalingSuspended": True})
    at = datetime.fromtimestamp(START + 120, UTC)
    await world.call(
        "put_scheduled_action",
        **where,
        ScheduledActionName="once",
        Schedule=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 3},
    )
    await world.run(300)
    assert world.counts(where) == (1, 1)
    (found,) = (
        await world.call("describe_scalable_targets", ServiceNamespace="sagemaker", ResourceIds=[where["ResourceId"]])
    )["ScalableTargets"]
    assert (found["MinCapacity"], found["SuspendedState"]["ScheduledScalingSuspended"]) == (1, True)


async def test_a_step_policy_obeys_the_alarm_that_its_user_made(world: World) -> None:
    where = await world.registered(maximum=10)
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 50, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 50, "ScalingAdjustment": 4},
    ]
    policy = await world.call(
        "put_scaling_policy",
        **where,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps, "Cooldown": 60},
    )
    assert policy["Alarms"] == []
    name = await world.alarm_on_load(where, policy, EvaluationPeriods=2, Threshold=100, Statistic="Sum")
    world.load(where, lambda: 160.0)
    await world.run(240)
    assert world.counts(where) == (1, 5)
    assert (await world.activities(where))[0]["Cause"] == f"monitor alarm {name} in state ALARM triggered policy steps"
    await world.scaling.flush_alarms()
    (alarm,) = (await asyncio.to_thread(world.cloudwatch.describe_alarms, AlarmNames=[name]))["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"
    (described,) = (await world.call("describe_scaling_policies", **where))["ScalingPolicies"]
    assert [one["AlarmName"] for one in described["Alarms"]] == [name]
    await asyncio.to_thread(world.cloudwatch.delete_alarms, AlarmNames=[name])
    await world.run(120)
    assert (await world.call("describe_scaling_policies", **where))["ScalingPolicies"][0]["Alarms"] == []


async def test_a_customized_metric_is_read_from_cloudwatch(world: World) -> None:
    where, namespace = await world.registered(), unique("Own")
    metric = {"MetricName": "Queue", "Namespace": namespace, "Statistic": "Average"}
    await world.call(
        "put_scaling_policy",
        **where,
        PolicyName="own",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 10, "CustomizedMetricSpecification": metric},
    )
    data = [
        {"MetricName": "Queue", "Value": 30.0, "Timestamp": datetime.fromtimestamp(START + 60 * minute + 5, UTC)}
        for minute in range(3)
    ]
    await asyncio.to_thread(world.cloudwatch.put_metric_data, Namespace=namespace, MetricData=data)
    await world.run(240)
    assert world.counts(where) == (1, 1)
    await world.run(60)
    assert world.counts(where) == (1, 3)


async def test_lambdas_utilization_provisions_more(world: World) -> None:
    where = world.alias(provisioned=2)
    await world.call("register_scalable_target", **where, MinCapacity=1, MaxCapacity=20)
    metric = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
    await world.call(
        "put_scaling_policy",
        **where,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": metric,
            "ScaleOutCooldown": 900,
        },
    )
    name = where["ResourceId"].split(":")[1]
    dimensions = (("FunctionName", name), ("Resource", f"{name}:live"))
    series = Series("AWS/Lambda", "ProvisionedConcurrencyUtilization", dimensions, "None", REGION)
    end = world.metrics.sample(60, lambda: [(series, 1.0)])
    await world.run(300)
    assert world.functions.provisioned[name, "live"] == 3
    (activity,) = await world.activities(where)
    assert activity["Description"] == "Setting desired concurrency to 3."
    end()
    await world.run(600)
    # Without requests Lambda publishes nothing, and missing data scales nothing.
    assert world.functions.provisioned[name, "live"] == 3
    assert (await world.alarms(where))["High"]["StateValue"] == "INSUFFICIENT_DATA"


async def test_an_endpoint_that_is_deleted_and_made_again_is_scaled_again(world: World) -> None:
    where = await world.registered()
    await world.tracked(where)
    world.load(where, lambda: 130.0)
    await world.run(250)
    name = where["ResourceId"].split("/")[1]
    counts = world.hosting.counts.pop(name)
    await world.scaling.look(START + 300)
    assert await world.activities(where) == []
    world.hosting.counts[name] = counts
    await world.scaling.look(START + 360)
    assert world.counts(where) == (1, 4)


async def test_one_targets_failure_is_not_anothers(world: World) -> None:
    broken, whole = await world.registered(), await world.registered()
    for where in (broken, whole):
        await world.tracked(where)
        world.load(where, lambda: 130.0)
    await world.run(250)
    world.hosting.counts[broken["ResourceId"].split("/")[1]] = []  # describing it raises
    await world.scaling.look(START + 300)
    assert world.counts(whole) == (1, 4)


async def test_an_alarm_that_the_backend_cannot_answer_for_scales_nothing(world: World) -> None:
    where = await world.registered(maximum=10)
    policy = await world.call(
        "put_scaling_policy",
        **where,
        PolicyName="steps",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ExactCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}],
        },
    )
    name = await world.alarm_on_load(where, policy, EvaluationPeriods=1, Threshold=100, ExtendedStatistic="p99")
    world.load(where, lambda: 160.0)
    await world.run(240)  # moto has no percentiles
    assert world.counts(where) == (1, 1)
    (described,) = (await world.call("describe_scaling_policies", **where))["ScalingPolicies"]
    assert [one["AlarmName"] for one in described["Alarms"]] == [name]
    await asyncio.to_thread(world.cloudwatch.delete_alarms, AlarmNames=[name])


async def test_metric_math_is_read_from_cloudwatch(world: World) -> None:
    where, namespace = await world.registered(), unique("Own")
    metric = {"Namespace": namespace, "MetricName": "Queue", "Dimensions": []}
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "e1", "Expression": "m1", "ReturnData": True},
    ]
    put = await world.call(
        "put_scaling_policy",
        **where,
        PolicyName="math",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10,
            "CustomizedMetricSpecification": {"Metrics": queries},
        },
    )
    await world.scaling.flush_alarms()
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    found = (await asyncio.to_thread(world.cloudwatch.describe_alarms, AlarmNames=names))["MetricAlarms"]
    assert [query["Id"] for query in found[0]["Metrics"]] == ["m1", "e1"]
    data = [
        {"MetricName": "Queue", "Value": 15.0, "Timestamp": datetime.fromtimestamp(START + 60 * minute + 5, UTC)}
        for minute in range(3)
    ]
    await asyncio.to_thread(world.cloudwatch.put_metric_data, Namespace=namespace, MetricData=data)
    await world.run(300)
    assert world.counts(where) == (1, 2)


async def test_step_scaling_is_not_for_lambda(world: World) -> None:
    # botocore, PutScalingPolicy (PolicyType).
    where = world.alias(provisioned=2)
    await world.call("register_scalable_target", **where, MinCapacity=1, MaxCapacity=3)
    with pytest.raises(AwsError, match="Step scaling is not supported for service namespace lambda"):
        await world.call(
            "put_scaling_policy",
            **where,
            PolicyName="steps",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={"AdjustmentType": "ExactCapacity", "StepAdjustments": []},
        )


async def test_no_provisioned_concurrency_at_all(world: World) -> None:
    where = world.alias(provisioned=2)
    await world.call("register_scalable_target", **where, MinCapacity=0, MaxCapacity=0)
    assert set(world.functions.provisioned.values()) == {0}
    await world.call("register_scalable_target", **where, MaxCapacity=3)
    assert (await world.activities(where))[0]["Cause"] == "maximum capacity was set to 0"


async def test_the_picture_of_all_targets(world: World) -> None:
    where = await world.registered(maximum=4)
    await world.tracked(where)
    world.load(where, lambda: 130.0)
    await world.run(300)
    told = world.scaling.snapshot()
    (target,) = told["targets"]
    assert told["now"] == START + 300
    assert (target["resource"], target["current"], target["desired"]) == (where["ResourceId"], 1, 1)  # looked at before
    assert (target["cooldown_out"], target["cooldown_in"]) == (300.0, 0.0)
    (policy,) = target["policies"]
    assert (policy["metric"], policy["target"], policy["value"]) == ("InvocationsPerInstance", 5, 130.0)
    assert policy["recent"][-5:] == [130.0, 130.0, 130.0, 130.0, None]
    assert [alarm["state"] for alarm in policy["alarms"]] == ["ALARM", "OK"]
    assert target["activities"][0]["status"] == "InProgress"


async def test_the_loop_looks_by_itself(world: World) -> None:
    where = await world.registered()
    await world.tracked(where)
    world.load(where, lambda: 130.0)
    await world.scaling.start()
    await world.clock.advance(305)
    assert world.counts(where) == (1, 4)
